//! The dashboard's own files, embedded.
//!
//! Their address carries a hash of what they hold, so a browser keeps them for
//! ever and still never shows an old one with a new page.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::accounts::secret::Secret;
use crate::error::{Answer, Problem};

const STYLE: &str = include_str!("static/gaia.css");
/// One script in several files: their order is that of the page's life.
const SCRIPT: &str = concat!(
    include_str!("static/script/page.js"),
    include_str!("static/script/morph.js"),
    include_str!("static/script/question.js"),
    include_str!("static/script/log.js"),
    include_str!("static/script/picture.js"),
    include_str!("static/script/begin.js"),
);
const ICON: &str = include_str!("static/icon.svg");

/// Tells this build's files from others.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all = Secret::shown(&[STYLE, SCRIPT, ICON].concat());
    all.derive("assets").chars().take(12).collect()
});

/// Where a file is found.
pub fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

/// A file.
///
/// # Errors
/// 404 for another name.
pub async fn show(Path((_, name)): Path<(String, String)>) -> Answer<Response> {
    let (kind, text) = match name.as_str() {
        "gaia.css" => ("text/css; charset=utf-8", STYLE),
        "gaia.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return Err(Problem::not_found("no such file")),
    };
    let kept = "public, max-age=31536000, immutable";
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, kept)], text).into_response())
}

/// Where a browser looks for an icon beside an answer that names none, such as
/// one of the API's.
pub async fn icon() -> Redirect {
    Redirect::temporary(&address("icon.svg"))
}
