//! No two conflicting locks are active at the same instant [R1].

use gaia_locks::folder::is_within;
use gaia_locks::store::Record;

use super::timeline::{Standing, Step, Timeline};
use super::verdict::Violation;

pub(super) fn judge(timeline: &Timeline<'_>) -> Vec<Violation> {
    let mut standing = Standing::default();
    let mut violations = Vec::new();
    for (moment, step) in &timeline.steps {
        match *step {
            Step::End(at) => standing.remove(at, timeline.spans[at].record),
            Step::Grant(at) => {
                let record = timeline.spans[at].record;
                for other in standing.overlapping(record) {
                    let other = timeline.spans[other].record;
                    let apart = leaves_out(other, record) || leaves_out(record, other);
                    if conflict(other, record) && !apart {
                        violations.push(Violation::Conflict {
                            first: other.id,
                            second: record.id,
                            from: *moment,
                            what: format!("{} and {}", described(other), described(record)),
                        });
                    }
                }
                standing.add(at, record);
            }
        }
    }
    violations
}

/// Written anew rather than borrowed from the rules: a judge that thinks with
/// the accused's head finds nothing.
pub(super) fn conflict(a: &Record, b: &Record) -> bool {
    let exclusive = a.mode.word() == "exclusive" || b.mode.word() == "exclusive";
    let one_worker = a.holder.session == b.holder.session
        && (a.holder.task == b.holder.task || a.holder.task.0 == 0 || b.holder.task.0 == 0);
    exclusive && !one_worker && a.scope == b.scope && a.folder.overlaps(&b.folder)
}

/// Whether a lock that an agent's hook took leaves the other's folder to others:
/// a linked work tree inside the locked one, as the history keeps it.
fn leaves_out(record: &Record, other: &Record) -> bool {
    let trees = record
        .details
        .as_ref()
        .and_then(|details| details.get("leaves_out"));
    let Some(trees) = trees.and_then(|trees| trees.as_array()) else {
        return false;
    };
    let left_out = |key: &str| {
        let mut trees = trees.iter().filter_map(|tree| tree.as_str());
        trees.any(|tree| is_within(key, tree))
    };
    let apart = |key: &str| {
        let mut own = record.folder.keys();
        left_out(key) || own.all(|own| !is_within(key, own) && !is_within(own, key))
    };
    other.folder.keys().all(apart)
}

pub(super) fn described(record: &Record) -> String {
    format!(
        "{} {} of {}",
        record.mode.word(),
        record.folder,
        record.holder
    )
}
