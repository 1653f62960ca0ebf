//! Nobody is served before a waiter that came earlier, lives, and could not be
//! granted beside him [R8].
//!
//! Excused are, as the rule says: a request whose own holder is what the
//! waiter waits for, and what lies inside one's own lock.

use std::collections::HashMap;

use gaia_locks::clock::Moment;
use gaia_locks::ids::{LockId, SessionId, WaiterId};
use gaia_locks::model::{Lock, Want};
use gaia_locks::store::Record;

use super::conflicts::described;
use super::testimony::{Seen, Testimony, Wait};
use super::timeline::{Step, Timeline};
use super::verdict::Violation;

pub(super) fn judge(timeline: &Timeline<'_>, testimony: &Testimony) -> Vec<Violation> {
    let mut line = Line::of(timeline, testimony);
    let mut held: HashMap<&SessionId, Vec<usize>> = HashMap::new();
    let mut violations = Vec::new();
    for (moment, step) in &timeline.steps {
        match *step {
            Step::End(at) => {
                let session = &timeline.spans[at].record.holder.session;
                held.entry(session).or_default().retain(|one| *one != at);
            }
            Step::Grant(at) => {
                let record = timeline.spans[at].record;
                let own = held.entry(&record.holder.session).or_default();
                if let Some(served) = line.served(record, *moment) {
                    let own: Vec<&Record> =
                        own.iter().map(|at| timeline.spans[*at].record).collect();
                    violations.extend(line.passed_over(served, record, &own, timeline));
                }
                own.push(at);
            }
        }
    }
    violations
}

/// A stay in line, with its end by all that is known.
struct Stay<'a> {
    wait: &'a Wait,
    until: Moment,
}

/// Who stood in line at the moment that is looked at.
struct Line<'a> {
    /// By the first token of each grant that a process saw.
    served: HashMap<LockId, &'a Seen>,
    /// Still to come, the next one last.
    coming: Vec<Stay<'a>>,
    standing: Vec<Stay<'a>>,
}

impl<'a> Line<'a> {
    fn of(timeline: &Timeline<'_>, testimony: &'a Testimony) -> Self {
        let unseen = Unseen::of(timeline, testimony);
        let stay = |wait: &'a Wait| Stay {
            until: unseen.end_of(wait, timeline),
            wait,
        };
        let mut coming: Vec<Stay<'_>> = testimony.waits.iter().map(stay).collect();
        coming.sort_unstable_by_key(|stay| std::cmp::Reverse(stay.wait.from));
        let first = |seen: &'a Seen| seen.tokens.first().map(|token| (*token, seen));
        Self {
            served: testimony.grants.iter().filter_map(first).collect(),
            coming,
            standing: Vec::new(),
        }
    }

    /// Whom this lock was granted to, when it is the first of its request.
    fn served(&mut self, record: &Record, moment: Moment) -> Option<&'a Seen> {
        while let Some(stay) = self.coming.pop_if(|stay| stay.wait.from < moment) {
            self.standing.push(stay);
        }
        self.standing.retain(|stay| stay.until > moment);
        let seen = self.served.get(&record.id).copied();
        seen.filter(|seen| record.granted >= seen.asked)
    }

    fn passed_over(
        &self,
        served: &Seen,
        record: &Record,
        own: &[&Record],
        timeline: &Timeline<'_>,
    ) -> Option<Violation> {
        let want = &served.want;
        let committed = timeline.committed(record.granted);
        let passed = self.standing.iter().find(|stay| {
            let wait = stay.wait;
            came_before(wait.waiter, served.waiter)
                && want.excludes(&wait.want)
                && wait.killed.is_none_or(|killed| committed < killed)
                && !own.iter().any(|held| waits_for(&wait.want, want, held))
        })?;
        if lies_inside(want, own) {
            return None;
        }
        let wait = passed.wait;
        Some(Violation::OutOfTurn {
            passed_over: wait.waiter,
            granted: record.id,
            what: format!(
                "{} was granted {} ns after {} began to wait for {} ({:?} waiter {:?})",
                described(record),
                record.granted.since(wait.from).as_nanos(),
                wait.want.holder,
                wait.want.folders[0],
                wait.want.mode,
                served.waiter,
            ),
        })
    }
}

fn came_before(waiting: WaiterId, served: Option<WaiterId>) -> bool {
    served.is_none_or(|served| waiting < served)
}

/// Whether a waiter waits for a lock of the one who was served.
fn waits_for(waiting: &Want, served: &Want, held: &Record) -> bool {
    held.holder.is_same_worker(&served.holder) && waiting.conflicts_with(&as_lock(held))
}

fn lies_inside(want: &Want, own: &[&Record]) -> bool {
    want.folders.iter().all(|folder| {
        own.iter().any(|held| {
            held.holder.is_same_worker(&want.holder)
                && held.mode.is_at_least(want.mode)
                && held.folder.covers(folder)
        })
    })
}

fn as_lock(record: &Record) -> Lock {
    Lock {
        id: record.id,
        scope: record.scope.clone(),
        folder: record.folder.clone(),
        holder: record.holder.clone(),
        mode: record.mode,
        granted_at: record.granted_at,
        expires: Moment::MAX,
        ttl: std::time::Duration::ZERO,
        binding: gaia_locks::model::Binding::Lease,
        own: false,
        releaser: gaia_locks::model::Releaser::Holder,
    }
}

/// Grants that no process saw: its claim came while it was stopped or killed.
struct Unseen<'a> {
    by_session: HashMap<&'a SessionId, Vec<&'a Record>>,
}

impl<'a> Unseen<'a> {
    fn of(timeline: &Timeline<'a>, testimony: &Testimony) -> Self {
        let seen: std::collections::HashSet<LockId> = testimony
            .grants
            .iter()
            .flat_map(|grant| grant.tokens.iter().copied())
            .collect();
        let mut by_session: HashMap<&SessionId, Vec<&Record>> = HashMap::new();
        for span in &timeline.spans {
            if !seen.contains(&span.record.id) {
                let session = &span.record.holder.session;
                by_session.entry(session).or_default().push(span.record);
            }
        }
        Self { by_session }
    }

    /// When a wait ended at the earliest.
    fn end_of(&self, wait: &Wait, timeline: &Timeline<'_>) -> Moment {
        if let Some(span) = wait.tokens.first().and_then(|token| timeline.span(*token)) {
            return span.record.granted;
        }
        let records = self.by_session.get(&wait.want.holder.session);
        let claims = records.into_iter().flatten().filter(|record| {
            record.granted >= wait.from
                && record.holder == wait.want.holder
                && wait
                    .want
                    .folders
                    .iter()
                    .any(|folder| folder.same(&record.folder))
        });
        let claimed = claims.map(|record| record.granted).min();
        claimed.map_or(wait.until, |claimed| claimed.min(wait.until))
    }
}
