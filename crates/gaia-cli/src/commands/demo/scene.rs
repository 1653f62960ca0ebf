//! What the live view shows, as lines: pure, from a picture to text.
//!
//! From the top down: how the queue stands, who works on what, the folders and
//! who is in them, what happened last. What does not fit is left out from the
//! bottom and from the right.

use std::collections::VecDeque;

use gaia_assigner::task::Status;
use gaia_assigner::wire::TaskInfo;
use gaia_locks::clock::Wall;
use gaia_locks::wire::{LockInfo, WaiterInfo};

use super::branches::branch;
use super::line::{Line, bar, cell};
use super::picture::{Happening, Picture, Tone, folder, name};
use super::play::{PERSON, Play, SESSIONS};
use super::repository::tree;
use crate::output::human::{Style, clean};

/// Where and when it is shown.
pub struct Frame<'a> {
    /// Colours.
    pub style: Style,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Seconds since the beginning.
    pub seconds: f64,
    /// The wall clock, by which tasks are dated.
    pub now: Wall,
    /// Opens the dashboard.
    pub link: Option<&'a str>,
}

/// Narrower than this, texts and bars are left out.
const NARROW: usize = 66;
/// Columns for the name of a session.
const NAMES: usize = 10;
/// Columns for a folder.
const FOLDERS: usize = 12;
/// Cells of a bar.
const BAR: u8 = 8;
/// Columns for a time.
const TIMES: usize = 6;

/// All lines, from the top.
pub fn scene(
    frame: &Frame<'_>,
    play: &Play,
    picture: &Picture,
    past: &VecDeque<(f64, Happening)>,
) -> Vec<String> {
    let mut lines = vec![frame.title()];
    lines.extend(frame.dashboard());
    lines.extend([counts(picture), Line::new()]);
    let sessions = SESSIONS.iter().map(|(session, _)| *session);
    lines.extend(sessions.map(|session| frame.session(session, play, picture)));
    lines.push(frame.person(picture));
    lines.push(Line::new());
    lines.extend(tree().iter().map(|one| branch(one, picture)));
    let room = frame.height.saturating_sub(lines.len());
    let old = past.len().saturating_sub(room);
    lines.extend(past.iter().skip(old).map(|(at, what)| told(*at, what)));
    lines.truncate(frame.height);
    let painted = lines
        .iter()
        .map(|line| line.paint(&frame.style, frame.width));
    painted.collect()
}

fn counts(picture: &Picture) -> Line {
    let count = |wanted: &dyn Fn(&TaskInfo) -> bool| {
        picture.tasks.iter().filter(|task| wanted(task)).count()
    };
    let pending = |task: &TaskInfo| task.status == Status::Pending;
    let blocked = |task: &TaskInfo| pending(task) && !task.blocked_by.is_empty();
    let all = [
        (count(&|task| pending(task) && !blocked(task)), "waiting"),
        (count(&|task| task.status.is_running()), "at work"),
        (count(&|task| task.status == Status::Completed), "done"),
        (count(&|task| task.status == Status::Failed), "failed"),
        (count(&blocked), "blocked"),
    ];
    let words = all.map(|(count, what)| format!("{count} {what}"));
    Line::new().and(Tone::Plain, words.join(" · "))
}

fn told(at: f64, what: &Happening) -> Line {
    let line = Line::new().and(Tone::Faint, format!("{at:5.1}s  "));
    line.and(what.tone, clean(&what.text))
}

impl Frame<'_> {
    fn title(&self) -> Line {
        let time = format!("{:.0} s", self.seconds.floor());
        let head = "gaia demo  ";
        let note = "stand-ins for agents; locks, folders, processes are real";
        let room = self.width.saturating_sub(head.len() + time.len() + 1);
        let line = Line::new().and(Tone::Strong, head);
        let line = line.and(Tone::Faint, cell(note, room));
        line.and(Tone::Plain, format!(" {time}"))
    }

    /// Half a link leads nowhere: it is shown where it fits.
    fn dashboard(&self) -> Option<Line> {
        let link = self.link.filter(|link| link.len() <= self.width)?;
        Some(Line::new().and(Tone::Plain, link))
    }

    fn passed(&self, since: Wall) -> f64 {
        self.now.since(since).as_secs_f64()
    }

    fn session(&self, session: &str, play: &Play, picture: &Picture) -> Line {
        let mut tasks = picture.tasks.iter().filter(|task| task.status.is_running());
        match tasks.find(|task| task.assigned_session.as_deref() == Some(session)) {
            Some(task) => self.at_work(session, task, play),
            None => idle(session),
        }
    }

    fn at_work(&self, session: &str, task: &TaskInfo, play: &Play) -> Line {
        let took = task.lock_acquired_at.map_or(0.0, |at| self.passed(at));
        let line = Line::new().and(Tone::Strong, cell(session, NAMES));
        let place = cell(folder(task), FOLDERS);
        let time = format!("{took:5.1}s");
        if self.width < NARROW {
            let number = cell(&format!("#{}", task.id), 4);
            return line.and(Tone::Plain, format!("{number}{place}{time}"));
        }
        let fixed = NAMES + FOLDERS + usize::from(BAR) + TIMES;
        let text = format!("#{} {}", task.id, clean(&task.content));
        // One column stays free between text and folder.
        let text = cell(&text, self.width.saturating_sub(fixed + 1));
        let whole = play.seconds_of(task.id).unwrap_or(1.0);
        let line = line.and(Tone::Plain, format!("{text} {place}"));
        line.and(Tone::Good, bar(took / whole, BAR))
            .and(Tone::Plain, time)
    }

    fn person(&self, picture: &Picture) -> Line {
        let is_person = |session: &gaia_locks::ids::SessionId| session.as_str() == PERSON;
        let mut locks = picture.locks.locks.iter().map(|held| &held.lock);
        if let Some(lock) = locks.find(|lock| is_person(&lock.session_id)) {
            return self.has_turn(lock);
        }
        let mut waiters = picture.locks.waiters.iter();
        match waiters.find(|waiter| is_person(&waiter.session_id)) {
            Some(waiter) => self.stands_in_line(waiter),
            None => idle(PERSON),
        }
    }

    fn has_turn(&self, lock: &LockInfo) -> Line {
        let (place, took) = (name(&lock.folder_path), self.passed(lock.created_at));
        let line = Line::new().and(Tone::Strong, cell(PERSON, NAMES));
        line.and(
            Tone::Plain,
            format!("gaia run {place}: its turn, {took:.1}s"),
        )
    }

    fn stands_in_line(&self, waiter: &WaiterInfo) -> Line {
        let wanted = waiter.folder_paths.first().map_or("", |path| name(path));
        let (place, waited) = (waiter.place, self.passed(waiter.since));
        let line = Line::new().and(Tone::Strong, cell(PERSON, NAMES));
        let text = format!("gaia run {wanted} --wait: place {place}, {waited:.1}s");
        line.and(Tone::Odd, text)
    }
}

fn idle(session: &str) -> Line {
    Line::new().and(Tone::Faint, format!("{}–", cell(session, NAMES)))
}
