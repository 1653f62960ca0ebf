//! The MCP server at `/mcp`: the tools of gaia-agent on this server's doors,
//! over Streamable HTTP (ADR 18).
//!
//! A request is let in as every other (Host, Origin, who asks), and each call
//! acts as whoever sent it: a session of the protocol, which clients before
//! 2026-07-28 have, gives no rights. What a tool may do goes by the role.

mod doors;
mod sessions;
mod wait;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use gaia_agent::mcp::Mcp;
use http_body::{Frame, SizeHint};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;

use crate::accounts::Who;
use crate::api::extract::{LARGEST, all_of};
use crate::app::App;
use crate::error::{Answer, Problem};
use crate::guard;
use doors::Here;
use sessions::{Sessions, Stands};

/// How long a session of a client before 2026-07-28 may say nothing; a wait
/// that tells its progress is something said.
const SESSION_RESTS: Duration = Duration::from_secs(3600);

/// The connection on which a call came: cancelled when it breaks.
#[derive(Clone)]
pub struct Connection(pub CancellationToken);

/// The route.
pub fn route(app: &Arc<App>) -> MethodRouter<Arc<App>> {
    let endpoint = Arc::new(Endpoint::new(app));
    any(move |who: Who, request: Request| async move { endpoint.answer(who, request).await })
}

struct Endpoint {
    app: Arc<App>,
    sessions: Sessions,
    service: StreamableHttpService<Mcp<Here>, LocalSessionManager>,
}

impl Endpoint {
    fn new(app: &Arc<App>) -> Self {
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.keep_alive = Some(SESSION_RESTS);
        let manager = Arc::new(sessions);
        let tools = Mcp::new(Here::new(app.clone()));
        // Which names and origins are known is for the guard to say.
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(LARGEST)
            .with_cancellation_token(app.cut.clone());
        Self {
            app: app.clone(),
            service: StreamableHttpService::new(move || Ok(tools.clone()), manager.clone(), config),
            sessions: Sessions::new(manager),
        }
    }

    async fn answer(&self, who: Who, request: Request) -> Answer<Response> {
        // The guard looks at what changes something; here every way in is one.
        if !guard::comes_from_own_page(&request, &self.app.config) {
            return Err(Problem::forbidden(
                "a page of another origin asked for this",
            ));
        }
        let (mut parts, body) = request.into_parts();
        let body = all_of(body, LARGEST).await?;
        let stands = self.sessions.enter(&who, &parts.headers, &body).await?;
        let broke = CancellationToken::new();
        parts.extensions.insert(Connection(broke.clone()));
        // Dropped with the connection, before an answer or in the middle of it.
        let breaks = Breaks(Some(broke));
        let request = Request::from_parts(parts, Body::from(body));
        let response = self.service.handle(request).await;
        self.sessions.note(&who, response.headers());
        Ok(response.map(|body| {
            Body::new(Watched {
                body,
                breaks,
                _stands: stands,
            })
        }))
    }
}

/// Tells that a connection broke, unless its answer came to its end.
struct Breaks(Option<CancellationToken>);

impl Drop for Breaks {
    fn drop(&mut self) {
        if let Some(broke) = &self.0 {
            broke.cancel();
        }
    }
}

/// An answer on its way.
struct Watched<B> {
    body: B,
    breaks: Breaks,
    _stands: Stands,
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() {
            self.breaks.0 = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a call came by a revision in which closing the stream is the only
/// word for calling off.
fn has_one_word(headers: &HeaderMap) -> bool {
    let version = headers.get("mcp-protocol-version");
    // Dates compare as text.
    version.is_some_and(|version| version.as_bytes() >= b"2026-07-28".as_slice())
}
