//! What a look at the queue costs, counted in what SQLite does for it.

use std::ffi::{c_int, c_void};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{Scope, SessionId, TaskId};
use gaia_locks::model::Mode;
use gaia_locks::service::{Acquire, Config, LockService, LockTx, Locks as _};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::Answer;

use rusqlite::{Connection as Sqlite, ffi};

use super::ending::{self, Ending};
use super::queue::{self, Eyes};
use super::sql;
use crate::plan::{Effect, Rules, plan};
use crate::service::{AddProcess, Send, TaskService};
use crate::task::{Next, Outcome, Running};

const RULES: Rules = Rules {
    patience: Duration::from_secs(600),
};

/// From now on each step of SQLite's machine is counted there, or nowhere.
fn count_steps(sql: &Sqlite, counter: Option<&AtomicU64>) -> rusqlite::Result<()> {
    unsafe extern "C" fn count(counter: *mut c_void) -> c_int {
        // SAFETY: it is the counter below, which outlives the counting.
        unsafe { &*counter.cast::<AtomicU64>() }.fetch_add(1, Ordering::Relaxed);
        0
    }
    let every = c_int::from(counter.is_some());
    let counter = counter.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the handle is open, and the counting ends before the counter does.
    unsafe {
        ffi::sqlite3_progress_handler(sql.handle(), every, Some(count), counter.cast_mut().cast());
    }
    Ok(())
}

/// A queue on a database of its own, with one idle session.
struct Queue {
    home: tempfile::TempDir,
    tasks: TaskService,
}

impl Queue {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("assigner.db");
        let store = SqliteStore::open(&file, SqliteOptions::default()).unwrap();
        let tasks = TaskService::new(LockService::new(Arc::new(store), Config::default()));
        let queue = Self { home, tasks };
        queue.add("worker");
        queue
    }

    fn add(&self, name: &str) {
        self.tasks
            .add_process(&AddProcess {
                name: SessionId::new(name).unwrap(),
                command: "true".to_owned(),
                provider: None,
                folder: None,
            })
            .unwrap();
    }

    /// A folder that exists.
    fn folder(&self, name: &str) -> Folder {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder::resolve(&path, Path::new("/")).unwrap()
    }

    fn lock(&self, folder: &Folder, mode: Mode) {
        let request = Acquire {
            mode,
            ..Acquire::new(
                folder.clone(),
                SessionId::new("person").unwrap(),
                TaskId::NONE,
            )
        };
        self.tasks.locks().acquire(&request).unwrap();
    }

    fn fill(&self, count: usize, new: impl Fn(usize) -> Send) {
        let fill = |tx: &mut LockTx<'_>| {
            for at in 0..count {
                let new = new(at);
                super::tasks::insert(tx, &new, &new.wants())?;
            }
            Ok(())
        };
        self.tasks.locks().transact(fill).unwrap();
    }

    /// What is to be done, and how many steps of SQLite's machine it took to
    /// find out.
    fn look(&self) -> (Vec<Effect>, u64) {
        let scope = Scope::local();
        let eyes = Eyes {
            scope: &scope,
            is_foreign: &|_| false,
            rules: RULES,
            witness: &**self.tasks.locks().witness(),
        };
        let steps = AtomicU64::new(0);
        let effects = self.tasks.locks().look(|tx| {
            sql(tx, |sql| count_steps(sql, Some(&steps)))?;
            let sight = queue::look(tx, eyes);
            sql(tx, |sql| count_steps(sql, None))?;
            Ok(plan(&sight?.snapshot, tx.now().moment, RULES))
        });
        (effects.unwrap(), steps.load(Ordering::Relaxed))
    }

    /// Looks and puts tasks into regions until nothing of that is left to do,
    /// as the assigner does; gives what is to be done then, and the steps of
    /// the last look.
    fn settle(&self) -> (Vec<Effect>, u64) {
        loop {
            let (effects, steps) = self.look();
            let mut is_settled = true;
            for effect in &effects {
                if let Effect::Enter { task, region } = effect {
                    is_settled = false;
                    let enter = |tx: &mut LockTx<'_>| queue::enter(tx, *task, region);
                    self.tasks.locks().transact(enter).unwrap();
                }
                if let Effect::PassOver { task } = effect {
                    is_settled = false;
                    let pass_over = |tx: &mut LockTx<'_>| queue::pass_over(tx, *task);
                    self.tasks.locks().transact(pass_over).unwrap();
                }
            }
            if is_settled {
                return (effects, steps);
            }
        }
    }
}

/// Compares a look beside few tasks with one beside very many; `new` is what
/// waits, and behind it all stands one task that could be assigned.
fn assert_a_look_does_not_grow(new: impl Fn(&Queue, usize) -> Send, lock: impl Fn(&Queue)) {
    let measured = [100, 3_000].map(|count| {
        let queue = Queue::new();
        lock(&queue);
        queue.fill(count, |at| new(&queue, at));
        let free = queue.folder("free");
        queue.fill(1, |_| Send {
            folder: Some(free.clone()),
            priority: -1,
            ..Send::new("at last")
        });
        let (effects, steps) = queue.settle();
        let assigned = effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Assign(_)));
        assert_eq!(assigned.count(), 1, "beside {count}: {effects:?}");
        steps
    });
    let [few, many] = measured;
    assert!(
        many <= few + few / 4 + 50,
        "{few} steps beside 100 tasks, {many} beside 3,000"
    );
}

/// Work in a folder that exists, or, where nobody will look at it, need not.
fn within(queue: &Queue, name: &str, exists: bool) -> Send {
    let path = Path::new(queue.folder(".").path()).join(name);
    if exists {
        std::fs::create_dir_all(&path).unwrap();
    }
    Send {
        folder: Some(Folder::clean(&path.to_string_lossy()).unwrap()),
        ..Send::new("work")
    }
}

#[test]
fn n09_a_look_does_not_grow_with_tasks_in_one_locked_folder() {
    assert_a_look_does_not_grow(
        |queue, _| within(queue, "repo", true),
        |queue| queue.lock(&queue.folder("repo"), Mode::Exclusive),
    );
}

#[test]
fn n09_a_look_does_not_grow_with_tasks_in_folders_of_their_own_below_a_locked_one() {
    assert_a_look_does_not_grow(
        |queue, at| within(queue, &format!("repo/{at}"), true),
        |queue| queue.lock(&queue.folder("repo"), Mode::Exclusive),
    );
}

#[test]
fn n09_a_look_does_not_grow_with_tasks_above_a_locked_folder() {
    assert_a_look_does_not_grow(
        |queue, _| within(queue, "repo", true),
        |queue| queue.lock(&queue.folder("repo/inside"), Mode::Shared),
    );
}

#[test]
fn n09_a_look_does_not_grow_with_tasks_for_a_session_that_is_away() {
    assert_a_look_does_not_grow(
        |queue, at| Send {
            session: Some("busy".to_owned()),
            ..within(queue, &format!("other/{at}"), false)
        },
        |queue| {
            queue.add("busy");
            let away = |tx: &mut LockTx<'_>| {
                sql(tx, |sql| {
                    sql.execute(
                        "UPDATE sessions SET status = 'busy' WHERE name = 'busy'",
                        [],
                    )
                })
            };
            queue.tasks.locks().transact(away).unwrap();
        },
    );
}

#[test]
fn n09_a_look_does_not_grow_with_tasks_that_wait_for_others() {
    assert_a_look_does_not_grow(
        |queue, at| match at {
            0 => Send {
                session: Some("nobody".to_owned()),
                ..Send::new("first")
            },
            _ => Send {
                after: vec![TaskId(1)],
                ..within(queue, &format!("other/{at}"), false)
            },
        },
        |_| {},
    );
}

/// Otherwise each of thousands would be looked at by itself.
#[test]
fn n09_a_folder_that_another_program_spells_with_more_slashes_lies_in_its_region() {
    let queue = Queue::new();
    queue.fill(1, |_| within(&queue, "repo", true));
    let locks = queue.tasks.locks();
    let spell = |tx: &mut LockTx<'_>| {
        let query = "UPDATE prompts SET working_dir = '/.' || working_dir || '//'";
        sql(tx, |sql| sql.execute(query, []))
    };
    locks.transact(spell).unwrap();
    locks.transact(queue::tidy).unwrap();
    let seen = |tx: &mut LockTx<'_>| {
        let query = "SELECT working_dir = '/.' || path || '//', path FROM prompts";
        sql(tx, |sql| {
            sql.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
        })
    };
    let (as_written, path): (Option<bool>, Option<String>) = locks.look(seen).unwrap();
    assert_eq!(path.as_deref(), Some(queue.folder("repo").path()));
    assert_eq!(as_written, Some(true), "what people wrote stays");
}

#[test]
fn t07_patience_that_began_before_the_machines_restart_begins_anew() {
    let queue = Queue::new();
    queue.fill(1, |_| Send::new("work"));
    let locks = queue.tasks.locks();
    let passed = |tx: &mut LockTx<'_>| -> Result<Option<i64>, gaia_locks::Error> {
        let query = "SELECT passed_over_ns FROM prompts";
        sql(tx, |sql| sql.query_row(query, [], |row| row.get(0)))
    };
    let later = |tx: &mut LockTx<'_>| {
        let later = tx.now().moment.plus(Duration::from_secs(3600)).0;
        let query = "UPDATE prompts SET passed_over_ns = ?1";
        sql(tx, |sql| sql.execute(query, [later]))
    };
    locks.transact(later).unwrap();
    assert!(locks.look(queue::is_untidy).unwrap());
    locks.transact(queue::tidy).unwrap();
    let (since, now) = locks
        .look(|tx| Ok((passed(tx)?, tx.now().moment.0)))
        .unwrap();
    assert!(since.is_some_and(|since| since <= now), "{since:?}, {now}");
    assert!(!locks.look(queue::is_untidy).unwrap());
}

#[test]
fn a_late_end_of_a_run_without_a_lock_leaves_the_next_run_alone() {
    let queue = Queue::new();
    queue.fill(1, |_| Send::new("work"));
    queue.add("other");
    let locks = queue.tasks.locks();
    let next = |tx: &mut LockTx<'_>| {
        let query = "UPDATE prompts SET status = 'in_progress', assigned_session = 'other', deadline_ns = 2";
        sql(tx, |sql| sql.execute(query, []))
    };
    locks.transact(next).unwrap();
    let let_go = |deadline| {
        let run = Running {
            deadline: Moment(deadline),
            ..Running::known(TaskId(1), SessionId::new("worker").unwrap(), None)
        };
        locks
            .transact(|tx| super::earlier::let_go(tx, &run))
            .unwrap()
    };
    assert!(!let_go(1), "an earlier run");
    assert!(let_go(2), "this run, whose session another program has set");
}

/// 1 and 2 completed long ago; 3, which needs 2, failed then; 4, which needs 3,
/// failed a moment ago and may be tried again, and so may 3 be before it.
#[test]
fn t07_what_a_task_needs_that_may_be_tried_again_is_not_forgotten() {
    let queue = Queue::new();
    queue.fill(4, |at| Send {
        after: (at > 1).then_some(TaskId(at as i64)).into_iter().collect(),
        ..Send::new("work")
    });
    let locks = queue.tasks.locks();
    let past = |tx: &mut LockTx<'_>| {
        let query = "UPDATE prompts SET status = iif(id < 3, 'completed', 'failed'),
             completed_at = iif(id = 4, '2099-01-01 00:00:00', '2026-01-01 00:00:00')";
        sql(tx, |sql| sql.execute(query, []))
    };
    locks.transact(past).unwrap();
    let age = Duration::from_secs(60);
    assert_eq!(queue.tasks.clear(age).unwrap().tasks, [TaskId(1)]);
    let forget = |tx: &mut LockTx<'_>| {
        let query = "UPDATE prompts SET completed_at = '2026-01-01 00:00:00'";
        sql(tx, |sql| sql.execute(query, []))
    };
    locks.transact(forget).unwrap();
    let rest = [TaskId(2), TaskId(3), TaskId(4)];
    assert_eq!(queue.tasks.clear(age).unwrap().tasks, rest);
}

#[test]
fn t08_a_late_end_of_a_try_without_a_lock_does_not_end_the_next_try_in_its_session() {
    let queue = Queue::new();
    queue.fill(1, |_| Send::new("work"));
    let locks = queue.tasks.locks();
    let next = |tx: &mut LockTx<'_>| {
        let query = "UPDATE prompts SET status = 'in_progress', assigned_session = 'worker', deadline_ns = 2";
        sql(tx, |sql| sql.execute(query, []))
    };
    locks.transact(next).unwrap();
    let ends = |deadline| {
        let run = Running {
            deadline: Moment(deadline),
            ..Running::known(TaskId(1), SessionId::new("worker").unwrap(), None)
        };
        let ending = Ending::of(&run, &Outcome::Lost, &Next::Completed);
        locks.transact(|tx| ending::end(tx, &ending)).unwrap()
    };
    assert!(!ends(1), "an earlier try");
    assert!(ends(2), "this try");
}

#[test]
fn t03_a_lock_that_another_program_wrote_off_in_the_history_ends_with_its_task() {
    let queue = Queue::new();
    let worker = SessionId::new("worker").unwrap();
    let locks = queue.tasks.locks();
    let request = Acquire::new(queue.folder("repo"), worker.clone(), TaskId(1));
    let Answer::Granted(granted) = locks.acquire(&request).unwrap() else {
        panic!("the folder is free");
    };
    let token = granted.locks[0].id;
    let write_off = |tx: &mut LockTx<'_>| {
        let query = "UPDATE lock_history SET status = 'released'";
        sql(tx, |sql| sql.execute(query, []))
    };
    assert_eq!(locks.transact(write_off).unwrap(), 1);
    let run = Running::known(TaskId(1), worker, None);
    let left = locks.transact(|tx| {
        ending::end_locks(tx, &run)?;
        tx.store().lock(token)
    });
    assert_eq!(left.unwrap(), None);
}
