//! What a look at the queue costs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{Scope, SessionId};
use gaia_locks::liveness::SystemWitness;
use gaia_locks::service::{Config, LockService};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};

use super::queue::{Eyes, snapshot};
use crate::plan::Rules;
use crate::service::{AddProcess, Send, Tasks};

fn look(tasks: &Tasks) -> (Duration, usize) {
    let scope = Scope::local();
    let eyes = Eyes {
        scope: &scope,
        witness: &SystemWitness,
        rules: Rules {
            patience: Duration::from_secs(600),
        },
    };
    let mut heads = 0;
    let mut times: Vec<Duration> = (0..30)
        .map(|_| {
            let before = SystemClock.now().moment;
            heads = tasks
                .locks()
                .look(|tx| snapshot(tx, eyes))
                .unwrap()
                .heads
                .len();
            SystemClock.now().moment.since(before)
        })
        .collect();
    times.sort_unstable();
    (times[times.len() / 2], heads)
}

#[test]
fn alone_n09_a_look_at_the_queue_does_not_grow_with_what_stands_behind_the_first() {
    let home = tempfile::tempdir().unwrap();
    let store =
        SqliteStore::open(&home.path().join("assigner.db"), SqliteOptions::default()).unwrap();
    let tasks = Tasks::new(LockService::new(Arc::new(store), Config::default()));
    tasks
        .add_process(&AddProcess {
            name: SessionId::new("worker").unwrap(),
            command: "true".to_owned(),
            provider: None,
            folder: None,
        })
        .unwrap();
    let folders: Vec<Folder> = (0..10)
        .map(|at| Folder::resolve(&home.path().join(format!("f{at}")), Path::new("/")).unwrap())
        .collect();
    let fill = |count: usize| {
        let queue = |tx: &mut gaia_locks::service::LockTx<'_>| {
            for at in 0..count {
                let new = Send {
                    folder: Some(folders[at % 10].clone()),
                    ..Send::new("work")
                };
                super::tasks::insert(tx, &new, &new.wants())?;
            }
            Ok(())
        };
        tasks.locks().transact(queue).unwrap();
    };
    fill(100);
    let (few, heads) = look(&tasks);
    assert_eq!(heads, 10);
    fill(50_000);
    let (many, heads) = look(&tasks);
    assert_eq!(heads, 10);
    assert!(
        many < few * 3,
        "{few:?} with 100 tasks, {many:?} with 50,100"
    );
}
