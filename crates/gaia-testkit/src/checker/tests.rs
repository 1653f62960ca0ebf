//! Each rule of the judge against a history made by hand that breaks it.

use std::time::Duration;

use gaia_locks::clock::{Moment, Wall};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, Scope, SessionId, TaskId, WaiterId};
use gaia_locks::model::{End, EndReason, Holder, Mode};
use gaia_locks::store::Record;

use super::journal::{Asked, Event, Line};
use super::*;

const MS: i64 = 1_000_000;

fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

/// A lock held from one millisecond to another.
fn held(id: i64, folder: &str, who: &str, from: i64, to: i64, how: EndReason) -> Record {
    Record {
        id: LockId(id),
        scope: Scope::local(),
        folder: Folder::clean(folder).unwrap(),
        holder: Holder::new(session(who), TaskId::NONE),
        mode: Mode::Exclusive,
        granted_at: Wall(0),
        granted: Moment(from * MS),
        expires_at: None,
        end: Some(End {
            reason: how,
            by: who.to_owned(),
            note: None,
            moment: Moment(to * MS),
            wall: Wall(0),
        }),
        details: None,
    }
}

fn released(id: i64, folder: &str, who: &str, from: i64, to: i64) -> Record {
    held(id, folder, who, from, to, EndReason::Released)
}

fn asked(folder: &str, who: &str, limit_ms: Option<u64>) -> Event {
    Event::Asked {
        ask: 1,
        want: Asked {
            folders: vec![folder.to_owned()],
            session: session(who),
            task: TaskId::NONE,
            mode: Mode::Exclusive,
            ttl_ms: 1_000,
            bound: false,
            own: false,
            limit_ms,
        },
    }
}

fn granted(token: i64) -> Event {
    Event::Granted {
        ask: 1,
        tokens: vec![LockId(token)],
        held_before: false,
    }
}

fn queued(waiter: i64) -> Event {
    Event::Queued {
        ask: 1,
        waiter: WaiterId(waiter),
    }
}

fn journal(name: &str, lines: Vec<(i64, Event)>) -> Journal {
    let line = |(at, event)| Line {
        at: Moment(at * MS),
        event,
    };
    Journal {
        name: name.to_owned(),
        lines: lines.into_iter().map(line).collect(),
    }
}

fn verdict(history: Vec<Record>, journals: Vec<Journal>) -> Verdict {
    judge(&Evidence {
        history,
        journals,
        ..Evidence::default()
    })
}

#[test]
fn a_good_history_is_clean() {
    let history = vec![released(1, "/a", "x", 0, 5), released(2, "/a/b", "y", 5, 9)];
    let release = |token| {
        let token = LockId(token);
        [
            Event::Releasing { token },
            Event::Released { token, ended: true },
        ]
    };
    let [releasing, done] = release(1);
    let [releasing2, done2] = release(2);
    let journals = vec![
        journal(
            "x",
            vec![
                (0, asked("/a", "x", None)),
                (1, granted(1)),
                (4, releasing),
                (6, done),
            ],
        ),
        journal(
            "y",
            vec![
                (1, asked("/a/b", "y", Some(50))),
                (2, queued(1)),
                (6, granted(2)),
                (8, releasing2),
                (9, done2),
            ],
        ),
    ];
    let verdict = verdict(history, journals);
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!((verdict.counts.waits, verdict.counts.turns), (1, 1));
}

#[test]
fn r01_a_linked_work_tree_that_a_hooks_lock_left_out_is_no_conflict_and_its_neighbour_is() {
    let leaving_out = |details| {
        let mut outer = released(1, "/a", "x", 0, 10);
        outer.details = Some(details);
        outer
    };
    let found = |outer: Record, inner| {
        let verdict = verdict(vec![outer, released(2, inner, "y", 1, 9)], Vec::new());
        verdict.violations.len()
    };
    let trees = || serde_json::json!({ "leaves_out": ["/a/w"] });
    assert_eq!(found(leaving_out(trees()), "/a/w"), 0);
    assert_eq!(found(leaving_out(trees()), "/a/w/deep"), 0);
    assert_eq!(found(leaving_out(trees()), "/a/ww"), 1);
    assert_eq!(found(leaving_out(trees()), "/a"), 1);
    assert_eq!(
        found(leaving_out(serde_json::json!({ "leaves_out": 3 })), "/a/w"),
        1
    );
}

#[test]
fn r01_overlap_with_an_ancestor_is_found_and_neighbours_are_not() {
    let history = vec![
        released(1, "/a", "x", 0, 10),
        released(2, "/ab", "y", 1, 10),
        released(3, "/a/b/c", "y", 9, 12),
        released(4, "/a", "x", 11, 13),
    ];
    let found = verdict(history, vec![]).violations;
    let pairs: Vec<(i64, i64)> = found
        .iter()
        .filter_map(|one| match one {
            Violation::Conflict { first, second, .. } => Some((first.0, second.0)),
            _ => None,
        })
        .collect();
    assert_eq!(pairs, [(1, 3), (3, 4)]);
}

#[test]
fn r01_shared_locks_and_one_worker_do_not_conflict() {
    let mut history = vec![
        released(1, "/a", "x", 0, 10),
        released(2, "/a", "y", 1, 10),
        released(3, "/a", "y", 2, 10),
    ];
    for record in &mut history {
        record.mode = Mode::Shared;
    }
    history[2].mode = Mode::Exclusive;
    history[2].holder.task = TaskId(7);
    let found = verdict(history, vec![]).violations;
    // Beside x's shared lock, not beside the one of its own session.
    assert!(
        matches!(
            found[..],
            [Violation::Conflict {
                first: LockId(1),
                second: LockId(3),
                ..
            }]
        ),
        "{found:?}"
    );
}

#[test]
fn r04_falling_tokens_are_found_in_history_and_in_journals() {
    let history = vec![released(1, "/a", "x", 5, 6), released(2, "/b", "x", 1, 2)];
    let found = verdict(history, vec![]).violations;
    assert!(
        matches!(found[..], [Violation::TokenOrder { .. }]),
        "{found:?}"
    );

    let history = vec![
        released(1, "/a", "x", 10, 11),
        released(2, "/b", "y", 10, 11),
    ];
    let journals = vec![
        journal("y", vec![(0, asked("/b", "y", None)), (11, granted(2))]),
        journal("x", vec![(0, asked("/a", "x", None)), (12, granted(1))]),
    ];
    assert_eq!(orders(&verdict(history.clone(), journals)), 0);
    let journals = vec![
        journal("y", vec![(0, asked("/b", "y", None)), (5, granted(2))]),
        journal("x", vec![(6, asked("/a", "x", None)), (12, granted(1))]),
    ];
    assert_eq!(orders(&verdict(history, journals)), 1);
}

fn orders(verdict: &Verdict) -> usize {
    let of_order = |one: &&Violation| matches!(one, Violation::TokenOrder { .. });
    verdict.violations.iter().filter(of_order).count()
}

#[test]
fn r04_a_token_for_two_is_found() {
    let history = vec![released(1, "/a", "x", 0, 1)];
    let journals = vec![journal(
        "y",
        vec![(0, asked("/a", "y", None)), (1, granted(1))],
    )];
    let found = verdict(history, journals).violations;
    assert!(
        found
            .iter()
            .any(|one| matches!(one, Violation::TokenReused { .. })),
        "{found:?}"
    );
}

/// Somebody waits from 2 to 20; another asks at 3 and is granted at 10.
fn overtaken(place: Option<i64>, own: Option<Record>) -> usize {
    let mut history = vec![
        released(5, "/a", "late", 10, 11),
        released(6, "/a", "early", 20, 21),
    ];
    history.extend(own);
    history.sort_unstable_by_key(|record| record.id);
    let mut late = vec![(3, asked("/a", "late", Some(500)))];
    late.extend(place.map(|place| (4, queued(place))));
    late.push((12, granted(5)));
    let early = vec![
        (1, asked("/a/b", "early", Some(500))),
        (2, queued(7)),
        (22, granted(6)),
    ];
    let mut all = vec![journal("early", early), journal("late", late)];
    all[0].lines[0].event = asked("/a", "early", Some(500));
    let verdict = verdict(history, all);
    let out = |one: &&Violation| matches!(one, Violation::OutOfTurn { .. });
    verdict.violations.iter().filter(out).count()
}

#[test]
fn r08_whoever_came_later_is_not_served_before() {
    assert_eq!(overtaken(Some(8), None), 1);
    assert_eq!(overtaken(None, None), 1);
    assert_eq!(overtaken(Some(6), None), 0, "it came earlier");
}

#[test]
fn r08_the_one_who_is_waited_for_may_pass() {
    let own = released(1, "/a/x", "late", 0, 15);
    assert_eq!(overtaken(Some(8), Some(own)), 0);
    let over = released(1, "/a/x", "late", 0, 9);
    assert_eq!(overtaken(Some(8), Some(over)), 1);
    let inside = released(1, "/", "late", 0, 15);
    assert_eq!(overtaken(Some(8), Some(inside)), 0);
}

#[test]
fn r08_the_dead_and_the_impatient_may_be_passed() {
    let history = || {
        let other = released(6, "/b", "other", 32, 33);
        vec![released(5, "/a", "late", 30, 31), other]
    };
    let late = || {
        journal(
            "late",
            vec![
                (3, asked("/a", "late", Some(500))),
                (4, queued(8)),
                (31, granted(5)),
            ],
        )
    };
    let out = |journals| {
        let verdict = verdict(history(), journals);
        let out = |one: &&Violation| matches!(one, Violation::OutOfTurn { .. });
        verdict.violations.iter().filter(out).count()
    };
    let early = |limit, last| {
        journal(
            "early",
            vec![(1, asked("/a", "early", Some(limit))), (2, queued(7)), last],
        )
    };
    let refused = |circle| Event::Refused { ask: 1, circle };
    assert_eq!(out(vec![early(500, (40, refused(false))), late()]), 1);
    assert_eq!(out(vec![early(20, (40, refused(false))), late()]), 0);
    assert_eq!(out(vec![early(500, (40, refused(true))), late()]), 0);
    let killing = |at| {
        let journal_of = "early".to_owned();
        let killing = Event::Killing {
            journal: journal_of,
        };
        journal("disturber", vec![(at, killing)])
    };
    assert_eq!(
        out(vec![early(500, (2, queued(7))), late(), killing(25)]),
        0
    );
    // After the transaction that passed it over: another followed at 32.
    assert_eq!(
        out(vec![early(500, (2, queued(7))), late(), killing(40)]),
        1
    );
    assert_eq!(
        out(vec![early(500, (2, queued(7))), late(), killing(31)]),
        0
    );
}

#[test]
fn r14_a_grant_that_the_history_forgot_is_found() {
    let journals = vec![journal(
        "x",
        vec![(0, asked("/a", "x", None)), (1, granted(9))],
    )];
    let found = verdict(vec![], journals).violations;
    assert!(
        matches!(
            found[..],
            [Violation::Lost {
                token: LockId(9),
                ..
            }]
        ),
        "{found:?}"
    );
}

#[test]
fn r06_releases_are_held_against_the_history() {
    let with = |history, first: i64, second: i64, ended| {
        let token = LockId(1);
        let journals = vec![journal(
            "x",
            vec![
                (first, Event::Releasing { token }),
                (second, Event::Released { token, ended }),
            ],
        )];
        verdict(history, journals).violations.len()
    };
    let history = || vec![released(1, "/a", "x", 0, 10)];
    assert_eq!(with(history(), 9, 11, true), 0);
    assert_eq!(with(history(), 5, 8, true), 1, "it went on");
    assert_eq!(with(history(), 12, 13, true), 1, "it had ended before");
    assert_eq!(with(history(), 12, 13, false), 0);
}

#[test]
fn r03_leases_that_end_early_or_late_are_found() {
    let lapsed = |at| {
        let history = vec![held(1, "/a", "x", 1, at, EndReason::Lapsed)];
        let journals = vec![journal(
            "x",
            vec![(0, asked("/a", "x", None)), (2, granted(1))],
        )];
        verdict(history, journals).violations.len()
    };
    assert_eq!(lapsed(1_001), 0);
    assert_eq!(lapsed(990), 1);
    assert_eq!(lapsed(2_050), 1);
}

#[test]
fn r11_a_lock_that_died_before_its_process_is_found() {
    let died = |at, killed: Option<i64>| {
        let history = vec![
            held(1, "/a", "x", 1, at, EndReason::Died),
            released(2, "/a", "y", 550, 560),
        ];
        let mut bound = asked("/a", "x", None);
        if let Event::Asked { want, .. } = &mut bound {
            want.bound = true;
        }
        let mut journals = vec![journal("x", vec![(0, bound), (2, granted(1))])];
        let killing = Event::Killing {
            journal: "x".to_owned(),
        };
        journals.extend(killed.map(|at| journal("disturber", vec![(at, killing)])));
        verdict(history, journals).violations.len()
    };
    assert_eq!(died(500, Some(400)), 0);
    assert_eq!(died(500, Some(600)), 1);
    // Killed while the transaction ran that found it dead.
    assert_eq!(died(500, Some(520)), 0);
    assert_eq!(died(500, None), 1);
}

#[test]
fn a_hundred_thousand_grants_are_judged_quickly() {
    let history: Vec<Record> = (1..=100_000)
        .map(|id| {
            let folder = format!("/repo/{}/{}", id % 50, id % 7);
            released(id, &folder, &format!("s{}", id % 20), id, id + 1)
        })
        .collect();
    let verdict = verdict(history, vec![]);
    assert_eq!(verdict.counts.grants, 100_000);
    assert!(verdict.is_clean(), "{verdict}");
}

#[test]
fn a_verdict_is_printed_for_people_and_as_json() {
    let verdict = verdict(
        vec![released(1, "/a", "x", 0, 9), released(2, "/a", "y", 1, 2)],
        vec![],
    );
    assert!(
        verdict.to_string().contains("conflict: locks 1 and 2"),
        "{verdict}"
    );
    assert_eq!(verdict.to_json()["violations"][0]["violation"], "conflict");
    assert_eq!(verdict.to_json()["clean"], false);
}

#[test]
fn a_torn_last_line_is_left_out() {
    let there = tempfile::tempdir().unwrap();
    let mut pen = journal::Pen::open(there.path(), "one").unwrap();
    pen.write(Event::Leaving).unwrap();
    let path = there.path().join("one.jsonl");
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(b"{\"at\":1,\"ev");
    std::fs::write(&path, text).unwrap();
    let read = Journal::read_all(there.path()).unwrap();
    assert_eq!((read.len(), read[0].lines.len()), (1, 1));
    assert_eq!(Duration::from_secs(1), Moment(MS * 1_000).since(Moment(0)));
}
