//! What is listed: rows of a picture, filtered and sorted. Pure.

use gaia_assigner::wire::{SessionInfo, TaskInfo};
use gaia_locks::clock::Wall;
use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::wire::{FolderNow, HeldLock, WaiterInfo};

use super::eyes::Picture;
use crate::commands::tasks::word;
use crate::output::human::{ago, clean, left};

/// What is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tab {
    /// Active locks.
    #[default]
    Locks,
    /// Who waits.
    Waiters,
    /// The queue.
    Tasks,
    /// The sessions.
    Sessions,
}

impl Tab {
    /// All of them, in the order of their keys.
    pub const ALL: [Tab; 4] = [Tab::Locks, Tab::Waiters, Tab::Tasks, Tab::Sessions];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Tab::Locks => "locks",
            Tab::Waiters => "waiting",
            Tab::Tasks => "tasks",
            Tab::Sessions => "sessions",
        }
    }

    /// Its columns with their shares of the width. What does not fit on a small
    /// screen stands last.
    pub fn columns(self) -> &'static [(&'static str, u16)] {
        match self {
            Tab::Locks => &[
                ("FOLDER", 30),
                ("SESSION", 14),
                ("ENDS IN", 8),
                ("TASK", 6),
                ("SINCE", 10),
                ("STATE", 14),
                ("ID", 6),
            ],
            Tab::Waiters => &[
                ("FOLDER", 30),
                ("SESSION", 14),
                ("PLACE", 7),
                ("TASK", 6),
                ("SINCE", 10),
                ("MODE", 9),
            ],
            Tab::Tasks => &[
                ("TASK", 28),
                ("STATE", 11),
                ("ID", 5),
                ("SESSION", 12),
                ("FOLDER", 22),
                ("WHEN", 10),
            ],
            Tab::Sessions => &[
                ("SESSION", 16),
                ("STATE", 13),
                ("TASK", 6),
                ("PROVIDER", 9),
                ("KIND", 8),
                ("FOLDER", 22),
                ("ACTIVE", 10),
            ],
        }
    }
}

/// What a row stands for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Row {
    /// The lock that it shows.
    pub lock: Option<LockId>,
    /// The task whose log it leads to.
    pub task: Option<TaskId>,
    /// Its cells, each with what it is sorted by.
    pub cells: Vec<Cell>,
}

/// A cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    /// What is shown.
    pub text: String,
    /// In whose file system that lies, where not in the one here.
    pub whose: Option<String>,
    by: Order,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Order {
    Number(i64),
    Text(String),
}

fn text(text: &str) -> Cell {
    let text = clean(text);
    let by = Order::Text(text.to_lowercase());
    let whose = None;
    Cell { text, whose, by }
}

fn placed(path: &str, whose: Option<String>) -> Cell {
    Cell {
        whose,
        ..text(path)
    }
}

fn number(shown: impl Into<String>, by: i64) -> Cell {
    Cell {
        text: shown.into(),
        whose: None,
        by: Order::Number(by),
    }
}

fn optional(shown: Option<&str>) -> Cell {
    text(shown.unwrap_or("–"))
}

fn since(time: Option<Wall>) -> Cell {
    number(
        time.map_or_else(|| "–".to_owned(), ago),
        time.map_or(0, |time| time.0),
    )
}

fn of_task(id: TaskId) -> Cell {
    match id.0 {
        0 => number("–", 0),
        id => number(id.to_string(), id),
    }
}

/// The rows of a tab, those that hold a word, in an order of one column; in
/// their own where none is named.
pub fn rows(picture: &Picture, tab: Tab, word: &str, sort: Option<(usize, bool)>) -> Vec<Row> {
    let mut rows: Vec<Row> = match tab {
        Tab::Locks => {
            let row = |held: &HeldLock| lock(held, picture.whose(&held.lock.scope));
            picture.locks.iter().map(row).collect()
        }
        Tab::Waiters => {
            let row = |one: &WaiterInfo| waiter(one, picture.whose(&one.scope));
            picture.waiters.iter().map(row).collect()
        }
        Tab::Tasks => picture.tasks.iter().map(task).collect(),
        Tab::Sessions => picture.sessions.iter().map(session).collect(),
    };
    let word = word.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&word);
    let holds = |cell: &Cell| has(&cell.text) || cell.whose.as_deref().is_some_and(has);
    rows.retain(|row| row.cells.iter().any(holds));
    if let Some((column, backward)) = sort {
        rows.sort_by(|one, other| {
            let order = by(one, column).cmp(&by(other, column));
            if backward { order.reverse() } else { order }
        });
    }
    rows
}

fn by(row: &Row, column: usize) -> Option<&Order> {
    row.cells.get(column).map(|cell| &cell.by)
}

fn lock(held: &HeldLock, whose: Option<String>) -> Row {
    let lock = &held.lock;
    let left_for = lock.expires_in.unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "only compared: a lease has at most 30 days"
    )]
    let ends = number(left(left_for), (left_for * 1000.0) as i64);
    Row {
        lock: Some(lock.id),
        task: Some(lock.task_id).filter(|task| *task != TaskId::NONE),
        cells: vec![
            placed(&lock.folder_path, whose),
            text(lock.session_id.as_str()),
            ends,
            of_task(lock.task_id),
            since(Some(lock.created_at)),
            text(&state(held)),
            number(lock.id.to_string(), lock.id.0),
        ],
    }
}

fn state(held: &HeldLock) -> String {
    let mut facts = vec![held.lock.mode.word().to_owned()];
    if held.waiting > 0 {
        facts.push(format!("{} wait", held.waiting));
    }
    if held.alive == Some(false) {
        facts.push("holder gone".to_owned());
    }
    match held.folder_state {
        FolderNow::Gone => facts.push("folder gone".to_owned()),
        FolderNow::Replaced => facts.push("folder replaced".to_owned()),
        FolderNow::Present | FolderNow::Unknown => {}
    }
    facts.join(", ")
}

fn waiter(waiter: &WaiterInfo, whose: Option<String>) -> Row {
    let place = match waiter.granted {
        true => number("granted", 0),
        false => number(
            waiter.place.to_string(),
            i64::try_from(waiter.place).unwrap_or(i64::MAX),
        ),
    };
    Row {
        lock: None,
        task: Some(waiter.task_id).filter(|task| *task != TaskId::NONE),
        cells: vec![
            placed(&waiter.folder_paths.join(" "), whose),
            text(waiter.session_id.as_str()),
            place,
            of_task(waiter.task_id),
            since(Some(waiter.since)),
            text(waiter.mode.word()),
        ],
    }
}

fn task(task: &TaskInfo) -> Row {
    let when = task.completed_at.or(task.started_at).or(task.created_at);
    let state = match task.blocked_by.is_empty() {
        true => word(task.status),
        false => "blocked",
    };
    Row {
        lock: task.lock_token.filter(|_| task.status.is_running()),
        task: Some(task.id),
        cells: vec![
            text(task.content.lines().next().unwrap_or_default()),
            text(state),
            of_task(task.id),
            optional(task.assigned_session.as_deref()),
            optional(task.working_dir.as_deref()),
            since(when),
        ],
    }
}

fn session(session: &SessionInfo) -> Row {
    let folder = session
        .current_dir
        .as_ref()
        .or(session.working_dir.as_ref());
    let state = match session.is_unprotected() {
        true => format!("UNPROTECTED, {}", session.status),
        false => session.status.clone(),
    };
    Row {
        lock: None,
        task: session.current_task_id,
        cells: vec![
            text(&session.name),
            text(&state),
            of_task(session.current_task_id.unwrap_or(TaskId::NONE)),
            optional(session.provider.as_deref()),
            optional(session.kind.as_deref()),
            optional(folder.map(String::as_str)),
            since(session.last_activity),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(names: &[(&str, i64)]) -> Picture {
        let session = |(name, task): &(&str, i64)| {
            let json = serde_json::json!({"name": name, "kind": "process", "status": "idle",
                "provider": null, "command": null, "server": null, "target": null, "pane": null,
                "pattern": null, "working_dir": null, "current_dir": null,
                "current_task_id": task, "last_activity": null});
            serde_json::from_value(json).unwrap()
        };
        Picture {
            sessions: names.iter().map(session).collect(),
            ..Picture::default()
        }
    }

    fn names(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| row.cells[0].text.as_str()).collect()
    }

    #[test]
    fn rows_are_sorted_by_number_where_there_is_one_and_both_ways() {
        let picture = sessions(&[("b", 10), ("c", 9), ("A", 2)]);
        let sorted = |column, backward| rows(&picture, Tab::Sessions, "", Some((column, backward)));
        assert_eq!(names(&sorted(0, false)), ["A", "b", "c"]);
        assert_eq!(names(&sorted(2, false)), ["A", "c", "b"]);
        assert_eq!(names(&sorted(2, true)), ["b", "c", "A"]);
        assert_eq!(
            names(&rows(&picture, Tab::Sessions, "", None)),
            ["b", "c", "A"]
        );
    }

    #[test]
    fn a_word_filters_by_any_cell_whatever_its_case() {
        let picture = sessions(&[("ivy", 1), ("Ann", 2)]);
        assert_eq!(names(&rows(&picture, Tab::Sessions, "aNN", None)), ["Ann"]);
        assert_eq!(rows(&picture, Tab::Sessions, "process", None).len(), 2);
        assert!(rows(&picture, Tab::Sessions, "nobody", None).is_empty());
    }

    #[test]
    fn what_would_move_the_cursor_is_shown_harmless() {
        let picture = sessions(&[("a\u{1b}[2Jb", 1)]);
        let rows = rows(&picture, Tab::Sessions, "", None);
        assert!(!rows[0].cells[0].text.contains('\u{1b}'));
    }
}
