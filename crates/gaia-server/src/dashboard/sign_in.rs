//! Signing in and out.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::http::header::SET_COOKIE;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::fields::{Fields, wrong};
use super::frame::bare;
use crate::accounts::{By, Who};
use crate::api::extract::Words;
use crate::api::session::by_password;
use crate::app::App;
use crate::auth::cookie;
use crate::error::{Answer, Problem};

/// Where somebody wanted to go.
#[derive(Deserialize)]
pub struct Wanted {
    next: Option<String>,
}

/// The page's address for somebody who wants to go on from there.
pub fn address(next: &str) -> String {
    match next {
        "/" => "/sign-in".to_owned(),
        _ => format!("/sign-in?next={}", escaped(next)),
    }
}

/// Only pages of our own: a link of a stranger must not lead on to a stranger.
fn own(next: Option<String>) -> String {
    let is_own = |next: &String| {
        next.starts_with('/')
            && !next.starts_with("//")
            && !next.contains(|letter: char| {
                letter == '\\' || letter.is_control() || !letter.is_ascii()
            })
    };
    next.filter(is_own).unwrap_or_else(|| "/".to_owned())
}

/// Percent-encoded for a query.
pub fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut all, byte| {
        // Writing into a string cannot fail.
        let _ = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                write!(all, "{}", char::from(byte))
            }
            _ => write!(all, "%{byte:02X}"),
        };
        all
    })
}

/// The form.
pub async fn show(who: Option<axum::Extension<Who>>, Words(wanted): Words<Wanted>) -> Response {
    let next = own(wanted.next);
    match who {
        Some(_) => Redirect::to(&next).into_response(),
        None => Html(page(&next, "", None).into_string()).into_response(),
    }
}

/// The form, for somebody who sent another one and is not signed in any more;
/// goes on at the page that it stood on.
pub fn once_more(from: &str) -> String {
    let told = Problem::signed_out(
        "You were signed out meanwhile, so nothing was sent. Sign in, then send it again.",
    );
    page(&own(Some(from.to_owned())), "", Some(&told)).into_string()
}

/// Name and password, and where to go on.
#[derive(Deserialize)]
pub struct SignIn {
    name: String,
    password: String,
    next: Option<String>,
}

/// Signs in.
///
/// # Errors
/// None but a form that cannot be read: what is wrong is told on the form.
pub async fn enter(
    State(app): State<Arc<App>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Fields(form): Fields<SignIn>,
) -> Answer<Response> {
    let next = own(form.next);
    let name = form.name.trim().to_owned();
    match by_password(&app, from, name.clone(), form.password).await {
        Ok((_, secret)) => {
            let set = cookie::set(&secret, app.config.is_over_tls());
            Ok(([(SET_COOKIE, set)], Redirect::to(&next)).into_response())
        }
        Err(problem) => {
            let page = page(&next, &name, Some(&problem));
            Ok((problem.status(), Html(page.into_string())).into_response())
        }
    }
}

/// Signs out.
///
/// # Errors
/// When the store cannot be used.
pub async fn leave(State(app): State<Arc<App>>, who: Who) -> Answer<Response> {
    let By::Cookie { hash, .. } = who.by else {
        return Err(Problem::invalid("a token is no session; revoke it instead"));
    };
    let (accounts, name) = (app.accounts.clone(), who.name);
    app.core
        .call(move || accounts.sign_out(&name, &hash))
        .await?;
    let clear = cookie::clear(app.config.is_over_tls());
    Ok(([(SET_COOKIE, clear)], Redirect::to("/sign-in")).into_response())
}

fn page(next: &str, name: &str, problem: Option<&Problem>) -> Markup {
    bare(
        "Sign in",
        html! {
            h1 { "Sign in" }
            (wrong(problem))
            form.stack method="post" action="/sign-in" {
                input type="hidden" name="next" value=(next);
                label { "Name" input name="name" value=(name) autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus[name.is_empty()]; }
                label { "Password" input name="password" type="password" autocomplete="current-password" required autofocus[!name.is_empty()]; }
                button.main { "Sign in" }
            }
            p.soft { "What the server prints when it starts has a link that signs in once. Accounts are made with " code { "gaia user add NAME" } "." }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_our_own_is_gone_on_to() {
        let own = |next: &str| super::own(Some(next.to_owned()));
        assert_eq!(own("/tasks/5?x=1"), "/tasks/5?x=1");
        for foreign in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "",
            "/\n",
        ] {
            assert_eq!(own(foreign), "/", "{foreign:?}");
        }
        assert_eq!(
            address("/history?folder=/a b"),
            "/sign-in?next=/history%3Ffolder%3D/a%20b"
        );
    }
}
