//! The queue against its own words: random events on real tables, effects
//! carried out in any order or lost, and after each round what T7 and T10 say
//! is asked of every task the slow way, one by one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gaia_locks::folder::Folder;
use gaia_locks::ids::{Scope, SessionId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::{Holder, Lock, Mode};
use gaia_locks::service::{Acquire, Config, LockService, LockTx, Locks as _};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use proptest::prelude::*;

use super::ending::{self, Ending};
use super::queue::{self, Eyes};
use super::running::{self, Hands};
use super::sessions;
use crate::keeper::Exit;
use crate::plan::{Assign, Effect, Rules, plan};
use crate::service::{AddProcess, Filter, Send, TaskService};
use crate::session::Session;
use crate::task::{Next, Outcome, Running, Status, Wants};
use crate::wire::TaskInfo;

const FOLDERS: [&str; 6] = ["", "a", "a/b", "a/c", "a/b/d", "e"];
const SESSIONS: [&str; 3] = ["s0", "s1", "s2"];

#[derive(Clone, Debug)]
enum Event {
    Send {
        folder: Option<usize>,
        priority: i64,
        read_only: bool,
        session: Option<usize>,
        after: Option<usize>,
    },
    /// One that runs ends: well, badly or to be tried again.
    End(usize, u8),
    Cancel(usize),
    Lock(usize, bool, Option<usize>),
    Unlock(usize),
    Pause(usize),
    Resume(usize),
    /// A look, whose effects are carried out from behind or not at all.
    Look {
        backward: bool,
        lose: u8,
    },
}

fn any_event() -> impl Strategy<Value = Event> {
    let folder = 0..FOLDERS.len();
    let session = prop::option::weighted(0.3, 0..SESSIONS.len());
    let send = (
        prop::option::weighted(0.9, folder.clone()),
        -1_i64..2,
        prop::bool::weighted(0.3),
        session.clone(),
        prop::option::weighted(0.15, 0..20_usize),
    );
    let send = send.prop_map(
        |(folder, priority, read_only, session, after)| Event::Send {
            folder,
            priority,
            read_only,
            session,
            after,
        },
    );
    prop_oneof![
        6 => send,
        4 => (0..9_usize, 0..3_u8).prop_map(|(at, how)| Event::End(at, how)),
        1 => (0..30_usize).prop_map(Event::Cancel),
        2 => (folder.clone(), any::<bool>(), session).prop_map(|(at, shared, by)| Event::Lock(at, shared, by)),
        2 => (0..9_usize).prop_map(Event::Unlock),
        1 => folder.clone().prop_map(Event::Pause),
        1 => folder.prop_map(Event::Resume),
        6 => (any::<bool>(), 0..4_u8).prop_map(|(backward, lose)| Event::Look { backward, lose }),
    ]
}

struct World {
    _home: tempfile::TempDir,
    tasks: TaskService,
    folders: Vec<Folder>,
    patience: Duration,
}

impl World {
    fn new(patience: Duration) -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("assigner.db");
        let store = SqliteStore::open(&file, SqliteOptions::default()).unwrap();
        let tasks = TaskService::new(LockService::new(Arc::new(store), Config::default()));
        let folder = |name: &&str| {
            let path = home.path().join("w").join(name);
            std::fs::create_dir_all(&path).unwrap();
            Folder::resolve(&path, Path::new("/")).unwrap()
        };
        let folders = FOLDERS.iter().map(folder).collect();
        for name in SESSIONS {
            let session = AddProcess {
                name: SessionId::new(name).unwrap(),
                command: "true".to_owned(),
                provider: None,
                folder: None,
            };
            tasks.add_process(&session).unwrap();
        }
        Self {
            _home: home,
            tasks,
            folders,
            patience,
        }
    }

    fn transact<T>(&self, work: impl FnMut(&mut LockTx<'_>) -> Result<T, gaia_locks::Error>) -> T {
        self.tasks.locks().transact(work).unwrap()
    }

    fn tasks_in(&self, status: Status) -> Vec<TaskInfo> {
        let filter = Filter {
            statuses: vec![status],
            ..Filter::default()
        };
        self.tasks.list(&filter).unwrap().tasks
    }

    fn happen(&self, event: &Event) {
        match event {
            Event::Send {
                folder,
                priority,
                read_only,
                session,
                after,
            } => {
                let known = self.tasks.list(&Filter::default()).unwrap().tasks;
                let after = after.and_then(|at| known.get(at)).map(|task| task.id);
                let new = Send {
                    folder: folder.map(|at| self.folders[at].clone()),
                    priority: *priority,
                    read_only: *read_only,
                    session: session.map(|at| SESSIONS[at].to_owned()),
                    after: after.into_iter().collect(),
                    ..Send::new("work")
                };
                self.tasks.send(&new).unwrap();
            }
            Event::End(at, how) => self.end(*at, *how),
            Event::Cancel(at) => {
                if let Some(task) = self.tasks_in(Status::Pending).get(*at) {
                    self.tasks.cancel(task.id, "model").unwrap();
                }
            }
            Event::Lock(at, shared, by) => {
                let by = by.map_or("person", |at| SESSIONS[at]);
                let request = Acquire {
                    mode: if *shared {
                        Mode::Shared
                    } else {
                        Mode::Exclusive
                    },
                    ..Acquire::new(
                        self.folders[*at].clone(),
                        SessionId::new(by).unwrap(),
                        TaskId::NONE,
                    )
                };
                drop(self.tasks.locks().acquire(&request).unwrap());
            }
            Event::Unlock(at) => {
                let mut locks = self.locks();
                locks.retain(|lock| lock.holder.task == TaskId::NONE);
                if let Some(lock) = locks.get(*at % locks.len().max(1)) {
                    self.tasks
                        .locks()
                        .force_release(lock.id, "model", "over")
                        .unwrap();
                }
            }
            Event::Pause(at) => {
                let locks = self.tasks.locks();
                drop(locks.pause(&self.folders[*at], "model", "a while").unwrap());
            }
            Event::Resume(at) => {
                self.tasks.locks().resume(&self.folders[*at]).unwrap();
            }
            Event::Look { backward, lose } => {
                let mut effects = self.look();
                if *backward {
                    effects.reverse();
                }
                for (at, effect) in effects.iter().enumerate() {
                    if *lose == 0 || at % 4 != usize::from(*lose) {
                        self.carry_out(effect);
                    }
                }
            }
        }
    }

    fn locks(&self) -> Vec<Lock> {
        self.tasks.locks().look(|tx| tx.store().locks()).unwrap()
    }

    fn end(&self, at: usize, how: u8) {
        let running: Vec<Running> = self.tasks.locks().look(running::all).unwrap();
        let Some(running) = running.get(at % running.len().max(1)) else {
            return;
        };
        let next = match how {
            0 => Next::Completed,
            1 => Next::Failed("no".to_owned()),
            _ => Next::Again {
                spent: false,
                pause: Duration::ZERO,
                why: "again".to_owned(),
            },
        };
        let ending = Ending::of(running, &Outcome::Exit(Exit::Code(0)), &next);
        assert!(self.transact(|tx| ending::end(tx, &ending)));
    }

    fn look(&self) -> Vec<Effect> {
        self.transact(queue::tidy);
        let scope = Scope::local();
        let rules = Rules {
            patience: self.patience,
        };
        let eyes = Eyes {
            scope: &scope,
            is_foreign: &|_| false,
            rules,
            witness: &**self.tasks.locks().witness(),
        };
        let planned = |tx: &mut LockTx<'_>| {
            let sight = queue::look(tx, eyes)?;
            Ok(plan(&sight.snapshot, tx.now().moment, rules))
        };
        self.tasks.locks().look(planned).unwrap()
    }

    /// Whether it changed anything.
    fn carry_out(&self, effect: &Effect) -> bool {
        let scope = Scope::local();
        match effect {
            Effect::Assign(assign) => self.assign(assign),
            Effect::Fail { task, why } => {
                panic!("task {task} has a folder that is there: {why}")
            }
            Effect::PassOver { task } => {
                self.transact(|tx| queue::pass_over(tx, *task));
                true
            }
            Effect::Enter { task, region } => self.transact(|tx| queue::enter(tx, *task, region)),
            Effect::Stand { task, folder, mode } => {
                self.transact(|tx| queue::stand(tx, &scope, *task, folder, *mode));
                self.tasks.show(*task).unwrap().in_line
            }
            Effect::Leave { task, .. } => panic!("every task has a taker, {task} too"),
        }
    }

    fn assign(&self, assign: &Assign) -> bool {
        let scope = Scope::local();
        let me = ProcessIdentity::current().unwrap();
        let hands = Hands {
            scope: &scope,
            ttl: Duration::from_secs(3600),
            assigner: Some(&me),
            keeper: None,
            log: "/dev/null",
            log_from: 0,
            is_heard: false,
        };
        self.transact(|tx| running::begin(tx, assign, &hands))
            .is_some()
    }

    /// The assigner is left alone until nothing is left to do.
    fn settle(&self) {
        for _ in 0..60 {
            let effects = self.look();
            self.assert_in_order(&effects);
            let changed = effects
                .iter()
                .filter(|effect| self.carry_out(effect))
                .count();
            self.assert_no_overlap();
            if changed == 0 {
                return self.assert_nothing_left();
            }
        }
        panic!("it does not come to rest: {:?}", self.look());
    }

    fn sessions(&self) -> Vec<Session> {
        self.tasks.locks().look(sessions::all).unwrap()
    }

    /// Whether the lock rules would give this task its folder, asked alone.
    fn could_begin(&self, task: &TaskInfo, session: &Session) -> bool {
        let Some(folder) = &task.working_dir else {
            return true;
        };
        let folder = Folder::resolve(Path::new(folder), Path::new("/")).unwrap();
        let holder = Holder::new(session.name.clone(), task.id);
        let want = queue::want(&Scope::local(), &folder, &holder, Wants::of(task).mode());
        let way = self.tasks.locks().look(|tx| {
            let place = queue::waiter_of(tx, task.id)?.flatten();
            tx.would_grant(&want, place)
        });
        way.unwrap().is_nothing()
    }

    fn free_to_go(&self) -> Vec<TaskInfo> {
        let mut pending = self.tasks_in(Status::Pending);
        pending.retain(|task| task.waits_for.is_empty() && task.blocked_by.is_empty());
        pending
    }

    /// A task that could be assigned is assigned when everything is quiet.
    fn assert_nothing_left(&self) {
        let sessions = self.sessions();
        for task in self.free_to_go() {
            let wants = Wants::of(&task);
            for session in sessions.iter().filter(|one| one.fit(&wants).is_some()) {
                assert!(
                    !self.could_begin(&task, session),
                    "task {} was left, and session {} is idle: {task:?}",
                    task.id,
                    session.name
                );
            }
        }
    }

    /// Nobody who could have had that very session, and the folder, comes
    /// after one that is assigned.
    fn assert_in_order(&self, effects: &[Effect]) {
        let assigns: Vec<&Assign> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Assign(assign) => Some(assign),
                _ => None,
            })
            .collect();
        let pending = self.free_to_go();
        let sessions = self.sessions();
        for assign in &assigns {
            let session = sessions
                .iter()
                .find(|one| one.name == assign.session)
                .unwrap();
            for earlier in pending.iter().take_while(|task| task.id != assign.task) {
                let is_assigned = assigns.iter().any(|other| other.task == earlier.id);
                let clashes = |other: &&&Assign| {
                    let folder = earlier
                        .working_dir
                        .as_deref()
                        .map(|path| Folder::clean(path).unwrap());
                    let mode = Wants::of(earlier).mode();
                    let overlap = other
                        .folder
                        .as_ref()
                        .zip(folder)
                        .is_some_and(|(a, b)| a.overlaps(&b));
                    overlap && other.mode.excludes(mode)
                };
                let could = session.fit(&Wants::of(earlier)).is_some()
                    && self.could_begin(earlier, session)
                    && assigns.iter().find(clashes).is_none();
                assert!(
                    is_assigned || !could,
                    "task {} goes before task {}, which could have had session {}",
                    assign.task,
                    earlier.id,
                    assign.session
                );
            }
        }
    }

    fn assert_no_overlap(&self) {
        let locks = self.locks();
        for (at, lock) in locks.iter().enumerate() {
            for other in &locks[..at] {
                assert!(
                    !lock.conflicts_with(&other.scope, &other.folder, &other.holder, other.mode),
                    "{lock:?} beside {other:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn heavy_t07_whatever_happens_what_could_be_assigned_is_and_in_order(
        events in prop::collection::vec(any_event(), 1..60),
        is_patient in any::<bool>(),
    ) {
        let world = World::new(if is_patient { Duration::from_secs(600) } else { Duration::ZERO });
        for event in &events {
            world.happen(event);
            world.assert_no_overlap();
        }
        world.settle();
    }
}

/// What proptest once drew: a session reads beside its own shared lock, past
/// those who wait to write there.
#[test]
fn t07_what_lies_in_a_sessions_own_shared_lock_does_not_wait_behind_others() {
    let send = |read_only: bool| Event::Send {
        folder: Some(0),
        priority: 0,
        read_only,
        session: None,
        after: None,
    };
    let look = Event::Look {
        backward: false,
        lose: 0,
    };
    let world = World::new(Duration::ZERO);
    for event in [
        send(false),
        Event::Lock(0, true, Some(0)),
        Event::Lock(0, true, None),
        send(false),
        look.clone(),
        look,
        send(true),
    ] {
        world.happen(&event);
    }
    world.settle();
    let reads = world.tasks_in(Status::Assigned);
    assert!(reads.iter().any(|task| task.read_only), "{reads:?}");
}
