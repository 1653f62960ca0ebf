//! What is kept of a git work tree when a task's lock ends, and what the next
//! task does with what lies there; with real repositories.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fleet::{AtWork, Fleet, read, until};
use gaia_assigner::TaskService;
use gaia_assigner::service::{AddRemote, Teller};
use gaia_assigner::task::{Status, Told};
use gaia_assigner::worktree::{LOOKING, look};
use gaia_locks::Locks as _;
use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::settings::Uncommitted;
use gaia_locks::store::HistoryFilter;
use serde_json::Value;

/// No name that a shell or git would read as written.
const ODD: &str = "a repo; 'with' \"quotes\" $(x) ünd";

fn git(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=t", "-c", "user.email=t@localhost"])
        .args([
            "-c",
            "protocol.file.allow=always",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(words)
        .current_dir(folder);
    let out = command.output().unwrap();
    assert!(out.status.success(), "git {words:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// A shell that does not take the warning for a command.
const SHELL: &str = "sh -c \"grep -v ^.GAIA: | sh\"";

/// A repository with one commit.
fn repository(fleet: &Fleet, name: &str) -> Folder {
    let folder = fleet.folder(name);
    let path = Path::new(folder.path());
    git(path, &["init", "--quiet"]);
    std::fs::write(path.join("file"), "first\n").unwrap();
    std::fs::write(path.join(".gitignore"), "ignored\n").unwrap();
    git(path, &["add", "."]);
    git(path, &["commit", "--quiet", "--message", "first"]);
    folder
}

fn work(fleet: &Fleet, uncommitted: Uncommitted) -> AtWork {
    let mut config = fleet.config();
    config.uncommitted = uncommitted;
    fleet.work_with(config)
}

/// What the history keeps of a task's lock.
fn kept(fleet: &Fleet, task: TaskId) -> Option<Value> {
    let filter = HistoryFilter {
        task: Some(task),
        ..HistoryFilter::default()
    };
    let locks = fleet.tasks.locks().history(&filter).unwrap();
    locks[0]
        .details
        .as_ref()
        .map(|details| details["work_tree"].clone())
}

fn path(folder: &Folder) -> PathBuf {
    PathBuf::from(folder.path())
}

#[test]
fn t13_the_history_keeps_head_branch_and_whether_work_lay_uncommitted() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = work(&fleet, Uncommitted::Warn);
    let folder = repository(&fleet, ODD);
    let head = git(&path(&folder), &["rev-parse", "HEAD"]);
    let clean = fleet.end_of(fleet.send("echo x > ignored; echo m > .gaia", Some(&folder)));
    let tree = kept(&fleet, clean.id).unwrap();
    assert_eq!(tree["head"], head.as_str());
    assert_eq!(
        (&tree["branch"], &tree["uncommitted"]),
        (&"main".into(), &false.into())
    );
    let dirty = fleet.end_of(fleet.send("echo more >> file", Some(&folder)));
    assert_eq!(kept(&fleet, dirty.id).unwrap()["uncommitted"], true);
    let plain = fleet.folder("plain");
    let none = fleet.end_of(fleet.send("true", Some(&plain)));
    assert_eq!(kept(&fleet, none.id), None);
}

#[test]
fn t13_the_next_task_is_warned_in_its_text_and_the_stored_text_stays() {
    let fleet = Fleet::new();
    fleet.session("writer", "sh");
    fleet.session("reader", "printf %s {prompt}");
    let _at_work = work(&fleet, Uncommitted::Warn);
    let folder = repository(&fleet, ODD);
    let to = |name: &'static str| {
        move |new: &mut gaia_assigner::service::Send| new.session = Some(name.to_owned())
    };
    let first = fleet.send_with("echo more >> file", Some(&folder), to("writer"));
    fleet.end_of(first);
    let next = fleet.end_of(fleet.send_with("do it", Some(&folder), to("reader")));
    let said = next.response.unwrap();
    assert!(
        said.starts_with("[GAIA: uncommitted work of task 1 (session writer"),
        "{said}"
    );
    assert!(said.ends_with("\n\ndo it"), "{said}");
    assert_eq!(next.content, "do it");
    git(
        &path(&folder),
        &["commit", "--all", "--quiet", "--message", "second"],
    );
    let later = fleet.end_of(fleet.send_with("do it", Some(&folder), to("reader")));
    assert_eq!(
        later.response.as_deref(),
        Some("do it"),
        "it was committed meanwhile"
    );
}

#[test]
fn t13_the_next_task_waits_until_a_person_says_go_or_the_tree_is_clean() {
    let fleet = Fleet::new();
    fleet.session("worker", SHELL);
    let _at_work = work(&fleet, Uncommitted::Wait);
    let folder = repository(&fleet, ODD);
    fleet.end_of(fleet.send("echo more >> file", Some(&folder)));
    let held = |id| {
        until("it is held", || {
            fleet.tasks.show(id).unwrap().held.as_deref() == Some("uncommitted")
        });
        fleet.tasks.show(id).unwrap()
    };
    let next = fleet.send("true", Some(&folder));
    let note = held(next).hold_note.unwrap();
    assert!(
        note.starts_with("uncommitted work of task 1 (session worker, branch main) lies in"),
        "{note}"
    );
    fleet.tasks.retry(next, "me").unwrap();
    assert_eq!(fleet.end_of(next).status, Status::Completed);
    let last = fleet.send("true", Some(&folder));
    held(last);
    git(
        &path(&folder),
        &["commit", "--all", "--quiet", "--message", "second"],
    );
    assert_eq!(fleet.end_of(last).status, Status::Completed);
    fleet.assert_at_rest();
}

#[test]
fn t13_what_lies_there_is_stashed_under_the_old_tasks_name_before_the_next_begins() {
    let fleet = Fleet::new();
    fleet.session("worker", SHELL);
    let _at_work = work(&fleet, Uncommitted::Stash);
    let folder = repository(&fleet, ODD);
    let text = "echo more >> file; echo new > 'a new file'; echo x > ignored";
    fleet.end_of(fleet.send(text, Some(&folder)));
    let reads = fleet.send_with("cat file", Some(&folder), |new| new.read_only = true);
    assert_eq!(
        fleet.end_of(reads).response.as_deref(),
        Some("first\nmore\n")
    );
    let next = fleet.end_of(fleet.send("cat file; ls", Some(&folder)));
    assert_eq!(next.response.as_deref(), Some("first\nfile\nignored\n"));
    let list = git(&path(&folder), &["stash", "list"]);
    assert!(list.contains("gaia: task 1 (worker)"), "{list}");
    git(&path(&folder), &["stash", "pop", "--quiet"]);
    assert_eq!(read(&path(&folder).join("a new file")), "new\n");
}

#[test]
fn t13_a_stash_that_fails_holds_the_task_for_a_person() {
    let fleet = Fleet::new();
    fleet.session("worker", SHELL);
    let _at_work = work(&fleet, Uncommitted::Stash);
    let folder = repository(&fleet, "repo");
    let first = fleet.send("echo more >> file; touch .git/index.lock", Some(&folder));
    fleet.end_of(first);
    let next = fleet.send("echo ran > ran", Some(&folder));
    until("it is held", || {
        fleet.tasks.show(next).unwrap().held.as_deref() == Some("uncommitted")
    });
    let task = fleet.tasks.show(next).unwrap();
    assert!(task.hold_note.unwrap().contains("could not be stashed"));
    assert_eq!((task.status, task.retry_count), (Status::Pending, 0));
    assert!(
        !path(&folder).join("ran").is_file(),
        "its agent was started"
    );
    fleet.assert_at_rest();
}

/// A session that asks for its work, and the door by which it does.
fn asking(fleet: &Fleet, name: &str, uncommitted: Uncommitted) -> (SessionId, TaskService) {
    let tasks = fleet.tasks.clone().with_uncommitted(uncommitted);
    let name = SessionId::new(name).unwrap();
    let new = AddRemote {
        name: name.clone(),
        provider: None,
        folder: None,
        lease: Duration::from_secs(900),
    };
    tasks.add_remote(&new).unwrap();
    (name, tasks)
}

/// Says that a session's task is done.
fn say_done(tasks: &TaskService, session: &SessionId, task: TaskId) {
    let teller = Teller {
        session: Some(session.clone()),
        ..Teller::default()
    };
    tasks.told(Some(task), &Told::Done(None), &teller).unwrap();
}

/// A repository in which the first task of `ann` left something.
fn left_by_ann(fleet: &Fleet, uncommitted: Uncommitted) -> Folder {
    let (ann, tasks) = asking(fleet, "ann", uncommitted);
    let folder = repository(fleet, ODD);
    let first = fleet.send("first", Some(&folder));
    assert_eq!(tasks.take(&ann, None).unwrap().unwrap().task.id, first);
    std::fs::write(path(&folder).join("file"), "more\n").unwrap();
    std::fs::write(path(&folder).join("new"), "new\n").unwrap();
    say_done(&tasks, &ann, first);
    tasks.remove("ann").unwrap();
    folder
}

#[test]
fn t13_who_asks_for_work_gets_a_folder_from_which_the_old_tasks_work_was_stashed() {
    let fleet = Fleet::new();
    let folder = left_by_ann(&fleet, Uncommitted::Stash);
    let (ben, tasks) = asking(&fleet, "ben", Uncommitted::Stash);
    let reads = fleet.send_with("look", Some(&folder), |new| new.read_only = true);
    let taken = tasks.take(&ben, None).unwrap().unwrap();
    assert!(taken.task.content.contains("uncommitted work of task 1"));
    assert_eq!(read(&path(&folder).join("file")), "more\n", "it only reads");
    say_done(&tasks, &ben, reads);
    let next = fleet.send("go on", Some(&folder));
    let taken = tasks.take(&ben, None).unwrap().unwrap();
    assert_eq!(
        (taken.task.id, taken.task.status),
        (next, Status::InProgress)
    );
    assert_eq!(taken.task.content, "go on");
    assert_eq!(read(&path(&folder).join("file")), "first\n");
    assert!(!path(&folder).join("new").is_file());
    let list = git(&path(&folder), &["stash", "list"]);
    assert!(list.contains("gaia: task 1 (ann)"), "{list}");
    say_done(&tasks, &ben, next);
}

#[test]
fn t13_a_stash_that_fails_gives_who_asks_another_task_and_holds_this_one() {
    let fleet = Fleet::new();
    let folder = left_by_ann(&fleet, Uncommitted::Stash);
    std::fs::write(path(&folder).join(".git/index.lock"), "").unwrap();
    let (ben, tasks) = asking(&fleet, "ben", Uncommitted::Stash);
    let held = fleet.send("go on", Some(&folder));
    let other = fleet.send("elsewhere", Some(&fleet.folder("other")));
    let taken = tasks.take(&ben, None).unwrap().unwrap();
    assert_eq!(taken.task.id, other);
    let task = fleet.tasks.show(held).unwrap();
    assert!(task.hold_note.unwrap().contains("could not be stashed"));
    assert_eq!((task.status, task.retry_count), (Status::Pending, 0));
    assert_eq!(read(&path(&folder).join("file")), "more\n");
    say_done(&tasks, &ben, other);
    fleet.assert_at_rest();
}

#[test]
fn t13_who_asks_for_work_waits_until_a_person_says_go_or_the_tree_is_clean() {
    let fleet = Fleet::new();
    let folder = left_by_ann(&fleet, Uncommitted::Wait);
    let (ben, tasks) = asking(&fleet, "ben", Uncommitted::Wait);
    let next = fleet.send("go on", Some(&folder));
    assert_eq!(tasks.take(&ben, None).unwrap(), None);
    let task = fleet.tasks.show(next).unwrap();
    assert_eq!(task.held.as_deref(), Some("uncommitted"));
    fleet.tasks.retry(next, "me").unwrap();
    let taken = tasks.take(&ben, None).unwrap().unwrap();
    assert!(taken.task.content.contains("uncommitted work of task 1"));
    say_done(&tasks, &ben, next);
    let last = fleet.send("go on", Some(&folder));
    assert_eq!(tasks.take(&ben, None).unwrap(), None);
    git(&path(&folder), &["add", "."]);
    git(
        &path(&folder),
        &["commit", "--quiet", "--message", "second"],
    );
    // No assigner is there: who asks looks.
    let taken = tasks.take(&ben, None).unwrap().unwrap();
    assert_eq!(
        (taken.task.id, taken.task.content.as_str()),
        (last, "go on")
    );
    say_done(&tasks, &ben, last);
}

#[test]
fn t13_submodules_linked_work_trees_and_what_is_no_repository() {
    let fleet = Fleet::new();
    let inner = repository(&fleet, "inner");
    let outer = repository(&fleet, "outer repo");
    let at = path(&outer);
    git(&at, &["submodule", "--quiet", "add", inner.path(), "sub"]);
    git(&at, &["commit", "--quiet", "--message", "with a submodule"]);
    let linked = fleet.path("a linked tree");
    git(
        &at,
        &[
            "worktree",
            "add",
            "--quiet",
            "-b",
            "other",
            linked.to_str().unwrap(),
        ],
    );
    let is_dirty = |path: &Path| look(path, LOOKING).unwrap().uncommitted;
    assert_eq!(
        (is_dirty(&at), is_dirty(&linked)),
        (Some(false), Some(false))
    );
    assert_eq!(
        look(&linked, LOOKING).unwrap().branch.as_deref(),
        Some("other")
    );
    std::fs::write(at.join("sub/file"), "changed").unwrap();
    assert_eq!(
        (is_dirty(&at), is_dirty(&at.join("sub"))),
        (Some(true), Some(true))
    );
    assert_eq!(is_dirty(&linked), Some(false));
    std::fs::create_dir(linked.join("below")).unwrap();
    std::fs::write(linked.join("file"), "changed").unwrap();
    assert_eq!(
        is_dirty(&linked.join("below")),
        Some(false),
        "only the folder counts"
    );
    assert_eq!(look(fleet.folder("plain").path().as_ref(), LOOKING), None);
    let broken = fleet.folder("broken");
    std::fs::write(path(&broken).join(".git"), "gitdir: /nowhere\n").unwrap();
    let tree = look(broken.path().as_ref(), LOOKING).unwrap();
    assert!(
        tree.uncommitted.is_none() && tree.unknown.is_some(),
        "{tree:?}"
    );
}

#[test]
fn alone_t13_a_repository_that_does_not_answer_costs_two_seconds_and_nothing_of_its_own_is_run() {
    let fleet = Fleet::new();
    let folder = repository(&fleet, "repo");
    let at = path(&folder);
    let ran = fleet.path("ran");
    let monitor = format!("touch '{}'; sleep 100", ran.display());
    git(&at, &["config", "core.fsmonitor", &monitor]);
    assert_eq!(look(&at, LOOKING).unwrap().uncommitted, Some(false));
    assert!(!ran.is_file(), "the repository's monitor was run");
    // What cannot be turned off: a filter that never ends.
    git(&at, &["config", "filter.slow.clean", "sleep 100"]);
    std::fs::write(at.join(".gitattributes"), "file filter=slow\n").unwrap();
    std::fs::write(at.join("file"), "firsT\n").unwrap();
    let before = SystemClock.now().moment;
    let tree = look(&at, LOOKING).unwrap();
    let took = SystemClock.now().moment.since(before);
    assert!(tree.unknown.is_some(), "{tree:?}");
    assert!(took < LOOKING + Duration::from_millis(800), "{took:?}");
}
