//! [R12]: one folder has one identity, through the whole way to the store.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use gaia_locks::folder::Folder;
use gaia_locks::service::Release;
use gaia_locks::service::Released;
use gaia_locks::wire::FolderNow;

use super::{Stage, ask, session};

/// A folder of the file system that links are made in.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self, name: &str) -> std::path::PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn link(&self, name: &str, target: &Path) -> std::path::PathBuf {
        let path = self.0.path().join(name);
        symlink(target, &path).unwrap();
        path
    }

    fn folder(&self, name: &str) -> Folder {
        Folder::resolve(Path::new(name), self.0.path()).unwrap()
    }
}

fn now_at(stage: &Stage, folder: &Folder) -> FolderNow {
    stage.locks.status(Some(folder)).unwrap().locks[0].folder_state
}

pub(super) fn r12_spellings_of_a_folder_meet(stage: &Stage) {
    let place = Place::new();
    place.link("door", &place.dir("real"));
    ask("A", "/").on(place.folder("real")).granted(stage);
    for other in ["door", "./door//", "real/../door/inside", "door/."] {
        ask("B", "/").on(place.folder(other)).refused(stage);
    }
}

pub(super) fn r12_a_link_turned_later_opens_no_second_door(stage: &Stage) {
    let place = Place::new();
    let door = place.link("door", &place.dir("one"));
    let other = place.dir("two");
    let lock = ask("A", "/").on(place.folder("door")).granted(stage);
    assert!(
        lock.written_path
            .is_some_and(|path| path.ends_with("/door"))
    );
    fs::remove_file(&door).unwrap();
    place.link("door", &other);
    ask("B", "/").on(place.folder("door")).refused(stage);
    ask("B", "/").on(place.folder("door/inside")).refused(stage);
    ask("B", "/").on(place.folder("one")).refused(stage);
    ask("B", "/").on(place.folder("two")).granted(stage);
}

pub(super) fn r12_a_link_made_later_opens_no_second_door(stage: &Stage) {
    let place = Place::new();
    let real = place.dir("real");
    ask("A", "/")
        .on(place.folder("later/inside"))
        .granted(stage);
    place.link("later", &real);
    ask("B", "/")
        .on(place.folder("later/inside"))
        .refused(stage);
    ask("B", "/").on(place.folder("later")).refused(stage);
}

pub(super) fn r12_waiters_meet_under_both_names(stage: &Stage) {
    let place = Place::new();
    place.link("door", &place.dir("real"));
    let held = ask("A", "/").on(place.folder("real")).granted(stage);
    let through_door = ask("B", "/")
        .on(place.folder("door"))
        .waiting()
        .queued(stage)
        .waiter;
    let behind = ask("C", "/")
        .on(place.folder("real/inside"))
        .waiting()
        .queued(stage);
    assert_eq!(behind.place, 2);
    stage.release(&held);
    stage.take_up(through_door);
    assert!(!stage.turn_has_come(behind.waiter));
}

pub(super) fn r12_a_release_under_the_other_name_counts(stage: &Stage) {
    let place = Place::new();
    place.link("door", &place.dir("real"));
    for (taken, released) in [("door", "real"), ("real", "door")] {
        ask("A", "/").on(place.folder(taken)).granted(stage);
        let request = Release {
            folder: Some(place.folder(released)),
            session: session("A"),
            task: None,
            token: None,
        };
        let answer = stage.locks.release(&request).unwrap();
        assert!(
            matches!(answer, Released::Ended(_)),
            "{taken} as {released}: {answer:?}"
        );
        assert_eq!(stage.active(), []);
    }
}

pub(super) fn r12_renaming_moves_no_lock(stage: &Stage) {
    let place = Place::new();
    let old = place.dir("old");
    let folder = place.folder("old");
    ask("A", "/").on(folder.clone()).granted(stage);
    fs::rename(&old, old.with_file_name("new")).unwrap();
    ask("B", "/").on(folder).refused(stage);
    ask("B", "/").on(place.folder("new")).granted(stage);
}

pub(super) fn r12_status_says_when_a_folder_is_gone(stage: &Stage) {
    let place = Place::new();
    let path = place.dir("here");
    let folder = place.folder("here");
    let lock = ask("A", "/").on(folder.clone()).granted(stage);
    assert_eq!(now_at(stage, &folder), FolderNow::Present);
    fs::remove_dir(&path).unwrap();
    assert_eq!(now_at(stage, &folder), FolderNow::Gone);
    assert!(stage.is_active(lock.id), "deleting ends no lock");
}

pub(super) fn r12_status_says_when_another_folder_has_the_name(stage: &Stage) {
    let place = Place::new();
    let path = place.dir("here");
    let folder = place.folder("here");
    ask("A", "/").on(folder.clone()).granted(stage);
    fs::rename(&path, path.with_file_name("aside")).unwrap();
    place.dir("here");
    assert_eq!(now_at(stage, &folder), FolderNow::Replaced);
}

pub(super) fn r12_names_with_wildcards_are_names(stage: &Stage) {
    ask("A", "/r/a_c").granted(stage);
    ask("A", "/r/%").granted(stage);
    ask("A", "/r/it's \"odd\"; DROP TABLE x").granted(stage);
    for free in ["/r/abc", "/r/x/y", "/r/[a]", "/r/*"] {
        ask("B", free).granted(stage);
    }
    for taken in [
        "/r/a_c/x",
        "/r/%/x",
        "/r/it's \"odd\"; DROP TABLE x/y",
        "/r",
    ] {
        ask("C", taken).refused(stage);
    }
}
