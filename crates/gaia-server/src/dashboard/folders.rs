//! A tree of the folders in which something is taken.
//!
//! A chain of folders in which nothing is taken and nothing branches off is one
//! line. A tree that is too large for a page is cut, and each cut is a link to
//! the tree below it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gaia_locks::service::Locks as _;
use gaia_locks::wire::{HeldLock, Status};
use maud::{Markup, html};
use serde::Deserialize;

use super::fields::said;
use super::frame::{Page, Place};
use super::parts::{badge, nothing, session_link, tags, task_link};
use super::sign_in::escaped;
use super::words::{clear, left, whole_path};
use crate::accounts::Who;
use crate::api::extract::Words;
use crate::app::App;
use crate::error::{Answer, Problem};

/// Folders on one page.
const SHOWN: usize = 150;

/// Which part of the tree is shown.
#[derive(Deserialize)]
pub struct Under {
    under: Option<String>,
}

/// A folder, or a chain of them.
#[derive(Default)]
struct Node<'a> {
    path: String,
    locks: Vec<&'a HeldLock>,
    below: BTreeMap<String, Node<'a>>,
}

impl<'a> Node<'a> {
    fn add(&mut self, held: &'a HeldLock) {
        let mut at = self;
        for name in held
            .lock
            .folder_path
            .split('/')
            .filter(|name| !name.is_empty())
        {
            let path = format!("{}/{name}", at.path);
            at = at.below.entry(name.to_owned()).or_default();
            at.path = path;
        }
        at.locks.push(held);
    }

    /// How many locks lie here and below.
    fn count(&self) -> usize {
        self.locks.len() + self.below.values().map(Node::count).sum::<usize>()
    }

    /// Follows the chain to the first folder that says something.
    fn end_of_chain(&self) -> &Self {
        let mut at = self;
        while let (true, 1, Some(only)) = (
            at.locks.is_empty(),
            at.below.len(),
            at.below.values().next(),
        ) {
            at = only;
        }
        at
    }
}

/// The tree.
///
/// # Errors
/// When the store cannot be used.
pub async fn show(
    State(app): State<Arc<App>>,
    who: Who,
    Words(under): Words<Under>,
) -> Answer<Response> {
    let locks = app.locks.clone();
    let look = move || Ok::<_, Problem>((locks.status(None)?, locks.look(|tx| Ok(tx.now().wall))?));
    let (status, now) = app.core.call(look).await?;
    let under = said(under.under);
    let drawn = move || whole(&status, under.as_deref(), &who, now);
    app.core.draw(drawn).await
}

fn whole(
    status: &Status,
    under: Option<&str>,
    who: &Who,
    now: gaia_locks::clock::Wall,
) -> Response {
    let page = Page {
        who,
        place: Place::Folders,
        title: "Folders".to_owned(),
        live: "lock waiter pause",
        now,
    };
    page.draw(html! {
        h1 { "Folders " (badge(status.count)) }
        @if let Some(under) = under { p { "Below " (whole_path(under)) ". " a href="/folders" { "The whole tree" } } }
        section #folders { (scopes(status, under, now)) }
    })
}

/// Paths of different scopes never overlap: each has a tree of its own.
fn scopes(status: &Status, under: Option<&str>, now: gaia_locks::clock::Wall) -> Markup {
    let mut trees: BTreeMap<&str, Node<'_>> = BTreeMap::new();
    for held in status
        .locks
        .iter()
        .filter(|held| is_under(&held.lock.folder_path, under))
    {
        trees.entry(held.lock.scope.as_str()).or_default().add(held);
    }
    let several = trees.len() > 1;
    html! {
        @if status.count == 0 { (nothing("No active locks – all folders are available")) }
        @else if trees.is_empty() { (nothing("Nothing is taken there.")) }
        @for (scope, tree) in &trees {
            @if several { h2 { "Scope " (clear(scope)) } }
            ul.tree { (draw("", tree.end_of_chain(), now, &mut { SHOWN })) }
        }
    }
}

fn is_under(path: &str, under: Option<&str>) -> bool {
    let below = under.map(|under| path.strip_prefix(under.trim_end_matches('/')));
    below.is_none_or(|below| below.is_some_and(|below| below.is_empty() || below.starts_with('/')))
}

/// `above` is what the line before it already says of its path.
fn draw(above: &str, node: &Node<'_>, now: gaia_locks::clock::Wall, room: &mut usize) -> Markup {
    *room = room.saturating_sub(1);
    let below: Vec<&Node<'_>> = node.below.values().map(Node::end_of_chain).collect();
    let fits = below.len() <= *room;
    html! {
        li id={"at-" (escaped(&node.path))} {
            @if below.is_empty() { div.leaf { (line(above, node, now)) } }
            @else if fits {
                details open {
                    summary { (line(above, node, now)) }
                    ul { @for child in below { (draw(&node.path, child, now, room)) } }
                }
            } @else {
                div.leaf { (line(above, node, now)) " " a href={"/folders?under=" (escaped(&node.path))} { (node.count()) " locks in it" } }
            }
        }
    }
}

fn line(above: &str, node: &Node<'_>, now: gaia_locks::clock::Wall) -> Markup {
    let name = node.path.strip_prefix(above).unwrap_or(&node.path);
    let name = if above.is_empty() {
        name
    } else {
        name.trim_start_matches('/')
    };
    let inside = node.count() - node.locks.len();
    html! {
        (super::words::path(if name.is_empty() { "/" } else { name }))
        @for held in &node.locks { (taken(held, now)) }
        @if inside > 0 { span.soft { " " (inside) " inside" } }
    }
}

fn taken(held: &HeldLock, now: gaia_locks::clock::Wall) -> Markup {
    let lock = &held.lock;
    html! {
        span.taken {
            span.sign aria-hidden="true" { "●" } " "
            a href={"/locks/" (lock.id)} { "taken" } " by " (session_link(lock.session_id.as_str()))
            @if lock.task_id.0 != 0 { " " (task_link(lock.task_id)) }
            ", " (left(lock.expires_at.unwrap_or(now), now)) " left" (tags(held))
        }
    }
}
