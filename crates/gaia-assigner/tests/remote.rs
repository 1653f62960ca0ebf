//! Sessions that ask for work themselves: taking, signs of life, and the end.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::time::Duration;

use fleet::{Fleet, until};
use gaia_assigner::TaskError;
use gaia_assigner::service::{AddRemote, Taken, Teller, Waiting};
use gaia_assigner::task::{Status, Told};
use gaia_locks::Locks as _;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::model::EndReason;
use gaia_locks::service::Acquire;
use gaia_locks::wire::Answer;

fn name(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn add(fleet: &Fleet, session: &str, lease: Duration) {
    let new = AddRemote {
        name: name(session),
        provider: None,
        folder: None,
        lease,
    };
    fleet.tasks.add_remote(&new).unwrap();
}

fn take(fleet: &Fleet, session: &str) -> Option<Taken> {
    fleet.tasks.take(&name(session), None).unwrap()
}

fn acting_as(session: &str) -> Teller {
    Teller {
        session: Some(name(session)),
        ..Teller::default()
    }
}

fn done(fleet: &Fleet, session: &str, id: TaskId) -> Result<Status, TaskError> {
    let told = Told::Done(Some("the answer".to_owned()));
    let task = fleet.tasks.told(Some(id), &told, &acting_as(session));
    task.map(|task| task.status)
}

fn is_free(fleet: &Fleet, folder: &Folder) -> bool {
    fleet
        .tasks
        .locks()
        .status(Some(folder))
        .unwrap()
        .locks
        .is_empty()
}

const LONG: Duration = Duration::from_secs(900);

#[test]
fn t11_a_session_elsewhere_takes_a_task_under_its_lock_and_says_that_it_is_done() {
    let fleet = Fleet::new();
    add(&fleet, "far", LONG);
    let folder = fleet.folder("repo");
    let low = fleet.send("low", Some(&folder));
    let id = fleet.send_with("high", Some(&folder), |new| new.priority = 5);
    let taken = take(&fleet, "far").unwrap();
    assert_eq!((taken.task.id, taken.task.content.as_str()), (id, "high"));
    assert_eq!(taken.task.status, Status::InProgress);
    assert_eq!(taken.folder.as_deref(), Some(folder.path()));
    let token = taken.token.unwrap();
    let lock = fleet.tasks.locks().verify(token).unwrap();
    assert!(lock.active);
    let lock = lock.lock.unwrap();
    assert_eq!((lock.session_id.as_str(), lock.task_id), ("far", id));
    let again = fleet.tasks.take(&name("far"), None).unwrap_err();
    assert!(matches!(again, TaskError::SessionBusy { .. }), "{again}");
    assert_eq!(done(&fleet, "far", id).unwrap(), Status::Completed);
    let task = fleet.tasks.show(id).unwrap();
    assert_eq!(task.response.as_deref(), Some("the answer"));
    let ended = fleet.tasks.locks().verify(token).unwrap().lock.unwrap();
    assert_eq!(ended.end_reason, Some(EndReason::TaskEnded));
    assert_eq!(take(&fleet, "far").unwrap().task.id, low);
    let fail = Told::Failed("no disk".to_owned());
    let failed = fleet.tasks.told(None, &fail, &acting_as("far")).unwrap();
    assert_eq!(
        (failed.status, failed.error.as_deref()),
        (Status::Failed, Some("no disk"))
    );
    fleet.assert_at_rest();
}

#[test]
fn t09_two_takers_at_once_get_two_tasks_or_one_none() {
    for round in 0..20 {
        let fleet = Fleet::new();
        let folder = fleet.folder("repo");
        let other = if round % 2 == 0 {
            "repo/inner"
        } else {
            "elsewhere"
        };
        let other = fleet.folder(other);
        fleet.send("one", Some(&folder));
        fleet.send("two", Some(&other));
        for session in ["a", "b"] {
            add(&fleet, session, LONG);
        }
        let taken: Vec<Option<Taken>> = std::thread::scope(|scope| {
            let fleet = &fleet;
            let takers = ["a", "b"].map(|session| scope.spawn(move || take(fleet, session)));
            takers.map(|taker| taker.join().unwrap()).into()
        });
        let mut ids: Vec<i64> = taken
            .iter()
            .flatten()
            .map(|taken| taken.task.id.0)
            .collect();
        ids.sort_unstable();
        match round % 2 {
            0 => assert_eq!(ids.len(), 1, "two tasks in overlapping folders"),
            _ => assert_eq!(ids, [1, 2]),
        }
    }
}

#[test]
fn t10_what_a_session_asks_for_is_planned_as_all_else_and_an_assigner_gives_it_nothing() {
    let fleet = Fleet::new();
    fleet.shell("near");
    add(&fleet, "far", LONG);
    let for_near = fleet.send_with("true", None, |new| new.session = Some("near".to_owned()));
    let gone = fleet.folder("gone");
    let impossible = fleet.send("true", Some(&gone));
    std::fs::remove_dir(gone.path()).unwrap();
    let for_far = fleet.send_with("echo", None, |new| new.session = Some("far".to_owned()));
    assert_eq!(take(&fleet, "far").unwrap().task.id, for_far);
    assert_eq!(fleet.tasks.show(impossible).unwrap().status, Status::Failed);
    done(&fleet, "far", for_far).unwrap();
    assert!(take(&fleet, "far").is_none());
    let later = fleet.send_with("echo", None, |new| new.session = Some("far".to_owned()));
    let _at_work = fleet.work();
    assert_eq!(fleet.end_of(for_near).status, Status::Completed);
    assert_eq!(fleet.tasks.show(later).unwrap().status, Status::Pending);
    let wrong = fleet.tasks.take(&name("near"), None).unwrap_err();
    assert!(matches!(wrong, TaskError::NotRemote { .. }), "{wrong}");
}

#[test]
fn t06_a_session_that_stays_silent_past_its_lease_has_lost_its_task() {
    let fleet = Fleet::new();
    add(&fleet, "far", Duration::from_secs(1));
    add(&fleet, "other", LONG);
    let folder = fleet.folder("repo");
    let id = fleet.send("work", Some(&folder));
    take(&fleet, "far").unwrap();
    assert!(take(&fleet, "other").is_none());
    let mut next = None;
    until("another gets it", || {
        next = take(&fleet, "other");
        next.is_some()
    });
    let next = next.unwrap();
    assert_eq!((next.task.id, next.task.retry_count), (id, 1));
    let late = done(&fleet, "far", id).unwrap_err();
    assert!(matches!(late, TaskError::NotYours { .. }), "{late}");
    let heard = fleet.tasks.heartbeat(&name("far"), Some(id)).unwrap();
    assert!(heard.stop.is_some() && heard.task.is_none(), "{heard:?}");
    assert_ne!(heard.session.status, "idle", "it may still work there");
    let idle = fleet.tasks.heartbeat(&name("far"), None).unwrap();
    assert_eq!((idle.session.status.as_str(), idle.stop), ("idle", None));
    assert_eq!(done(&fleet, "other", id).unwrap(), Status::Completed);
    fleet.assert_at_rest();
}

#[test]
fn t05_signs_of_life_renew_the_lease_of_a_session_elsewhere() {
    let fleet = Fleet::new();
    add(&fleet, "far", Duration::from_secs(2));
    let folder = fleet.folder("repo");
    let id = fleet.send("work", Some(&folder));
    let token = take(&fleet, "far").unwrap().token.unwrap();
    let end = || {
        let lock = fleet.tasks.locks().look(|tx| tx.store().lock(token));
        lock.unwrap().unwrap().expires
    };
    let first = end();
    until("the first lease would be over", || {
        let heard = fleet.tasks.heartbeat(&name("far"), Some(id)).unwrap();
        assert_eq!(heard.stop, None);
        let now = fleet.tasks.locks().look(|tx| Ok(tx.now().moment)).unwrap();
        now > first
    });
    assert!(end() > first);
    assert_eq!(done(&fleet, "far", id).unwrap(), Status::Completed);
}

#[test]
fn t04_past_its_time_it_is_asked_to_stop_and_its_lock_ends_when_it_says_so() {
    let fleet = Fleet::new();
    add(&fleet, "far", LONG);
    let folder = fleet.folder("repo");
    let id = fleet.send_with("work", Some(&folder), |new| {
        new.time_limit = Duration::from_millis(50);
    });
    take(&fleet, "far").unwrap();
    until("it is asked to stop", || {
        let heard = fleet.tasks.heartbeat(&name("far"), Some(id)).unwrap();
        heard.stop.as_deref() == Some("its time is up")
    });
    assert!(!is_free(&fleet, &folder), "it has a minute");
    let told = Told::Failed("stopped".to_owned());
    let task = fleet.tasks.told(None, &told, &acting_as("far")).unwrap();
    assert_eq!(
        (task.status, task.error.as_deref()),
        (Status::Failed, Some("timed out"))
    );
    assert!(is_free(&fleet, &folder));
}

#[test]
fn t15_only_who_acts_as_the_session_says_how_its_task_ended() {
    let fleet = Fleet::new();
    add(&fleet, "far", LONG);
    add(&fleet, "other", LONG);
    let id = fleet.send("work", None);
    take(&fleet, "far").unwrap();
    let strange = done(&fleet, "other", id).unwrap_err();
    assert!(matches!(strange, TaskError::NotYours { .. }), "{strange}");
    let for_another = Teller {
        task: Some(TaskId(99)),
        ..acting_as("far")
    };
    let wrong = fleet.tasks.told(Some(id), &Told::Done(None), &for_another);
    assert!(
        matches!(wrong, Err(TaskError::NotYours { .. })),
        "{wrong:?}"
    );
    let person = Teller {
        person: Some("me".to_owned()),
        ..Teller::default()
    };
    let task = fleet
        .tasks
        .told(Some(id), &Told::Done(None), &person)
        .unwrap();
    assert_eq!(task.status, Status::Completed);
}

#[test]
fn r04_one_whose_lock_lapsed_and_was_held_by_another_is_told_once() {
    let fleet = Fleet::new();
    add(&fleet, "far", LONG);
    let folder = fleet.folder("repo");
    let id = fleet.send("work", Some(&folder));
    let token = take(&fleet, "far").unwrap().token.unwrap();
    // Its lease ends at once, as by a clock that went on while it slept.
    let lapse = fleet.tasks.locks().transact(|tx| {
        let lock = tx.store().lock(token)?.unwrap();
        let expires = tx.now().moment;
        tx.store()
            .update_lock(&gaia_locks::model::Lock { expires, ..lock })
    });
    lapse.unwrap();
    let other = Acquire::new(folder.clone(), name("other"), TaskId::NONE);
    let other = fleet.tasks.locks().acquire(&other).unwrap();
    assert!(matches!(other, Answer::Granted(_)), "{other:?}");
    let lost = done(&fleet, "far", id).unwrap_err();
    let TaskError::Lapsed { held, .. } = &lost else {
        panic!("{lost}");
    };
    assert!(held.starts_with("session other held it"), "{held}");
    // It has looked again.
    assert_eq!(done(&fleet, "far", id).unwrap(), Status::Completed);
}

#[test]
fn cancelling_asks_a_session_elsewhere_to_stop() {
    let fleet = Fleet::new();
    add(&fleet, "far", LONG);
    let id = fleet.send("work", None);
    take(&fleet, "far").unwrap();
    let task = fleet.tasks.cancel(id, "me").unwrap();
    assert!(
        task.stopping && task.status == Status::InProgress,
        "{task:?}"
    );
    let heard = fleet.tasks.heartbeat(&name("far"), Some(id)).unwrap();
    assert_eq!(heard.stop.as_deref(), Some("it was cancelled"));
    assert_eq!(done(&fleet, "far", id).unwrap(), Status::Cancelled);
}

#[test]
fn one_who_waits_for_work_gets_it_when_it_comes() {
    let fleet = Fleet::new();
    add(&fleet, "far", LONG);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| {
            let patience = Waiting {
                limit: Some(Duration::from_secs(20)),
                ..Waiting::default()
            };
            fleet.tasks.take(&name("far"), Some(&patience)).unwrap()
        });
        let id = fleet.send("work", None);
        assert_eq!(waits.join().unwrap().unwrap().task.id, id);
    });
    let brief = Waiting {
        limit: Some(Duration::from_millis(30)),
        ..Waiting::default()
    };
    add(&fleet, "other", LONG);
    assert_eq!(
        fleet.tasks.take(&name("other"), Some(&brief)).unwrap(),
        None
    );
}

/// No assigner is there to see it.
#[test]
fn t03_a_state_that_another_program_sets_ends_a_taken_task() {
    for statement in [
        "UPDATE prompts SET status = 'completed' WHERE id = 1",
        "DELETE FROM prompts WHERE id = 1",
    ] {
        let fleet = Fleet::new();
        add(&fleet, "far", LONG);
        let folder = fleet.folder("repo");
        fleet.send("first", Some(&folder));
        let next = fleet.send("next", Some(&folder));
        let token = take(&fleet, "far").unwrap().token.unwrap();
        let sql = rusqlite::Connection::open(fleet.path("assigner.db")).unwrap();
        sql.busy_timeout(Duration::from_secs(10)).unwrap();
        sql.execute(statement, []).unwrap();
        assert_eq!(take(&fleet, "far").unwrap().task.id, next, "{statement}");
        assert!(!fleet.tasks.locks().verify(token).unwrap().active);
    }
}
