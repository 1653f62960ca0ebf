//! The past, with filters and pages.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gaia_locks::clock::Wall;
use gaia_locks::ids::LockId;
use gaia_locks::model::LockStatus;
use gaia_locks::wire::LockInfo;
use maud::{Markup, html};
use serde::Deserialize;

use super::fields::{folder, number, or_wrong, said, with_status, wrong};
use super::frame::{Page, Place};
use super::parts::{lock_end, nothing, session_link, task_link};
use super::sign_in::escaped;
use super::words::{beginning, lasting, length, name, none, path, time};
use crate::accounts::Who;
use crate::api::extract::Words;
use crate::api::history;
use crate::app::App;
use crate::error::{Answer, Problem};

/// Rows of one page.
const ROWS: u32 = 60;
/// How far back one looks: the word in the address, and what people read.
const SINCE: [(&str, &str); 5] = [
    ("", "any time"),
    ("1h", "the last hour"),
    ("24h", "the last day"),
    ("7d", "the last week"),
    ("30d", "the last 30 days"),
];

/// Which rows are shown.
#[derive(Clone, Default, Deserialize)]
pub struct Which {
    folder: Option<String>,
    session: Option<String>,
    task: Option<String>,
    since: Option<String>,
    before: Option<String>,
}

impl Which {
    fn for_api(&self) -> Answer<history::Which> {
        Ok(history::Which {
            folder: folder(self.folder.clone())?,
            session: said(self.session.clone()),
            task: number(
                "Task",
                self.task
                    .clone()
                    .map(|task| task.trim().trim_start_matches('#').to_owned()),
            )?,
            since: said(self.since.clone()),
            before: number("before", self.before.clone())?,
            limit: Some(ROWS),
            format: None,
        })
    }

    /// The same question as the words of an address.
    fn words(&self, more: &str) -> String {
        let fields = [
            ("folder", &self.folder),
            ("session", &self.session),
            ("task", &self.task),
            ("since", &self.since),
        ];
        let told = fields
            .into_iter()
            .filter_map(|(key, value)| Some((key, said(value.clone())?)));
        let words = told.map(|(key, value)| format!("{key}={}", escaped(&value)));
        words
            .chain([more.to_owned()])
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// The past.
///
/// # Errors
/// Bad input, or a store that cannot be used.
pub async fn show(
    State(app): State<Arc<App>>,
    who: Who,
    Words(which): Words<Which>,
) -> Answer<Response> {
    let (asked, locks) = (which.clone(), app.locks.clone());
    let look = move || {
        let page = asked
            .for_api()
            .and_then(|asked| history::page(&locks, &asked));
        Ok::<_, Problem>((or_wrong(page)?, locks.look(|tx| Ok(tx.now().wall))?))
    };
    let (rows, now) = app.core.call(look).await?;
    let drawn = move || {
        let problem = rows.as_ref().err();
        let page = Page {
            who: &who,
            place: Place::History,
            title: "History".to_owned(),
            // Older pages stand; the first one grows.
            live: match &which.before {
                None if problem.is_none() => "lock",
                _ => "",
            },
            now,
        };
        with_status(page.draw(draw(&which, &rows, now)), problem)
    };
    app.core.draw(drawn).await
}

fn draw(which: &Which, rows: &Result<history::Page, Problem>, now: Wall) -> Markup {
    html! {
        h1 { "History" }
        (wrong(rows.as_ref().err()))
        (filters(which))
        @if let Ok(page) = rows { (found(which, &page.locks, page.next, now)) }
    }
}

fn found(which: &Which, rows: &[LockInfo], next: Option<LockId>, now: Wall) -> Markup {
    html! {
        section #history {
            @if rows.is_empty() { (nothing("No lock fits.")) } @else { (table(rows, now)) }
            nav.turn aria-label="Pages of the history" {
                @if which.before.is_some() { a href={"/history?" (which.words(""))} { "← Newest" } }
                @if let Some(next) = next { a rel="next" href={"/history?" (which.words(&format!("before={next}")))} { "Older →" } }
                a href={"/api/gaia/history?" (which.words("format=csv"))} download="history.csv" { "As CSV" }
            }
        }
    }
}

fn filters(which: &Which) -> Markup {
    let chosen = which.since.as_deref().unwrap_or_default();
    html! {
        form.filters method="get" action="/history" {
            label { "Folder, with what lies in it" input name="folder" value=[which.folder.as_deref()] placeholder="/path/to/folder" spellcheck="false"; }
            label { "Session" input name="session" value=[which.session.as_deref()] spellcheck="false"; }
            label { "Task" input name="task" inputmode="numeric" value=[which.task.as_deref()]; }
            label { "Granted in" select name="since" {
                @for (word, shown) in SINCE { option value=(word) selected[word == chosen] { (shown) } }
            } }
            p.buttons { button { "Show" } a.button href="/history" { "All" } }
        }
    }
}

fn table(rows: &[LockInfo], now: Wall) -> Markup {
    html! {
        table.history {
            thead { tr {
                th.number scope="col" { "Lock" }
                th scope="col" { "Folder" }
                th scope="col" { "Session" }
                th scope="col" { "Task" }
                th scope="col" { "Created" }
                th scope="col" { "Held for" }
                th scope="col" { "End" }
                th scope="col" { "By" }
            } }
            tbody { @for lock in rows { (row(lock, now)) } }
        }
    }
}

fn row(lock: &LockInfo, now: Wall) -> Markup {
    let ended = lock.released_at.or(lock.expired_at);
    html! {
        tr id={"lock-" (lock.id)} {
            td.number data-label="Lock" { a href={"/locks/" (lock.id)} { (lock.id) } }
            td data-label="Folder" { (path(&lock.folder_path)) }
            td data-label="Session" { (session_link(lock.session_id.as_str())) }
            td data-label="Task" { (task_link(lock.task_id)) }
            td data-label="Created" { (time(lock.created_at, now)) }
            td data-label="Held for" {
                @match ended { Some(ended) => (length(ended.since(lock.created_at))), None => (lasting(lock.created_at, now)) }
            }
            td data-label="End" {
                @if lock.status == LockStatus::Active { (lock_end(None)) } @else { (lock_end(lock.end_reason)) }
                @if let Some(reason) = &lock.reason { div.soft { (beginning(reason, 120)) } }
            }
            td data-label="By" { @match &lock.ended_by { Some(by) => (name(by)), None => (none()) } }
        }
    }
}
