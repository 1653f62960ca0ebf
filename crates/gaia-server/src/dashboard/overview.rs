//! The page that one keeps open all day: who holds what, who waits, who works.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gaia_assigner::service::Filter;
use gaia_assigner::task::Status as TaskStatus;
use gaia_assigner::wire::{SessionInfo, TaskInfo};
use gaia_locks::clock::Wall;
use gaia_locks::service::Locks as _;
use gaia_locks::wire::{HeldLock, Status};
use maud::{Markup, html};
use serde::Deserialize;

use super::fields::said;
use super::frame::{Page, Place};
use super::parts::{self, badge, nothing};
use super::sign_in::escaped;
use crate::accounts::{Role, Who};
use crate::api::extract::Words;
use crate::app::App;
use crate::error::{Answer, Problem};

/// Locks on one page.
const LOCKS: usize = 50;
/// Of whatever else there is, so much stands here; its own page has the rest.
const OTHERS: usize = 12;

/// Which locks are shown.
#[derive(Clone, Deserialize)]
pub struct Which {
    /// Whose folder or session holds this text.
    q: Option<String>,
    page: Option<usize>,
    /// `all`: not only the first of the line.
    waiters: Option<String>,
}

/// All that the page shows, read at one time.
struct Seen {
    now: Wall,
    status: Status,
    tasks: Vec<TaskInfo>,
    counts: Vec<(TaskStatus, i64)>,
    sessions: Vec<SessionInfo>,
}

/// The overview.
///
/// # Errors
/// When the store cannot be used.
pub async fn show(
    State(app): State<Arc<App>>,
    who: Who,
    Words(which): Words<Which>,
) -> Answer<Response> {
    let asked = app.clone();
    let seen = app.core.call(move || look(&asked)).await?;
    app.core.draw(move || whole(&seen, which, &who)).await
}

fn whole(seen: &Seen, which: Which, who: &Who) -> Response {
    let page = Page {
        who,
        place: Place::Overview,
        title: match seen.status.count {
            1 => "1 lock".to_owned(),
            count => format!("{count} locks"),
        },
        live: "lock waiter task session pause",
        now: seen.now,
    };
    page.draw(draw(seen, which, who.role))
}

fn look(app: &App) -> Answer<Seen> {
    let filter = Filter {
        statuses: vec![
            TaskStatus::InProgress,
            TaskStatus::Assigned,
            TaskStatus::Pending,
        ],
        limit: Some(u32::try_from(OTHERS).unwrap_or(u32::MAX)),
        ..Filter::default()
    };
    let mut status = app.locks.status(None)?;
    status
        .locks
        .sort_by_key(|held| std::cmp::Reverse(held.lock.id));
    Ok(Seen {
        now: app
            .locks
            .look(|tx| Ok(tx.now().wall))
            .map_err(Problem::from)?,
        status,
        tasks: app.tasks.list(&filter)?.tasks,
        counts: app.tasks.counts()?,
        sessions: app.tasks.sessions()?.sessions,
    })
}

fn draw(seen: &Seen, which: Which, role: Role) -> Markup {
    html! {
        h1.unseen { "Overview" }
        (figures(seen))
        div #pauses { (parts::pauses(&seen.status.paused, seen.now)) }
        div #unprotected { (parts::unprotected(&seen.sessions, seen.now)) }
        (locks(seen, &which, role))
        section #waiters aria-labelledby="waiters-head" {
            h2 #waiters-head { "Waiting " (badge(seen.status.waiters.len())) }
            (waiters(seen, &which))
        }
        div.columns {
            (queue(seen))
            (sessions(seen))
        }
    }
}

fn count(seen: &Seen, status: TaskStatus) -> i64 {
    seen.counts
        .iter()
        .find(|(is, _)| *is == status)
        .map_or(0, |(_, count)| *count)
}

fn figures(seen: &Seen) -> Markup {
    let running = count(seen, TaskStatus::InProgress) + count(seen, TaskStatus::Assigned);
    let busy = seen
        .sessions
        .iter()
        .filter(|session| session.status == "busy")
        .count();
    html! {
        dl.figures #figures {
            (figure("#locks", "Locks", &seen.status.count.to_string()))
            (figure("#waiters", "Waiting", &seen.status.waiters.len().to_string()))
            (figure("/tasks?status=in_progress,assigned", "Running", &running.to_string()))
            (figure("/tasks?status=pending", "Queued", &count(seen, TaskStatus::Pending).to_string()))
            (figure("/tasks?status=failed", "Failed", &count(seen, TaskStatus::Failed).to_string()))
            (figure("/sessions", "Sessions busy", &format!("{busy} of {}", seen.sessions.len())))
        }
    }
}

fn figure(to: &str, word: &str, value: &str) -> Markup {
    html! { div { dt { a href=(to) { (word) } } dd { (value) } } }
}

fn locks(seen: &Seen, which: &Which, role: Role) -> Markup {
    let wanted = said(which.q.clone());
    let all = fitting(&seen.status.locks, wanted.as_deref());
    let pages = all.len().div_ceil(LOCKS).max(1);
    let page = which.page.unwrap_or(1).clamp(1, pages);
    let shown: Vec<HeldLock> = all
        .iter()
        .skip((page - 1) * LOCKS)
        .take(LOCKS)
        .map(|held| (*held).clone())
        .collect();
    html! {
        section #locks aria-labelledby="locks-head" {
            div.head {
                h2 #locks-head { "Active locks " (badge(seen.status.count)) }
                @if seen.status.count > 0 { (search(wanted.as_deref())) }
            }
            @if seen.status.count == 0 { (nothing("No active locks – all folders are available")) }
            @else if all.is_empty() { (nothing("No lock's folder or session holds this text.")) }
            @else { (parts::locks(&shown, seen.now, role == Role::Admin)) }
            @if pages > 1 { (turn(page, pages, all.len(), wanted.as_deref())) }
        }
    }
}

fn fitting<'a>(locks: &'a [HeldLock], wanted: Option<&str>) -> Vec<&'a HeldLock> {
    let wanted = wanted.map(str::to_lowercase);
    let fits = |held: &&HeldLock| {
        wanted.as_deref().is_none_or(|wanted| {
            let lock = &held.lock;
            lock.folder_path.to_lowercase().contains(wanted)
                || lock.session_id.as_str().to_lowercase().contains(wanted)
        })
    };
    locks.iter().filter(fits).collect()
}

fn search(wanted: Option<&str>) -> Markup {
    html! {
        form.search method="get" action="/" role="search" {
            label { span.unseen { "Folder or session holds" } input type="search" name="q" value=[wanted] placeholder="Folder or session"; }
            button.small { "Find" }
        }
    }
}

fn turn(page: usize, pages: usize, count: usize, wanted: Option<&str>) -> Markup {
    let to = |page: usize| match wanted {
        Some(wanted) => format!("/?q={}&page={page}", escaped(wanted)),
        None => format!("/?page={page}"),
    };
    html! {
        nav.turn aria-label="Pages of locks" {
            @if page > 1 { a rel="prev" href=(to(page - 1)) { "← Newer" } }
            span { "Page " (page) " of " (pages) ", " (count) " locks" }
            @if page < pages { a rel="next" href=(to(page + 1)) { "Older →" } }
        }
    }
}

fn waiters(seen: &Seen, which: &Which) -> Markup {
    let all = &seen.status.waiters;
    let shown = match which.waiters.as_deref() {
        Some("all") => all.len(),
        _ => all.len().min(OTHERS),
    };
    html! {
        @if all.is_empty() { (nothing("Nobody waits.")) }
        @else { (parts::waiters(&all[..shown], seen.now)) }
        @if all.len() > shown { p.more { a href="/?waiters=all#waiters" { "All " (all.len()) " who wait" } } }
    }
}

fn queue(seen: &Seen) -> Markup {
    html! {
        section #queue aria-labelledby="queue-head" {
            h2 #queue-head { "Tasks " (badge(open(seen))) }
            @if seen.tasks.is_empty() { (nothing("No task runs or waits.")) }
            @else { (parts::tasks(&seen.tasks, seen.now)) }
            p.more { a href="/tasks" { "All tasks" } }
        }
    }
}

/// Tasks that run or wait.
fn open(seen: &Seen) -> usize {
    let over = |status: &TaskStatus| status.is_over();
    let open = seen.counts.iter().filter(|(status, _)| !over(status));
    open.map(|(_, count)| usize::try_from(*count).unwrap_or(0))
        .sum()
}

fn sessions(seen: &Seen) -> Markup {
    let all = &seen.sessions;
    html! {
        section #sessions aria-labelledby="sessions-head" {
            h2 #sessions-head { "Sessions " (badge(all.len())) }
            @if all.is_empty() { (nothing("No sessions yet.")) }
            @else { (parts::sessions(&all[..all.len().min(OTHERS)], seen.now)) }
            p.more { a href="/sessions" { "All sessions" } }
        }
    }
}
