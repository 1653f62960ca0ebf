//! Tokens only rise in the order of grants, and none is used twice [R4].

use std::collections::HashMap;

use gaia_locks::clock::Moment;
use gaia_locks::ids::LockId;
use gaia_locks::store::Record;

use super::testimony::{Seen, Testimony};
use super::verdict::Violation;

type Records<'a> = HashMap<LockId, &'a Record>;

pub(super) fn judge(history: &[Record], testimony: &Testimony) -> Vec<Violation> {
    let records: Records<'_> = history.iter().map(|row| (row.id, row)).collect();
    let mut violations = in_history(history);
    violations.extend(in_journals(&records, testimony));
    violations.extend(given_twice(&records, testimony));
    violations
}

/// The history's own moments, each read inside the granting transaction.
fn in_history(history: &[Record]) -> Vec<Violation> {
    let pairs = history.windows(2);
    let falling =
        pairs.filter(|pair| pair[0].id >= pair[1].id || pair[0].granted > pair[1].granted);
    falling
        .map(|pair| {
            let back = pair[0].granted.since(pair[1].granted);
            order(
                pair[0].id,
                pair[1].id,
                format!("the later was granted {back:?} earlier"),
            )
        })
        .collect()
}

/// What was known before something else was asked for has the lower token:
/// judged by the processes' own clock alone, whatever the history says.
fn in_journals(records: &Records<'_>, testimony: &Testimony) -> Vec<Violation> {
    let mut known: Vec<(Moment, LockId)> = Vec::new();
    let mut asked: Vec<(Moment, LockId)> = Vec::new();
    for grant in &testimony.grants {
        for token in &grant.tokens {
            if records
                .get(token)
                .is_some_and(|record| is_fresh(grant, record))
            {
                known.push((grant.known, *token));
                asked.push((grant.asked, *token));
            }
        }
    }
    known.sort_unstable();
    asked.sort_unstable();
    let mut highest = LockId(0);
    let mut earlier = known.into_iter().peekable();
    let mut violations = Vec::new();
    for (moment, token) in asked {
        while let Some((_, before)) = earlier.next_if(|(at, _)| *at < moment) {
            highest = highest.max(before);
        }
        if token <= highest {
            let what = "the first was known before the second was asked for";
            violations.push(order(highest, token, what.to_owned()));
        }
    }
    violations
}

/// Whether a request was the first to be given this lock: one that asks again
/// for what its session holds is given the old one [R2].
fn is_fresh(grant: &Seen, record: &Record) -> bool {
    record.granted >= grant.asked
}

/// A token seen by two requests is one lock, held before: same holder, folder
/// and mode. Anything else is a second use of it.
fn given_twice(records: &Records<'_>, testimony: &Testimony) -> Vec<Violation> {
    let mut violations = Vec::new();
    for grant in &testimony.grants {
        for (token, folder) in grant.tokens.iter().zip(&grant.want.folders) {
            let Some(record) = records.get(token) else {
                continue; // Told by the judge of losses.
            };
            let same = record.holder == grant.want.holder
                && record.mode == grant.want.mode
                && record.folder.same(folder);
            if !same {
                violations.push(Violation::TokenReused {
                    token: *token,
                    what: format!(
                        "{} was told that {folder} of {} is its, and the history has {} of {}",
                        grant.journal, grant.want.holder, record.folder, record.holder
                    ),
                });
            }
        }
    }
    violations
}

fn order(before: LockId, after: LockId, what: String) -> Violation {
    Violation::TokenOrder {
        before,
        after,
        what,
    }
}
