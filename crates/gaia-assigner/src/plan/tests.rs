use proptest::prelude::*;

use super::*;
use crate::session::{Kind, State};
use crate::task::Wants;

const RULES: Rules = Rules {
    patience: Duration::from_secs(600),
};
const NOW: Moment = Moment(1_000_000_000_000);

fn folder(path: &str) -> Folder {
    Folder::clean(path).unwrap()
}

fn session(name: &str, idle: bool) -> Session {
    Session {
        name: SessionId::new(name).unwrap(),
        kind: Kind::Process,
        provider: None,
        state: if idle {
            State::Idle { since: Moment(1) }
        } else {
            State::Busy { task: TaskId(99) }
        },
        folder: None,
        failed_starts: 0,
        is_unprotected: false,
        is_gone: false,
    }
}

/// Something is in the way of it and all that lies in it.
fn taken(path: &str) -> Place {
    Place::Taken(folder(path), Region::In(path.to_owned()))
}

fn head(id: i64, priority: i64, place: Place) -> Head {
    let path = match &place {
        Place::Free(folder) | Place::Taken(folder, _) => Some(folder.path().to_owned()),
        _ => None,
    };
    let wants = Wants {
        folder: path,
        ..Wants::default()
    };
    let task = Pending {
        id: TaskId(id),
        priority,
        wants,
        passed_over: None,
        waiter: None,
        region: Region::Anywhere,
    };
    Head { task, place }
}

fn assigned(effects: &[Effect]) -> Vec<i64> {
    let assigned = effects.iter().filter_map(|effect| match effect {
        Effect::Assign(assign) => Some(assign.task.0),
        _ => None,
    });
    assigned.collect()
}

#[test]
fn t07_priority_first_then_age() {
    let snapshot = Snapshot {
        sessions: vec![session("a", true), session("b", true)],
        heads: vec![
            head(3, 5, Place::Nowhere),
            head(1, 0, Place::Nowhere),
            head(2, 5, Place::Nowhere),
        ],
    };
    assert_eq!(assigned(&plan(&snapshot, NOW, RULES)), [2, 3]);
}

#[test]
fn t07_a_locked_folder_is_passed_over_and_holds_up_nobody() {
    let snapshot = Snapshot {
        sessions: vec![session("a", true)],
        heads: vec![
            head(1, 9, taken("/x")),
            head(2, 0, Place::Free(folder("/y"))),
        ],
    };
    let effects = plan(&snapshot, NOW, RULES);
    let region = Region::In("/x".to_owned());
    assert_eq!(
        effects[..2],
        [
            Effect::Enter {
                task: TaskId(1),
                region
            },
            Effect::PassOver { task: TaskId(1) }
        ]
    );
    assert_eq!(assigned(&effects), [2]);
}

#[test]
fn t07_who_was_passed_over_too_long_stands_in_line_even_if_all_are_busy() {
    let mut waiting = head(1, 0, taken("/x"));
    waiting.task.passed_over = Some(NOW.minus(RULES.patience));
    waiting.task.region = Region::In("/x".to_owned());
    let mut snapshot = Snapshot {
        sessions: vec![session("a", false)],
        heads: vec![waiting],
    };
    assert!(snapshot.is_worth_a_look(&snapshot.heads[0].task, NOW, RULES));
    let effects = plan(&snapshot, NOW, RULES);
    assert!(
        matches!(
            effects[..],
            [Effect::Stand {
                task: TaskId(1),
                ..
            }]
        ),
        "{effects:?}"
    );

    snapshot.heads[0].task.passed_over = Some(NOW.minus(RULES.patience / 2));
    assert_eq!(plan(&snapshot, NOW, RULES), []);

    snapshot.heads[0].task.passed_over = Some(NOW.minus(RULES.patience));
    snapshot.heads[0].task.wants.session = Some("nobody".to_owned());
    assert_eq!(
        plan(&snapshot, NOW, RULES),
        [],
        "no known session could take it"
    );
}

#[test]
fn t07_a_place_in_line_that_nobody_could_take_up_is_left() {
    let mut standing = head(1, 0, Place::Unseen);
    standing.task.waiter = Some(WaiterId(7));
    standing.task.wants.session = Some("gone".to_owned());
    let snapshot = Snapshot {
        sessions: vec![session("a", true)],
        heads: vec![standing],
    };
    let effects = plan(&snapshot, NOW, RULES);
    assert_eq!(
        effects,
        [Effect::Leave {
            task: TaskId(1),
            waiter: WaiterId(7)
        }]
    );
}

/// Its folder would be nobody's until that session comes back.
#[test]
fn t07_a_place_in_line_for_a_session_whose_pane_is_gone_is_left() {
    let mut standing = head(1, 0, Place::Unseen);
    standing.task.waiter = Some(WaiterId(7));
    let mut waiting = head(2, 0, taken("/x"));
    waiting.task.passed_over = Some(NOW.minus(RULES.patience));
    waiting.task.region = Region::In("/x".to_owned());
    let gone = Session {
        is_gone: true,
        ..session("a", false)
    };
    let mut snapshot = Snapshot {
        sessions: vec![gone],
        heads: vec![standing, waiting],
    };
    let leave = Effect::Leave {
        task: TaskId(1),
        waiter: WaiterId(7),
    };
    assert_eq!(plan(&snapshot, NOW, RULES), [leave]);
    snapshot.sessions.push(session("b", false));
    let effects = plan(&snapshot, NOW, RULES);
    assert!(
        matches!(
            effects[..],
            [Effect::Stand {
                task: TaskId(2),
                ..
            }]
        ),
        "{effects:?}"
    );
}

#[test]
fn t01_a_folder_that_is_missing_fails_its_task_when_its_turn_comes() {
    let missing = head(
        1,
        0,
        Place::Impossible("its folder /x does not exist".to_owned()),
    );
    let mut snapshot = Snapshot {
        sessions: vec![session("a", true)],
        heads: vec![missing],
    };
    let effects = plan(&snapshot, NOW, RULES);
    assert!(
        matches!(
            &effects[..],
            [Effect::Fail {
                task: TaskId(1),
                ..
            }]
        ),
        "{effects:?}"
    );
    snapshot.sessions = vec![session("a", false)];
    assert_eq!(plan(&snapshot, NOW, RULES), [], "its turn has not come");
}

#[test]
fn t12_readers_of_one_folder_are_given_out_together_and_writers_are_not() {
    let mut heads = vec![
        head(1, 0, Place::Free(folder("/x"))),
        head(2, 0, Place::Free(folder("/x/y"))),
    ];
    let sessions = vec![session("a", true), session("b", true)];
    let snapshot = Snapshot {
        sessions: sessions.clone(),
        heads: heads.clone(),
    };
    assert_eq!(assigned(&plan(&snapshot, NOW, RULES)), [1]);
    for head in &mut heads {
        head.task.wants.read_only = true;
    }
    assert_eq!(
        assigned(&plan(&Snapshot { sessions, heads }, NOW, RULES)),
        [1, 2]
    );
}

#[test]
fn stops_are_asked_for_lost_or_due() {
    let running = |id, deadline, stop| Running {
        id: TaskId(id),
        session: SessionId::new("s").unwrap(),
        token: None,
        deadline,
        assigner: None,
        keeper: None,
        pane: None,
        agent_pid: None,
        is_started: false,
        stop,
        told: None,
        work_tree: None,
        retry: false,
        spent: 0,
        most: 3,
        log: None,
    };
    let later = NOW.plus(Duration::from_secs(1));
    let tasks = [
        running(1, later, None),
        running(2, later, Some(Stop::Cancelled)),
        running(3, NOW, None),
        running(4, later, None),
    ];
    let stops = stops(&tasks, NOW, |task| {
        (task.id == TaskId(4)).then(|| "forced".to_owned())
    });
    let expected = [
        (TaskId(2), Stop::Cancelled),
        (TaskId(3), Stop::TimedOut),
        (TaskId(4), Stop::LockLost("forced".to_owned())),
    ];
    assert_eq!(stops, expected);
}

fn any_place() -> impl Strategy<Value = Place> {
    let paths = prop::sample::select(vec!["/", "/a", "/a/b", "/a/b/c", "/d"]);
    paths.prop_flat_map(|path| {
        prop_oneof![
            Just(Place::Nowhere),
            Just(Place::Free(folder(path))),
            Just(taken(path)),
            Just(Place::Impossible("gone".to_owned())),
        ]
    })
}

fn any_head() -> impl Strategy<Value = Head> {
    let named = prop::option::of(prop::sample::select(vec!["s0", "s1", "gone"]));
    (
        any_place(),
        -2_i64..3,
        any::<bool>(),
        named,
        prop::option::of(0_u64..1200),
    )
        .prop_map(|(place, priority, read_only, named, waited)| {
            let mut head = head(0, priority, place);
            head.task.wants.read_only = read_only;
            head.task.wants.session = named.map(str::to_owned);
            head.task.passed_over = waited.map(|waited| NOW.minus(Duration::from_secs(waited)));
            head
        })
}

proptest! {
    #[test]
    fn a_plan_never_contradicts_itself(
        heads in prop::collection::vec(any_head(), 0..12),
        idle in prop::collection::vec(any::<bool>(), 0..4),
    ) {
        let sessions: Vec<Session> =
            idle.iter().enumerate().map(|(at, idle)| session(&format!("s{at}"), *idle)).collect();
        let mut heads = heads;
        for (at, head) in (1_i64..).zip(&mut heads) {
            head.task.id = TaskId(at);
        }
        let snapshot = Snapshot { sessions, heads };
        let effects = plan(&snapshot, NOW, RULES);
        let given: Vec<&Assign> = effects.iter().filter_map(|effect| match effect {
            Effect::Assign(assign) => Some(assign),
            _ => None,
        }).collect();
        for (at, assign) in given.iter().enumerate() {
            let head = snapshot.heads.iter().find(|head| head.task.id == assign.task).unwrap();
            let taker = snapshot.sessions.iter().find(|session| session.name == assign.session).unwrap();
            // Only what is free goes, and only to an idle session that can take it.
            prop_assert!(matches!(head.place, Place::Nowhere | Place::Free(_)));
            prop_assert!(taker.fit(&head.task.wants).is_some());
            for other in &given[..at] {
                prop_assert_ne!(&other.session, &assign.session);
                prop_assert_ne!(other.task, assign.task);
                if let (Some(a), Some(b)) = (&other.folder, &assign.folder) {
                    prop_assert!(!other.mode.excludes(assign.mode) || !a.overlaps(b));
                }
            }
        }
        // Nobody is left idle beside a task that it could have been given.
        for head in &snapshot.heads {
            let free_place = match &head.place {
                Place::Nowhere => true,
                Place::Free(folder) => given.iter().all(|assign| assign.folder.as_ref().is_none_or(|taken| {
                    !taken.overlaps(folder) || !assign.mode.excludes(head.task.wants.mode())
                })),
                _ => false,
            };
            let left_over = given.iter().all(|assign| assign.task != head.task.id);
            let idle = snapshot.sessions.iter().any(|session| {
                session.fit(&head.task.wants).is_some() && given.iter().all(|assign| assign.session != session.name)
            });
            prop_assert!(!(free_place && left_over && idle), "task {} was left", head.task.id);
        }
    }
}
