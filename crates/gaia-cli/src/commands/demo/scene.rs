//! What the live view shows, as lines: pure, from a picture to text.
//!
//! From the top down: how the queue stands, who works on what, the folders and
//! who is in them, what happened last. What does not fit is left out from the
//! bottom and from the right.

use std::collections::VecDeque;

use gaia_assigner::task::Status;
use gaia_assigner::wire::TaskInfo;
use gaia_locks::model::Mode;
use gaia_locks::wire::HeldLock;

use super::picture::{Happening, Picture, Tone, folder, name, who};
use super::play::{PERSON, Play, SESSIONS};
use super::stage::tree;
use crate::output::human::{Style, clean, cut, now};

/// Where it is shown.
pub struct Frame {
    /// Colours.
    pub style: Style,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Since the beginning.
    pub seconds: f64,
}

/// Narrower than this, texts and bars are left out.
const NARROW: usize = 66;
/// Columns for the name of a session.
const NAMES: usize = 9;
/// Columns for a folder.
const FOLDERS: usize = 11;
/// Cells of a bar.
const BAR: usize = 8;

/// All lines, from the top.
pub fn scene(
    frame: &Frame,
    play: &Play,
    picture: &Picture,
    past: &VecDeque<(f64, Happening)>,
) -> Vec<String> {
    let mut lines = vec![frame.title(), frame.counts(picture), String::new()];
    lines.extend(
        SESSIONS
            .iter()
            .map(|(session, _)| frame.session(session, play, picture)),
    );
    lines.push(frame.person(picture));
    lines.push(String::new());
    lines.extend(
        tree()
            .into_iter()
            .map(|branch| frame.branch(&branch, picture)),
    );
    let room = frame.height.saturating_sub(lines.len());
    let skip = past.len().saturating_sub(room);
    lines.extend(
        past.iter()
            .skip(skip)
            .map(|(at, what)| frame.happening(*at, what)),
    );
    lines.truncate(frame.height);
    lines
}

impl Frame {
    fn title(&self) -> String {
        let time = format!("{:.0} s", self.seconds.floor());
        let head = "gaia demo";
        let note = "stand-ins for agents; locks, folders, processes are real";
        let room = self.width.saturating_sub(head.len() + time.len() + 4);
        let note = cell(note, room);
        format!(
            "{}  {}  {time}",
            self.style.bold(head),
            self.style.dim(&note)
        )
    }

    fn counts(&self, picture: &Picture) -> String {
        let count = |wanted: &dyn Fn(&TaskInfo) -> bool| {
            picture.tasks.iter().filter(|task| wanted(task)).count()
        };
        let blocked =
            |task: &TaskInfo| task.status == Status::Pending && !task.blocked_by.is_empty();
        let waiting = count(&|task| task.status == Status::Pending && !blocked(task));
        let all = [
            format!("{waiting} waiting"),
            format!("{} at work", count(&|task| task.status.is_running())),
            format!("{} done", count(&|task| task.status == Status::Completed)),
            format!("{} failed", count(&|task| task.status == Status::Failed)),
            format!("{} blocked", count(&blocked)),
        ];
        cut(&all.join(" · "), self.width)
    }

    fn session(&self, session: &str, play: &Play, picture: &Picture) -> String {
        let mut tasks = picture.tasks.iter();
        let task = tasks.find(|task| {
            task.status.is_running() && task.assigned_session.as_deref() == Some(session)
        });
        let Some(task) = task else {
            return self.style.dim(&format!("{} –", cell(session, NAMES)));
        };
        let name = self.style.bold(&cell(session, NAMES));
        let took = task
            .lock_acquired_at
            .map_or(0.0, |at| now().since(at).as_secs_f64());
        let time = format!("{took:5.1}s");
        let folder = cell(folder(task), FOLDERS);
        if self.width < NARROW {
            return format!(
                "{name} {} {folder} {time}",
                cell(&format!("#{}", task.id), 3)
            );
        }
        let fixed = NAMES + FOLDERS + BAR + time.len() + 4;
        let text = format!("#{} {}", task.id, clean(&task.content));
        let text = cell(&text, self.width.saturating_sub(fixed));
        let steps = play.order(task.id).map_or(1, |order| order.steps);
        let whole =
            f64::from(steps) * f64::from(u32::try_from(play.step_ms).unwrap_or(250)) / 1000.0;
        let bar = self.style.green(&bar(took / whole));
        format!("{name} {text} {folder} {bar} {time}")
    }

    fn person(&self, picture: &Picture) -> String {
        let name = cell(PERSON, NAMES);
        let mut locks = picture.locks.locks.iter().map(|held| &held.lock);
        if let Some(lock) = locks.find(|lock| lock.session_id.as_str() == PERSON) {
            let folder = super::picture::name(&lock.folder_path);
            let what = cut(
                &format!("gaia run {folder}: has its turn"),
                self.width - NAMES - 1,
            );
            return format!("{} {what}", self.style.bold(&name));
        }
        let mut waiters = picture.locks.waiters.iter();
        let waits = waiters.find(|waiter| waiter.session_id.as_str() == PERSON);
        let Some(waiter) = waits else {
            return self.style.dim(&format!("{name} –"));
        };
        let folder = waiter
            .folder_paths
            .first()
            .map_or("", |path| super::picture::name(path));
        let waited = now().since(waiter.since).as_secs_f64();
        let what = format!(
            "gaia run {folder} --wait: place {} in line, {waited:.1}s",
            waiter.place
        );
        let what = cut(&what, self.width - NAMES - 1);
        format!("{} {}", self.style.bold(&name), self.style.yellow(&what))
    }

    /// One folder: who is in it, who waits for it.
    fn branch(&self, branch: &Branch, picture: &Picture) -> String {
        let label = cell(&branch.label, 12);
        let here: Vec<&HeldLock> = picture
            .locks
            .locks
            .iter()
            .filter(|held| name(&held.lock.folder_path) == branch.folder)
            .collect();
        let room = self.width.saturating_sub(13);
        let holders: Vec<String> = here.iter().map(|held| holder(held)).collect();
        let holders = cut(&holders.join(", "), room);
        let waiting = waiting(&branch.folder, picture);
        let left = room.saturating_sub(holders.chars().count() + 2);
        let waiting = match waiting.is_empty() {
            true => String::new(),
            false => cut(&format!("← {}", waiting.join(" ")), left),
        };
        match (holders.is_empty(), around(&branch.folder, picture)) {
            (false, _) => format!(
                "{label} {}  {}",
                self.style.green(&holders),
                self.style.yellow(&waiting)
            ),
            (true, Some(above)) => {
                let above = format!("(within {above})");
                let waiting = cut(&waiting, room.saturating_sub(above.len() + 2));
                format!(
                    "{} {}  {}",
                    self.style.dim(&label),
                    self.style.dim(&above),
                    self.style.yellow(&waiting)
                )
            }
            (true, None) => format!("{label} {}", self.style.yellow(&waiting)),
        }
    }

    fn happening(&self, at: f64, what: &Happening) -> String {
        let time = format!("{at:5.1}s");
        let text = cut(
            &clean(&what.text),
            self.width.saturating_sub(time.len() + 2),
        );
        let text = match what.tone {
            Tone::Plain => text,
            Tone::Good => self.style.green(&text),
            Tone::Odd => self.style.yellow(&text),
            Tone::Bad => self.style.red(&text),
        };
        format!("{}  {text}", self.style.dim(&time))
    }
}

/// One line of the tree.
pub struct Branch {
    /// The folder, as locks are shown.
    pub folder: String,
    /// Its name behind its twigs.
    pub label: String,
}

fn holder(held: &HeldLock) -> String {
    let lock = &held.lock;
    let who = match lock.task_id.0 {
        0 => lock.session_id.to_string(),
        task => format!("{} #{task}", lock.session_id),
    };
    match lock.mode {
        Mode::Shared => format!("{who} reads"),
        Mode::Exclusive => who,
    }
}

/// The folder above that is locked alone, and this one with it.
fn around(folder: &str, picture: &Picture) -> Option<String> {
    let exclusive = picture.locks.locks.iter().map(|held| &held.lock);
    let mut exclusive = exclusive.filter(|lock| lock.mode == Mode::Exclusive);
    let above = exclusive.find(|lock| {
        let above = name(&lock.folder_path);
        above == "shop"
            || folder
                .strip_prefix(above)
                .is_some_and(|rest| rest.starts_with('/'))
    });
    above.map(|lock| name(&lock.folder_path).to_owned())
}

/// Who stands in line for a folder, then the tasks that were passed over
/// because it is locked.
fn waiting(folder: &str, picture: &Picture) -> Vec<String> {
    let waiters = picture.locks.waiters.iter();
    let waiters =
        waiters.filter(|waiter| waiter.folder_paths.iter().any(|path| name(path) == folder));
    let tasks = picture.tasks.iter().filter(|task| {
        let waits = task.status == Status::Pending && task.passed_over && !task.in_line;
        waits && super::picture::folder(task) == folder
    });
    waiters
        .map(who)
        .chain(tasks.map(|task| format!("#{}", task.id)))
        .collect()
}

fn bar(part: f64) -> String {
    let eighths = (part.clamp(0.0, 1.0) * 8.0).floor();
    (0..BAR)
        .map(
            |at| match f64::from(u8::try_from(at).unwrap_or(0)) < eighths {
                true => '▰',
                false => '▱',
            },
        )
        .collect()
}

/// Text in so many columns exactly.
fn cell(text: &str, width: usize) -> String {
    let text = cut(text, width);
    format!("{text:width$}")
}
