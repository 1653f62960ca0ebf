//! The page that one keeps open all day: who holds what, who waits, who works.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use gaia_assigner::service::Filter;
use gaia_assigner::task::Status as TaskStatus;
use gaia_assigner::wire::{SessionInfo, TaskInfo};
use gaia_locks::clock::Wall;
use gaia_locks::ids::LockId;
use gaia_locks::service::Locks as _;
use gaia_locks::wire::{HeldLock, Status};
use maud::{Markup, html};
use serde::Deserialize;

use super::fields::{number, said, with_status, wrong};
use super::frame::{Page, Place};
use super::parts::{self, badge, nothing};
use super::sign_in::escaped;
use crate::accounts::{Role, Who};
use crate::api::extract::Words;
use crate::app::App;
use crate::error::{Answer, Problem};

/// Locks on one page.
const LOCKS: usize = 50;
/// For so long a task that failed is news.
const LATELY: Duration = Duration::from_secs(24 * 3600);
/// Of whatever else there is, so much stands here; its own page has the rest.
const OTHERS: usize = 12;

/// Which locks are shown.
#[derive(Clone, Deserialize)]
pub struct Which {
    /// Whose folder or session holds this text.
    q: Option<String>,
    /// Older ones than this lock.
    before: Option<String>,
    /// `all`: not only the first of the line.
    waiters: Option<String>,
}

/// All that the page shows, read at one time.
struct Seen {
    now: Wall,
    status: Status,
    tasks: Vec<TaskInfo>,
    counts: Vec<(TaskStatus, i64)>,
    /// Tasks that failed lately.
    failed: i64,
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
    let before = number("before", which.before.clone());
    let page = Page {
        who,
        place: Place::Overview,
        title: match seen.status.count {
            1 => "1 lock".to_owned(),
            count => format!("{count} locks"),
        },
        live: match before {
            Ok(_) => "lock waiter task session pause",
            Err(_) => "",
        },
        now: seen.now,
    };
    let drawn = page.draw(draw(seen, &which, before.as_ref(), who.role));
    with_status(drawn, before.as_ref().err())
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
    let now = app.locks.look(|tx| Ok(tx.now().wall))?;
    Ok(Seen {
        now,
        status,
        tasks: app.tasks.list(&filter)?.tasks,
        counts: app.tasks.counts()?,
        failed: app.tasks.failed_since(now.minus(LATELY))?,
        sessions: app.tasks.sessions()?.sessions,
    })
}

fn draw(seen: &Seen, which: &Which, before: Result<&Option<i64>, &Problem>, role: Role) -> Markup {
    html! {
        (wrong(before.err()))
        h1.unseen { "Overview" }
        (figures(seen))
        div #pauses { (parts::pauses(&seen.status.paused, seen.now)) }
        div #unprotected { (parts::unprotected(&seen.sessions, seen.now)) }
        (locks(seen, which, before.ok().copied().flatten(), role))
        section #waiters aria-labelledby="waiters-head" {
            h2 #waiters-head { "Waiting " (badge(seen.status.waiters.len())) }
            (waiters(seen, which))
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
            (figure("/tasks?status=failed", "Failed in 24 h", &seen.failed.to_string()))
            (figure("/sessions", "Sessions busy", &format!("{busy} of {}", seen.sessions.len())))
        }
    }
}

fn figure(to: &str, word: &str, value: &str) -> Markup {
    html! { div { dt { a href=(to) { (word) } } dd { (value) } } }
}

fn locks(seen: &Seen, which: &Which, before: Option<i64>, role: Role) -> Markup {
    let wanted = said(which.q.clone());
    let all = fitting(&seen.status.locks, wanted.as_deref());
    let at = match before {
        Some(id) => all.partition_point(|held| held.lock.id >= LockId(id)),
        None => 0,
    };
    let shown: Vec<HeldLock> = all[at..]
        .iter()
        .take(LOCKS)
        .map(|held| (*held).clone())
        .collect();
    let count = seen.status.count;
    html! {
        section #locks aria-labelledby="locks-head" {
            div.head {
                h2 #locks-head {
                    "Active locks "
                    @if wanted.is_some() { span.badge { (all.len()) " of " (count) } } @else { (badge(count)) }
                }
                @if count > 0 { (search(wanted.as_deref())) }
            }
            @if count == 0 { (nothing("No active locks – all folders are available")) }
            @else if all.is_empty() { (nothing("No lock's folder or session holds this text.")) }
            @else if shown.is_empty() { (nothing("These locks have ended, and none is older.")) }
            @else { (parts::locks(&shown, seen.now, role == Role::Admin)) }
            @if all.len() > LOCKS || at > 0 { (turn(&all, at, shown.len(), wanted.as_deref())) }
            @if wanted.is_some() { p.more { a href="/" { "All locks" } } }
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

/// Pages begin below a lock: whatever is locked meanwhile moves no row of them.
fn turn(all: &[&HeldLock], at: usize, shown: usize, wanted: Option<&str>) -> Markup {
    let below = |place: usize| all.get(place).map(|held| held.lock.id);
    let to = |before: Option<LockId>| {
        let words = [
            wanted.map(|wanted| format!("q={}", escaped(wanted))),
            before.map(|id| format!("before={id}")),
        ];
        format!(
            "/?{}",
            words.into_iter().flatten().collect::<Vec<_>>().join("&")
        )
    };
    let newer = at.saturating_sub(LOCKS).checked_sub(1).and_then(below);
    let older = (at + shown).checked_sub(1).and_then(below);
    html! {
        nav.turn aria-label="Pages of locks" {
            @if at > 0 { a rel="prev" href=(to(newer)) { "← Newer" } }
            @if shown > 0 { span { (at + 1) " to " (at + shown) " of " (all.len()) " locks" } }
            @if at + shown < all.len() { a rel="next" href=(to(older)) { "Older →" } }
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
