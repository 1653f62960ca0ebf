//! What every request meets before its route: headers that browsers heed, the
//! Host and Origin checks, the log.
//!
//! # Why the Host is looked at
//! A page of a stranger can have its own name point to this machine (DNS
//! rebinding) and then read our answers as its own. It cannot change the name
//! that its browser sends: so only names that we know are answered.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use crate::app::{App, Config};
use crate::error::{Answer, Problem};
use crate::name::Name;

/// Nothing but our own files, no inline script, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// Numbers requests, writes the log, adds the headers.
pub async fn watch(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", id = number, %method, path);
    let only_tls = app.config.is_over_tls() && !is_this_machine(&request);
    let began = tokio::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, micros, "answered"));
    if let Some(counter) = app.metrics.answers.get(usize::from(status / 100)) {
        counter.add();
    }
    add_headers(response.headers_mut(), number, only_tls);
    response
}

/// Whether it was asked by a name that every program on a machine shares: a
/// browser that heard there of TLS alone would not reach the others any more.
fn is_this_machine(request: &Request) -> bool {
    authority(request).is_none_or(|host| {
        let name = host.host().to_ascii_lowercase();
        name == "localhost" || name.ends_with(".localhost")
    })
}

fn add_headers(headers: &mut HeaderMap, number: u64, only_tls: bool) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: with it browsers hide the Origin of our own forms.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(
        "cross-origin-opener-policy",
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    headers.insert("x-request-id", number.into());
    let nothing_kept = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(nothing_kept);
    if only_tls {
        let a_year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, a_year);
    }
}

/// Answers only under names that are known, and changes nothing for pages of
/// others.
///
/// # Errors
/// 421 for a foreign name, 403 for a foreign page.
pub async fn know_names(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Answer<Response> {
    if is_probe(&request) {
        return Ok(next.run(request).await);
    }
    let host = authority(&request);
    let Some(host) = host.filter(|host| is_known(host.host(), &app.config)) else {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown_host",
            "the Host header is missing or names a host that this server does not know",
        )
        .hint("start the server with --name NAME for each name by which it is reached"));
    };
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if changes && !is_own_page(request.headers(), &host, &app.config) {
        let detail = "a page of another origin asked for this";
        return Err(Problem::forbidden(detail));
    }
    Ok(next.run(request).await)
}

/// Whether somebody who looks after servers asks how this one is. Many name no
/// host then, and no browser leaves it out.
fn is_probe(request: &Request) -> bool {
    let names_none =
        request.uri().authority().is_none() && !request.headers().contains_key(header::HOST);
    names_none && matches!(request.uri().path(), "/healthz" | "/readyz")
}

/// Whether a program asked, or a page of this very server: under the name by
/// which it was asked.
pub fn comes_from_own_page(request: &Request, config: &Config) -> bool {
    authority(request).is_some_and(|host| is_own_page(request.headers(), &host, config))
}

fn authority(request: &Request) -> Option<Authority> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.clone());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?.parse().ok(),
        _ => None,
    }
}

/// An address cannot be pointed elsewhere, only a name can.
fn is_known(host: &str, config: &Config) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || config.names.iter().any(|name| name.is(host))
}

/// Programs send no Origin; browsers do with whatever may change something. A
/// proxy need not say by which name it was asked, so what browsers call that
/// counts under each name.
fn is_own_page(headers: &HeaderMap, host: &Authority, config: &Config) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let scheme = match config.tls {
        Some(_) => "https",
        None => "http",
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let is_the_proxys = |name: &Name| name.is(host.host()) && name.origin().is_some();
    let itself = format!("{scheme}://{host}");
    let itself = Some(itself).filter(|_| !config.names.iter().any(is_the_proxys));
    let mut own = config.origins().chain(itself.as_deref());
    own.any(|own| origin.eq_ignore_ascii_case(own))
}
