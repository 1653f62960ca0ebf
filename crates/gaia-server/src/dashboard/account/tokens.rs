//! Tokens for programs.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Done, Form, Seen, Told, answer, own_browser, told};
use crate::accounts::{Role, TokenInfo, Who};
use crate::app::App;
use crate::dashboard::fields::{Fields, said, wrong};
use crate::dashboard::frame::csrf;
use crate::dashboard::parts::{badge, nothing, sure};
use crate::dashboard::words::{name, time, time_if};
use crate::error::{Answer, Problem};

/// How long a token counts: the word in the form, and what people read.
const EXPIRES: [(&str, &str); 4] = [
    ("30d", "30 days"),
    ("90d", "90 days"),
    ("365d", "a year"),
    ("", "until it is revoked"),
];

/// The tokens, and the form that makes one.
pub(super) fn section(who: &Who, seen: &Seen, told: &Told) -> Markup {
    html! {
        section {
            h2 { "Tokens " (badge(seen.tokens.len())) }
            p.soft { "A program shows its token as " code { "Authorization: Bearer TOKEN" } "; gaia takes it from GAIA_TOKEN. An agent's token acts for the sessions NAME and NAME/…." }
            @if seen.tokens.is_empty() { (nothing("No tokens.")) } @else { (table(who, seen)) }
            (form(who, told))
        }
    }
}

fn table(who: &Who, seen: &Seen) -> Markup {
    html! {
        table {
            thead { tr {
                th.number scope="col" { "Id" } th scope="col" { "Name" } th scope="col" { "Role" } th scope="col" { "Made" }
                th scope="col" { "Expires" } th scope="col" { "Last used" } th scope="col" { span.unseen { "What can be done" } }
            } }
            tbody { @for token in &seen.tokens { (row(who, seen, token)) } }
        }
    }
}

fn row(who: &Who, seen: &Seen, token: &TokenInfo) -> Markup {
    html! {
        tr {
            td.number data-label="Id" { (token.id) }
            td data-label="Name" { (name(&token.name)) }
            td data-label="Role" { (token.role) }
            td data-label="Made" { (time(token.created_at, seen.now)) }
            td data-label="Expires" { (time_if(token.expires_at, seen.now)) }
            td data-label="Last used" { (time_if(token.last_used_at, seen.now)) }
            td.does {
                (sure("Revoke…", "Whoever works with it is let in no more.", &revocation(who, token.id)))
            }
        }
    }
}

fn revocation(who: &Who, token: i64) -> Markup {
    html! {
        form.inline method="post" action="/account/tokens/revoke" {
            (csrf(who)) input type="hidden" name="id" value=(token);
            button.small.danger { "Revoke" span.unseen { " token " (token) } }
        }
    }
}

fn form(who: &Who, told: &Told) -> Markup {
    let problem = told.beside(|form| matches!(form, Form::Token(_)));
    let is_admin = who.role == Role::Admin;
    let own = if is_admin { "" } else { who.name.as_str() };
    let (name, chosen, expires) = match told {
        Told::Wrong(_, Form::Token(new)) => {
            (new.name.as_str(), Some(new.role), new.expires.as_deref())
        }
        _ => (own, None, Some("90d")),
    };
    let expires = expires.unwrap_or_default();
    let roles = [Role::Viewer, Role::Agent, Role::Admin]
        .into_iter()
        .filter(|role| *role <= who.role);
    html! {
        h3 { "A new token" }
        (wrong(problem))
        form.row.sheet method="post" action="/account/tokens" {
            (csrf(who))
            label { "Name" input name="name" value=(name) readonly[!is_admin] required autocapitalize="none" spellcheck="false" autofocus[problem.is_some()]; }
            label { "Role" select name="role" { @for role in roles { option value=(role) selected[Some(role) == chosen] { (role) } } } }
            label { "Counts for" select name="expires" { @for (word, shown) in EXPIRES { option value=(word) selected[word == expires] { (shown) } } } }
            button { "Make it" }
        }
    }
}

/// A token that is wanted.
#[derive(Clone, Deserialize)]
pub struct New {
    name: String,
    role: Role,
    expires: Option<String>,
}

/// Makes a token and shows it, this once. Nobody gets more by one than they
/// have, and only an admin makes one of another name.
///
/// # Errors
/// 403 for a token; what else is wrong is told on the page.
pub async fn make(
    State(app): State<Arc<App>>,
    who: Who,
    Fields(new): Fields<New>,
) -> Answer<Response> {
    own_browser(&who)?;
    let expires = said(new.expires.clone()).map(|text| gaia_locks::duration::parse(&text));
    let expires = expires
        .transpose()
        .map_err(|error| Problem::invalid(format!("Counts for: {error}")));
    let sent = new.clone();
    let came = match expires.and_then(|expires| may_make(&who, &new).map(|()| expires)) {
        Ok(expires) => made(&app, &who, new, expires).await,
        Err(problem) => Err(problem),
    };
    let came = came.map(|(info, secret)| Told::Made(info, secret));
    answer(&app, &who, came, Form::Token(sent)).await
}

fn may_make(who: &Who, new: &New) -> Answer<()> {
    if new.role > who.role {
        let detail = format!(
            "{} is {} and makes no token of role {}",
            who.name, who.role, new.role
        );
        return Err(Problem::forbidden(detail));
    }
    if who.role < Role::Admin && new.name != who.name {
        return Err(Problem::forbidden(
            "only an admin makes tokens of another name",
        ));
    }
    Ok(())
}

async fn made(
    app: &Arc<App>,
    who: &Who,
    new: New,
    expires: Option<Duration>,
) -> Answer<(TokenInfo, crate::accounts::secret::Secret)> {
    let (accounts, by) = (app.accounts.clone(), who.name.clone());
    app.core
        .call(move || accounts.create_token(new.name.trim(), new.role, expires, &by))
        .await
}

/// Which token is revoked.
#[derive(Deserialize)]
pub struct Which {
    id: i64,
}

/// Revokes a token: one's own, an admin any.
///
/// # Errors
/// 403 for a token; what else is wrong is told on the page.
pub async fn revoke(
    State(app): State<Arc<App>>,
    who: Who,
    Fields(which): Fields<Which>,
) -> Answer<Response> {
    own_browser(&who)?;
    let (accounts, by) = (app.accounts.clone(), who.clone());
    let revoked = app.core.call(move || {
        let tokens = accounts.tokens()?;
        let meant = tokens.iter().find(|token| token.id == which.id);
        // An admin is told of one that is not there, others of none that is.
        if by.role < Role::Admin && meant.is_none_or(|token| token.name != by.name) {
            return Err(Problem::forbidden("this token is somebody else's"));
        }
        Ok(accounts.revoke_token_by_id(which.id, &by.name).map(drop)?)
    });
    told(&app, &who, revoked.await, Done::Revoked, Form::Button).await
}
