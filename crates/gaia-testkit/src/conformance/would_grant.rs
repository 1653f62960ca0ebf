//! Looking without asking: the answer is the one that acquiring gives.

use gaia_locks::LockService;
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::Turn;
use gaia_locks::model::WaiterLife;
use gaia_locks::service::{Attempt, InTheWay};
use gaia_locks::wire::Answer;

use super::{Ask, Stage, ask, cannot, folder};
use crate::hammer::Draw;

/// Looks, then acquires, in one transaction.
fn look_and_ask(service: &LockService, request: &Ask) -> (InTheWay, Answer) {
    let want = service.want(&request.0).unwrap();
    let attempt = Attempt {
        want: &want,
        request: &request.0,
    };
    service
        .transact(|tx| Ok((tx.would_grant(&want, None)?, tx.acquire(&attempt)?)))
        .unwrap()
}

fn any_ask(draw: &mut Draw, living: &[ProcessIdentity]) -> Ask {
    const FOLDERS: [&str; 6] = ["/", "/r", "/r/a", "/r/a/b", "/r/c", "/q"];
    const SESSIONS: [&str; 4] = ["A", "B", "C", "D"];
    let mut request = ask(draw.of(&SESSIONS).unwrap(), draw.of(&FOLDERS).unwrap()).ttl(20);
    if draw.chance(25) {
        request = request.and(draw.of(&FOLDERS).unwrap());
    }
    request = request.task(i64::try_from(draw.below(3)).unwrap());
    if draw.chance(33) {
        request = request.shared();
    }
    let process = living[draw.index(living.len())].clone();
    if draw.chance(33) {
        request = request.bound_to(&process);
    }
    let life = match draw.below(2) {
        0 => WaiterLife::Heartbeat,
        _ => WaiterLife::Process(process),
    };
    let turn = match draw.below(4) {
        0 => Turn::Reserved,
        _ => Turn::Granted,
    };
    if draw.chance(25) {
        request = request.standing(life, None, turn);
    }
    request
}

/// Something else happens: time passes, a process dies, a lock ends, a pause
/// begins or ends.
fn disturb(draw: &mut Draw, stage: &Stage, living: &mut [ProcessIdentity], step: u32) {
    match draw.below(8) {
        0 => stage.pass(draw.below(12)),
        1 => {
            let process = &mut living[draw.index(5)];
            stage.kill(process);
            *process = stage.process(100 + step);
        }
        2 => drop(stage.locks.pause(&folder("/r/c"), "admin", "a look")),
        3 => drop(stage.locks.resume(&folder("/r/c"))),
        _ => {
            if let Some(lock) = stage.active().first() {
                drop(stage.locks.force_release(*lock, "admin", "a look"));
            }
        }
    }
}

pub(super) fn t07_a_look_says_what_acquire_would_answer(stage: &Stage) {
    let Some(service) = &stage.service else {
        return cannot("share a transaction");
    };
    let mut draw = Draw::new(7);
    let (mut granted, mut not) = (0, 0);
    let mut living: Vec<_> = (1..=5).map(|pid| stage.process(pid)).collect();
    for step in 0..1500 {
        let request = any_ask(&mut draw, &living);
        // What is due to those in line is handed to them by who acquires, and
        // a look cannot foresee what that changes.
        if !stage.locks.status(None).unwrap().waiters.is_empty() {
            stage.locks.cleanup().unwrap();
        }
        let (seen, answer) = look_and_ask(service, &request);
        let is_granted = matches!(answer, Answer::Granted(_));
        assert_eq!(
            seen.is_nothing(),
            is_granted,
            "step {step}: {request:?}\nlooked: {seen:?}\nasked: {answer:?}"
        );
        if is_granted {
            granted += 1
        } else {
            not += 1
        }
        disturb(&mut draw, stage, &mut living, step);
    }
    assert!(granted > 50 && not > 50, "{granted} granted, {not} not");
}

pub(super) fn t07_a_look_names_what_is_in_the_way(stage: &Stage) {
    let Some(service) = &stage.service else {
        return cannot("share a transaction");
    };
    let held = ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r/b").waiting().queued(stage).waiter;
    stage.locks.pause(&folder("/r"), "admin", "a look").unwrap();
    let want = service.want(&ask("C", "/r/b/c").0).unwrap();
    let seen = service.look(|tx| tx.would_grant(&want, None)).unwrap();
    assert_eq!(seen.locks.len(), 1, "{seen:?}");
    assert_eq!(seen.locks[0].id, held.id);
    assert_eq!(seen.waiters.len(), 1, "{seen:?}");
    assert_eq!(seen.waiters[0].id, waiter);
    assert_eq!(seen.pauses.len(), 1, "{seen:?}");
    let ahead = service
        .look(|tx| tx.would_grant(&want, Some(waiter)))
        .unwrap();
    assert!(
        ahead.waiters.is_empty(),
        "who stands there came first: {ahead:?}"
    );
    assert_eq!(stage.active(), [held.id], "a look changes nothing");
}
