//! [R8]: waiting itself, with threads that really wait.

use std::sync::mpsc;
use std::time::Duration;

use gaia_locks::model::{Turn, WaiterLife};
use gaia_locks::service::{Cancel, Patience};
use gaia_locks::wire::Answer;
use gaia_locks::{Error, WaiterId};

use super::{Stage, ask, seconds, session};

/// Longer than any wait here lasts; a test that stands still fails.
const LONG: Duration = Duration::from_secs(20);

/// A thread that waits.
struct Waiting {
    cancel: Cancel,
    looks: mpsc::Receiver<()>,
    answer: mpsc::Receiver<Result<Answer, Error>>,
}

impl Waiting {
    /// Begins to wait, and has looked once when this returns.
    fn begin(stage: &Stage, waiter: WaiterId) -> Self {
        let (locks, cancel) = (stage.locks.clone(), Cancel::default());
        let (looked, looks) = mpsc::channel();
        let (answered, answer) = mpsc::channel();
        let called_off = cancel.clone();
        std::thread::spawn(move || {
            let mut on_look = |_: &_| {
                // Nobody listens any more once the case is over.
                looked.send(()).ok();
            };
            let mut patience = Patience {
                limit: None,
                cancel: called_off,
                on_look: Some(&mut on_look),
            };
            answered.send(locks.wait(waiter, &mut patience)).ok();
        });
        looks.recv_timeout(LONG).unwrap();
        Self {
            cancel,
            looks,
            answer,
        }
    }

    fn ends(&self) -> Result<Answer, Error> {
        self.answer.recv_timeout(LONG).unwrap()
    }

    fn is_granted(&self) {
        let answer = self.ends();
        assert!(matches!(answer, Ok(Answer::Granted(_))), "{answer:?}");
    }

    fn is_refused(&self) {
        let answer = self.ends();
        assert!(matches!(answer, Ok(Answer::Refused(_))), "{answer:?}");
    }
}

pub(super) fn r08_a_waiter_is_woken_by_the_release(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    let waiting = Waiting::begin(stage, waiter);
    stage.release(&held);
    waiting.is_granted();
    assert_eq!(
        stage.locks.status(None).unwrap().locks[0].lock.session_id,
        session("B")
    );
}

pub(super) fn r08_a_limit_ends_the_wait(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r").waiting_for(seconds(60)).queued(stage).waiter;
    let waiting = Waiting::begin(stage, waiter);
    for _ in 0..3 {
        stage.pass(19);
        // It lets itself be heard while it waits, and does not give up early.
        while waiting.looks.try_recv().is_ok() {}
        waiting.looks.recv_timeout(LONG).unwrap();
    }
    assert_eq!(stage.place_of(waiter), Some(1));
    stage.pass(3);
    waiting.is_refused();
    assert_eq!(stage.locks.status(None).unwrap().waiters, []);
    assert!(stage.is_active(held.id));
}

pub(super) fn r08_a_wait_can_be_called_off(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    let behind = ask("C", "/r").waiting().queued(stage).waiter;
    let waiting = Waiting::begin(stage, waiter);
    waiting.cancel.cancel();
    waiting.is_refused();
    assert_eq!(stage.place_of(behind), Some(1));
    stage.release(&held);
    stage.take_up(behind);
}

pub(super) fn r08_a_place_that_is_gone_is_told(stage: &Stage) {
    ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    let waiting = Waiting::begin(stage, waiter);
    stage.locks.leave(waiter).unwrap();
    let gone = waiting.ends();
    assert!(matches!(gone, Err(Error::NotInLine(_))), "{gone:?}");
}

pub(super) fn r03_a_waiter_is_granted_when_the_lease_ends(stage: &Stage) {
    ask("A", "/r").ttl(20).granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    let waiting = Waiting::begin(stage, waiter);
    stage.pass(20);
    waiting.is_granted();
}

pub(super) fn r11_a_waiter_is_granted_when_the_holder_dies(stage: &Stage) {
    let process = stage.process(1);
    ask("A", "/r").bound_to(&process).granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    let waiting = Waiting::begin(stage, waiter);
    stage.kill(&process);
    waiting.is_granted();
}

pub(super) fn r08_one_behind_a_dead_waiter_is_granted(stage: &Stage) {
    let process = stage.process(1);
    ask("A", "/r/a").granted(stage);
    ask("B", "/r").waiting_as(&process).queued(stage);
    let waiter = ask("C", "/r/c").waiting().queued(stage).waiter;
    let waiting = Waiting::begin(stage, waiter);
    stage.kill(&process);
    waiting.is_granted();
}

pub(super) fn r08_one_behind_patience_that_is_over_is_granted(stage: &Stage) {
    let stopped = WaiterLife::Process(stage.process(1));
    ask("A", "/r/a").granted(stage);
    ask("B", "/r")
        .standing(stopped, Some(seconds(20)), Turn::Granted)
        .queued(stage);
    let waiter = ask("C", "/r/c").waiting().queued(stage).waiter;
    let waiting = Waiting::begin(stage, waiter);
    stage.pass(20);
    waiting.is_granted();
}
