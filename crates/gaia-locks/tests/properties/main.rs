//! The rules against a toy written from the contract's words: random work on
//! both, and after each step the same answers and the same state.
//!
//! After time has passed or somebody died the real one is swept, so that both
//! have seen it; that the same happens without a sweep is the suite's to show.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod toy;

use std::sync::Arc;
use std::time::Duration;

use gaia_locks::clock::ManualClock;
use gaia_locks::model::{Turn, WaiterLife, WaiterState};
use gaia_locks::service::{Patience, Release, Released, Renew};
use gaia_locks::store::Store;
use gaia_locks::store::memory::MemoryStore;
use gaia_locks::wire::Answer as Told;
use gaia_locks::{Error, LockId, LockService, Locks, TaskId, WaiterId};
use gaia_testkit::conformance::{Ask, Stage, ask, folder, session};
use proptest::prelude::*;
use toy::{Answer, Toy, Waiter, Want};

const PATHS: [&str; 9] = [
    "/", "/a", "/a/b", "/a/b/c", "/a/x", "/b", "/b/y", "/c", "/d",
];
const SESSIONS: [&str; 3] = ["A", "B", "C"];

#[derive(Clone, Debug)]
enum Step {
    Acquire(Want, Wait),
    ReleaseToken(usize, Option<u8>),
    ReleaseFolder(u8, Option<i64>, usize),
    Renew(usize, Option<u64>),
    Pass(u64),
    Leave(usize),
    TakeUp(usize),
    Force(usize),
    Die(u32),
    Pause(usize),
    Resume(usize),
}

#[derive(Clone, Copy, Debug)]
enum Wait {
    No,
    Elsewhere(Option<u64>),
    Process(u32, Option<u64>),
}

fn want() -> impl Strategy<Value = Want> {
    let paths = proptest::sample::subsequence(PATHS.to_vec(), 1..=2).prop_shuffle();
    let who = (0..3u8, 0..3i64);
    let ttl = proptest::sample::select(vec![10u64, 60, 1000]);
    let process = prop_oneof![4 => Just(None), 1 => (0..3u32).prop_map(Some)];
    (
        paths,
        who,
        prop::bool::weighted(0.3),
        ttl,
        prop::bool::weighted(0.15),
        process,
    )
        .prop_map(|(paths, who, shared, ttl, own, process)| Want {
            paths,
            who,
            shared,
            ttl,
            own: own || process.is_some(),
            process,
        })
}

fn wait() -> impl Strategy<Value = Wait> {
    let limit = || prop_oneof![3 => Just(None), 1 => Just(Some(20u64))];
    prop_oneof![
        2 => Just(Wait::No),
        2 => limit().prop_map(Wait::Elsewhere),
        2 => (0..3u32, limit()).prop_map(|(process, limit)| Wait::Process(process, limit)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let any = 0..20usize;
    prop_oneof![
        12 => (want(), wait()).prop_map(|(want, wait)| Step::Acquire(want, wait)),
        4 => (any.clone(), prop_oneof![3 => Just(None), 1 => (0..3u8).prop_map(Some)])
            .prop_map(|(lock, by)| Step::ReleaseToken(lock, by)),
        2 => (0..3u8, prop_oneof![Just(None), (0..3i64).prop_map(Some)], 0..PATHS.len())
            .prop_map(|(who, task, path)| Step::ReleaseFolder(who, task, path)),
        2 => (any.clone(), prop_oneof![Just(None), Just(Some(5u64)), Just(Some(500u64))])
            .prop_map(|(lock, ttl)| Step::Renew(lock, ttl)),
        3 => proptest::sample::select(vec![1u64, 5, 10, 29, 31, 100]).prop_map(Step::Pass),
        2 => any.clone().prop_map(Step::Leave),
        4 => any.clone().prop_map(Step::TakeUp),
        1 => any.clone().prop_map(Step::Force),
        1 => (0..3u32).prop_map(Step::Die),
        1 => (0..PATHS.len()).prop_map(Step::Pause),
        1 => (0..PATHS.len()).prop_map(Step::Resume),
    ]
}

/// The real one and the toy, side by side.
struct Pair {
    stage: Stage,
    real: LockService,
    toy: Toy,
    /// The process that stands for each slot now.
    processes: [u32; 3],
    highest: i64,
}

impl Pair {
    fn new() -> Self {
        let clock = ManualClock::new();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let stage = Stage::on(store, clock);
        let real = stage.service.clone().unwrap();
        Self {
            stage,
            real,
            toy: Toy::default(),
            processes: [1, 2, 3],
            highest: 0,
        }
    }

    fn play(&mut self, step: &Step) {
        match step.clone() {
            Step::Acquire(want, wait) => self.acquire(want, wait),
            Step::ReleaseToken(lock, by) => self.release_token(lock, by),
            Step::ReleaseFolder(who, task, path) => self.release_folder(who, task, PATHS[path]),
            Step::Renew(lock, ttl) => self.renew(lock, ttl),
            Step::Pass(seconds) => {
                self.stage.pass(seconds);
                self.toy.now += seconds;
                self.real.cleanup().unwrap();
            }
            Step::Leave(at) => {
                if let Some(waiter) = self.pick_waiter(at) {
                    self.real.leave(WaiterId(waiter)).unwrap();
                    self.toy.leave(waiter);
                }
            }
            Step::TakeUp(at) => self.take_up(at),
            Step::Force(at) => {
                if let Some(lock) = self.pick_lock(at) {
                    self.real
                        .force_release(LockId(lock), "root", "why")
                        .unwrap();
                    self.toy.locks.retain(|known| known.id != lock);
                }
            }
            Step::Die(slot) => self.die(slot),
            Step::Pause(path) => {
                self.real
                    .pause(&folder(PATHS[path]), "root", "why")
                    .unwrap();
                if !self.toy.paused.contains(&PATHS[path]) {
                    self.toy.paused.push(PATHS[path]);
                }
            }
            Step::Resume(path) => {
                let was_paused = self.real.resume(&folder(PATHS[path])).unwrap();
                assert_eq!(was_paused, self.toy.paused.contains(&PATHS[path]));
                self.toy.paused.retain(|known| *known != PATHS[path]);
            }
        }
        self.compare();
    }

    fn pick_lock(&self, at: usize) -> Option<i64> {
        let count = self.toy.locks.len();
        (count > 0).then(|| self.toy.locks[at % count].id)
    }

    fn pick_waiter(&self, at: usize) -> Option<i64> {
        let count = self.toy.waiters.len();
        (count > 0).then(|| self.toy.waiters[at % count].id)
    }

    fn acquire(&mut self, mut want: Want, wait: Wait) {
        want.process = want.process.map(|slot| self.processes[slot as usize]);
        let (process, limit) = match wait {
            Wait::Process(slot, limit) => (Some(self.processes[slot as usize]), limit),
            Wait::Elsewhere(limit) => (None, limit),
            Wait::No => (None, None),
        };
        let waits = !matches!(wait, Wait::No);
        let request = self.request(&want, waits, process, limit);
        let told = self.real.acquire(&request.0).unwrap();
        let expected = self.toy.acquire(&want, waits);
        match (&told, &expected) {
            (Told::Granted(granted), Answer::Granted(held)) => {
                self.granted(&granted.locks, held, granted.held_before)
            }
            (Told::Refused(refusal), Answer::Refused) => {
                assert!(refusal.cycle.is_none());
                assert!(!refusal.conflicts.is_empty(), "a refusal says why");
            }
            (Told::Refused(refusal), Answer::Circle) => {
                assert!(refusal.cycle.is_some(), "a circle")
            }
            (Told::Queued(queued), Answer::Queued) => self.toy.waiters.push(Waiter {
                id: queued.waiter.0,
                want,
                process,
                heard: self.toy.now,
                until: limit.map(|limit| self.toy.now + limit),
                granted: None,
            }),
            _ => panic!("told {told:?}, expected {expected:?}"),
        }
    }

    fn request(&self, want: &Want, waits: bool, process: Option<u32>, limit: Option<u64>) -> Ask {
        let mut request = ask(SESSIONS[want.who.0 as usize], want.paths[0])
            .task(want.who.1)
            .ttl(want.ttl);
        for path in &want.paths[1..] {
            request = request.and(path);
        }
        if want.shared {
            request = request.shared();
        }
        if want.own {
            request = request.own();
        }
        if let Some(process) = want.process {
            request = request.bound_to(&self.stage.process(process));
        }
        if waits {
            let life = process.map_or(WaiterLife::Heartbeat, |process| {
                WaiterLife::Process(self.stage.process(process))
            });
            request = request.standing(life, limit.map(Duration::from_secs), Turn::Granted);
        }
        request
    }

    fn granted(
        &mut self,
        told: &[gaia_locks::wire::LockInfo],
        held: &[Option<i64>],
        held_before: bool,
    ) {
        assert_eq!(held_before, held.iter().all(Option::is_some));
        assert_eq!(told.len(), held.len());
        for (lock, held) in told.iter().zip(held) {
            match held {
                Some(id) => assert_eq!(lock.id.0, *id, "the same lock"),
                None => self.name_new(lock.id.0, &lock.folder_path, None),
            }
        }
    }

    /// A lock that the toy granted bears the token that the real one gave.
    fn name_new(&mut self, id: i64, path: &str, claim: Option<i64>) {
        assert!(
            id > self.highest || claim.is_some(),
            "token {id} after {}",
            self.highest
        );
        let nameless = |lock: &&mut toy::Lock| {
            lock.id == 0 && lock.path == path && lock.claim.map(|(whose, _)| whose) == claim
        };
        self.toy.locks.iter_mut().find(nameless).unwrap().id = id;
    }

    fn release_token(&mut self, at: usize, by: Option<u8>) {
        let Some(id) = self.pick_lock(at) else { return };
        let lock = self.toy.locks.iter().find(|lock| lock.id == id).unwrap();
        let by = by.unwrap_or(lock.who.0);
        let (mine, task) = (by == lock.who.0, lock.who.1);
        let request = Release {
            folder: None,
            session: session(SESSIONS[by as usize]),
            task: Some(TaskId(task)),
            token: Some(LockId(id)),
        };
        let released = self.real.release(&request).unwrap();
        assert_eq!(matches!(released, Released::Ended(_)), mine, "{released:?}");
        assert_eq!(
            matches!(released, Released::NotAllowed(_)),
            !mine,
            "{released:?}"
        );
        self.toy.locks.retain(|lock| !mine || lock.id != id);
    }

    fn release_folder(&mut self, who: u8, task: Option<i64>, path: &str) {
        let released = self
            .stage
            .release_folder(SESSIONS[who as usize], task, path);
        let meant = |lock: &toy::Lock| {
            lock.path == path && lock.who.0 == who && task.is_none_or(|task| task == lock.who.1)
        };
        let mut expected: Vec<i64> = self
            .toy
            .locks
            .iter()
            .filter(|lock| meant(lock))
            .map(|lock| lock.id)
            .collect();
        let mut ended: Vec<i64> = match released {
            Released::Ended(locks) => locks.iter().map(|lock| lock.id.0).collect(),
            Released::NotHeld => Vec::new(),
            other => panic!("{other:?}"),
        };
        expected.sort_unstable();
        ended.sort_unstable();
        assert_eq!(ended, expected);
        self.toy.locks.retain(|lock| !meant(lock));
    }

    fn renew(&mut self, at: usize, ttl: Option<u64>) {
        let Some(id) = self.pick_lock(at) else { return };
        let now = self.toy.now;
        let lock = self
            .toy
            .locks
            .iter_mut()
            .find(|lock| lock.id == id)
            .unwrap();
        let asked = ttl.unwrap_or(lock.ttl);
        lock.ttl = lock.ttl.max(asked);
        lock.expires = lock.expires.max(now + asked);
        let request = Renew {
            token: LockId(id),
            session: session(SESSIONS[lock.who.0 as usize]),
            task: Some(TaskId(lock.who.1)),
            folder: None,
            ttl: ttl.map(Duration::from_secs),
        };
        self.real.renew(&request).unwrap();
    }

    fn take_up(&mut self, at: usize) {
        let Some(waiter) = self.pick_waiter(at) else {
            return;
        };
        let mut patience = Patience {
            limit: Some(Duration::ZERO),
            ..Patience::default()
        };
        patience.cancel.cancel();
        let told = self.real.wait(WaiterId(waiter), &mut patience);
        let in_circle = self.toy.is_youngest_in_a_circle(waiter);
        let taken = self.toy.take_up(waiter);
        match told {
            Ok(Told::Granted(_)) => assert!(taken),
            Ok(Told::Refused(refusal)) => {
                assert!(!taken);
                assert_eq!(
                    refusal.cycle.is_some(),
                    in_circle,
                    "the youngest of a circle"
                );
            }
            Err(Error::NotInLine(_)) => assert!(!taken && !in_circle),
            other => panic!("{other:?}"),
        }
        // The process that its locks are bound to may have died meanwhile.
        self.real.cleanup().unwrap();
    }

    fn die(&mut self, slot: u32) {
        let process = self.processes[slot as usize];
        self.stage.kill(&self.stage.process(process));
        self.toy.dead.push(process);
        self.processes[slot as usize] = process + 3;
        self.real.cleanup().unwrap();
    }

    /// Both are in the same state, and it is a lawful one.
    fn compare(&mut self) {
        let turns = self.toy.settle();
        let (locks, waiters) = self
            .real
            .look(|tx| Ok((tx.store().locks()?, tx.store().waiters()?)))
            .unwrap();
        for turn in turns {
            let row = waiters.iter().find(|waiter| waiter.id.0 == turn);
            let Some(WaiterState::Granted(ids)) = row.map(|row| row.state.clone()) else {
                panic!("the turn of waiter {turn} has come, and it stands still: {row:?}");
            };
            for id in &ids {
                let lock = locks.iter().find(|lock| lock.id == *id).unwrap();
                self.name_new(id.0, lock.folder.path(), Some(turn));
            }
            let known = self
                .toy
                .waiters
                .iter_mut()
                .find(|waiter| waiter.id == turn)
                .unwrap();
            known.granted = Some(ids.iter().map(|id| id.0).collect());
        }
        self.same_locks(&locks);
        self.same_line(&waiters);
        self.lawful();
    }

    fn same_locks(&mut self, real: &[gaia_locks::model::Lock]) {
        let start = 3_600_000_000_000;
        let mut theirs: Vec<_> = real
            .iter()
            .map(|lock| {
                (
                    lock.id.0,
                    lock.folder.path().to_owned(),
                    (lock.expires.0 - start) / 1_000_000_000,
                )
            })
            .collect();
        let mut ours: Vec<_> = self
            .toy
            .locks
            .iter()
            .map(|lock| {
                (
                    lock.id,
                    lock.path.to_owned(),
                    i64::try_from(lock.expires).unwrap(),
                )
            })
            .collect();
        theirs.sort();
        ours.sort();
        assert_eq!(theirs, ours, "active locks, real and toy");
        self.highest = ours
            .iter()
            .map(|lock| lock.0)
            .max()
            .unwrap_or(0)
            .max(self.highest);
    }

    /// A grant of which nothing is left may stand there until it is swept.
    fn same_line(&self, real: &[gaia_locks::model::Waiter]) {
        let is_left = |one: &gaia_locks::model::Waiter| match &one.state {
            WaiterState::Waiting => true,
            WaiterState::Granted(ids) => self
                .toy
                .locks
                .iter()
                .any(|lock| ids.contains(&LockId(lock.id))),
        };
        let row = |one: &gaia_locks::model::Waiter| (one.id.0, one.state != WaiterState::Waiting);
        let theirs: Vec<(i64, bool)> = real.iter().filter(|one| is_left(one)).map(row).collect();
        let ours: Vec<(i64, bool)> = self
            .toy
            .waiters
            .iter()
            .map(|one| (one.id, one.granted.is_some()))
            .collect();
        assert_eq!(theirs, ours, "the line, real and toy");
    }

    fn lawful(&self) {
        for (at, one) in self.toy.locks.iter().enumerate() {
            for other in &self.toy.locks[at + 1..] {
                assert!(
                    !one.conflicts(other),
                    "locks {} and {} conflict",
                    one.id,
                    other.id
                );
            }
        }
        let standing = (0..self.toy.waiters.len()).find(|at| self.toy.turn_has_come(*at));
        assert_eq!(standing, None, "nobody whose turn has come stands still");
    }
}

proptest! {
    // PROPTEST_CASES=20000 for a long run by hand.
    #![proptest_config(ProptestConfig {
        // The rarest case, a circle without a new wait, comes up once in some hundred.
        cases: ProptestConfig::default().cases.max(2000),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn r01_to_r11_the_rules_agree_with_a_toy(steps in prop::collection::vec(step(), 1..60)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.play(step);
        }
        // Whoever is left looks around once more, the youngest first.
        for at in (0..pair.toy.waiters.len()).rev() {
            pair.play(&Step::TakeUp(at));
        }
    }
}
