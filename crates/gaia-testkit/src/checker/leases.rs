//! A lease ends within its length and a second, and never early [R3, R5].
//!
//! The history has the moment of each grant. Renewals, extensions and the
//! taking up of a claim have none there; their askers wrote a line before and
//! one after.

use std::collections::HashMap;
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::ids::LockId;
use gaia_locks::model::{EndReason, Want};

use super::testimony::{Act, Seen, Testimony};
use super::timeline::{Span, Timeline};
use super::verdict::Violation;

/// How late a lease may end.
const LATE: Duration = Duration::from_secs(1);

/// What could have set a lease's end: for certain not before, and at most.
#[derive(Clone, Copy)]
struct Bounds {
    surely: Moment,
    at_most: Moment,
}

pub(super) fn judge(timeline: &Timeline<'_>, testimony: &Testimony) -> Vec<Violation> {
    let mut grants: HashMap<LockId, Vec<&Seen>> = HashMap::new();
    for grant in &testimony.grants {
        for token in &grant.tokens {
            grants.entry(*token).or_default().push(grant);
        }
    }
    let lapsed = timeline.spans.iter().filter_map(|span| {
        let end = span.record.end.as_ref()?;
        (end.reason == EndReason::Lapsed).then_some((span, end.moment))
    });
    lapsed
        .filter_map(|(span, ended)| {
            let seen = grants.get(&span.record.id)?;
            let renewals = testimony.renewals.get(&span.record.id);
            let mut bounds = bounds(span, seen, renewals.map_or(&[], Vec::as_slice));
            if testimony
                .unanswered
                .iter()
                .any(|want| may_extend(want, span))
            {
                bounds.at_most = Moment::MAX;
            }
            let what = untimely(ended, bounds)?;
            Some(Violation::Lease {
                token: span.record.id,
                what,
            })
        })
        .collect()
}

/// Asking again for exactly what one holds extends its lease [R2].
fn may_extend(want: &Want, span: &Span<'_>) -> bool {
    want.holder == span.record.holder
        && want.mode == span.record.mode
        && want
            .folders
            .iter()
            .any(|folder| folder.same(&span.record.folder))
}

fn bounds(span: &Span<'_>, seen: &[&Seen], renewals: &[Act]) -> Bounds {
    let granted = span.record.granted;
    let shortest = seen
        .iter()
        .map(|grant| grant.want.ttl)
        .min()
        .unwrap_or_default();
    let mut bounds = Bounds {
        surely: granted.plus(shortest),
        at_most: granted.plus(shortest),
    };
    for grant in seen {
        bounds.reach(grant.asked.max(granted), Some(grant.known), grant.want.ttl);
    }
    for renewal in renewals {
        match renewal.answer {
            Some((known, true)) => bounds.reach(renewal.before, Some(known), renewal.ttl),
            Some((_, false)) => {}
            // Killed in the middle: it may have been renewed, at any moment.
            None => bounds.at_most = Moment::MAX,
        }
    }
    bounds
}

impl Bounds {
    fn reach(&mut self, before: Moment, known: Option<Moment>, ttl: Duration) {
        self.surely = self.surely.max(before.plus(ttl));
        let known = known.map_or(Moment::MAX, |known| known.plus(ttl));
        self.at_most = self.at_most.max(known);
    }
}

fn untimely(ended: Moment, bounds: Bounds) -> Option<String> {
    if ended < bounds.surely {
        let early = bounds.surely.since(ended);
        Some(format!("its lease ended {early:?} early"))
    } else if ended > bounds.at_most.plus(LATE) {
        let late = ended.since(bounds.at_most);
        Some(format!("its lease ended {late:?} late"))
    } else {
        None
    }
}
