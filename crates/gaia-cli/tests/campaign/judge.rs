//! Whether all went as it should: pure, from what was found at the end.
//!
//! What is judged: nobody met anybody (by the agents' own files, by their
//! times, and by the times of their locks); each task was sent once or its
//! retry is recorded; each ended as it had to; nothing is left; and the lock
//! history, by the judge of `gaia check`.

use std::collections::HashMap;
use std::fmt;

use gaia_assigner::task::Status;
use gaia_assigner::wire::TaskInfo;
use gaia_locks::model::{End, EndReason};
use gaia_locks::store::Record;

use super::notes::Run;

/// What is said of one whose agent was killed.
pub const KILLED: &str = "it was ended by signal 9";

/// All that is known at the end.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub runs: Vec<Run>,
    pub tasks: Vec<TaskInfo>,
    /// The tasks that have to fail, by id; all others have to be done.
    pub must_fail: Vec<i64>,
    /// Tasks whose agent was killed: they may fail.
    pub killed: Vec<i64>,
    /// Of each task what was done with it, in order.
    pub history: HashMap<i64, Vec<String>>,
    pub locks: Vec<Record>,
    /// What is left: locks, waiters, busy sessions, processes, files.
    pub left: Vec<String>,
    /// What the judge of the lock history says.
    pub of_locks: Vec<String>,
}

/// Something that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// An agent saw it itself: another in its folder, its lock not active.
    Seen(String),
    /// Two worked at one instant in folders that overlap.
    Clash(String),
    /// An agent was at work before its lock was granted or after its end.
    BesideItsLock(String),
    /// A task was sent more often than is recorded.
    SentTwice(String),
    /// A task did not end as it had to.
    WrongEnd(String),
    /// The task's history does not hang together.
    Unrecorded(String),
    /// Something was left.
    Left(String),
    /// The lock history is wrong in itself.
    OfLocks(String),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

pub fn judge(evidence: &Evidence) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    for run in &evidence.runs {
        let seen = run.seen.iter();
        doubts.extend(seen.map(|what| Doubt::Seen(format!("task {}: {what}", run.task))));
    }
    doubts.extend(clashes(&evidence.runs));
    doubts.extend(beside_their_locks(evidence));
    doubts.extend(sent_twice(&evidence.runs));
    for task in &evidence.tasks {
        doubts.extend(wrong_end(task, evidence));
        doubts.extend(unrecorded(task, evidence));
    }
    doubts.extend(evidence.left.iter().cloned().map(Doubt::Left));
    doubts.extend(evidence.of_locks.iter().cloned().map(Doubt::OfLocks));
    doubts
}

fn clashes(runs: &[Run]) -> Vec<Doubt> {
    let mut by_time: Vec<&Run> = runs.iter().collect();
    by_time.sort_by_key(|run| run.first);
    let mut doubts = Vec::new();
    for (at, one) in by_time.iter().enumerate() {
        let after = by_time[at + 1..].iter();
        let beside = after.take_while(|other| other.first < one.last);
        for other in beside.filter(|other| one.excludes(other)) {
            let (a, b) = (one.folder.display(), other.folder.display());
            let words = format!("tasks {} in {a} and {} in {b}", one.task, other.task);
            doubts.push(Doubt::Clash(words));
        }
    }
    doubts
}

fn beside_their_locks(evidence: &Evidence) -> Vec<Doubt> {
    let locks: HashMap<i64, &Record> = evidence
        .locks
        .iter()
        .map(|lock| (lock.id.0, lock))
        .collect();
    let doubt = |run: &Run| {
        let words = match locks.get(&run.token) {
            None => "the history does not know its lock".to_owned(),
            Some(lock) => wrong_by_its_lock(run, lock, &evidence.locks)?,
        };
        let (task, token) = (run.task, run.token);
        Some(Doubt::BesideItsLock(format!(
            "task {task}, lock {token}: {words}"
        )))
    };
    evidence.runs.iter().filter_map(doubt).collect()
}

/// A transaction reads its moment at its beginning and looks at processes after
/// that; stopped in between, it rightly finds one dead that ended meanwhile. It
/// had committed when the next one began.
fn over(end: &End, locks: &[Record]) -> i64 {
    if end.reason != EndReason::Died {
        return end.moment.0;
    }
    let next = locks.partition_point(|lock| lock.granted <= end.moment);
    locks.get(next).map_or(i64::MAX, |lock| lock.granted.0)
}

fn wrong_by_its_lock(run: &Run, lock: &Record, locks: &[Record]) -> Option<String> {
    let end = lock.end.as_ref();
    let over = end.map_or(i64::MAX, |end| over(end, locks));
    let holder = (lock.holder.session.as_str(), lock.holder.task.0);
    if holder != (run.session.as_str(), run.task) {
        return Some(format!("it is of {holder:?}, not of {}", run.session));
    }
    if run.first < lock.granted.0 {
        return Some("it began before the grant".to_owned());
    }
    (run.last > over).then(|| {
        let late = (run.last - over) / 1_000_000;
        let how = end.map_or("", |end| end.reason.word());
        format!("it was at work {late} ms after its lock had ended ({how})")
    })
}

fn sent_twice(runs: &[Run]) -> Vec<Doubt> {
    let twice = runs.iter().filter(|run| run.begun > 1);
    let words = |run: &Run| format!("task {} began {} times under one lock", run.task, run.begun);
    twice.map(|run| Doubt::SentTwice(words(run))).collect()
}

fn wrong_end(task: &TaskInfo, evidence: &Evidence) -> Option<Doubt> {
    let killed = evidence.killed.contains(&task.id.0) && !task.retry;
    let must = match evidence.must_fail.contains(&task.id.0) {
        true => Status::Failed,
        false if killed && task.error.as_deref() == Some(KILLED) => Status::Failed,
        false => Status::Completed,
    };
    let last = evidence.runs.iter().rfind(|run| run.task == task.id.0);
    let done = last.and_then(|run| run.ended);
    let unwitnessed =
        task.status == Status::Completed && task.working_dir.is_some() && done != Some(true);
    let wrong = task.status != must || unwitnessed;
    wrong.then(|| {
        let (id, is, error) = (task.id, task.status.word(), &task.error);
        Doubt::WrongEnd(format!(
            "task {id} is {is} ({error:?}), its last run noted {done:?}"
        ))
    })
}

/// Assigned and ended in turn, and not more runs than were assigned. What a
/// pane could not be given after all was put back, and cost no try.
fn unrecorded(task: &TaskInfo, evidence: &Evidence) -> Option<Doubt> {
    let id = task.id.0;
    let none = Vec::new();
    let done = evidence.history.get(&id).unwrap_or(&none);
    let count = |word: &str| done.iter().filter(|known| *known == word).count();
    let runs = evidence.runs.iter().filter(|run| run.task == id).count();
    let in_turn = done
        .chunks(2)
        .all(|pair| pair.len() == 2 && pair[0] == "assigned" && pair[1] != "assigned");
    let ends = count("completed") + count("failed");
    let spent = count("retry") + count("failed");
    let right = in_turn
        && ends == 1
        && done.last().is_some_and(|last| last == task.status.word())
        && runs <= count("assigned")
        && spent == usize::try_from(task.retry_count).unwrap_or(usize::MAX);
    (!right).then(|| {
        let tries = task.retry_count;
        Doubt::Unrecorded(format!(
            "task {id}: {runs} runs, {tries} tries spent, recorded {done:?}"
        ))
    })
}
