//! Pages and files go packed (gzip) to whoever takes them so: a page of rows is
//! a tenth of its size then.
//!
//! Packing a page that holds a secret beside a stranger's words can tell the
//! secret by the size (BREACH). That needs a foreign page that has the browser
//! fetch ours with its cookie, which the cookie (SameSite=Strict) does not go
//! along with.

use std::io::Write as _;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::app::App;

/// Less than a packet is not worth it.
const SMALLEST: usize = 1400;
/// No page is larger.
const LARGEST: usize = 16 * 1024 * 1024;

/// Packs what is worth it.
pub async fn pack(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let takes = takes_gzip(request.headers());
    let response = next.run(request).await;
    if !takes || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Drawn already, so this neither waits nor fails.
    let whole = to_bytes(body, LARGEST).await.unwrap_or_default();
    let packed = match whole.len() >= SMALLEST {
        true => {
            let page = whole.clone();
            app.core.draw(move || packed(&page)).await.ok().flatten()
        }
        false => None,
    };
    let Some(packed) = packed else {
        return Response::from_parts(parts, Body::from(whole));
    };
    let gzip = HeaderValue::from_static("gzip");
    parts.headers.insert(header::CONTENT_ENCODING, gzip);
    let varies = HeaderValue::from_static("accept-encoding");
    parts.headers.insert(header::VARY, varies);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(packed))
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let taken = headers.get(header::ACCEPT_ENCODING);
    let taken = taken
        .and_then(|taken| taken.to_str().ok())
        .unwrap_or_default();
    let mut ways = taken.split(',').map(|way| way.split(';').map(str::trim));
    ways.any(|mut way| way.next() == Some("gzip") && way.next() != Some("q=0"))
}

fn packed(whole: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(whole.len() / 4), Compression::fast());
    encoder.write_all(whole).ok()?;
    encoder.finish().ok().map(Bytes::from)
}
