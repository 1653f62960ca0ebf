//! Every step of a transaction fails in turn: each time the state is the old
//! one or the new one, nobody who waits is wedged, and the same work done again
//! succeeds [R14].

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use gaia_locks::clock::ManualClock;
use gaia_locks::service::{Patience, Release, Released, Renew};
use gaia_locks::store::memory::MemoryStore;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::store::{HistoryFilter, Store};
use gaia_locks::wire::{Answer, LockInfo};
use gaia_locks::{Error, LockService, Locks, WaiterId};
use gaia_testkit::conformance::{Stage, ask, folder, session};
use gaia_testkit::faulty::{Fault, FaultyStore};

/// A stage whose store can be told to fail.
struct Scene {
    stage: Stage,
    store: Arc<FaultyStore>,
    service: LockService,
}

fn on(inner: Arc<dyn Store>, clock: ManualClock) -> Scene {
    let store = Arc::new(FaultyStore::new(inner));
    let stage = Stage::on(store.clone(), clock);
    let service = stage.service.clone().unwrap();
    Scene {
        stage,
        store,
        service,
    }
}

fn in_memory() -> Scene {
    let clock = ManualClock::new();
    on(Arc::new(MemoryStore::new(Arc::new(clock.clone()))), clock)
}

fn in_sqlite() -> Scene {
    let home = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let options = SqliteOptions {
        clock: Arc::new(clock.clone()),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(&home.path().join("assigner.db"), options).unwrap();
    let mut scene = on(Arc::new(store), clock);
    scene.stage = scene.stage.keeping(home);
    scene
}

/// All that can be seen: who holds, who waits, the past.
fn seen(scene: &Scene) -> String {
    let status = scene.service.status(None).unwrap();
    let past = scene.service.history(&HistoryFilter::default()).unwrap();
    let waiting = scene.service.look(|tx| tx.store().waiters()).unwrap();
    format!("{status:?} {past:?} {waiting:?}")
}

/// Does `work` on a prepared scene with each of its steps failing once.
fn each_step_fails<T>(
    make: fn() -> Scene,
    prepare: impl Fn(&Scene) -> T,
    work: impl Fn(&Scene, &T) -> Result<(), Error>,
    then: impl Fn(&Scene, &T),
) {
    let scene = make();
    let prepared = prepare(&scene);
    scene.store.fail(Fault::None);
    work(&scene, &prepared).unwrap();
    let steps = scene.store.fail(Fault::None);
    assert!(steps > 3, "there is something to fail: {steps}");
    for step in 0..steps {
        let scene = make();
        let prepared = prepare(&scene);
        let before = seen(&scene);
        scene.store.fail(Fault::At(step));
        let failed = work(&scene, &prepared);
        let at = scene.store.failed_at();
        scene.store.fail(Fault::None);
        assert!(
            matches!(failed, Err(Error::Store(_))),
            "step {step} ({at}): {failed:?}"
        );
        assert_eq!(
            seen(&scene),
            before,
            "step {step} ({at}) left something behind"
        );
        work(&scene, &prepared).unwrap();
        then(&scene, &prepared);
    }
}

fn is_granted(answer: Answer) {
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
}

fn release(lock: &LockInfo) -> Release {
    Release {
        folder: None,
        session: lock.session_id.clone(),
        task: None,
        token: Some(lock.id),
    }
}

fn acquire_of_three(make: fn() -> Scene) {
    let three = || ask("A", "/a").and("/b").and("/c").id("three");
    each_step_fails(
        make,
        |scene| ask("X", "/beside").granted(&scene.stage),
        |scene, _| three().at(&scene.service).map(is_granted),
        |scene, _| assert_eq!(scene.stage.active().len(), 4, "once, not twice"),
    );
}

/// The new request finds a lapsed lock, ends it, hands off to the line, and
/// stands in line itself.
fn acquire_that_clears_the_way(make: fn() -> Scene) {
    each_step_fails(
        make,
        |scene| {
            ask("A", "/r").ttl(10).granted(&scene.stage);
            let waiter = ask("B", "/r").waiting().queued(&scene.stage).waiter;
            scene.stage.pass(10);
            waiter
        },
        |scene, _| {
            let answer = ask("C", "/r").waiting().id("c").at(&scene.service)?;
            assert!(matches!(answer, Answer::Queued(_)), "{answer:?}");
            Ok(())
        },
        |scene, waiter| drop(scene.stage.take_up(*waiter)),
    );
}

fn release_that_hands_off(make: fn() -> Scene) {
    each_step_fails(
        make,
        |scene| {
            let held = ask("A", "/r").granted(&scene.stage);
            let waiters = ["B", "C"].map(|who| {
                ask(who, "/r")
                    .shared()
                    .waiting()
                    .queued(&scene.stage)
                    .waiter
            });
            (held, waiters)
        },
        |scene, (held, _)| {
            let released = scene.service.release(&release(held))?;
            assert!(matches!(released, Released::Ended(_)), "{released:?}");
            Ok(())
        },
        |scene, (_, waiters): &(LockInfo, [WaiterId; 2])| {
            for waiter in waiters {
                scene.stage.take_up(*waiter);
            }
        },
    );
}

fn take_up_of_two(make: fn() -> Scene) {
    each_step_fails(
        make,
        |scene| {
            let held = ask("A", "/a").granted(&scene.stage);
            let waiter = ask("B", "/a")
                .and("/b")
                .waiting()
                .id("b")
                .queued(&scene.stage)
                .waiter;
            scene.stage.release(&held);
            waiter
        },
        |scene, waiter| {
            scene
                .service
                .wait(*waiter, &mut Patience::default())
                .map(is_granted)
        },
        |scene, _| assert_eq!(scene.stage.active().len(), 2),
    );
}

fn renew_leave_force_sweep(make: fn() -> Scene) {
    let prepare = |scene: &Scene| {
        let held = ask("A", "/r").granted(&scene.stage);
        ask("L", "/l").ttl(5).granted(&scene.stage);
        let gives_up = ask("B", "/r").waiting().queued(&scene.stage).waiter;
        let next = ask("C", "/r/c").waiting().queued(&scene.stage).waiter;
        scene.stage.pass(5);
        (held, gives_up, next)
    };
    let renew = |scene: &Scene, (held, ..): &(LockInfo, WaiterId, WaiterId)| {
        let request = Renew {
            token: held.id,
            session: session("A"),
            task: None,
            folder: Some(folder("/r")),
            ttl: None,
        };
        scene.service.renew(&request).map(drop)
    };
    each_step_fails(make, prepare, renew, |_, _| {});
    each_step_fails(
        make,
        prepare,
        |scene, (_, gives_up, _)| scene.service.leave(*gives_up),
        |_, _| {},
    );
    let force = |scene: &Scene, (held, ..): &(LockInfo, WaiterId, WaiterId)| {
        scene
            .service
            .force_release(held.id, "root", "why")
            .map(drop)
    };
    each_step_fails(make, prepare, force, |scene, (_, first, _)| {
        drop(scene.stage.take_up(*first))
    });
    let sweep = |scene: &Scene, _: &_| {
        scene
            .service
            .transact(|tx| tx.sweep())
            .map(|ended| assert_eq!(ended, 1))
    };
    each_step_fails(make, prepare, sweep, |_, _| {});
}

/// It was done, but nobody was told: asked again with the same request id, the
/// answer is the lock that was granted [R16].
fn lost_answers(make: fn() -> Scene) {
    let scene = make();
    let request = ask("A", "/r").own().id("one");
    scene.store.fail(Fault::AfterCommit);
    let Err(Error::Store(_)) = request.at(&scene.service) else {
        panic!("the answer was lost");
    };
    scene.store.fail(Fault::None);
    let active = scene.stage.active();
    assert_eq!(active.len(), 1, "the new state");
    assert_eq!(request.granted(&scene.stage).id, active[0]);
    assert_eq!(scene.stage.active(), active);
}

macro_rules! tests {
    ($($name:ident: $play:ident)*) => {
        mod memory {
            $(#[test]
            fn $name() {
                super::$play(super::in_memory);
            })*
        }
        mod sqlite {
            $(#[test]
            fn $name() {
                super::$play(super::in_sqlite);
            })*
        }
    };
}

tests! {
    r14_each_step_of_an_acquire_fails: acquire_of_three
    r14_each_step_of_an_acquire_that_hands_off_fails: acquire_that_clears_the_way
    r14_each_step_of_a_release_that_hands_off_fails: release_that_hands_off
    r14_each_step_of_taking_up_fails: take_up_of_two
    r14_each_step_of_the_other_verbs_fails: renew_leave_force_sweep
    r16_a_lost_answer_can_be_asked_for_again: lost_answers
}
