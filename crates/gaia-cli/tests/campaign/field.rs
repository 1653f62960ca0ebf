//! The field: a home of its own, folders that lie in each other, sessions
//! whose agents bear witness, tasks of every kind, and assigners.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gaia_assigner::TaskService;
use gaia_assigner::runner::tmux::Patterns;
use gaia_assigner::service::{AddProcess, AddTmux, Filter, Send};
use gaia_assigner::wire::SessionInfo;
use gaia_locks::folder::Folder;
use gaia_locks::ids::SessionId;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::{LockService, Locks as _};
use gaia_testkit::checker;
use gaia_testkit::hammer::Draw;
use serde_json::json;

use super::judge::{Evidence, KILLED};
use super::terminal::Terminal;
use super::{notes, processes, within};

/// Folders that overlap, and one apart.
pub const FOLDERS: [&str; 5] = ["r", "r/a", "r/a/x", "r/b", "s"];

/// A campaign's home.
pub struct Field {
    /// Where the sessions are that are panes; ended before its home is.
    pub terminal: Option<Terminal>,
    home: Option<tempfile::TempDir>,
    root: PathBuf,
    pub tasks: TaskService,
    must_fail: Vec<i64>,
    /// How many tasks were queued.
    sent: i64,
}

impl Field {
    /// So many sessions that are processes, and others that are panes.
    pub fn new(sessions: usize, panes: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let top = Folder::resolve(home.path(), Path::new("/")).unwrap();
        let root = PathBuf::from(top.path());
        std::fs::create_dir_all(root.join("locks")).unwrap();
        std::fs::write(root.join(".campaign-top"), "").unwrap();
        let database = root.join("locks/assigner.db");
        let store = SqliteStore::open(&database, SqliteOptions::default()).unwrap();
        let locks = LockService::new(Arc::new(store), gaia_locks::service::Config::default());
        let terminal = (!panes.is_empty()).then(|| Terminal::new(&root, panes));
        let field = Self {
            home: Some(home),
            terminal: terminal.flatten(),
            root,
            tasks: TaskService::new(locks),
            must_fail: Vec::new(),
            sent: 0,
        };
        for name in FOLDERS {
            field.folder(name);
        }
        field.write_the_work();
        let panes = field.terminal.iter().flat_map(Terminal::panes);
        for name in panes {
            field.pane(name);
        }
        for at in 0..sessions {
            field.session(&format!("s{at}"));
        }
        field
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn notes(&self) -> PathBuf {
        self.root.join("notes")
    }

    pub fn database(&self) -> PathBuf {
        self.root.join("locks/assigner.db")
    }

    pub fn folder(&self, name: &str) -> Folder {
        let path = self.root.join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder::resolve(&path, Path::new("/")).unwrap()
    }

    /// What every task's text is: a shell's command. In a pane, where no exit
    /// status is seen, it says itself how it ended.
    fn write_the_work(&self) {
        let words = [agent(), self.notes(), self.database()];
        let agent = shell_words::join(words.map(|path| path.display().to_string()));
        let gaia = shell_words::quote(gaia());
        let script = format!(
            "[ -n \"$GAIA_TASK\" ] && exec {agent} \"$2\"\ncd \"$1\" || exit 1\n{agent} \"$2\"\n\
             case $? in\n0) exec {gaia} task done ;;\n137) exec {gaia} task fail --reason '{KILLED}' ;;\n\
             *) exec {gaia} task fail --reason 'it failed' ;;\nesac\n"
        );
        std::fs::write(self.root.join("work"), script).unwrap();
    }

    fn text(&self, folder: &Folder, part: &serde_json::Value) -> String {
        let work = self.root.join("work").display().to_string();
        let part = part.to_string();
        shell_words::join(["sh", &work, folder.path(), &part])
    }

    fn pane(&self, name: &str) {
        let socket = self.terminal.as_ref().map(Terminal::socket).unwrap();
        let add = AddTmux {
            name: SessionId::new(name).unwrap(),
            server: socket.display().to_string(),
            target: name.to_owned(),
            provider: Some("shell".to_owned()),
            patterns: Patterns {
                quiet_ms: Some(100),
                ..Patterns::default()
            },
        };
        self.tasks.add_tmux(&add).unwrap();
    }

    fn session(&self, name: &str) {
        let add = AddProcess {
            name: SessionId::new(name).unwrap(),
            command: r#"sh -c 'eval "exec $0"' {prompt}"#.to_owned(),
            provider: None,
            folder: Some(self.root.clone()),
        };
        self.tasks.add_process(&add).unwrap();
    }

    /// Tasks of every kind, drawn.
    pub fn queue(&mut self, many: usize, draw: &mut Draw) {
        for _ in 0..many {
            let reads = draw.chance(15);
            // Ever failing, failing once and tried again, or done.
            let (fails, retry) = match draw.below(20) {
                0 => (u32::MAX, false),
                1 => (1, true),
                _ => (0, false),
            };
            let part = json!({
                "steps": draw.below(12), "fails": fails, "reads": reads,
                "hands": draw.chance(25), "lingers": draw.chance(10), "number": self.sent + 1,
            });
            let folder = self.folder(FOLDERS[draw.index(FOLDERS.len())]);
            let mut new = Send::new(self.text(&folder, &part));
            new.folder = (!draw.chance(3)).then_some(folder);
            (new.read_only, new.retry) = (reads, retry);
            new.priority = i64::try_from(draw.below(4)).unwrap();
            new.max_tries = 50;
            let task = self.tasks.send(&new).unwrap();
            self.sent += 1;
            assert_eq!(task.id.0, self.sent, "its text has its number");
            self.must_fail
                .extend((fails == u32::MAX).then_some(task.id.0));
        }
    }

    /// A program of GAIA's, in this home.
    pub fn gaia(&self, words: &[&str]) -> Command {
        let mut command = Command::new(gaia());
        command
            .args(words)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.root)
            .env("GAIA_HOME", &self.root)
            .env("GAIA_LOG", "info")
            .current_dir(&self.root)
            .stdin(Stdio::null());
        command
    }

    /// An assigner that looks again soon after a folder was locked, so that
    /// tasks stand in line as well.
    pub fn assigner(&self) -> Child {
        let log = std::fs::OpenOptions::new();
        let log = log
            .clone()
            .append(true)
            .create(true)
            .open(self.root.join("assigner.log"));
        let mut command = self.gaia(&[
            "assigner",
            "--patience",
            "2s",
            "--grace",
            "1s",
            "--first-pause",
            "100ms",
        ]);
        command.stderr(log.unwrap()).stdout(Stdio::null());
        command.spawn().unwrap()
    }

    /// Somebody who is no task: `gaia run` in a folder of the field.
    pub fn outsider(&self, name: &str, folder: &str) -> Child {
        let part =
            json!({"steps": 3, "fails": 0, "reads": false, "hands": false, "lingers": false});
        let folder = self.folder(folder);
        let mut command = self.gaia(&[
            "run",
            folder.path(),
            "--session",
            name,
            "--wait",
            "10s",
            "--",
        ]);
        command
            .arg(agent())
            .args([self.notes(), self.database()])
            .arg(part.to_string());
        command
            .current_dir(folder.path())
            .env("CAMPAIGN_OUTSIDER", "1");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// How many tasks have not ended.
    pub fn open(&self) -> i64 {
        let counts = self.tasks.counts().unwrap();
        let open = counts.iter().filter(|(status, _)| !status.is_over());
        open.map(|(_, count)| count).sum()
    }

    /// All that is known once nobody is at work any more.
    pub fn evidence(&mut self, killed: &[i64]) -> Evidence {
        self.terminal = None;
        let store = self.tasks.locks().store();
        let of_locks = checker::Evidence::gather(&**store, Vec::new()).unwrap();
        let verdict = checker::judge(&of_locks);
        Evidence {
            runs: notes::runs(&notes::read(&self.notes())),
            tasks: self.tasks.list(&Filter::default()).unwrap().tasks,
            must_fail: self.must_fail.clone(),
            killed: killed.to_vec(),
            history: self.history(),
            locks: of_locks.history,
            left: self.left(),
            of_locks: verdict.violations.iter().map(ToString::to_string).collect(),
        }
    }

    fn history(&self) -> HashMap<i64, Vec<String>> {
        let sql = rusqlite::Connection::open(self.database()).unwrap();
        let mut rows = sql
            .prepare(
                "SELECT prompt_id, iif(action = 'retry' AND details GLOB 'its pane [!b]*', 'put back', action)
                     FROM assignment_history ORDER BY id",
            )
            .unwrap();
        let mut history: HashMap<i64, Vec<String>> = HashMap::new();
        let rows = rows
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        for (task, action) in rows.map(Result::unwrap) {
            history.entry(task).or_default().push(action);
        }
        history
    }

    /// What should not be there any more.
    fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        within(Duration::from_secs(10), || {
            processes::of(&self.root).is_empty()
        });
        left.extend(
            processes::of(&self.root)
                .iter()
                .map(|process| format!("{process:?}")),
        );
        let status = self.tasks.locks().status(None).unwrap();
        left.extend(status.locks.iter().map(|lock| format!("{lock:?}")));
        left.extend(status.waiters.iter().map(|waiter| format!("{waiter:?}")));
        let sessions = self.tasks.sessions().unwrap().sessions;
        let busy = sessions
            .iter()
            .filter(|one| one.current_task_id.is_some() || !is_at_rest(one));
        left.extend(busy.map(|session| format!("{session:?}")));
        left
    }

    /// What led to a doubt is kept, to be looked at.
    pub fn keep(&mut self) -> PathBuf {
        self.home
            .take()
            .map_or_else(|| self.root.clone(), tempfile::TempDir::keep)
    }
}

/// A pane that is gone is nothing that is known.
fn is_at_rest(session: &SessionInfo) -> bool {
    session.status == "idle" || session.kind.as_deref() == Some("tmux")
}

/// The stand-in, which cargo builds beside the tests.
pub fn agent() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let agent = test.ancestors().nth(2).unwrap().join("examples/campaigner");
    assert!(agent.is_file(), "{} is not built", agent.display());
    agent
}

pub fn gaia() -> &'static str {
    env!("CARGO_BIN_EXE_gaia")
}
