//! No two conflicting locks are active at the same instant [R1].

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
                    if conflict(other, record) {
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

pub(super) fn described(record: &Record) -> String {
    format!(
        "{} {} of {}",
        record.mode.word(),
        record.folder,
        record.holder
    )
}
