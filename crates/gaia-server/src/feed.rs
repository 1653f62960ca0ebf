//! What changed, as events: for live pages and for whoever follows.
//!
//! # How
//! Others change the database too, so events are found by looking: after each
//! ring the bell's thread compares what is with what was. A lock that came and
//! went between two looks is in the history, and so none is missed. What time
//! or a death has decided (the end of a lease, a waiter that is gone) is judged
//! here, whether somebody has swept it away yet or not.
//!
//! # Who is slow
//! Events stand in one list of the last [`KEPT`], at most [`KEPT_BYTES`] of
//! them; every reader goes through it at its own pace, a [`PIECE`] at a time,
//! and holds no more than that. One that fell behind, or comes back after
//! a restart, is told `reset`: look anew.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gaia_assigner::TaskService;
use gaia_assigner::service::Filter;
use gaia_assigner::wire::{SessionInfo, TaskInfo};
use gaia_locks::clock::Moment;
use gaia_locks::ids::{LockId, Scope, TaskId, WaiterId};
use gaia_locks::rules::queue;
use gaia_locks::service::LockTx;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::{LockInfo, PauseInfo, WaiterInfo};
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use crate::bell::Bell;
use crate::metrics::Metrics;

/// How many events are kept for those who come back.
const KEPT: usize = 4096;
/// How many bytes of them.
const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// How much a reader gets at once, but always a whole event.
const PIECE: usize = 64 * 1024;
/// How many tasks are compared: those that run, wait, and ended last.
const TASKS: u32 = 500;

/// Something that changed.
#[derive(Debug)]
pub struct Event {
    /// Its number; they rise by one.
    pub number: u64,
    /// What: `lock.granted` …
    pub kind: &'static str,
    /// The facts, as JSON.
    pub data: String,
}

/// The list of events.
pub struct Feed {
    /// Tells this list from that of another run.
    pub run: String,
    events: Mutex<Kept>,
    latest: watch::Sender<u64>,
    seen: Mutex<Option<Seen>>,
}

/// The events that are kept.
#[derive(Default)]
struct Kept {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
}

impl Kept {
    /// Takes one in; the oldest go. The latest is kept however large it is.
    fn push(&mut self, event: Event) {
        self.bytes += event.data.len();
        self.events.push_back(Arc::new(event));
        while self.events.len() > 1 && (self.events.len() > KEPT || self.bytes > KEPT_BYTES) {
            let oldest = self.events.pop_front();
            self.bytes -= oldest.map_or(0, |event| event.data.len());
        }
    }

    /// A piece of what came after the first so many.
    fn piece(&self, skip: usize) -> Vec<Arc<Event>> {
        let (mut piece, mut bytes) = (Vec::new(), 0);
        for event in self.events.iter().skip(skip) {
            bytes += event.data.len();
            if bytes > PIECE && !piece.is_empty() {
                break;
            }
            piece.push(event.clone());
        }
        piece
    }
}

/// What a reader gets.
pub enum Read {
    /// These, in order.
    Events(Vec<Arc<Event>>),
    /// What it last saw is not here any more.
    Lost,
}

/// What was there at the last look.
struct Seen {
    last: i64,
    locks: HashMap<LockId, Moment>,
    waiters: HashMap<WaiterId, WaiterInfo>,
    /// Those of them who wait through this server.
    waits_here: HashSet<WaiterId>,
    tasks: HashMap<TaskId, TaskInfo>,
    newest: TaskId,
    sessions: HashMap<String, SessionInfo>,
    pauses: HashMap<Place, PauseInfo>,
}

/// Whose file system, and the folder there.
type Place = (Scope, String);

/// What is there now.
struct Now {
    last: i64,
    locks: HashMap<LockId, (Moment, LockInfo)>,
    /// Granted since the last look, ended or not; and ended since.
    granted: Vec<LockInfo>,
    ended: Vec<LockInfo>,
    waiters: HashMap<WaiterId, WaiterInfo>,
    pauses: HashMap<Place, PauseInfo>,
}

impl Seen {
    /// How long those waited who were granted since; not those who wait through
    /// this server, which times them itself.
    fn waited(&self, now: &Now, metrics: &Metrics) {
        let here = |id: &WaiterId| self.waits_here.contains(id);
        let stood = |waiter: &&WaiterInfo| !waiter.granted && !here(&waiter.id);
        for waiter in self.waiters.values().filter(stood) {
            let its_own = |lock: &&LockInfo| {
                lock.session_id == waiter.session_id
                    && lock.task_id == waiter.task_id
                    && waiter.folder_paths.contains(&lock.folder_path)
            };
            if let Some(lock) = now.granted.iter().find(its_own) {
                metrics.waits.add(lock.created_at.since(waiter.since));
            }
        }
    }

    /// How long tasks stood in the queue that were assigned since.
    fn assigned(&self, now: &HashMap<TaskId, TaskInfo>, metrics: &Metrics) {
        for (id, task) in now {
            let before = self.tasks.get(id).map(|task| task.assigned_at);
            let Some((at, sent)) = task.assigned_at.zip(task.created_at) else {
                continue;
            };
            // One that was not among those seen may have run long ago.
            let is_new = match before {
                Some(before) => before != Some(at),
                None => task.status.is_running(),
            };
            if is_new {
                metrics.assigns.add(at.since(sent));
            }
        }
    }
}

impl Feed {
    /// An empty list.
    pub fn new(run: String) -> Self {
        Self {
            run,
            events: Mutex::default(),
            latest: watch::Sender::new(0),
            seen: Mutex::default(),
        }
    }

    /// The number of the latest event, watched.
    pub fn latest(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// What came after an event: all of it, or the first piece.
    pub fn after(&self, number: u64) -> Read {
        let kept = self.events();
        let latest = *self.latest.borrow();
        let oldest = kept.events.front().map_or(latest + 1, |event| event.number);
        if number > latest || number + 1 < oldest {
            return Read::Lost;
        }
        let skip = usize::try_from(number + 1 - oldest).unwrap_or(usize::MAX);
        Read::Events(kept.piece(skip))
    }

    /// Compares what is with what was. The first look only remembers.
    ///
    /// # Errors
    /// When the store fails.
    pub fn look(
        &self,
        tasks: &TaskService,
        bell: &Bell,
        metrics: &Metrics,
    ) -> Result<(), gaia_assigner::TaskError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.as_ref();
        let now = tasks.locks().look(|tx| around(tx, before))?;
        let filter = Filter {
            limit: Some(TASKS),
            ..Filter::default()
        };
        let all = tasks.list(&filter)?.tasks;
        let mut all: HashMap<_, _> = all.into_iter().map(|task| (task.id, task)).collect();
        let newest = tasks.newest()?;
        let in_sight: HashSet<TaskId> = all.keys().copied().collect();
        if let Some(before) = before {
            add_out_of_sight(tasks, before, newest, &mut all)?;
        }
        let sessions = tasks.sessions()?.sessions.into_iter();
        let sessions: HashMap<_, _> = sessions.map(|s| (s.name.clone(), s)).collect();
        if let Some(before) = before {
            metrics.changed(&now.granted, &now.ended);
            before.waited(&now, metrics);
            before.assigned(&all, metrics);
            self.tell_locks(before, &now);
            self.tell("waiter", &before.waiters, &now.waiters);
            self.tell("task", &before.tasks, &all);
            self.tell("session", &before.sessions, &sessions);
            self.tell("pause", &before.pauses, &now.pauses);
        }
        // What is out of sight was told, and is not looked at for ever.
        all.retain(|id, _| in_sight.contains(id));
        let expiries = now.locks.iter().map(|(id, (expires, _))| (*id, *expires));
        *seen = Some(Seen {
            last: now.last,
            locks: expiries.collect(),
            waiters: now.waiters,
            waits_here: bell.looked_after(),
            tasks: all,
            newest,
            sessions,
            pauses: now.pauses,
        });
        Ok(())
    }

    fn tell_locks(&self, before: &Seen, now: &Now) {
        for lock in &now.granted {
            self.add("lock.granted", &json!({"lock": lock}));
        }
        for lock in &now.ended {
            self.add("lock.ended", &json!({"lock": lock}));
        }
        for (id, (expires, lock)) in &now.locks {
            if before.locks.get(id).is_some_and(|then| then != expires) {
                self.add("lock.renewed", &json!({"lock": lock}));
            }
        }
    }

    /// `task.changed` and `task.gone`, and so for each kind.
    fn tell<K: Eq + std::hash::Hash, T: PartialEq + Serialize>(
        &self,
        what: &'static str,
        before: &HashMap<K, T>,
        now: &HashMap<K, T>,
    ) {
        let (changed, gone) = match what {
            "waiter" => ("waiter.changed", "waiter.gone"),
            "task" => ("task.changed", "task.gone"),
            "pause" => ("pause.changed", "pause.gone"),
            _ => ("session.changed", "session.gone"),
        };
        for (key, value) in now {
            if before.get(key) != Some(value) {
                self.add(changed, &json!({what: value}));
            }
        }
        for (_, value) in before.iter().filter(|(key, _)| !now.contains_key(key)) {
            self.add(gone, &json!({what: value}));
        }
    }

    fn add(&self, kind: &'static str, data: &serde_json::Value) {
        let mut kept = self.events();
        let number = *self.latest.borrow() + 1;
        kept.push(Event {
            number,
            kind,
            data: data.to_string(),
        });
        // Before anybody can read it: whoever has an event is not ahead of all.
        self.latest.send_replace(number);
    }

    fn events(&self) -> MutexGuard<'_, Kept> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds what more than [`TASKS`] open tasks have moved out of sight: those that
/// were seen at the last look and are still there, and those that were sent since.
fn add_out_of_sight(
    tasks: &TaskService,
    before: &Seen,
    newest: TaskId,
    all: &mut HashMap<TaskId, TaskInfo>,
) -> Result<(), gaia_assigner::TaskError> {
    // Of a flood the latest: so many are compared, and no more.
    let oldest = before.newest.0.max(newest.0 - i64::from(TASKS));
    let sent = (oldest + 1..=newest.0).map(TaskId);
    let wanted = before.tasks.keys().copied().chain(sent);
    let missing: Vec<TaskId> = wanted.filter(|id| !all.contains_key(id)).collect();
    for id in missing {
        match tasks.show(id) {
            Ok(task) => drop(all.insert(id, task)),
            Err(gaia_assigner::TaskError::UnknownTask(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn around(tx: &mut LockTx<'_>, before: Option<&Seen>) -> Result<Now, gaia_locks::Error> {
    let (moment, held) = (tx.now(), tx.store().locks()?);
    let over = tx.over()?;
    let locks: HashMap<_, _> = held
        .iter()
        .filter(|lock| !over.contains(&lock.id))
        .map(|lock| (lock.id, (lock.expires, LockInfo::active(lock, moment))))
        .collect();
    let granted = granted_since(tx, before.map(|before| before.last))?;
    let newest = granted.iter().map(|lock| lock.id.0).max();
    let mut ended: Vec<LockInfo> = granted
        .iter()
        .filter(|lock| !locks.contains_key(&lock.id))
        .cloned()
        .collect();
    for id in before.iter().flat_map(|before| before.locks.keys()) {
        if !locks.contains_key(id) {
            ended.extend(tx.lock_info(*id)?);
        }
    }
    ended.sort_by_key(|lock| lock.id);
    Ok(Now {
        last: newest.or(before.map(|before| before.last)).unwrap_or(0),
        locks,
        granted,
        ended,
        waiters: in_line(tx)?,
        pauses: paused(tx)?,
    })
}

fn paused(tx: &mut LockTx<'_>) -> Result<HashMap<Place, PauseInfo>, gaia_locks::Error> {
    let pauses = tx.store().pauses()?;
    let placed = pauses.iter().map(|pause| {
        let place = (pause.scope.clone(), pause.folder.path().to_owned());
        (place, PauseInfo::from(pause))
    });
    Ok(placed.collect())
}

/// What was granted after a token, in order; without one only the latest.
fn granted_since(
    tx: &mut LockTx<'_>,
    last: Option<i64>,
) -> Result<Vec<LockInfo>, gaia_locks::Error> {
    let mut found: Vec<LockInfo> = Vec::new();
    loop {
        let filter = HistoryFilter {
            before: found.last().map(|lock| lock.id),
            limit: Some(if last.is_some() { 100 } else { 1 }),
            ..HistoryFilter::default()
        };
        let page = tx.history(&filter)?;
        let whole = page.len();
        let new = page
            .into_iter()
            .take_while(|lock| lock.id.0 > last.unwrap_or(0));
        let had = found.len();
        found.extend(new);
        if last.is_none() || found.len() - had < whole || whole == 0 {
            found.reverse();
            return Ok(found);
        }
    }
}

fn in_line(tx: &mut LockTx<'_>) -> Result<HashMap<WaiterId, WaiterInfo>, gaia_locks::Error> {
    let waiters = tx.in_line()?;
    let shown = waiters.iter().enumerate().map(|(at, waiter)| {
        let place = queue::place(&waiter.want, &waiters[..at]);
        (waiter.id, WaiterInfo::of(waiter, place))
    });
    Ok(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(events: usize, size: usize) -> Feed {
        let feed = Feed::new("run".to_owned());
        for _ in 0..events {
            feed.add("task.changed", &json!({"task": "x".repeat(size)}));
        }
        feed
    }

    fn numbers(feed: &Feed, after: u64) -> Option<Vec<u64>> {
        match feed.after(after) {
            Read::Events(events) => Some(events.iter().map(|event| event.number).collect()),
            Read::Lost => None,
        }
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_in_bytes() {
        let many = feed(KEPT + 10, 1);
        assert_eq!(many.events().events.len(), KEPT);
        let large = feed(100, KEPT_BYTES / 10);
        assert!(large.events().bytes <= KEPT_BYTES);
        assert_eq!(large.events().events.len(), 9);
        assert_eq!(numbers(&large, 0), None, "gone: its reader looks anew");
        let one = feed(2, KEPT_BYTES + 1);
        assert_eq!(numbers(&one, 1), Some(vec![2]), "the latest stays");
    }

    #[test]
    fn a_reader_gets_all_of_it_piece_by_piece() {
        let feed = feed(10, PIECE / 4);
        let (mut at, mut seen) = (0, Vec::new());
        while let Some(piece) = numbers(&feed, at).filter(|piece| !piece.is_empty()) {
            assert!(piece.len() < 4, "{piece:?}");
            at = *piece.last().unwrap();
            seen.extend(piece);
        }
        assert_eq!(seen, (1..=10).collect::<Vec<_>>());
        assert_eq!(numbers(&feed, 11), None, "of another run");
    }
}
