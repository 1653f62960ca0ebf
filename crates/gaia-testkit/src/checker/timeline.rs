//! The history as a row of steps in time: this lock began, that one ended.

use std::collections::{BTreeMap, HashMap};

use gaia_locks::clock::Moment;
use gaia_locks::folder::{ancestors, descendant_range};
use gaia_locks::ids::LockId;
use gaia_locks::model::{Binding, Lock};
use gaia_locks::store::Record;

use super::Evidence;

/// One lock from its grant to its end: active in `[record.granted, until)`.
#[derive(Clone, Debug)]
pub(super) struct Span<'a> {
    pub(super) record: &'a Record,
    /// [`Moment::MAX`]: nothing says that it ends.
    pub(super) until: Moment,
    /// The active row, where there is one.
    pub(super) active: Option<&'a Lock>,
}

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Step {
    /// A lock ended: what ends and begins at one moment does not overlap.
    End(usize),
    /// A lock began.
    Grant(usize),
}

/// All locks, and all steps in order.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    /// In order of tokens.
    pub(super) spans: Vec<Span<'a>>,
    pub(super) steps: Vec<(Moment, Step)>,
    by_id: HashMap<LockId, usize>,
}

impl<'a> Timeline<'a> {
    pub(super) fn of(evidence: &'a Evidence) -> Self {
        let active: HashMap<LockId, &Lock> =
            evidence.active.iter().map(|lock| (lock.id, lock)).collect();
        let spans: Vec<Span<'_>> = evidence
            .history
            .iter()
            .map(|record| span(record, active.get(&record.id).copied()))
            .collect();
        let mut steps = Vec::with_capacity(spans.len() * 2);
        for (at, span) in spans.iter().enumerate() {
            // One that was over at once stood beside nobody.
            if span.until > span.record.granted {
                steps.push((span.record.granted, Step::Grant(at)));
                steps.push((span.until, Step::End(at)));
            }
        }
        steps.sort_unstable();
        let by_id = spans
            .iter()
            .enumerate()
            .map(|(at, span)| (span.record.id, at));
        Self {
            by_id: by_id.collect(),
            steps,
            spans,
        }
    }

    /// When the transaction of this moment had committed for certain: when the
    /// next one began. Its moment is read once, at its beginning, and processes
    /// are looked at after that: one that dies in between is rightly found dead.
    pub(super) fn committed(&self, moment: Moment) -> Moment {
        let next = self
            .spans
            .partition_point(|span| span.record.granted <= moment);
        let next = self.spans.get(next);
        next.map_or(Moment::MAX, |span| span.record.granted)
    }

    pub(super) fn span(&self, id: LockId) -> Option<&Span<'a>> {
        self.by_id.get(&id).map(|at| &self.spans[*at])
    }
}

fn span<'a>(record: &'a Record, active: Option<&'a Lock>) -> Span<'a> {
    let until = match (&record.end, active) {
        (Some(end), _) => end.moment,
        // A lapsed row that nobody has cleared away yet frees the folder.
        (None, Some(lock)) if lock.binding == Binding::Lease => lock.expires,
        (None, _) => Moment::MAX,
    };
    Span {
        record,
        until,
        active,
    }
}

/// Locks by the names they cover, so that a lock meets only those that
/// overlap it: a hundred thousand grants are judged in a second.
#[derive(Default)]
pub(super) struct Standing {
    names: BTreeMap<(String, String), Vec<usize>>,
}

impl Standing {
    pub(super) fn add(&mut self, at: usize, record: &Record) {
        for key in record.folder.keys() {
            let name = (record.scope.as_str().to_owned(), key.to_owned());
            self.names.entry(name).or_default().push(at);
        }
    }

    pub(super) fn remove(&mut self, at: usize, record: &Record) {
        for key in record.folder.keys() {
            let name = (record.scope.as_str().to_owned(), key.to_owned());
            if let Some(standing) = self.names.get_mut(&name) {
                standing.retain(|other| *other != at);
                if standing.is_empty() {
                    self.names.remove(&name);
                }
            }
        }
    }

    /// Those with a name that is one of the record's, above or below it.
    pub(super) fn overlapping(&self, record: &Record) -> Vec<usize> {
        let scope = record.scope.as_str();
        let mut found = Vec::new();
        for key in record.folder.keys() {
            let above = ancestors(key)
                .filter_map(|name| self.names.get(&(scope.to_owned(), name.to_owned())));
            found.extend(above.flatten().copied());
            let (from, to) = descendant_range(key);
            let below = self
                .names
                .range((scope.to_owned(), from)..(scope.to_owned(), to));
            found.extend(below.flat_map(|(_, standing)| standing).copied());
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
