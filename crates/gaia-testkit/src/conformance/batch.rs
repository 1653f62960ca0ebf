//! Several requests in one transaction, and what joins them.

use gaia_locks::model::EndReason;
use gaia_locks::service::{Acquire, Attempt, LockTx, Release, Released};
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::{Answer, LockInfo};
use gaia_locks::{Error, LockId, LockService};

use super::{Ask, Stage, ask, cannot, session};

/// Runs requests in one transaction.
fn together(service: &LockService, asks: &[Ask]) -> Vec<Answer> {
    let wants: Vec<_> = asks
        .iter()
        .map(|ask| (service.want(&ask.0).unwrap(), &ask.0))
        .collect();
    let each = |tx: &mut LockTx<'_>, (want, request): &(_, &Acquire)| {
        tx.acquire(&Attempt { want, request })
    };
    service
        .transact(|tx| wants.iter().map(|one| each(tx, one)).collect())
        .unwrap()
}

fn lock_of(answer: &Answer) -> LockInfo {
    match answer {
        Answer::Granted(granted) => granted.locks[0].clone(),
        other => panic!("should be granted, but: {other:?}"),
    }
}

fn release(lock: LockId, name: &str) -> Release {
    Release {
        folder: None,
        session: session(name),
        task: None,
        token: Some(lock),
    }
}

pub(super) fn r01_requests_in_one_transaction_see_each_other(stage: &Stage) {
    let Some(service) = &stage.service else {
        return cannot("share a transaction");
    };
    let answers = together(
        service,
        &[
            ask("A", "/r"),
            ask("B", "/r/b"),
            ask("A", "/r"),
            ask("C", "/q"),
        ],
    );
    let first = lock_of(&answers[0]);
    assert!(
        matches!(&answers[1], Answer::Refused(_)),
        "{:?}",
        answers[1]
    );
    assert!(
        matches!(&answers[2], Answer::Granted(again) if again.held_before),
        "{:?}",
        answers[2]
    );
    assert_eq!(stage.active(), [first.id, lock_of(&answers[3]).id]);
}

pub(super) fn r14_an_error_in_a_batch_rolls_all_back(stage: &Stage) {
    let Some(service) = &stage.service else {
        return cannot("share a transaction");
    };
    let held = ask("A", "/held").granted(stage);
    let waiter = ask("W", "/held").waiting().queued(stage).waiter;
    let request = ask("B", "/r").id("b");
    let want = service.want(&request.0).unwrap();
    let failed: Result<(), Error> = service.transact(|tx| {
        tx.release(&release(held.id, "A"))?;
        tx.acquire(&Attempt {
            want: &want,
            request: &request.0,
        })?;
        Err(Error::InvalidRequest("on purpose".to_owned()))
    });
    assert!(
        matches!(failed, Err(Error::InvalidRequest(_))),
        "{failed:?}"
    );
    assert_eq!(stage.active(), [held.id]);
    assert_eq!(
        stage.place_of(waiter),
        Some(1),
        "nobody was handed anything"
    );
    assert_eq!(
        stage
            .locks
            .history(&HistoryFilter::default())
            .unwrap()
            .len(),
        1
    );
    assert!(
        !request.all_granted(stage).held_before,
        "the request id was not remembered"
    );
}

pub(super) fn r08_a_batch_hands_off_inside_itself(stage: &Stage) {
    let Some(service) = &stage.service else {
        return cannot("share a transaction");
    };
    let held = ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    let request = ask("C", "/r");
    let want = service.want(&request.0).unwrap();
    let (released, late) = service
        .transact(|tx| {
            let released = tx.release(&release(held.id, "A"))?;
            let late = tx.acquire(&Attempt {
                want: &want,
                request: &request.0,
            })?;
            Ok((released, late))
        })
        .unwrap();
    assert!(matches!(released, Released::Ended(_)));
    assert!(matches!(late, Answer::Refused(_)), "B was first: {late:?}");
    stage.take_up(waiter);
}

pub(super) fn r04_tokens_of_a_batch_rise(stage: &Stage) {
    let Some(service) = &stage.service else {
        return cannot("share a transaction");
    };
    let mut last = LockId(0);
    for round in 0..3 {
        let asks: Vec<Ask> = (0..20)
            .map(|n| ask("A", &format!("/{round}/{n}")))
            .collect();
        for answer in together(service, &asks) {
            let lock = lock_of(&answer);
            assert!(lock.id > last);
            last = lock.id;
        }
    }
}

pub(super) fn t03_a_tasks_locks_end_in_one_transaction(stage: &Stage) {
    let Some(service) = &stage.service else {
        return cannot("share a transaction");
    };
    let kept = ask("A", "/r").task(3).for_the_assigner().granted(stage);
    let taken = ask("A", "/q").task(3).granted(stage);
    let other = ask("A", "/s").task(4).granted(stage);
    let waiter = ask("B", "/q").waiting().queued(stage).waiter;
    service
        .transact(|tx| {
            let locks = tx.task_locks(&session("A"), gaia_locks::TaskId(3))?;
            let tokens: Vec<LockId> = locks.iter().map(|lock| lock.id).collect();
            tx.end_task_locks(&tokens, "assigner")
        })
        .unwrap();
    let next = stage.take_up(waiter).locks.remove(0);
    assert_eq!(stage.active(), [other.id, next.id]);
    for lock in [kept, taken] {
        assert_eq!(stage.lock(lock.id).end_reason, Some(EndReason::TaskEnded));
    }
}
