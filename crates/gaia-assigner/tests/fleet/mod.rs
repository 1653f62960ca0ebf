//! A small fleet for tests: a database of its own, a door, assigners, and
//! agents that are shell scripts.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test binary uses a part of it"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use gaia_assigner::daemon::Shutdown;
use gaia_assigner::runner::KeeperProgram;
use gaia_assigner::service::{AddProcess, Send, Waiting};
use gaia_assigner::task::Status;
use gaia_assigner::wire::TaskInfo;
use gaia_assigner::{Assigner, Config, TaskService};
use gaia_locks::LockService;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};

/// One database in a folder of its own.
pub struct Fleet {
    pub home: tempfile::TempDir,
    pub tasks: TaskService,
}

/// An assigner at work; dropped, it is asked to end and awaited.
pub struct AtWork {
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
}

impl Fleet {
    pub fn new() -> Self {
        Self::with_ttl(Duration::from_secs(2 * 3600))
    }

    /// One whose leases are of this length.
    pub fn with_ttl(ttl: Duration) -> Self {
        Self::at(tempfile::tempdir().unwrap(), SqliteOptions::default(), ttl)
    }

    /// Somewhere else, or by another clock.
    pub fn at(home: tempfile::TempDir, options: SqliteOptions, ttl: Duration) -> Self {
        let store = SqliteStore::open(&home.path().join("assigner.db"), options).unwrap();
        let config = gaia_locks::service::Config {
            ttl,
            ..gaia_locks::service::Config::default()
        };
        let locks = LockService::new(Arc::new(store), config);
        Self {
            home,
            tasks: TaskService::new(locks),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A real folder, and what the locks call it.
    pub fn folder(&self, name: &str) -> Folder {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder::resolve(&path, Path::new("/")).unwrap()
    }

    pub fn config(&self) -> Config {
        let mut config = Config::new(self.path("logs"), keeper(&self.path("assigner.db")));
        config.first_pause = Duration::from_millis(20);
        config.grace = Duration::from_millis(500);
        config
    }

    /// A session whose agent is a shell that runs the text.
    pub fn shell(&self, name: &str) {
        self.session(name, "sh");
    }

    pub fn session(&self, name: &str, command: &str) {
        let add = AddProcess {
            name: SessionId::new(name).unwrap(),
            command: command.to_owned(),
            provider: None,
            folder: Some(self.home.path().to_owned()),
        };
        self.tasks.add_process(&add).unwrap();
    }

    pub fn work(&self) -> AtWork {
        self.work_with(self.config())
    }

    pub fn work_with(&self, config: Config) -> AtWork {
        let mut assigner = Assigner::new(self.tasks.locks().clone(), config).unwrap();
        let shutdown = assigner.shutdown();
        let thread = std::thread::spawn(move || assigner.run());
        AtWork {
            shutdown,
            thread: Some(thread),
        }
    }

    /// An assigner as a process of its own, which can be killed.
    pub fn start_assigner(&self) -> Child {
        use gaia_locks::Locks as _;
        let mut command = Command::new(example("assigner"));
        command
            .arg(self.path("assigner.db"))
            .arg(self.path("logs"))
            .arg(self.tasks.locks().default_ttl().as_secs_f64().to_string());
        command.spawn().unwrap()
    }

    /// Waits until a task's agent runs; gives it as it is then.
    pub fn running(&self, id: TaskId) -> TaskInfo {
        until("it runs", || {
            self.tasks.show(id).unwrap().status == Status::InProgress
        });
        self.tasks.show(id).unwrap()
    }

    pub fn send(&self, text: &str, folder: Option<&Folder>) -> TaskId {
        self.send_with(text, folder, |_| {})
    }

    pub fn send_with(
        &self,
        text: &str,
        folder: Option<&Folder>,
        change: impl FnOnce(&mut Send),
    ) -> TaskId {
        let mut new = Send::new(text);
        new.folder = folder.cloned();
        change(&mut new);
        self.tasks.send(&new).unwrap().id
    }

    /// Waits for a task's end.
    pub fn end_of(&self, id: TaskId) -> TaskInfo {
        let patience = Waiting {
            limit: Some(Duration::from_secs(40)),
            ..Waiting::default()
        };
        let task = self.tasks.wait(id, &patience).unwrap();
        assert!(
            task.status.is_over(),
            "task {id} is still {:?}: {task:?}",
            task.status
        );
        task
    }

    /// No lock is left, and no session works.
    pub fn assert_at_rest(&self) {
        use gaia_locks::Locks as _;
        let status = self.tasks.locks().status(None).unwrap();
        assert_eq!(status.locks, [], "locks are left");
        for session in self.tasks.sessions().unwrap().sessions {
            assert_eq!(
                (session.status.as_str(), session.current_task_id),
                ("idle", None),
                "{}",
                session.name
            );
        }
    }
}

impl AtWork {
    pub fn ask_to_end(&self) {
        self.shutdown.ask();
    }

    pub fn join(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.shutdown.ask();
            self.shutdown.ask();
            thread.join().unwrap();
        }
    }
}

/// The example of this crate that is a keeper: it lies beside the tests.
pub fn keeper(database: &Path) -> KeeperProgram {
    let program = example("keeper");
    assert!(program.is_file(), "{} is not built", program.display());
    KeeperProgram {
        program,
        arguments: vec![database.into()],
        environment: Vec::new(),
    }
}

pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples").join(name)
}

/// Waits until something holds.
#[expect(
    clippy::disallowed_methods,
    reason = "what is awaited here rings nobody: a file, another process"
)]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..4000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited in vain until {what}");
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Whether a process runs (a zombie does not).
pub fn lives(pid: u32) -> bool {
    matches!(gaia_locks::liveness::ProcessIdentity::of(pid), Ok(Some(_)))
}
