//! Who held what over time: a picture drawn here, on the server.
//!
//! A row is a folder, a bar a lock. Positions are shares of the whole width, so
//! the picture fits every page without a script. Zooming is following links:
//! each piece of the scale leads into itself.

mod layout;
mod range;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gaia_locks::LockService;
use gaia_locks::clock::Wall;
use gaia_locks::service::Locks as _;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::LockInfo;
use maud::{Markup, html};
use serde::Deserialize;

use layout::{Bar, Row};
use range::Range;

use super::fields::said;
use super::frame::{Page, Place};
use super::parts::nothing;
use super::sign_in::escaped;
use super::words::{clear, length, millis, path, time};
use crate::accounts::Who;
use crate::api::extract::Words;
use crate::api::folders;
use crate::app::App;
use crate::error::{Answer, Problem};

/// Locks of one picture: more are no picture any more.
const LOCKS: u32 = 5000;
/// Folders of one picture.
const ROWS: usize = 40;
/// Pieces of the scale.
const PIECES: u32 = 6;

/// Which time and which folder are shown.
#[derive(Clone, Default, Deserialize)]
pub struct Which {
    span: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    folder: Option<String>,
}

impl Which {
    /// The address of the same folder at another time.
    fn at(&self, words: &str) -> String {
        match said(self.folder.clone()) {
            Some(folder) => format!("/timeline?{words}&folder={}", escaped(&folder)),
            None => format!("/timeline?{words}"),
        }
    }
}

/// The picture.
///
/// # Errors
/// Bad input, or a store that cannot be used.
pub async fn show(
    State(app): State<Arc<App>>,
    who: Who,
    Words(which): Words<Which>,
) -> Answer<Response> {
    let (locks, asked) = (app.locks.clone(), which.clone());
    let look = move || look(&locks, &asked);
    let (range, held, now) = app.core.slow(look).await?;
    let drawn = move || {
        let page = Page {
            who: &who,
            place: Place::Timeline,
            title: "Timeline".to_owned(),
            live: if range.goes_on { "lock" } else { "" },
            now,
        };
        page.draw(draw(&which, range, &held, now))
    };
    app.core.draw(drawn).await
}

fn look(locks: &LockService, which: &Which) -> Answer<(Range, Vec<LockInfo>, Wall)> {
    let now = locks.look(|tx| Ok(tx.now().wall))?;
    let range = Range::asked(which.span.as_deref(), which.from, which.to, now)?;
    let folder = said(which.folder.clone());
    let folder = folder
        .map(|path| folders::folder(locks, None, &path))
        .transpose()?;
    let filter = HistoryFilter {
        folder,
        held: Some((range.from, range.to)),
        limit: Some(LOCKS),
        ..HistoryFilter::default()
    };
    Ok((range, locks.history(&filter).map_err(Problem::from)?, now))
}

fn draw(which: &Which, range: Range, held: &[LockInfo], now: Wall) -> Markup {
    let rows = layout::rows(held, range, now);
    let cut = rows.len().saturating_sub(ROWS);
    html! {
        h1 { "Timeline" }
        (spans(which, range))
        section #picture data-zoom=(which.at("")) data-from=(millis(range.from)) data-to=(millis(range.to)) {
            p.soft { (time(range.from, now)) " to " @if range.goes_on { "now" } @else { (time(range.to, now)) } ". Follow a piece of the scale to look closer" span.drag { ", or draw over the picture" } "." }
            (scale(which, range))
            @if rows.is_empty() { (nothing("Nothing was held in this time.")) }
            ol.rows { @for row in rows.iter().take(ROWS) { (row_of(row, now)) } }
            @if cut > 0 { p.more { "and " (cut) " more folders; name one to see them" } }
            @if held.len() >= LOCKS as usize { p.note.warn { "More locks than fit a picture: only the latest " (LOCKS) " are drawn. Look at less time, or at one folder." } }
        }
    }
}

fn spans(which: &Which, range: Range) -> Markup {
    let (earlier, later) = (range.moved(-1), range.moved(1));
    html! {
        div.head {
            nav.tabs aria-label="Time" {
                @for (word, shown) in range::SPANS {
                    a href=(which.at(&format!("span={word}"))) aria-current=[range.is(word).then_some("true")] { (shown) }
                }
                a href=(which.at(&earlier.words())) { "← Earlier" }
                @if !range.goes_on { a href=(which.at(&later.words())) { "Later →" } }
                a href=(which.at(&range.wider().words())) { "Zoom out" }
            }
            form.search method="get" action="/timeline" {
                input type="hidden" name="from" value=(millis(range.from));
                input type="hidden" name="to" value=(millis(range.to));
                label { span.unseen { "Folder, with what lies in it" } input name="folder" value=[which.folder.as_deref()] placeholder="/path/to/folder" spellcheck="false"; }
                button.small { "Show" }
            }
        }
    }
}

/// The scale: each piece is a link into itself.
fn scale(which: &Which, range: Range) -> Markup {
    let style = match range.length().as_secs() {
        0..600 => "clock",
        600..172_800 => "short",
        _ => "day",
    };
    html! {
        div.scale {
            @for piece in range.pieces(PIECES) {
                a href=(which.at(&piece.words())) {
                    span data-at=(millis(piece.from)) data-as=(style) { (range::mark(piece.from, style)) }
                }
            }
        }
    }
}

fn row_of(row: &Row<'_>, now: Wall) -> Markup {
    html! {
        li {
            div.row-name { (path(row.path)) }
            svg width="100%" height=(20 * row.lanes.len()) {
                @for (at, lane) in row.lanes.iter().enumerate() {
                    @for bar in lane { (bar_of(bar, at, now)) }
                }
            }
        }
    }
}

fn bar_of(bar: &Bar<'_>, lane: usize, now: Wall) -> Markup {
    let (x, width) = (
        format!("{:.2}%", bar.from * 100.0),
        format!("{:.2}%", bar.width() * 100.0),
    );
    let words = words_of(bar, now);
    html! {
        a href={"/locks/" (bar.lock.id)} aria-label=(words) {
            title { (words) }
            svg class=(bar.class()) x=(x) y=(lane * 20 + 2) width=(width) height="16" {
                rect width="100%" height="16" rx="3" {}
                @if bar.is_cut { rect.end x="100%" width="6" height="16" transform="translate(-3)" {} }
                @if bar.width() > 0.07 { text x="6" y="12" { (clear(bar.lock.session_id.as_str())) } }
            }
        }
    }
}

fn words_of(bar: &Bar<'_>, now: Wall) -> String {
    let lock = bar.lock;
    let ended = lock.released_at.or(lock.expired_at);
    let held = length(ended.unwrap_or(now).since(lock.created_at));
    let task = match lock.task_id.0 {
        0 => String::new(),
        task => format!(", task #{task}"),
    };
    let how = lock
        .end_reason
        .map_or("active", gaia_locks::model::EndReason::word)
        .replace('_', " ");
    let more = match bar.more {
        0 => String::new(),
        more => format!("; and {more} more in this place"),
    };
    format!(
        "{}{task}: {held}, {how}{more}",
        clear(lock.session_id.as_str())
    )
}
