//! One's own password and tokens; for admins everybody's.
//!
//! Only a signed-in browser gets here. Through the API an admin's token makes
//! tokens too, but none that outlives it: one that leaked ends when it ends.

mod accounts;
mod news;
mod tokens;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use gaia_locks::clock::Wall;
use maud::{Markup, html};
use serde::Deserialize;

pub use accounts::{add, remove, reset};
pub use news::News;
pub use tokens::{make, revoke};

use super::fields::{Fields, or_wrong, wrong};
use super::frame::{Page, Place, csrf};
use crate::accounts::secret::{Hash, Secret};
use crate::accounts::{AuditEntry, By, Role, TokenInfo, UserInfo, Who, password};
use crate::api::session::check_password;
use crate::app::App;
use crate::error::{Answer, Problem};

/// Lines of the trail.
const TRAIL: u32 = 50;

/// What was just done.
#[derive(Clone, Copy)]
enum Done {
    Password,
    Revoked,
    Added,
    Reset,
    Removed,
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Password => "The password is changed. Other browsers of yours are signed out.",
            Self::Revoked => "The token is revoked.",
            Self::Added => "The account is added.",
            Self::Reset => "The password is set; that account's browsers are signed out.",
            Self::Removed => {
                "The account is removed; its browsers are signed out and its tokens revoked."
            }
        }
    }
}

/// What the page begins with.
enum Told {
    Nothing,
    Done(Done),
    Made(TokenInfo, Secret),
    Wrong(Problem, Form),
}

/// The forms of the page, with what was written into one; passwords are not
/// sent back.
enum Form {
    Password,
    Token(tokens::New),
    User(accounts::New),
    Reset(accounts::Reset),
    /// A button.
    Button,
}

impl Told {
    /// What is wrong with a form, beside it.
    fn beside(&self, is_it: impl FnOnce(&Form) -> bool) -> Option<&Problem> {
        match self {
            Self::Wrong(problem, form) if is_it(form) => Some(problem),
            _ => None,
        }
    }
}

/// All that the page shows.
struct Seen {
    tokens: Vec<TokenInfo>,
    users: Vec<UserInfo>,
    trail: Vec<AuditEntry>,
    now: Wall,
}

/// The account page.
///
/// # Errors
/// 403 for a token.
pub async fn show(State(app): State<Arc<App>>, who: Who) -> Answer<Response> {
    let hash = own_browser(&who)?;
    draw(&app, &who, app.news.take(&hash)).await
}

/// The browser's session that asks.
fn own_browser(who: &Who) -> Answer<Hash> {
    match &who.by {
        By::Cookie { hash, .. } => Ok(*hash),
        By::Token(_) => Err(Problem::forbidden(
            "accounts and tokens are looked after in a browser that signed in, or with `gaia user` and `gaia token`",
        )),
    }
}

async fn draw(app: &Arc<App>, who: &Who, told: Told) -> Answer<Response> {
    let (asked, reader) = (app.clone(), who.clone());
    let seen = app.core.call(move || look(&asked, &reader)).await?;
    let who = who.clone();
    app.core.draw(move || whole(&seen, &who, &told)).await
}

fn whole(seen: &Seen, who: &Who, told: &Told) -> Response {
    let page = Page {
        who,
        place: Place::Account,
        title: "Account".to_owned(),
        live: "",
        now: seen.now,
    };
    let is_admin = who.role == Role::Admin;
    page.draw(html! {
        h1 { "Account" }
        (head(told))
        (own_password(who, told))
        (tokens::section(who, seen, told))
        @if is_admin { (accounts::section(who, seen, told)) (trail(seen)) }
    })
}

fn look(app: &App, who: &Who) -> Answer<Seen> {
    let is_admin = who.role == Role::Admin;
    let mut tokens = app.accounts.tokens()?;
    tokens.retain(|token| is_admin || token.name == who.name);
    Ok(Seen {
        tokens,
        users: if is_admin {
            app.accounts.users()?
        } else {
            Vec::new()
        },
        trail: if is_admin {
            app.accounts.audit(None, TRAIL)?
        } else {
            Vec::new()
        },
        now: app.locks.look(|tx| Ok(tx.now().wall))?,
    })
}

fn head(told: &Told) -> Markup {
    html! {
        @match told {
            Told::Nothing => {}
            Told::Done(done) => { p.note.ok role="status" { (done.words()) } }
            Told::Wrong(problem, Form::Button) => { p.note.bad role="alert" { (problem.detail()) } }
            Told::Wrong(..) => {}
            Told::Made(info, secret) => {
                div.note.ok role="status" {
                    p { strong { "Token " (super::words::name(&info.name)) } ". Keep it now: it is not shown again." }
                    p { code #secret { (secret.reveal()) } }
                }
            }
        }
    }
}

fn own_password(who: &Who, told: &Told) -> Markup {
    let problem = told.beside(|form| matches!(form, Form::Password));
    html! {
        section {
            h2 { "Your password" }
            p { "You are " strong { (super::words::name(&who.name)) } ", " (who.role) "." }
            (wrong(problem))
            form.row.sheet method="post" action="/account/password" {
                (csrf(who))
                input.unseen type="text" name="name" value=(who.name) autocomplete="username" tabindex="-1" aria-hidden="true" readonly;
                label { "The one until now" input name="old" type="password" autocomplete="current-password" autofocus[problem.is_some()]; }
                label { "New, at least " (password::SHORTEST) " characters" input name="new" type="password" autocomplete="new-password" required minlength=(password::SHORTEST); }
                button { "Change it" }
            }
        }
    }
}

/// A change of one's own password.
#[derive(Deserialize)]
pub struct Change {
    old: Option<String>,
    new: String,
}

/// Changes one's own password. Whoever has one must know it: a browser that was
/// left open is not the account. An account that so far signs in by link has
/// none to know.
///
/// # Errors
/// 403 for a token; what else is wrong is told on the page.
pub async fn change(
    State(app): State<Arc<App>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    who: Who,
    Fields(change): Fields<Change>,
) -> Answer<Response> {
    let hash = own_browser(&who)?;
    let changed = match knows_own(&app, from, &who, change.old).await {
        Ok(()) => set_own(&app, &who, hash, change.new).await,
        Err(problem) => Err(problem),
    };
    told(&app, &who, changed, Done::Password, Form::Password).await
}

/// Throttled and noted as a sign-in is: it is a guess at the same password.
async fn knows_own(app: &Arc<App>, from: SocketAddr, who: &Who, old: Option<String>) -> Answer<()> {
    let (accounts, name) = (app.accounts.clone(), who.name.clone());
    if !app.core.call(move || accounts.has_password(&name)).await? {
        return Ok(());
    }
    let checked = check_password(app, from, who.name.clone(), old.unwrap_or_default());
    match checked.await {
        Err(problem) if problem.code() == "wrong_password" => {
            Err(Problem::invalid("that is not your password until now"))
        }
        checked => checked,
    }
}

async fn set_own(app: &Arc<App>, who: &Who, hash: Hash, new: String) -> Answer<()> {
    let (accounts, name) = (app.accounts.clone(), who.name.clone());
    let set = move || accounts.set_password(&name, &new, &name, Some(&hash));
    app.core.hash(set).await.map(drop)
}

/// What came of it: done, or on the page what was wrong.
async fn told(
    app: &Arc<App>,
    who: &Who,
    came: Answer<()>,
    done: Done,
    form: Form,
) -> Answer<Response> {
    answer(app, who, came.map(|()| Told::Done(done)), form).await
}

async fn answer(app: &Arc<App>, who: &Who, came: Answer<Told>, form: Form) -> Answer<Response> {
    match or_wrong(came)? {
        Ok(told) => {
            app.news.keep(own_browser(who)?, told);
            Ok(Redirect::to("/account").into_response())
        }
        Err(problem) => {
            let status = problem.status();
            let page = draw(app, who, Told::Wrong(problem, form)).await?;
            Ok((status, page).into_response())
        }
    }
}

fn trail(seen: &Seen) -> Markup {
    html! {
        section {
            h2 { "Trail" }
            table {
                thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "Details" } } }
                tbody {
                    @for entry in &seen.trail {
                        tr {
                            td data-label="When" { (super::words::time(entry.at, seen.now)) }
                            td data-label="Who" { (super::words::name(&entry.who)) }
                            td data-label="What" { (entry.act.replace('_', " ")) }
                            td data-label="Details" { (super::words::beginning(&entry.details, 200)) }
                        }
                    }
                }
            }
        }
    }
}
