//! Many tasks, several sessions, overlapping folders, and assigners that are
//! killed: judged from outside, by what the tasks themselves noted.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use fleet::{Fleet, example, keeper, lives, read, until};
use gaia_assigner::service::Filter;
use gaia_assigner::task::Status;
use gaia_assigner::wire::TaskInfo;
use gaia_locks::folder::Folder;

/// What one run of a task noted.
#[derive(Clone, Debug)]
struct Note {
    task: i64,
    folder: PathBuf,
    start: i64,
    end: i64,
    alone: bool,
}

fn notes(path: &Path) -> Vec<Note> {
    let note = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [task, folder, start, end, alone] = words[..] else {
            panic!("torn note: {line}")
        };
        Note {
            task: task.parse().unwrap(),
            folder: folder.into(),
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
            alone: alone == "true",
        }
    };
    read(path).lines().map(note).collect()
}

/// Pairs that were at work at once in folders that overlap.
fn clashes(notes: &[Note]) -> Vec<(Note, Note)> {
    let mut clashes = Vec::new();
    for (at, one) in notes.iter().enumerate() {
        for other in &notes[..at] {
            let overlap =
                one.folder.starts_with(&other.folder) || other.folder.starts_with(&one.folder);
            if overlap && one.start < other.end && other.start < one.end {
                clashes.push((one.clone(), other.clone()));
            }
        }
    }
    clashes
}

struct Crowd {
    fleet: Fleet,
    notes: PathBuf,
}

impl Crowd {
    /// Sessions whose agents note what they see, and tasks in three folders
    /// that lie in each other.
    fn new(sessions: usize, tasks: usize) -> Self {
        let fleet = Fleet::new();
        let root = Folder::resolve(fleet.home.path(), Path::new("/")).unwrap();
        let notes = fleet.path("notes");
        let command = shell_words::join([
            example("agent").to_str().unwrap(),
            root.path(),
            notes.to_str().unwrap(),
        ]);
        for at in 0..sessions {
            fleet.session(&format!("s{at}"), &command);
        }
        let folders = ["repo/a", "repo/a/deep", "repo/b"].map(|name| fleet.folder(name));
        let whole = fleet.folder("repo");
        for at in 0..tasks {
            let folder = if at % 20 == 19 {
                &whole
            } else {
                &folders[at % 3]
            };
            fleet.send_with("work", Some(folder), |new| {
                new.priority = i64::try_from(at % 4).unwrap();
                new.max_tries = 50;
            });
        }
        Self { fleet, notes }
    }

    fn assigner(&self) -> Child {
        let mut command = Command::new(example("assigner"));
        command
            .arg(self.fleet.path("assigner.db"))
            .arg(self.fleet.path("logs"));
        command.spawn().unwrap()
    }

    fn tasks(&self) -> Vec<TaskInfo> {
        self.fleet.tasks.list(&Filter::default()).unwrap().tasks
    }

    fn completed(&self) -> usize {
        self.tasks()
            .iter()
            .filter(|task| task.status == Status::Completed)
            .count()
    }

    /// Every task done, none beside another, each once or its retry recorded.
    fn judge(&self, tasks: usize) {
        let notes = notes(&self.notes);
        let mut runs: HashMap<i64, u32> = HashMap::new();
        for note in &notes {
            *runs.entry(note.task).or_default() += 1;
        }
        assert!(clashes(&notes).is_empty(), "{:?}", clashes(&notes));
        let crowded: Vec<&Note> = notes.iter().filter(|note| !note.alone).collect();
        assert!(crowded.is_empty(), "not alone: {crowded:?}");
        let all = self.tasks();
        assert_eq!(all.len(), tasks);
        for task in all {
            assert_eq!(task.status, Status::Completed, "{task:?}");
            let runs = runs.get(&task.id.0).copied().unwrap_or(0);
            assert!(
                runs >= 1 && runs <= task.retry_count + 1,
                "{runs} runs of {task:?}"
            );
        }
        self.fleet.assert_at_rest();
    }
}

#[test]
fn the_judge_sees_a_clash_and_only_a_clash() {
    let note = |task, folder: &str, start, end| Note {
        task,
        folder: folder.into(),
        start,
        end,
        alone: true,
    };
    let apart = [
        note(1, "/r", 0, 5),
        note(2, "/r/a", 5, 9),
        note(3, "/r/b", 5, 9),
        note(4, "/ra", 0, 9),
    ];
    assert!(clashes(&apart).is_empty());
    let clash = [note(1, "/r", 0, 6), note(2, "/r/a", 5, 9)];
    assert_eq!(clashes(&clash).len(), 1);
}

#[test]
fn heavy_200_tasks_on_4_sessions_and_3_overlapping_folders() {
    let crowd = Crowd::new(4, 200);
    let mut config = crowd.fleet.config();
    config.until_idle = true;
    crowd.fleet.work_with(config).join();
    crowd.judge(200);
    assert!(crowd.tasks().iter().all(|task| task.retry_count == 0));
    let busy: std::collections::HashSet<_> = crowd
        .tasks()
        .into_iter()
        .filter_map(|task| task.assigned_session)
        .collect();
    assert!(busy.len() > 1, "one session did it all: {busy:?}");
}

#[test]
fn heavy_t09_two_assigners_take_no_task_twice() {
    let crowd = Crowd::new(4, 120);
    let mut assigners = [crowd.assigner(), crowd.assigner()];
    for assigner in &mut assigners {
        assert!(assigner.wait().unwrap().success());
    }
    crowd.judge(120);
    assert!(
        crowd.tasks().iter().all(|task| task.retry_count == 0),
        "a task was sent twice"
    );
}

#[test]
fn heavy_t08_an_assigner_killed_again_and_again_loses_and_doubles_nothing() {
    let crowd = Crowd::new(4, 120);
    for round in 1..=8 {
        let mut assigner = crowd.assigner();
        until("some more are done", || crowd.completed() >= round * 10);
        assigner.kill().unwrap();
        assigner.wait().unwrap();
    }
    assert!(crowd.assigner().wait().unwrap().success());
    crowd.judge(120);
}

#[test]
fn heavy_t08_a_task_that_ran_when_its_assigner_was_killed_is_taken_over_and_not_sent_again() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let text = "echo begun >> runs; until [ -e go ]; do sleep 0.02; done; echo done";
    let ids = [
        fleet.send(text, Some(&folder)),
        fleet.send("echo next", Some(&folder)),
    ];
    let start = || {
        let mut command = Command::new(example("assigner"));
        command
            .arg(fleet.path("assigner.db"))
            .arg(fleet.path("logs"))
            .spawn()
            .unwrap()
    };
    let mut first = start();
    until("it runs", || {
        fleet.tasks.show(ids[0]).unwrap().status == Status::InProgress
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let token = fleet.tasks.show(ids[0]).unwrap().lock_token.unwrap();
    let status = fleet.tasks.locks();
    use gaia_locks::Locks as _;
    assert!(
        status.verify(token).unwrap().active,
        "its lock ended with the assigner"
    );
    let mut second = start();
    std::fs::write(fleet.path("repo/go"), "").unwrap();
    assert!(second.wait().unwrap().success());
    let task = fleet.tasks.show(ids[0]).unwrap();
    assert_eq!(
        (task.status, task.retry_count, task.lock_token),
        (Status::Completed, 0, Some(token))
    );
    assert_eq!(task.response.as_deref(), Some("done\n"));
    assert_eq!(read(&fleet.path("repo/runs")).lines().count(), 1);
    assert_eq!(fleet.tasks.show(ids[1]).unwrap().status, Status::Completed);
    fleet.assert_at_rest();
}

#[test]
fn heavy_t08_what_ended_while_no_assigner_lived_has_left_its_word() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let id = fleet.send(
        "echo $PPID > keeper; until [ -e go ]; do sleep 0.02; done; exit 7",
        Some(&folder),
    );
    let start = || {
        let mut command = Command::new(example("assigner"));
        command
            .arg(fleet.path("assigner.db"))
            .arg(fleet.path("logs"))
            .spawn()
            .unwrap()
    };
    let mut first = start();
    until("it runs", || {
        fleet.tasks.show(id).unwrap().status == Status::InProgress
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let keeper: u32 = read(&fleet.path("repo/keeper")).trim().parse().unwrap();
    std::fs::write(fleet.path("repo/go"), "").unwrap();
    until("its keeper is gone", || !lives(keeper));
    assert!(start().wait().unwrap().success());
    let task = fleet.tasks.show(id).unwrap();
    assert_eq!(
        (task.status, task.exit_status, task.retry_count),
        (Status::Failed, Some(7), 1),
        "{task:?}"
    );
    fleet.assert_at_rest();
}

#[test]
fn heavy_t06_a_keeper_that_was_killed_leaves_nothing_and_its_task_is_tried_again() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let text = "echo $$ >> pids; setsid sh -c 'echo $$ >> pids; exec sleep 300' & \
        until [ $(wc -l < pids) -ge 2 ]; do sleep 0.02; done; echo $PPID > keeper; \
        [ -e again ] || exec sleep 300; kill %1 2>/dev/null; exit 0";
    let id = fleet.send(text, Some(&folder));
    until("it runs", || {
        !read(&fleet.path("repo/keeper")).trim().is_empty()
    });
    let keeper: i32 = read(&fleet.path("repo/keeper")).trim().parse().unwrap();
    let first: Vec<u32> = read(&fleet.path("repo/pids"))
        .lines()
        .map(|pid| pid.parse().unwrap())
        .collect();
    std::fs::write(fleet.path("repo/again"), "").unwrap();
    let keeper = rustix::process::Pid::from_raw(keeper).unwrap();
    rustix::process::kill_process(keeper, rustix::process::Signal::KILL).unwrap();
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Completed, 1),
        "{task:?}"
    );
    assert!(
        first.iter().all(|pid| !lives(*pid)),
        "the first try goes on beside the second"
    );
    fleet.assert_at_rest();
}

/// With assigner and keeper both killed nobody is left to stop the agent, and
/// its lock is free: it must be gone by then.
#[test]
#[cfg(target_os = "linux")]
fn heavy_t03_an_agent_does_not_outlive_its_keeper_when_the_assigner_is_gone_too() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let text = "echo $$ > agent; echo $PPID > keeper; exec sleep 300";
    fleet.send(text, Some(&folder));
    let mut assigner = Command::new(example("assigner"))
        .arg(fleet.path("assigner.db"))
        .arg(fleet.path("logs"))
        .spawn()
        .unwrap();
    until("it runs", || {
        read(&fleet.path("repo/keeper")).ends_with('\n')
    });
    assigner.kill().unwrap();
    assigner.wait().unwrap();
    let pid = |name: &str| read(&fleet.path(name)).trim().parse::<u32>().unwrap();
    let (agent, keeper) = (pid("repo/agent"), pid("repo/keeper"));
    let keeper = rustix::process::Pid::from_raw(keeper.cast_signed()).unwrap();
    rustix::process::kill_process(keeper, rustix::process::Signal::KILL).unwrap();
    until("the agent is gone", || !lives(agent));
}

#[test]
fn heavy_a_gigabyte_of_output_does_not_grow_the_memory_of_anybody() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let megabytes = 1024;
    let before = resident();
    let text = format!("head -c {megabytes}M /dev/zero; grep VmHWM /proc/$PPID/status; echo end");
    let task = fleet.end_of(fleet.send(&text, None));
    assert_eq!(task.status, Status::Completed);
    let response = task.response.unwrap();
    assert!(response.ends_with("end\n"));
    let line = response
        .lines()
        .rev()
        .nth(1)
        .filter(|line| line.contains("VmHWM"));
    let keeper = line.map_or(0, |line| {
        let words = line.split_ascii_whitespace();
        words.filter_map(|word| word.parse().ok()).next().unwrap()
    });
    assert!(keeper < 30 << 10, "the keeper took {keeper} KiB");
    let grown = resident().saturating_sub(before);
    assert!(grown < 30 << 10, "grew by {grown} KiB");
    assert!(
        std::fs::metadata(fleet.tasks.log(task.id).unwrap())
            .unwrap()
            .len()
            > megabytes << 20
    );
}

/// This process's resident memory in KiB, where it can be told.
fn resident() -> u64 {
    let status = read(Path::new("/proc/self/status"));
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

#[test]
fn heavy_a_folder_that_vanishes_under_its_task_leaves_no_lock() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo/inner");
    let task = fleet.end_of(fleet.send("rm -rf ../inner; echo gone", Some(&folder)));
    assert_eq!(
        (task.status, task.response.as_deref()),
        (Status::Completed, Some("gone\n"))
    );
    let next = fleet.end_of(fleet.send("true", Some(&folder)));
    assert_eq!(
        next.status,
        Status::Failed,
        "its folder is gone when its turn comes"
    );
    fleet.assert_at_rest();
}

#[test]
fn heavy_first_word_to_end_waits_for_what_runs_and_the_second_stops_it() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let go = fleet.path("go");
    let id = fleet.send(
        &format!(
            "touch up; until [ -e {} ]; do sleep 0.02; done",
            go.display()
        ),
        None,
    );
    let later = fleet.send("true", None);
    let at_work = fleet.work();
    until("it runs", || fleet.path("up").is_file());
    at_work.ask_to_end();
    std::fs::write(&go, "").unwrap();
    at_work.join();
    assert_eq!(fleet.tasks.show(id).unwrap().status, Status::Completed);
    assert_eq!(
        fleet.tasks.show(later).unwrap().status,
        Status::Pending,
        "nothing more is assigned"
    );

    std::fs::remove_file(&go).unwrap();
    std::fs::remove_file(fleet.path("up")).unwrap();
    fleet.tasks.cancel(later, "me").unwrap();
    let again = fleet.send(
        &format!(
            "touch up; until [ -e {} ]; do sleep 0.02; done",
            go.display()
        ),
        None,
    );
    let at_work = fleet.work();
    until("it runs", || fleet.path("up").is_file());
    at_work.ask_to_end();
    at_work.ask_to_end();
    at_work.join();
    let task = fleet.tasks.show(again).unwrap();
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Pending, 0),
        "it goes back, no try spent"
    );
    fleet.assert_at_rest();
    assert!(keeper(std::path::Path::new("")).program.is_file());
}
