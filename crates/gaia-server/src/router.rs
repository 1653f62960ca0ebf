//! All routes, and beside each who may use it.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, Redirect};
use axum::routing::{MethodRouter, delete, get, post};
use gaia_locks::wire::door as wire;
use tower::Layer as _;
use tower::util::MapRequestLayer;
use utoipa::openapi::path::Operation;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::accounts::Role::{self, Admin, Agent, Viewer};
use crate::api::{
    accounts, admin, docs, document, door, events, health, history, locks, log, release, session,
    sessions, several, status, tasks, why,
};
use crate::app::App;
use crate::auth;
use crate::dashboard::{
    account, assets, folders, health as findings, history as past, lock, overview, packed,
    sessions as fleet, sign_in, task, tasks as queue, timeline, told,
};
use crate::error::Problem;
use crate::guard;
use crate::mcp;

type Routes = UtoipaMethodRouter<Arc<App>>;

/// Everything that is answered.
pub fn routes(app: &Arc<App>) -> Router {
    let (routes, document) = table().split_for_parts();
    let cookie = auth::cookie::name(app.config.is_over_tls());
    let document = document::complete(&document, cookie);
    let page = Arc::<str>::from(docs::page(&document));
    let document = Arc::<str>::from(document.to_string());
    let json = [(CONTENT_TYPE, "application/json")];
    let routes = routes
        .route(
            "/api/openapi.json",
            get(async move || (json, document.to_string())),
        )
        .route("/api/docs", get(async move || Html(page.to_string())))
        // For a gaia elsewhere: who may use a verb stands beside the verb.
        .route(wire::HELLO_PATH, get(door::hello))
        .route(wire::LOCKS_PATH, post(door::locks))
        .route(wire::TASKS_PATH, post(door::tasks))
        // What a tool may do is for the tool to say, by the role.
        .route("/mcp", only(Viewer, mcp::route(app)))
        .merge(sessions_named_as_verbs())
        .merge(pages(app))
        .fallback(async || nothing_here())
        .method_not_allowed_fallback(async || not_this_way())
        .layer(from_fn_with_state(app.clone(), auth::identify))
        .layer(from_fn_with_state(app.clone(), guard::know_names))
        .layer(from_fn(told::in_html))
        .layer(from_fn_with_state(app.clone(), guard::watch))
        .with_state(app.clone());
    // Before routing, so around the router and not in it.
    Router::new().fallback_service(MapRequestLayer::new(folder_of_locks).layer(routes))
}

fn table() -> OpenApiRouter<Arc<App>> {
    let folder = may(Viewer, routes!(locks::of_folder));
    let mut table = OpenApiRouter::new()
        .routes(anybody(routes!(health::live)))
        .routes(anybody(routes!(health::ready)))
        .routes(may(Viewer, routes!(health::metrics)))
        .routes(anybody(routes!(session::by_link)))
        .routes(anybody(routes!(session::sign_in)))
        .routes(may(Viewer, routes!(session::show)))
        .routes(may(Viewer, routes!(session::sign_out)))
        .routes(may(Viewer, routes!(locks::list)))
        .route(FOLDER, folder.2.clone())
        // Never reached, but the methods of this path are told by it.
        .route("/api/gaia/locks/{id}", folder.2)
        .routes(may(Agent, routes!(locks::acquire)))
        .routes(may(Agent, routes!(release::by_id)))
        .routes(may(Agent, routes!(locks::renew)))
        .routes(may(Agent, routes!(several::release)))
        .routes(may(Agent, routes!(several::renew)))
        .routes(may(Admin, routes!(release::by_admin)))
        .routes(may(Viewer, routes!(status::show)))
        .routes(may(Viewer, routes!(status::verify)))
        .routes(may(Viewer, routes!(why::of_folder)))
        .routes(may(Viewer, routes!(why::of_task)))
        .routes(may(Viewer, routes!(status::waiters)))
        .routes(may(Agent, routes!(status::wait_on)))
        .routes(may(Agent, routes!(status::leave)))
        .routes(may(Admin, routes!(status::pause)))
        .routes(may(Admin, routes!(status::resume)))
        .routes(may(Admin, routes!(admin::cleanup)))
        .routes(may(Admin, routes!(admin::prune)))
        .routes(may(Admin, routes!(admin::audit)))
        .routes(may(Admin, routes!(admin::clear)))
        .routes(may(Admin, routes!(admin::retry_failed)))
        .routes(may(Admin, routes!(accounts::users)))
        .routes(may(Admin, routes!(accounts::add_user)))
        .routes(may(Admin, routes!(accounts::remove_user)))
        .routes(may(Admin, routes!(accounts::set_password)))
        .routes(may(Viewer, routes!(accounts::change_password)))
        .routes(may(Admin, routes!(accounts::tokens)))
        .routes(may(Admin, routes!(accounts::create_token)))
        .routes(may(Admin, routes!(accounts::revoke_token)))
        .routes(may(Viewer, routes!(history::list)))
        .routes(may(Viewer, routes!(tasks::list)))
        .routes(may(Agent, routes!(tasks::send)))
        .routes(may(Viewer, routes!(tasks::show)))
        .routes(may(Viewer, routes!(log::show)))
        .routes(may(Agent, routes!(tasks::cancel)))
        .routes(may(Admin, routes!(tasks::retry)))
        .routes(may(Admin, routes!(tasks::reassign)))
        .routes(may(Agent, routes!(tasks::done)))
        .routes(may(Agent, routes!(tasks::fail)))
        .routes(may(Viewer, routes!(sessions::list)))
        .routes(may(Agent, routes!(sessions::register)))
        .routes(may(Agent, routes!(sessions::remove)))
        .routes(may(Agent, routes!(sessions::heartbeat)))
        .routes(may(Agent, routes!(sessions::take)))
        .routes(may(Viewer, routes!(events::follow)));
    table.get_openapi_mut().paths.merge(folder.1);
    table
}

/// A session may bear the name of a verb on sessions, which stands where its
/// own place would be.
fn sessions_named_as_verbs() -> Router<Arc<App>> {
    let paths = ["/api/gaia/sessions/heartbeat", "/api/gaia/sessions/take"];
    paths.into_iter().fold(Router::new(), |router, path| {
        router.route(path, only(Agent, delete(sessions::remove_named_as_verb)))
    })
}

/// The dashboard.
fn pages(app: &Arc<App>) -> Router<Arc<App>> {
    let look = |page| only(Viewer, page);
    Router::new()
        .route("/assets/{version}/{name}", get(assets::show))
        .route("/favicon.ico", get(assets::icon))
        .route("/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/sign-out", form(Viewer, post(sign_in::leave)))
        .route("/", look(get(overview::show)))
        .route("/locks/{id}", look(get(lock::show)))
        .route("/locks/{id}/release", form(Admin, post(lock::end)))
        .route("/folders", look(get(folders::show)))
        .route("/timeline", look(get(timeline::show)))
        .route("/history", look(get(past::show)))
        .route("/tasks", look(get(queue::show)))
        .route("/tasks/send", form(Agent, post(queue::send)))
        .route("/tasks/{id}", look(get(task::show)))
        .route("/tasks/{id}/cancel", form(Agent, post(task::cancel)))
        .route("/tasks/{id}/retry", form(Admin, post(task::retry)))
        .route("/sessions", look(get(fleet::show)))
        .route("/health", look(get(findings::show)))
        .route("/account", look(get(account::show)))
        .route("/account/password", form(Viewer, post(account::change)))
        .route("/account/tokens", form(Viewer, post(account::make)))
        .route(
            "/account/tokens/revoke",
            form(Viewer, post(account::revoke)),
        )
        .route("/account/users", form(Admin, post(account::add)))
        .route("/account/users/password", form(Admin, post(account::reset)))
        .route("/account/users/remove", form(Admin, post(account::remove)))
        .layer(from_fn_with_state(app.clone(), packed::pack))
}

/// Where a form is sent to. A browser that looks there (somebody reloads what
/// came of it, or typed the address) is led to the page that the form is on.
fn form(least: Role, sent: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    only(least, sent).get(async |uri: Uri| Redirect::to(told::page_of(uri.path())))
}

fn only(least: Role, page: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    page.layer(from_fn(move |request: Request, next: Next| {
        auth::may(least, request, next)
    }))
}

/// Whoever asks, signed in or not.
fn anybody(mut routes: Routes) -> Routes {
    for operation in operations(&mut routes) {
        operation.security = Some(Vec::new());
    }
    routes
}

/// Whoever is signed in with at least this role.
fn may(least: Role, mut routes: Routes) -> Routes {
    for operation in operations(&mut routes) {
        operation.extensions = Some([(document::LEAST_ROLE, least.word())].into_iter().collect());
    }
    routes.layer(from_fn(move |request: Request, next: Next| {
        auth::may(least, request, next)
    }))
}

/// As the document has them.
fn operations(routes: &mut Routes) -> impl Iterator<Item = &mut Operation> {
    let items = routes.1.paths.values_mut();
    items.flat_map(|item| {
        let methods = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.delete,
        ];
        methods.into_iter().flatten()
    })
}

const FOLDER: &str = "/api/gaia/folder/{*folder_path}";

/// A path below `/api/gaia/locks/` that is asked for with GET is a folder,
/// slashes and all; otherwise it begins with a lock's id. The router cannot
/// tell these apart, so the folder gets a place of its own before it looks.
fn folder_of_locks<B>(mut request: axum::http::Request<B>) -> axum::http::Request<B> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return request;
    }
    let Some(words) = request.uri().path_and_query() else {
        return request;
    };
    let Some(folder) = words.as_str().strip_prefix("/api/gaia/locks/") else {
        return request;
    };
    let Ok(path) = format!("/api/gaia/folder/{folder}").parse() else {
        return request;
    };
    // Over HTTP/2 the name by which the server was asked stands in here too.
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(path);
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

fn nothing_here() -> Problem {
    Problem::not_found("nothing is here; /api/docs shows what there is")
        .for_people("There is no page at this address.")
}

fn not_this_way() -> Problem {
    let detail = "this is not done with this method; /api/docs shows how";
    Problem::new(
        axum::http::StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        detail,
    )
    .for_people("This is done with the button of a page.")
}
