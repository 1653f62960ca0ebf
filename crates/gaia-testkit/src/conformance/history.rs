//! [R15]: every grant leaves one row.

use gaia_locks::clock::Wall;
use gaia_locks::model::{EndReason, LockStatus, Mode};
use gaia_locks::service::Config;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::{Answer, LockInfo};
use gaia_locks::{LockId, LockService, Locks as _, TaskId};

use super::{Stage, ask, cannot, folder, seconds, session};

fn all(stage: &Stage) -> Vec<LockInfo> {
    stage.locks.history(&HistoryFilter::default()).unwrap()
}

fn ids(rows: &[LockInfo]) -> Vec<LockId> {
    rows.iter().map(|row| row.id).collect()
}

pub(super) fn r15_every_grant_leaves_one_row(stage: &Stage) {
    let one = ask("A", "/r").granted(stage);
    ask("A", "/r").granted(stage);
    stage.renew(&one, None).unwrap();
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    stage.release(&one);
    let two = stage.take_up(waiter).locks.remove(0);
    let three = ask("C", "/a").and("/b").all_granted(stage).locks;
    assert_eq!(ids(&all(stage)), [three[1].id, three[0].id, two.id, one.id]);
}

pub(super) fn r15_a_refusal_leaves_none(stage: &Stage) {
    ask("A", "/r").granted(stage);
    ask("B", "/r").refused(stage);
    ask("B", "/r").waiting().queued(stage);
    assert_eq!(all(stage).len(), 1);
}

pub(super) fn r15_it_says_who_what_when_until_when_and_how(stage: &Stage) {
    let begin = ask("Z", "/z").granted(stage).created_at;
    stage.pass(100);
    let lock = ask("A", "/r").task(3).shared().ttl(600).granted(stage);
    stage.pass(60);
    stage.release(&lock);
    let row = all(stage).remove(0);
    assert_eq!(
        (row.session_id, row.task_id, row.mode),
        (session("A"), TaskId(3), Mode::Shared)
    );
    assert_eq!(row.folder_path, "/r");
    assert_eq!(row.created_at, begin.plus(seconds(100)));
    assert_eq!(row.expires_at, Some(begin.plus(seconds(700))));
    assert_eq!(row.released_at, Some(begin.plus(seconds(160))));
    assert_eq!((row.expired_at, row.expires_in), (None, None));
    assert_eq!(
        (row.status, row.end_reason),
        (LockStatus::Released, Some(EndReason::Released))
    );
    assert_eq!(row.ended_by.as_deref(), Some("A"));
}

pub(super) fn r15_each_way_of_ending_has_its_word(stage: &Stage) {
    let process = stage.process(1);
    let released = ask("A", "/released").granted(stage);
    let forced = ask("A", "/forced").granted(stage);
    let died = ask("A", "/died").bound_to(&process).granted(stage);
    let lapsed = ask("A", "/lapsed").ttl(1).granted(stage);
    stage.release(&released);
    stage.locks.force_release(forced.id, "root", "why").unwrap();
    stage.kill(&process);
    stage.pass(1);
    stage.locks.cleanup().unwrap();
    let how = |lock: &LockInfo| {
        let row = stage.lock(lock.id);
        (row.end_reason.unwrap().word(), row.status.word())
    };
    assert_eq!(how(&released), ("released", "released"));
    assert_eq!(how(&forced), ("forced", "released"));
    assert_eq!(how(&died), ("died", "expired"));
    assert_eq!(how(&lapsed), ("lapsed", "expired"));
}

pub(super) fn r15_a_lapse_is_dated_when_it_was(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    stage.pass(5000);
    stage.locks.cleanup().unwrap();
    assert_eq!(
        stage.lock(lock.id).expired_at,
        Some(lock.created_at.plus(seconds(60)))
    );
}

pub(super) fn r15_it_can_be_asked_by_folder_session_task_and_time(stage: &Stage) {
    let a = ask("A", "/r/a").task(1).granted(stage);
    stage.pass(10);
    let b = ask("B", "/r/b").granted(stage);
    let q = ask("A", "/q").granted(stage);
    let found = |filter: HistoryFilter| ids(&stage.locks.history(&filter).unwrap());
    let none = HistoryFilter::default;
    let overlapping = |path: &str| {
        found(HistoryFilter {
            folder: Some(folder(path)),
            ..none()
        })
    };
    assert_eq!(overlapping("/r"), [b.id, a.id]);
    assert_eq!(overlapping("/r/a/deep"), [a.id]);
    assert_eq!(overlapping("/r/c"), []);
    assert_eq!(
        found(HistoryFilter {
            session: Some(session("A")),
            ..none()
        }),
        [q.id, a.id]
    );
    assert_eq!(
        found(HistoryFilter {
            task: Some(TaskId(1)),
            ..none()
        }),
        [a.id]
    );
    assert_eq!(
        found(HistoryFilter {
            since: Some(b.created_at),
            ..none()
        }),
        [q.id, b.id]
    );
    let both = HistoryFilter {
        session: Some(session("A")),
        folder: Some(folder("/r")),
        ..none()
    };
    assert_eq!(found(both), [a.id]);
}

pub(super) fn r15_a_folder_is_asked_about_in_its_own_scope(stage: &Stage) {
    let Some(elsewhere) = &stage.elsewhere else {
        return cannot("ask in another scope");
    };
    let here = ask("A", "/r").granted(stage);
    let Ok(Answer::Granted(granted)) = ask("B", "/r/b").at(&**elsewhere) else {
        panic!("another machine's /r is another folder");
    };
    let there = granted.locks[0].id;
    let filter = HistoryFilter {
        folder: Some(folder("/r")),
        ..HistoryFilter::default()
    };
    assert_eq!(ids(&stage.locks.history(&filter).unwrap()), [here.id]);
    assert_eq!(ids(&elsewhere.history(&filter).unwrap()), [there]);
    assert_eq!(ids(&all(stage)), [there, here.id]);
}

pub(super) fn r15_it_can_be_asked_who_held_what_in_a_stretch_of_time(stage: &Stage) {
    let early = ask("A", "/early").granted(stage);
    let long = ask("A", "/long").granted(stage);
    stage.pass(10);
    stage.release(&early);
    stage.pass(10);
    let late = ask("A", "/late").granted(stage);
    let held = |from: u64, to: u64| {
        let begin = early.created_at;
        let filter = HistoryFilter {
            held: Some((begin.plus(seconds(from)), begin.plus(seconds(to)))),
            ..HistoryFilter::default()
        };
        ids(&stage.locks.history(&filter).unwrap())
    };
    assert_eq!(held(0, 100), [late.id, long.id, early.id]);
    assert_eq!(held(5, 6), [long.id, early.id]);
    assert_eq!(held(11, 20), [long.id]);
    assert_eq!(held(20, 21), [late.id, long.id]);
}

pub(super) fn r15_it_comes_in_pages_newest_first(stage: &Stage) {
    let mut granted: Vec<LockId> = (0..7)
        .map(|n| ask("A", &format!("/{n}")).granted(stage).id)
        .collect();
    granted.reverse();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let filter = HistoryFilter {
            before,
            limit: Some(3),
            ..HistoryFilter::default()
        };
        let page = ids(&stage.locks.history(&filter).unwrap());
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        before = Some(*last);
        seen.extend(page);
    }
    assert_eq!(seen, granted);
}

pub(super) fn r15_pruning_takes_what_ended_before_and_nothing_active(stage: &Stage) {
    let active = ask("A", "/active").granted(stage);
    let early = ask("A", "/early").granted(stage);
    stage.release(&early);
    stage.pass(100);
    let late = ask("A", "/late").granted(stage);
    let ended = stage.release(&late).released_at.unwrap();
    assert_eq!(stage.locks.prune(ended).unwrap(), 1);
    assert_eq!(ids(&all(stage)), [late.id, active.id]);
    stage.locks.prune(Wall(i64::MAX / 2)).unwrap();
    assert!(stage.is_active(active.id));
}

pub(super) fn r15_nothing_is_pruned_by_itself(stage: &Stage) {
    let Some(service) = &stage.service else {
        return cannot("keep further facts with a row");
    };
    let lock = ask("A", "/r").granted(stage);
    stage.release(&lock);
    let facts = serde_json::json!({"head": "abc"});
    service
        .transact(|tx| tx.store().annotate(lock.id, &facts))
        .unwrap();
    for _ in 0..20 {
        stage.pass(30 * 86_400);
        stage.locks.cleanup().unwrap();
    }
    assert_eq!(all(stage)[0].details, Some(facts));
}

pub(super) fn r15_a_retention_prunes_at_a_sweep(stage: &Stage) {
    let Some(service) = &stage.service else {
        return cannot("be told a retention");
    };
    let config = Config {
        witness: service.witness().clone(),
        retention: Some(seconds(1000)),
        ..Config::default()
    };
    let keeping = LockService::new(service.store().clone(), config);
    let active = ask("A", "/active").ttl(7200).granted(stage);
    stage.release(&ask("A", "/early").granted(stage));
    stage.pass(600);
    let late = ask("A", "/late").granted(stage);
    stage.release(&late);
    stage.pass(600);
    assert_eq!(keeping.cleanup().unwrap(), 0);
    assert_eq!(ids(&all(stage)), [late.id, active.id]);
}
