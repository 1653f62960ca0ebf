//! The way through all rooms.
use gaia_locks::folder::Folder;
use gaia_locks::service::*;
use gaia_locks::store::sqlite::*;
use gaia_locks::wire::Answer;
use gaia_locks::*;
use std::path::Path;
use std::sync::Arc;

#[test]
fn a_waiter_gets_its_turn() {
    let dir = tempfile::tempdir().unwrap();
    let store =
        SqliteStore::open(&dir.path().join("assigner.db"), SqliteOptions::default()).unwrap();
    let service = LockService::new(Arc::new(store), Config::default());
    let folder = Folder::resolve(Path::new("/tmp"), Path::new("/")).unwrap();
    let ask = |name: &str| Acquire::new(folder.clone(), SessionId::new(name).unwrap(), TaskId(0));
    let Answer::Granted(granted) = service.acquire(&ask("a")).unwrap() else {
        panic!()
    };
    let Answer::Refused(refusal) = service.acquire(&ask("b")).unwrap() else {
        panic!()
    };
    assert_eq!(refusal.conflicts.len(), 1);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| service.acquire_waiting(&ask("b"), &mut Patience::default()));
        while service.status(None).unwrap().waiters.is_empty() {
            std::thread::yield_now();
        }
        let released = service
            .release(&Release {
                folder: Some(folder.clone()),
                session: SessionId::new("a").unwrap(),
                task: None,
                token: Some(granted.locks[0].id),
            })
            .unwrap();
        assert!(matches!(released, Released::Ended(_)));
        assert!(matches!(
            waiting.join().unwrap().unwrap(),
            Answer::Granted(_)
        ));
    });
    assert_eq!(service.history(&Default::default()).unwrap().len(), 2);
}

#[test]
fn speed() {
    let dir = tempfile::tempdir().unwrap();
    let store =
        SqliteStore::open(&dir.path().join("assigner.db"), SqliteOptions::default()).unwrap();
    let service = LockService::new(Arc::new(store), Config::default());
    let n = 20000;
    let start = std::time::Instant::now();
    for _ in 0..n {
        let folder = Folder::resolve(dir.path(), Path::new("/")).unwrap();
        let Answer::Granted(granted) = service
            .acquire(&Acquire::new(
                folder,
                SessionId::new("a").unwrap(),
                TaskId(0),
            ))
            .unwrap()
        else {
            panic!()
        };
        service
            .release(&Release {
                folder: None,
                session: SessionId::new("a").unwrap(),
                task: None,
                token: Some(granted.locks[0].id),
            })
            .unwrap();
    }
    eprintln!("{:?} per cycle", start.elapsed() / n);
}
