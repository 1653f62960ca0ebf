//! A million active locks: what is asked of a folder costs what lies over and
//! under it, whatever else is locked.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use gaia_locks::clock::Moment;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{Scope, SessionId, TaskId};
use gaia_locks::model::{Binding, Holder, Mode, Releaser};
use gaia_locks::service::{Acquire, Config, Release, Released};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::store::{NewLock, Tx};
use gaia_locks::wire::{Answer, Granted, Refusal};
use gaia_locks::{LockService, Locks as _};

const MANY: usize = 1_000_000;
const IN_A_FOLDER: usize = 1000;
/// Fewer than tokens are reserved at once.
const AT_ONCE: usize = 2000;

/// Locks `/many/0/0` to `/many/999/999`, past the rules.
fn fill(service: &LockService) {
    let holder = Holder::new(SessionId::new("others").unwrap(), TaskId::NONE);
    let (scope, ttl) = (Scope::local(), Config::default().ttl);
    for first in (0..MANY).step_by(AT_ONCE) {
        let fill = &mut |tx: &mut dyn Tx| {
            let expires: Moment = tx.now().moment.plus(ttl);
            for number in first..first + AT_ONCE {
                let (tree, leaf) = (number / IN_A_FOLDER, number % IN_A_FOLDER);
                tx.insert_lock(&NewLock {
                    scope: &scope,
                    folder: &folder(&format!("/many/{tree}/{leaf}")),
                    holder: &holder,
                    mode: Mode::Exclusive,
                    expires,
                    ttl,
                    binding: Binding::Lease,
                    own: false,
                    releaser: Releaser::Holder,
                })?;
            }
            Ok(())
        };
        service.store().write(fill).unwrap();
    }
}

fn folder(path: &str) -> Folder {
    Folder::clean(path).unwrap()
}

fn ask(service: &LockService, path: &str, mode: Mode) -> Answer {
    let session = SessionId::new("stranger").unwrap();
    let request = Acquire {
        mode,
        ..Acquire::new(folder(path), session, TaskId::NONE)
    };
    service.acquire(&request).unwrap()
}

fn granted(service: &LockService, path: &str) -> Granted {
    match ask(service, path, Mode::Exclusive) {
        Answer::Granted(granted) => granted,
        refused => panic!("{path}: {refused:?}"),
    }
}

fn refused(service: &LockService, path: &str, mode: Mode) -> Refusal {
    match ask(service, path, mode) {
        Answer::Refused(refusal) => refusal,
        granted => panic!("{path}: {granted:?}"),
    }
}

#[test]
fn heavy_r01_a_million_locks_exclude_what_overlaps_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("assigner.db");
    let store = SqliteStore::open(&file, SqliteOptions::default()).unwrap();
    let service = LockService::new(Arc::new(store), Config::default());
    fill(&service);

    let last = granted(&service, "/beside").locks[0].clone();
    assert!(last.id.0 > MANY as i64, "tokens go on rising: {last:?}");
    granted(&service, "/many-more");
    granted(&service, "/many/500/1000");

    for (over, under) in [
        ("/", MANY + 3),
        ("/many", MANY + 1),
        ("/many/7", IN_A_FOLDER),
    ] {
        let refusal = refused(&service, over, Mode::Shared);
        let told = refusal.conflicts.len();
        // What is the stranger's own is in nobody's way.
        let foreign = under.min(MANY);
        assert_eq!(told + refusal.more, foreign, "{over}");
        assert!(told <= 50, "{over}: {told} are listed");
    }
    let inside = refused(&service, "/many/999/999/deep/inside", Mode::Exclusive);
    let in_the_way = inside.conflicts[0].lock.as_ref().unwrap();
    assert_eq!(in_the_way.folder_path, "/many/999/999");

    let release = Release {
        folder: Some(folder("/many/42/42")),
        session: SessionId::new("others").unwrap(),
        task: None,
        token: None,
    };
    assert!(
        matches!(service.release(&release).unwrap(), Released::Ended(ended) if ended.len() == 1)
    );
    granted(&service, "/many/42/42");
    assert_eq!(service.cleanup().unwrap(), 0);
}
