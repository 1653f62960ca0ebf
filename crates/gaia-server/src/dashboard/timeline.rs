//! Who held what over time: a picture drawn here, on the server.
//!
//! A row is a folder, a bar a lock. Positions are shares of the whole width, so
//! the picture fits every page without a script. Zooming is following links:
//! each piece of the scale leads into itself.

mod layout;
mod range;

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gaia_locks::LockService;
use gaia_locks::clock::Wall;
use gaia_locks::ids::LockId;
use gaia_locks::service::Locks as _;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::LockInfo;
use maud::{Markup, html};
use serde::Deserialize;

use layout::{Bar, Row};
use range::Range;

use super::fields::{folder, or_wrong, said, with_status, wrong};
use super::frame::{Page, Place};
use super::parts::{nothing, session_link};
use super::sign_in::escaped;
use super::words::{clear, length, millis, path, time};
use crate::accounts::Who;
use crate::api::extract::Words;
use crate::api::folders;
use crate::app::App;
use crate::error::{Answer, Problem};

/// Locks of one picture: more are no picture any more.
const LOCKS: u32 = 20_000;
/// Folders of one picture, and the most of them.
const ROWS: usize = 40;
const MOST_ROWS: usize = 1000;
/// Sessions whose colours are told.
const SESSIONS: usize = 12;

/// Which time and which folder are shown.
#[derive(Clone, Default, Deserialize)]
pub struct Which {
    span: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    folder: Option<String>,
    /// `all`: not only some of the folders.
    rows: Option<String>,
}

impl Which {
    /// The address of the same folders at another time.
    fn at(&self, words: &str) -> String {
        let mut address = format!("/timeline?{words}");
        if let Some(folder) = said(self.folder.clone()) {
            address += &format!("&folder={}", escaped(&folder));
        }
        if self.rows.as_deref() == Some("all") {
            address += "&rows=all";
        }
        address
    }

    fn most_rows(&self) -> usize {
        match self.rows.as_deref() {
            Some("all") => MOST_ROWS,
            _ => ROWS,
        }
    }
}

/// What there is to draw.
struct Seen {
    held: Vec<LockInfo>,
    /// Before this instant nothing is drawn that has ended: there was too much.
    drawn_from: Option<Wall>,
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
    let look = move || {
        let now = locks.look(|tx| Ok(tx.now().wall)).map_err(Problem::from)?;
        let seen = or_wrong(look(&locks, &asked, now))?;
        // What is wrong is told beside the form, above the last hour's scale.
        let hour = || Range::asked(None, None, None, now);
        let range = seen
            .as_ref()
            .map_or_else(|_| hour(), |(range, _)| Ok(*range));
        Ok::<_, Problem>((range?, seen.map(|(_, seen)| seen), now))
    };
    let (range, seen, now) = app.core.slow(look).await?;
    let drawn = move || {
        let problem = seen.as_ref().err();
        let page = Page {
            who: &who,
            place: Place::Timeline,
            title: "Timeline".to_owned(),
            live: if range.goes_on && problem.is_none() {
                "lock"
            } else {
                ""
            },
            now,
        };
        with_status(page.draw(draw(&which, range, &seen, now)), problem)
    };
    app.core.draw(drawn).await
}

fn look(locks: &LockService, which: &Which, now: Wall) -> Answer<(Range, Seen)> {
    let range = Range::asked(which.span.as_deref(), which.from, which.to, now)?;
    let folder = folder(which.folder.clone())?
        .map(|path| folders::folder(locks, None, &path))
        .transpose()?;
    let filter = HistoryFilter {
        folder,
        held: Some((range.from, range.to)),
        limit: Some(LOCKS),
        ..HistoryFilter::default()
    };
    let mut held = locks.history(&filter).map_err(Problem::from)?;
    let is_all = held.len() < LOCKS as usize;
    let drawn_from = held.last().map(|oldest| oldest.created_at);
    let drawn_from = drawn_from.filter(|_| !is_all);
    if !is_all && range.to >= now {
        let known: HashSet<LockId> = held.iter().map(|lock| lock.id).collect();
        let active = locks.status(filter.folder.as_ref())?.locks.into_iter();
        held.extend(
            active
                .map(|held| held.lock)
                .filter(|lock| !known.contains(&lock.id)),
        );
    }
    Ok((range, Seen { held, drawn_from }))
}

fn draw(which: &Which, range: Range, seen: &Result<Seen, Problem>, now: Wall) -> Markup {
    html! {
        h1 { "Timeline" }
        (wrong(seen.as_ref().err()))
        (spans(which, range, now))
        @if let Ok(seen) = seen { (picture(which, range, seen, now)) }
    }
}

fn picture(which: &Which, range: Range, seen: &Seen, now: Wall) -> Markup {
    let all = layout::rows(&seen.held, range, now);
    let count = all.len();
    let rows = layout::foremost(all, which.most_rows());
    let cut = count - rows.len();
    let dark = seen.drawn_from.map(|from| range.share(from));
    html! {
        section #picture data-zoom=(which.at("")) data-from=(millis(range.from)) data-to=(millis(range.to)) {
            p.soft { (time(range.from, now)) " to " @if range.goes_on { "now" } @else { (time(range.to, now)) } ". Follow a piece of the scale to look closer" span.drag { ", or draw over the picture" } "." }
            @if let Some(from) = seen.drawn_from { p.note.warn { "More locks than fit a picture: only the latest " (LOCKS) " are drawn, and those that are held; what ended before " (time(from, now)) " is not. Look at less time, or at one folder." } }
            (scale(which, range))
            @if rows.is_empty() { (nothing("Nothing was held in this time.")) }
            ol.rows.sevenths[range.is_of_days()] { @for row in &rows { (row_of(row, dark, now)) } }
            @if cut > 0 && which.rows.is_none() {
                p.more { "and " (cut) " more folders; held ones and the latest are shown. " a href={(which.at(&range.address())) "&rows=all"} { "More folders" } }
            } @else if cut > 0 { p.more { "and " (cut) " more folders; name one to see them" } }
            @if !rows.is_empty() { (legend(&rows)) }
        }
    }
}

/// What colours and forms mean.
fn legend(rows: &[Row<'_>]) -> Markup {
    let sessions = layout::sessions(rows);
    html! {
        ul.legend aria-label="What colours and forms mean" {
            @for (name, class) in sessions.iter().take(SESSIONS) {
                li { svg class=(class) width="14" height="14" aria-hidden="true" { rect width="14" height="14" rx="3" {} } (session_link(name)) }
            }
            @if sessions.len() > SESSIONS { li { "and " (sessions.len() - SESSIONS) " more sessions" } }
            li { svg.bar.c0.shared width="14" height="14" aria-hidden="true" { rect x="1" y="1" width="12" height="12" rx="3" {} } "shared" }
            li { svg.bar.c0 width="14" height="14" aria-hidden="true" { rect width="14" height="14" rx="3" {} rect.end x="10" width="4" height="14" {} } "ended by force, its holder died, or its lease ran out" }
        }
    }
}

fn spans(which: &Which, range: Range, now: Wall) -> Markup {
    let (earlier, later) = (range.moved(-1), range.moved(1));
    html! {
        div.head {
            nav.tabs aria-label="Time" {
                @for (word, shown) in range::SPANS {
                    a href=(which.at(&format!("span={word}"))) aria-current=[range.is(word).then_some("true")] { (shown) }
                }
                a href=(which.at(&earlier.words())) { "← Earlier" }
                @if !range.goes_on && range.to < now { a href=(which.at(&later.words())) { "Later →" } }
                a href=(which.at(&range.wider().words())) { "Zoom out" }
            }
            form.search method="get" action="/timeline" {
                @for (name, value) in range.fields() { input type="hidden" name=(name) value=(value); }
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
            @for piece in range.pieces(if range.is_of_days() { 7 } else { 6 }) {
                a href=(which.at(&piece.words())) {
                    span data-at=(millis(piece.from)) data-as=(style) { (range::mark(piece.from, style)) }
                }
            }
        }
    }
}

/// `dark`: the share of the width for which not all is known.
fn row_of(row: &Row<'_>, dark: Option<f64>, now: Wall) -> Markup {
    html! {
        li id={"row-" (escaped(row.path))} {
            div.row-name { (path(row.path)) }
            svg width="100%" height=(20 * row.lanes.len()) {
                @if let Some(share) = dark { rect.dark width=(format!("{:.2}%", share * 100.0)) height="100%" {} }
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
        a id={"bar-" (bar.lock.id)} href={"/locks/" (bar.lock.id)} aria-label=(words) {
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
