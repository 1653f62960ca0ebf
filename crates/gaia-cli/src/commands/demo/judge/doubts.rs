//! What does not add up, in sentences. An empty list is the only good one.

use gaia_assigner::wire::TaskInfo;
use gaia_locks::clock::Moment;
use gaia_locks::store::Record;

use super::figures::Left;
use super::{Case, fate};
use crate::commands::demo::report::Report;

impl Case<'_> {
    /// Everything that does not add up.
    pub(super) fn doubts(&self, left: Left) -> Vec<String> {
        let mut doubts = self.notes.troubles.clone();
        let violations = self.verdict.violations.iter();
        doubts.extend(violations.map(ToString::to_string));
        doubts.extend(self.reports.iter().flat_map(complaints));
        doubts.extend(self.clashes());
        doubts.extend(self.unheard());
        doubts.extend(
            self.reports
                .iter()
                .filter_map(|report| self.difference(report)),
        );
        doubts.extend(
            self.picture
                .tasks
                .iter()
                .filter_map(|task| self.wrong_fate(task)),
        );
        doubts.extend(self.missed());
        doubts.extend(leftovers(left));
        doubts
    }

    /// Stand-ins that were where they must not be together.
    pub(super) fn clashes(&self) -> Vec<String> {
        let mut clashes = Vec::new();
        for (at, one) in self.reports.iter().enumerate() {
            let others = self.reports.iter().skip(at + 1);
            let others = others.filter(|other| one.clashes(other));
            clashes.extend(others.map(|other| clash(one, other)));
        }
        clashes
    }

    /// Locks by which nobody says to have worked.
    fn unheard(&self) -> Vec<String> {
        let is_heard = |record: &&Record| {
            let mut reports = self.reports.iter();
            !reports.any(|report| report.worker.token == record.id)
        };
        let unheard = self.history.iter().filter(is_heard);
        let text =
            |record: &Record| format!("lock {} was granted, and nobody worked by it", record.id);
        unheard.map(text).collect()
    }

    /// Where a stand-in and the history do not say the same.
    fn difference(&self, report: &Report) -> Option<String> {
        let (worker, token) = (&report.worker, report.worker.token);
        let session = &worker.session;
        let Some(record) = self.record(token) else {
            let text = format!("{session} worked by lock {token}, which the history does not know");
            return Some(text);
        };
        let same = record.folder.path() == worker.folder
            && record.holder.session.as_str() == session
            && record.holder.task == worker.task
            && record.mode == worker.mode;
        let until = record.end.as_ref().map_or(Moment::MAX, |end| end.moment);
        let within = record.granted <= report.began && report.heard <= until;
        match (same, within) {
            (false, _) => Some(format!(
                "lock {token} of {session} is another's in the history"
            )),
            (_, false) => Some(format!(
                "{session} worked when lock {token} was not its own"
            )),
            _ => None,
        }
    }

    fn wrong_fate(&self, task: &TaskInfo) -> Option<String> {
        let order = self.play.order(task.id)?;
        let fits = fate(task) == Some(order.fate);
        let right = fits && self.was_retried(task) == order.is_retried();
        let (id, status) = (task.id, task.status.word());
        let error = task.error.as_deref().unwrap_or_default();
        let text = || format!("task {id} is not as the play has it: {status} {error}");
        (!right).then(text)
    }

    /// What should have happened and has not.
    fn missed(&self) -> Vec<String> {
        let all_sent = self.picture.tasks.len() == self.play.orders.len();
        let sums_agree = self.history.len() == self.of_agents().alone;
        let all = [
            (sums_agree, "the two sums differ"),
            (self.notes.killed.is_some(), "nobody was killed"),
            (self.of_person().is_some(), "the person had no turn"),
            (all_sent, "tasks are missing"),
        ];
        let missed = all.into_iter().filter(|(happened, _)| !happened);
        missed.map(|(_, what)| what.to_owned()).collect()
    }
}

fn clash(one: &Report, other: &Report) -> String {
    let (a, b) = (&one.worker, &other.worker);
    format!(
        "{} in {} and {} in {} were at work at the same time (locks {} and {})",
        a.session, a.folder, b.session, b.folder, a.token, b.token
    )
}

fn complaints(report: &Report) -> Vec<String> {
    let worker = &report.worker;
    let who = format!("{} (lock {})", worker.session, worker.token);
    let found = report.found.iter();
    let mut all: Vec<String> = found
        .map(|found| format!("{who} was not alone: {found}"))
        .collect();
    if report.looks == 0 {
        all.push(format!("{who} never says that it was alone"));
    }
    all
}

fn leftovers(left: Left) -> Vec<String> {
    let all = [
        (left.locks, "locks"),
        (left.waiters, "waiters"),
        (left.processes, "processes"),
    ];
    let some = all.into_iter().filter(|(count, _)| *count > 0);
    let text = |(count, what)| format!("{count} {what} are left");
    some.map(text).collect()
}
