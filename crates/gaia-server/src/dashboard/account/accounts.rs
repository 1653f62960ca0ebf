//! Everybody's accounts, for admins.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Done, Form, Seen, Told, own_browser, told};
use crate::accounts::{Role, UserInfo, Who, password};
use crate::app::App;
use crate::dashboard::fields::{Fields, said, wrong};
use crate::dashboard::frame::csrf;
use crate::dashboard::parts::{badge, sure};
use crate::dashboard::words::{name, time, time_if};
use crate::error::{Answer, Problem};

/// The accounts, and the form that adds one.
pub(super) fn section(who: &Who, seen: &Seen, told: &Told) -> Markup {
    html! {
        section {
            h2 { "Accounts " (badge(seen.users.len())) }
            table {
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "Role" } th scope="col" { "Password" } th scope="col" { "Added" }
                    th scope="col" { "Last seen" } th scope="col" { span.unseen { "What can be done" } }
                } }
                tbody { @for user in &seen.users { (row(who, seen, user)) } }
            }
            (adding(who, told))
            @if seen.users.len() > 1 { (resetting(who, seen, told)) }
        }
    }
}

fn row(who: &Who, seen: &Seen, user: &UserInfo) -> Markup {
    html! {
        tr {
            td data-label="Name" { (name(&user.name)) @if user.name == who.name { " " span.tag { "you" } } }
            td data-label="Role" { (user.role) }
            td data-label="Password" { @if user.has_password { "yes" } @else { "no, by link only" } }
            td data-label="Added" { (time(user.created_at, seen.now)) }
            td data-label="Last seen" { (time_if(user.last_seen_at, seen.now)) }
            td.does {
                @if user.name != who.name {
                    (sure("Remove…", "It cannot sign in any more, and its tokens end.", &removal(who, &user.name)))
                }
            }
        }
    }
}

fn removal(who: &Who, user: &str) -> Markup {
    html! {
        form.inline method="post" action="/account/users/remove" {
            (csrf(who)) input type="hidden" name="name" value=(user);
            button.small.danger { "Remove" span.unseen { " account " (name(user)) } }
        }
    }
}

fn adding(who: &Who, told: &Told) -> Markup {
    let problem = told.beside(|form| matches!(form, Form::User(_)));
    let (name, chosen) = match told {
        Told::Wrong(_, Form::User(new)) => (new.name.as_str(), new.role),
        _ => ("", Role::Viewer),
    };
    html! {
        h3 { "A new account" }
        (wrong(problem))
        form.row.sheet method="post" action="/account/users" {
            (csrf(who))
            label { "Name" input name="name" value=(name) required autocomplete="off" autocapitalize="none" spellcheck="false" autofocus[problem.is_some()]; }
            label { "Role" select name="role" { @for role in [Role::Viewer, Role::Agent, Role::Admin] { option value=(role) selected[role == chosen] { (role) } } } }
            label { "Password" input name="password" type="password" autocomplete="new-password" required minlength=(password::SHORTEST); }
            button { "Add it" }
        }
    }
}

fn resetting(who: &Who, seen: &Seen, told: &Told) -> Markup {
    let problem = told.beside(|form| matches!(form, Form::Reset(_)));
    let chosen = match told {
        Told::Wrong(_, Form::Reset(reset)) => reset.name.as_str(),
        _ => "",
    };
    let others = seen.users.iter().filter(|user| user.name != who.name);
    html! {
        h3 { "Somebody forgot their password" }
        (wrong(problem))
        form.row.sheet method="post" action="/account/users/password" {
            (csrf(who))
            label { "Account" select name="name" { @for user in others { option value=(user.name) selected[user.name == chosen] { (user.name) } } } }
            label { "New password" input name="password" type="password" autocomplete="new-password" required minlength=(password::SHORTEST) autofocus[problem.is_some()]; }
            button { "Set it" }
        }
    }
}

/// An account that is wanted.
#[derive(Clone, Deserialize)]
pub struct New {
    name: String,
    role: Role,
    password: String,
}

/// Adds an account.
///
/// # Errors
/// 403 for a token; what else is wrong is told on the page.
pub async fn add(
    State(app): State<Arc<App>>,
    who: Who,
    Fields(new): Fields<New>,
) -> Answer<Response> {
    own_browser(&who)?;
    let (accounts, by, sent) = (app.accounts.clone(), who.name.clone(), new.clone());
    let added = app.core.hash(move || {
        let name = said(Some(new.name)).ok_or_else(|| Problem::invalid("an account has a name"))?;
        Ok::<_, Problem>(
            accounts
                .add_user(&name, new.role, Some(&new.password), &by)
                .map(drop)?,
        )
    });
    told(&app, &who, added.await, Done::Added, Form::User(sent)).await
}

/// Whose password is set, and to what.
#[derive(Clone, Deserialize)]
pub struct Reset {
    name: String,
    password: String,
}

/// Sets somebody's password.
///
/// # Errors
/// As [`add`].
pub async fn reset(
    State(app): State<Arc<App>>,
    who: Who,
    Fields(reset): Fields<Reset>,
) -> Answer<Response> {
    let hash = own_browser(&who)?;
    let (accounts, by, sent) = (app.accounts.clone(), who.name.clone(), reset.clone());
    let done = app.core.hash(move || {
        let set = accounts.set_password(&reset.name, &reset.password, &by, Some(&hash));
        Ok::<_, Problem>(set.map(drop)?)
    });
    told(&app, &who, done.await, Done::Reset, Form::Reset(sent)).await
}

/// Who is removed.
#[derive(Deserialize)]
pub struct Gone {
    name: String,
}

/// Removes an account; not one's own, so that an admin is left.
///
/// # Errors
/// As [`add`].
pub async fn remove(
    State(app): State<Arc<App>>,
    who: Who,
    Fields(gone): Fields<Gone>,
) -> Answer<Response> {
    own_browser(&who)?;
    let (accounts, by) = (app.accounts.clone(), who.name.clone());
    let removed = app.core.call(move || match gone.name == by {
        true => Err(Problem::invalid("nobody removes their own account")),
        false => Ok(accounts.remove_user(&gone.name, &by)?),
    });
    told(&app, &who, removed.await, Done::Removed, Form::Button).await
}
