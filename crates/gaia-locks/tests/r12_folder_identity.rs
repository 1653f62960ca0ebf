//! One folder has one identity, on real file systems.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use gaia_locks::folder::{Folder, FolderState, NameRules, Reason};
use gaia_locks::os::Names;
use proptest::prelude::*;
use tempfile::TempDir;

struct Place {
    _there: TempDir,
    root: PathBuf,
}

impl Place {
    fn new() -> Self {
        let there = tempfile::tempdir().unwrap();
        let root = there.path().canonicalize().unwrap();
        Self {
            _there: there,
            root,
        }
    }

    fn path(&self, inside: &str) -> String {
        self.root.join(inside).to_str().unwrap().to_owned()
    }

    fn dir(&self, inside: &str) -> String {
        fs::create_dir_all(self.root.join(inside)).unwrap();
        self.path(inside)
    }

    fn link(&self, inside: &str, target: &str) -> String {
        symlink(target, self.root.join(inside)).unwrap();
        self.path(inside)
    }

    fn folder(&self, path: &str) -> Folder {
        Folder::resolve(Path::new(path), &self.root).unwrap()
    }

    fn reason(&self, path: &str) -> Reason {
        Folder::resolve(Path::new(path), &self.root)
            .unwrap_err()
            .reason
    }
}

#[test]
fn r12_spellings_of_one_path_are_one_folder() {
    let place = Place::new();
    let real = place.dir("a/b");
    for spelling in [
        real.clone(),
        format!("{real}/"),
        real.replace("/a/", "//a/./"),
        format!("{real}/../b"),
        "a/b".to_owned(),
        "./a//b/.".to_owned(),
        "a/b/nothing/..".to_owned(),
    ] {
        let folder = place.folder(&spelling);
        assert_eq!(
            (folder.path(), folder.written()),
            (real.as_str(), None),
            "{spelling}"
        );
    }
    assert_eq!(place.folder("/").path(), "/");
    assert_eq!(place.folder("/..").path(), "/");
    assert_eq!(place.folder(".").path(), place.root.to_str().unwrap());
}

#[test]
fn r12_a_link_and_its_target_are_one_folder() {
    let place = Place::new();
    let real = place.dir("real/sub");
    let link = place.link("link", "real");
    let through = place.folder(&format!("{link}/sub"));
    assert_eq!(through.path(), real);
    assert_eq!(through.written(), Some(format!("{link}/sub").as_str()));
    assert!(through.same(&place.folder(&real)));
    assert!(place.folder(&link).covers(&place.folder(&real)));
}

#[test]
fn r12_dots_after_a_link_go_up_from_where_it_leads() {
    let place = Place::new();
    place.dir("deep/down/here");
    let beside = place.dir("deep/down/beside");
    let link = place.link("link", "deep/down/here");
    let folder = place.folder(&format!("{link}/../beside"));
    assert_eq!((folder.path(), folder.written()), (beside.as_str(), None));
    // What stands behind the dots is left as written.
    let second = place.link("deep/down/second", "here");
    let folder = place.folder(&format!("{link}/../second"));
    assert_eq!(folder.written(), Some(second.as_str()));
    assert_eq!(folder.path(), place.path("deep/down/here"));
}

#[test]
fn r12_a_link_made_later_opens_no_second_door() {
    let place = Place::new();
    let locked = place.folder(&place.path("work/x"));
    let elsewhere = place.dir("elsewhere/x");
    place.link("work", "elsewhere");
    let asked = place.folder(&place.path("work/x"));
    assert_eq!(asked.path(), elsewhere);
    assert!(locked.same(&asked) && locked.overlaps(&asked));
}

#[test]
fn r12_a_link_turned_later_opens_no_second_door() {
    let place = Place::new();
    let (one, two) = (place.dir("one/x"), place.dir("two/x"));
    let link = place.link("link", "one");
    let locked = place.folder(&format!("{link}/x"));
    fs::remove_file(&link).unwrap();
    place.link("link", "two");
    assert!(
        locked.same(&place.folder(&format!("{link}/x"))),
        "the written path is covered"
    );
    assert!(
        locked.same(&place.folder(&one)),
        "so is what it meant when granted"
    );
    assert!(!locked.overlaps(&place.folder(&two)), "and nothing else");
}

#[test]
fn r12_what_does_not_exist_is_resolved_as_far_as_it_does() {
    let place = Place::new();
    let real = place.dir("real");
    place.link("link", "real");
    let folder = place.folder("link/not/yet");
    assert_eq!(folder.path(), format!("{real}/not/yet"));
    assert_eq!(folder.identity_now(), FolderState::Gone);
    fs::create_dir_all(folder.path()).unwrap();
    assert_eq!(place.folder("link/not/yet"), folder);
    assert_eq!(
        place.folder("link/not/../other").path(),
        format!("{real}/other")
    );
}

#[test]
fn r12_a_dangling_link_means_what_it_will_lead_to() {
    let place = Place::new();
    let link = place.link("link", "later/there");
    let absolute = place.link("absolute", &place.path("later/there"));
    for through in [&link, &absolute] {
        let folder = place.folder(&format!("{through}/x"));
        assert_eq!(folder.path(), place.path("later/there/x"));
        assert_eq!(folder.written(), Some(format!("{through}/x").as_str()));
    }
    let before = place.folder(&link);
    let made = place.dir("later/there");
    assert!(before.same(&place.folder(&made)));
}

#[test]
fn r12_links_in_circles_are_refused() {
    let place = Place::new();
    place.link("ping", "pong");
    place.link("pong", "ping/x");
    assert!(matches!(place.reason("ping"), Reason::LinkLoop { .. }));
    assert!(matches!(place.reason("pong/y"), Reason::LinkLoop { .. }));
}

#[test]
fn r12_a_file_is_a_folder_without_children() {
    let place = Place::new();
    let file = place.path("file");
    fs::write(&file, "x").unwrap();
    place.link("link", "file");
    assert_eq!(place.folder("file").path(), file);
    assert_eq!(place.folder("link/").path(), file);
    assert!(place.folder(".").covers(&place.folder("file")));
    let wanted = Reason::ThroughFile { file: file.clone() };
    assert_eq!(place.reason("file/below"), wanted);
    assert_eq!(place.reason("link/below/more"), wanted);
}

#[test]
fn r12_odd_names_are_names() {
    let place = Place::new();
    for name in [
        "new\nline",
        "it's \"quoted\"",
        "a_%b",
        "<script>alert(1)</script>",
        " ",
        "日本",
        "-rf",
        "~",
        "\u{202e}evil",
        "...",
    ] {
        let real = place.dir(name);
        assert_eq!(place.folder(name).path(), real, "{name:?}");
        assert_eq!(
            place.folder(&format!("{name}/later")).path(),
            format!("{real}/later")
        );
    }
}

#[test]
fn r12_impossible_paths_are_refused_clearly() {
    let place = Place::new();
    assert_eq!(place.reason(""), Reason::Empty);
    assert_eq!(place.reason("a\0b"), Reason::Nul);
    assert!(matches!(
        place.reason(&"n".repeat(256)),
        Reason::NameTooLong { .. }
    ));
    assert!(matches!(
        place.reason(&"deep/".repeat(900)),
        Reason::TooLong { .. }
    ));
    let bytes = std::ffi::OsStr::from_bytes(b"caf\xe9");
    let refused = Folder::resolve(Path::new(bytes), &place.root).unwrap_err();
    assert_eq!(refused.reason, Reason::NotText);
}

#[test]
fn r12_four_thousand_characters_are_a_path() {
    let place = Place::new();
    let real = place.dir("real");
    place.link("link", "real");
    let rest = "/abcdefghi".repeat((4000 - real.len()) / 10);
    let folder = place.folder(&format!("link{rest}"));
    assert_eq!(folder.path(), format!("{real}{rest}"));
    assert!(folder.path().len() > 3900);
}

#[test]
fn r12_what_may_not_be_looked_at_is_taken_as_written() {
    if rustix::process::geteuid().is_root() {
        return loudly("root may look at everything: this test shows nothing for root");
    }
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let shut = place.dir("shut");
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(place.folder("shut/x/y").path(), format!("{shut}/x/y"));
    assert_eq!(place.folder("shut/x").identity_now(), FolderState::Hidden);
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn r12_status_can_tell_that_a_folder_is_gone_or_another() {
    let place = Place::new();
    let folder = place.folder(&place.dir("a"));
    let before = folder.identity_now();
    assert!(matches!(before, FolderState::Present { .. }));
    place.dir("b"); // Takes the next inode number, so that a's is not used again at once.
    fs::remove_dir(folder.path()).unwrap();
    assert_eq!(folder.identity_now(), FolderState::Gone);
    fs::rename(place.path("b"), folder.path()).unwrap();
    assert!(matches!(folder.identity_now(), FolderState::Present { .. }));
    assert_ne!(folder.identity_now(), before);
}

struct AllFold;

impl NameRules for AllFold {
    fn names_in(&self, directory: &str) -> Option<Names> {
        Path::new(directory).exists().then_some(Names::Folded)
    }
}

#[test]
fn r12_case_does_not_matter_where_the_file_system_ignores_it() {
    let place = Place::new();
    place.dir("Project");
    let fold = |path: &str| Folder::resolve_with(Path::new(path), &place.root, &AllFold).unwrap();
    assert!(fold("Project").same(&fold("PROJECT")));
    assert!(fold("project").covers(&fold("Project/Sub/new")));
    assert_eq!(
        fold("Project").path(),
        place.path("Project"),
        "people see it as it is spelled"
    );
    assert!(!place.folder("Project").same(&place.folder("PROJECT")));
}

/// Runs the named test again with a mount table of its own; None where that is not allowed.
fn in_own_mounts(test: &str) -> Option<bool> {
    let allowed = |with: &[&str]| {
        Command::new("unshare")
            .args(with)
            .arg("true")
            .output()
            .is_ok_and(|done| done.status.success())
    };
    let with: &[&str] = match () {
        () if allowed(&["-m"]) => &["-m"],
        () if allowed(&["-r", "-m"]) => &["-r", "-m"],
        () => return None,
    };
    let mut inside = Command::new("unshare");
    inside.args(with).arg(std::env::current_exe().unwrap());
    inside
        .args([test, "--exact", "--nocapture"])
        .env("GAIA_TEST_OWN_MOUNTS", "1");
    Some(inside.status().unwrap().success())
}

fn own_mounts() -> bool {
    std::env::var_os("GAIA_TEST_OWN_MOUNTS").is_some()
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was left out"
)]
fn loudly(text: &str) {
    eprintln!("\n!!! NOT TESTED: {text}\n");
}

fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .output()
        .is_ok_and(|done| done.status.success())
}

#[test]
#[cfg(target_os = "linux")]
fn r12_a_bind_mount_is_no_second_door() {
    if own_mounts() {
        return bind_mounts();
    }
    match in_own_mounts("r12_a_bind_mount_is_no_second_door") {
        Some(passed) => assert!(passed, "failed inside its own mount namespace"),
        None => loudly("no mount namespace allowed here, so no bind mounts"),
    }
}

#[cfg(target_os = "linux")]
fn bind_mounts() {
    let place = Place::new();
    let (data, other) = (place.dir("data/b/x"), place.dir("bound"));
    let before = place.folder("bound/x");
    assert_eq!(before.path(), format!("{other}/x"));
    assert!(
        run("mount", &["--bind", &place.path("data/b"), &other]),
        "mount --bind"
    );
    let after = place.folder("bound/x");
    assert_eq!(
        after.path(),
        data,
        "seen without being told to read the table again"
    );
    assert_eq!(after.written(), Some(format!("{other}/x").as_str()));
    assert!(after.same(&place.folder(&data)) && after.same(&before));
    assert_eq!(
        place.folder("bound/new/y").path(),
        place.path("data/b/new/y")
    );
    place.link("to-bound", "bound");
    assert_eq!(
        place.folder("to-bound/x/../new").path(),
        place.path("data/b/new")
    );
    stacked_mounts(&place);
    assert!(run("umount", &[&other]), "umount");
    assert_eq!(place.folder("bound/x").path(), format!("{other}/x"));
}

// Under "bound" the source's subfolder is hidden by another mount in the source, not in the bind:
// what is seen here is seen nowhere else, so it keeps its own name.
#[cfg(target_os = "linux")]
fn stacked_mounts(place: &Place) {
    let (over, through) = (place.path("data/b/x"), place.path("bound/x"));
    assert!(run("mount", &["-t", "tmpfs", "none", &over]), "mount tmpfs");
    let hidden = place.folder(&through).path() == through;
    let propagated = place.folder(&through).path() == over;
    assert!(hidden || propagated);
    assert!(!hidden || !place.folder(&through).path().starts_with(&over));
    assert!(run("umount", &[&over]), "umount");
}

#[test]
#[cfg(target_os = "linux")]
fn r12_case_does_not_matter_on_a_real_case_folding_file_system() {
    if own_mounts() {
        return real_case_folding();
    }
    match in_own_mounts("r12_case_does_not_matter_on_a_real_case_folding_file_system") {
        Some(passed) => assert!(passed, "failed inside its own mount namespace"),
        None => loudly("no mount namespace allowed here, so no case-folding file system"),
    }
}

#[cfg(target_os = "linux")]
fn real_case_folding() {
    let place = Place::new();
    let (image, point) = (place.path("image"), place.dir("point"));
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let vfat = run("mkfs.vfat", &[&image]) && run("mount", &["-o", "loop,utf8", &image, &point]);
    let ext4 = || {
        run("mkfs.ext4", &["-q", "-F", "-O", "casefold", &image])
            && run("mount", &["-o", "loop", &image, &point])
            && run("chattr", &["+F", &point])
    };
    if !vfat && !ext4() {
        return loudly("neither vfat nor ext4 with casefold can be mounted here");
    }
    place.dir("point/Project");
    assert!(
        place
            .folder("point/Project")
            .same(&place.folder("point/PROJECT"))
    );
    assert!(
        place
            .folder("point/project")
            .covers(&place.folder("point/Project/Later/x"))
    );
    assert!(
        !place
            .folder("POINT/Project")
            .same(&place.folder("point/Project"))
    );
    assert!(run("umount", &[&point]));
}

#[test]
#[cfg(target_os = "linux")]
fn a_forked_child_resolves_too_whatever_other_threads_were_doing() {
    let place = Place::new();
    let real = place.dir("a");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                place.folder("a");
            }
        });
        for _ in 0..200 {
            // SAFETY: the child resolves one path and ends at once by _exit.
            let forked = unsafe { libc::fork() };
            if forked == 0 {
                let right = place.folder("a").path() == real;
                // SAFETY: ends this process without running the parent's exit handlers.
                unsafe { libc::_exit(if right { 7 } else { 1 }) };
            }
            let pid = rustix::process::Pid::from_raw(forked);
            let ended = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty());
            assert_eq!(ended.unwrap().unwrap().1.exit_status(), Some(7));
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

fn tree() -> Place {
    let place = Place::new();
    place.dir("a/b/a");
    place.dir("b/a");
    place.link("l", "a/b");
    place.link("a/l", "../b");
    place.link("b/l", "l");
    place.link("a/b/l", &place.path("a"));
    place.link("d", "missing/x");
    place
}

proptest! {
    #[test]
    fn r12_resolving_agrees_with_the_system_and_with_itself(
        names in prop::collection::vec(prop::sample::select(vec!["a", "b", "l", "d", "..", ".", "", "m"]), 0..8)
    ) {
        let place = tree();
        let path = format!("{}/{}", place.root.display(), names.join("/"));
        let Ok(folder) = Folder::resolve(Path::new(&path), Path::new("/")) else {
            prop_assert!(fs::canonicalize(&path).is_err());
            return Ok(());
        };
        if let Ok(real) = fs::canonicalize(&path) {
            prop_assert_eq!(folder.path(), real.to_str().unwrap());
        }
        let again = place.folder(folder.path());
        prop_assert_eq!((again.path(), again.written()), (folder.path(), None));
        if let Some(written) = folder.written() {
            prop_assert_eq!(place.folder(written), folder.clone());
        }
        prop_assert!(folder.keys().all(|key| !key.split('/').skip(1).any(|name| name == "..")));
    }
}
