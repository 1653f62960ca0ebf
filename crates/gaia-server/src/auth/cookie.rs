//! The browser's cookie.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::accounts::secret::Secret;

/// Its name. Over TLS it begins with `__Host-`: browsers take such a cookie
/// only from this very host, over TLS, so that no neighbour can plant one.
pub fn name(tls: bool) -> &'static str {
    match tls {
        true => "__Host-gaia_session",
        false => "gaia_session",
    }
}

/// The cookie that a request brings.
pub fn of(headers: &HeaderMap, tls: bool) -> Option<Secret> {
    let cookies = headers.get_all(header::COOKIE);
    let mut pairs = cookies
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name(tls))?;
    Some(Secret::shown(value))
}

/// The header that gives a browser its cookie.
pub fn set(cookie: &Secret, tls: bool) -> HeaderValue {
    line(cookie.reveal(), tls, "")
}

/// The header that takes it away.
pub fn clear(tls: bool) -> HeaderValue {
    line("", tls, "; Max-Age=0")
}

fn line(value: &str, tls: bool, age: &str) -> HeaderValue {
    let name = name(tls);
    let secure = match tls {
        true => "; Secure",
        false => "",
    };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{age}");
    // Hexadecimal digits: always a header.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
