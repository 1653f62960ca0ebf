//! Nothing is lost: what a process was told is what the history says
//! [R6, R11, R14, R15].

use std::collections::{HashMap, HashSet};

use gaia_locks::clock::Moment;
use gaia_locks::ids::LockId;
use gaia_locks::liveness::{Liveness, liveness};
use gaia_locks::model::{Binding, EndReason};

use super::Evidence;
use super::testimony::{Act, Seen, Testimony};
use super::timeline::{Span, Timeline};
use super::verdict::Violation;

pub(super) fn judge(
    evidence: &Evidence,
    timeline: &Timeline<'_>,
    testimony: &Testimony,
) -> Vec<Violation> {
    let mut violations = rows(evidence, timeline);
    for grant in &testimony.grants {
        for token in &grant.tokens {
            match timeline.span(*token) {
                None => violations.push(lost(
                    *token,
                    format!(
                        "{} saw it granted, and the history does not know it",
                        grant.journal
                    ),
                )),
                Some(span) => violations.extend(end_is_explained(grant, span, testimony)),
            }
        }
    }
    violations.extend(releases(timeline, testimony));
    violations.extend(looks(timeline, testimony));
    violations.extend(deaths(timeline, testimony));
    violations
}

fn lost(token: LockId, what: String) -> Violation {
    Violation::Lost { token, what }
}

/// Active rows and open rows of the history are the same locks, and those of
/// dead processes are cleared away (the history is read after a sweep).
fn rows(evidence: &Evidence, timeline: &Timeline<'_>) -> Vec<Violation> {
    let known: HashSet<LockId> = evidence.history.iter().map(|record| record.id).collect();
    let mut violations: Vec<Violation> = evidence
        .active
        .iter()
        .filter(|lock| !known.contains(&lock.id))
        .map(|lock| {
            lost(
                lock.id,
                "it is active, and the history does not know it".to_owned(),
            )
        })
        .collect();
    for span in &timeline.spans {
        let id = span.record.id;
        match (&span.record.end, span.active) {
            (None, None) => {
                violations.push(lost(id, "its row says active, and it is not".to_owned()))
            }
            (Some(_), Some(_)) => {
                violations.push(lost(id, "its row says ended, and it is active".to_owned()))
            }
            (None, Some(lock)) => match &lock.binding {
                Binding::Lease | Binding::Agent(_) => {}
                Binding::Process(process) | Binding::Claim(process) => {
                    if liveness(process) == Liveness::Gone {
                        let what = format!("it is active, and its process {} is gone", process.pid);
                        violations.push(lost(id, what));
                    }
                }
            },
            (Some(_), None) => {}
        }
    }
    violations
}

/// A lock that its owner saw granted ends by a release that somebody asked
/// for; lapses and deaths are judged on their own.
fn end_is_explained(grant: &Seen, span: &Span<'_>, testimony: &Testimony) -> Option<Violation> {
    let end = span.record.end.as_ref()?;
    let explained = match end.reason {
        EndReason::Released => testimony
            .releases
            .get(&span.record.id)
            .is_some_and(|acts| acts.iter().any(|act| act.before <= end.moment)),
        EndReason::Lapsed | EndReason::Died => true,
        EndReason::Forced | EndReason::TaskEnded => false,
    };
    (!explained).then(|| {
        let how = end.reason.word();
        lost(
            span.record.id,
            format!(
                "it ended as {how}, and nobody asked for that; {} held it",
                grant.journal
            ),
        )
    })
}

/// An acknowledged release ended its lock; one that found nothing came after
/// the end.
fn releases(timeline: &Timeline<'_>, testimony: &Testimony) -> Vec<Violation> {
    let acts = testimony.releases.values().flatten();
    let answered = acts.filter_map(|act| act.answer.map(|answer| (act, answer)));
    answered
        .filter_map(|(act, (known, ended))| {
            let span = timeline.span(act.token)?;
            let what = if span.until > known {
                "it was released, and it went on"
            } else if ended && span.until < act.before {
                "its release was acknowledged, and it had ended before"
            } else {
                return None;
            };
            Some(lost(act.token, what.to_owned()))
        })
        .collect()
}

/// `verify` tells the truth.
fn looks(timeline: &Timeline<'_>, testimony: &Testimony) -> Vec<Violation> {
    let acts = testimony.looks.iter();
    let answered = acts.filter_map(|act| act.answer.map(|answer| (act, answer)));
    answered
        .filter_map(|(act, (known, active))| {
            let span = timeline.span(act.token)?;
            untrue(act, span, known, active).map(|what| lost(act.token, what.to_owned()))
        })
        .collect()
}

fn untrue(act: &Act, span: &Span<'_>, known: Moment, active: bool) -> Option<&'static str> {
    // A dead process ends its lock when that is noticed, a look alone notes it
    // nowhere: so the history may have a later end than `verify` told of.
    let died = span
        .record
        .end
        .as_ref()
        .is_some_and(|end| end.reason == EndReason::Died);
    if active && span.until < act.before {
        Some("verify said active after its end")
    } else if !active && span.until > known && !died {
        Some("verify said ended before its end")
    } else {
        None
    }
}

/// A lock ends as that of a dead process only when its process is dead.
fn deaths(timeline: &Timeline<'_>, testimony: &Testimony) -> Vec<Violation> {
    let mut owners: HashMap<LockId, &Seen> = HashMap::new();
    for grant in &testimony.grants {
        for token in &grant.tokens {
            // Whoever was granted it, not who asked again for the same.
            let fresh = timeline
                .span(*token)
                .is_some_and(|span| span.record.granted >= grant.asked);
            if fresh {
                owners.insert(*token, grant);
            }
        }
    }
    let died = timeline.spans.iter().filter_map(|span| {
        let end = span.record.end.as_ref()?;
        (end.reason == EndReason::Died).then_some((span, end.moment))
    });
    died.filter_map(|(span, moment)| {
        let owner = owners.get(&span.record.id)?;
        lived(owner, (moment, timeline.committed(moment)), testimony).map(|what| {
            Violation::NotDead {
                token: span.record.id,
                what,
            }
        })
    })
    .collect()
}

/// What shows that the owner's process still lived when its lock was ended as
/// that of a dead one.
fn lived(owner: &Seen, ended: (Moment, Moment), testimony: &Testimony) -> Option<String> {
    let name = &owner.journal;
    if !owner.bound {
        return Some(format!("{name} never bound it to its process"));
    }
    let over = [testimony.killed.get(name), testimony.left.get(name)];
    let Some(over) = over.into_iter().flatten().min() else {
        return Some(format!("{name} was neither killed nor did it leave"));
    };
    let (moment, committed) = ended;
    // Found dead after the lease had ended: then that is its end.
    let lease = owner.asked.plus(owner.want.ttl);
    (committed < *over && moment < lease)
        .then(|| format!("{name} lived {:?} longer", over.since(moment)))
}
