//! Agents, texts, folders and users that do what nobody would expect.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use fleet::{Fleet, example, lives, read, until};
use gaia_assigner::TaskError;
use gaia_assigner::service::{Filter, Send};
use gaia_assigner::task::Status;
use gaia_locks::folder::Folder;

/// A session whose agent says its one argument and nothing else.
fn echoing(fleet: &Fleet, argument: &str) {
    fleet.session("echo", &format!("sh -c 'printf %s \"$1\"' sh {argument}"));
}

fn pids(path: &Path) -> Vec<u32> {
    read(path).lines().map(|pid| pid.parse().unwrap()).collect()
}

#[test]
fn heavy_a_text_of_a_megabyte_arrives_on_stdin_and_is_refused_as_an_argument() {
    let fleet = Fleet::new();
    fleet.session("counts", "wc -c");
    let _at_work = fleet.work();
    let text = "ä\n".repeat(350_000);
    let to = |name: &'static str| move |new: &mut Send| new.session = Some(name.to_owned());
    let task = fleet.end_of(fleet.send_with(&text, None, to("counts")));
    assert_eq!(task.response.as_deref().map(str::trim), Some("1050000"));
    echoing(&fleet, "{prompt}");
    let task = fleet.end_of(fleet.send_with(&text, None, to("echo")));
    assert_eq!(task.status, Status::Failed);
    let error = task.error.unwrap();
    assert!(error.contains("stdin") && error.len() < 1000, "{error}");
}

#[test]
fn a_text_with_nul_is_refused() {
    let fleet = Fleet::new();
    let refused = fleet.tasks.send(&Send::new("a\0b"));
    assert!(
        matches!(refused, Err(TaskError::InvalidRequest(_))),
        "{refused:?}"
    );
}

#[test]
fn a_text_is_one_argument_whatever_it_holds() {
    let fleet = Fleet::new();
    echoing(&fleet, "\"<{prompt}>\"");
    let _at_work = fleet.work();
    for text in [
        "-rf --help",
        "$(touch bad) `touch bad`; \"'",
        "{prompt}{prompt}",
        "a\nb\n",
        "\u{1b}[31m",
    ] {
        let task = fleet.end_of(fleet.send(text, None));
        assert_eq!(task.response, Some(format!("<{text}>")));
    }
    assert!(!fleet.path("bad").is_file());
}

#[test]
fn heavy_an_agent_that_kills_its_keeper_fails_when_its_tries_are_spent() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let text = "echo $$ >> pids; setsid sleep 300 & echo $! >> pids; kill -9 $PPID; exec sleep 300";
    let task = fleet.end_of(fleet.send(text, Some(&folder)));
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Failed, 3),
        "{task:?}"
    );
    let pids = pids(&fleet.path("repo/pids"));
    assert_eq!(pids.len(), 6, "each try once");
    assert!(pids.iter().all(|pid| !lives(*pid)), "something is left");
    fleet.assert_at_rest();
}

#[test]
fn heavy_t04_an_agent_that_stops_itself_is_ended_at_its_limit() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    // Itself, and then the keeper too: nobody is left who would do as told.
    for who in ["$$", "$PPID $$"] {
        let id = fleet.send_with(&format!("kill -STOP {who}"), Some(&folder), |new| {
            new.time_limit = Duration::from_millis(500);
        });
        let task = fleet.end_of(id);
        assert_eq!(
            (task.status, task.error.as_deref()),
            (Status::Failed, Some("timed out")),
            "{who}"
        );
    }
    fleet.assert_at_rest();
}

#[test]
fn heavy_an_agent_that_closes_its_output_works_on() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let text = "echo said; exec >&- 2>&- <&-; sleep 0.5; touch done; exit 4";
    let task = fleet.end_of(fleet.send(text, Some(&folder)));
    assert_eq!(
        (task.exit_status, task.response.as_deref()),
        (Some(4), Some("said\n"))
    );
    assert!(fleet.path("repo/done").is_file());
}

#[test]
fn heavy_t03_two_hundred_children_are_gone_before_the_folder_is_free() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let text = "i=0; while [ $i -lt 100 ]; do sleep 300 & echo $! >> pids; \
        setsid sleep 300 & echo $! >> pids; i=$((i+1)); done; exit 0";
    let task = fleet.end_of(fleet.send(text, Some(&folder)));
    assert_eq!(task.status, Status::Completed);
    let pids = pids(&fleet.path("repo/pids"));
    assert_eq!(pids.len(), 200);
    assert_eq!(pids.iter().filter(|pid| lives(**pid)).count(), 0);
    fleet.assert_at_rest();
}

#[test]
fn heavy_folders_with_any_name_are_worked_in() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let home = Folder::resolve(fleet.home.path(), Path::new("/")).unwrap();
    let long = ["long".to_owned(), "x".repeat(250)].join("/");
    let depth = (4_000 - home.path().len()) / 251;
    let deep: PathBuf = std::iter::once("deep".to_owned())
        .chain((1..depth).map(|_| "y".repeat(250)))
        .collect();
    let names = [
        "two\nlines",
        "it's \"quoted\" \\",
        "  spaces ",
        "<script>alert(1)</script>",
        "-rf",
        "{prompt}",
        "ünïcode \u{202e}",
        "%s %n $HOME",
        &long,
        deep.to_str().unwrap(),
    ];
    for name in names {
        let folder = fleet.folder(name);
        let task = fleet.end_of(fleet.send("touch here", Some(&folder)));
        assert_eq!(task.status, Status::Completed, "{name}: {task:?}");
        assert!(fleet.path(name).join("here").is_file(), "{name}");
    }
    fleet.assert_at_rest();
}

#[test]
fn heavy_fifty_sessions_work_at_once() {
    let fleet = Fleet::new();
    std::fs::create_dir_all(fleet.path("up")).unwrap();
    for at in 0..50 {
        fleet.shell(&format!("s{at}"));
        let text =
            "touch ../up/$GAIA_TASK; until [ $(ls ../up | wc -l) -ge 50 ]; do sleep 0.2; done";
        fleet.send(text, Some(&fleet.folder(&format!("repo{at}"))));
    }
    let mut config = fleet.config();
    config.until_idle = true;
    fleet.work_with(config).join();
    let done = |fleet: &Fleet| fleet.tasks.list(&Filter::default()).unwrap().tasks;
    assert!(
        done(&fleet)
            .iter()
            .all(|task| task.status == Status::Completed)
    );
    fleet.assert_at_rest();
}

#[test]
fn heavy_a_session_that_another_program_removes_leaves_no_lock() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let id = fleet.send("until [ -e go ]; do sleep 0.02; done", Some(&folder));
    until("it runs", || {
        fleet.tasks.show(id).unwrap().status == Status::InProgress
    });
    let busy = fleet.tasks.remove_session("worker");
    assert!(
        matches!(busy, Err(TaskError::SessionBusy { .. })),
        "{busy:?}"
    );
    let other = rusqlite::Connection::open(fleet.path("assigner.db")).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute("DELETE FROM sessions", []).unwrap();
    std::fs::write(fleet.path("repo/go"), "").unwrap();
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    fleet.assert_at_rest();
}

fn assigner(database: &Path, logs: &Path) -> Child {
    Command::new(example("assigner"))
        .args([database, logs])
        .spawn()
        .unwrap()
}

#[test]
fn heavy_t09_two_assigners_that_start_at_one_moment_share_the_work() {
    let fleet = Fleet::new();
    fleet.shell("one");
    fleet.shell("two");
    let folder = fleet.folder("repo");
    for round in 0..50 {
        let text = format!("echo {round} >> ../runs");
        let ids = [fleet.send(&text, Some(&folder)), fleet.send("true", None)];
        // Every fifth time on a database that is not there yet.
        let fresh = fleet.path(&format!("fresh{round}.db"));
        let database = match round % 5 {
            0 => fresh,
            _ => fleet.path("assigner.db"),
        };
        let both = [(); 2].map(|()| assigner(&database, &fleet.path("logs")));
        for mut one in both {
            assert!(one.wait().unwrap().success(), "round {round}");
        }
        for id in ids.iter().filter(|_| round % 5 != 0) {
            let task = fleet.tasks.show(*id).unwrap();
            assert_eq!(
                (task.status, task.retry_count),
                (Status::Completed, 0),
                "{task:?}"
            );
        }
    }
    let runs = read(&fleet.path("runs")).lines().count();
    assert_eq!(runs, 50, "one line of each round in the folder beside");
    fleet.assert_at_rest();
}
