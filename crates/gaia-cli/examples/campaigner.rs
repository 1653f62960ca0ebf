//! An agent that bears witness, for the campaign (`tests/heavy_campaign.rs`):
//! `campaigner NOTES DATABASE PART`.
//!
//! It asks no lock whether it is alone. It puts a file that must not be there
//! yet into its folder and looks again and again for such files in every
//! folder above and below: of two that are there at once, the one that came
//! later sees the other. Whoever was killed has left its file; the process
//! that the file names is gone then, and the file means nothing.
//!
//! Everything that it sees goes into NOTES, one line of JSON and one write for
//! each thing, with the moment on the boot clock: the notes of many processes
//! stand in one order.
//!
//! In a tmux pane nothing in its environment says for which task it works: it
//! asks for what its pane was given.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use gaia_assigner::TaskService;
use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::ids::LockId;
use gaia_locks::liveness::{Liveness, ProcessIdentity, liveness};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::{LockService, Locks as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How the names of its files begin.
const NAME: &str = ".campaigner-";
/// The highest folder that anybody works in lies in one that has this file.
const TOP: &str = ".campaign-top";

type Trouble = Box<dyn std::error::Error>;

/// What it is told, as the task's text.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Part {
    /// How many steps of work there are, of a few milliseconds each.
    steps: u64,
    /// It fails in its first so many tries.
    fails: u32,
    /// It only reads, and may meet others that do.
    reads: bool,
    /// A process of its own session does the work, as a tool of an agent may.
    hands: bool,
    /// A process that it leaves behind works on after it has ended.
    lingers: bool,
}

/// Who it is in its folder.
#[derive(Serialize, Deserialize)]
struct Presence {
    process: ProcessIdentity,
    task: i64,
    token: Option<i64>,
    reads: bool,
}

struct Agent {
    notes: PathBuf,
    database: PathBuf,
    part: Part,
    role: Role,
    folder: PathBuf,
}

/// For which task it works.
struct Role {
    task: i64,
    token: Option<i64>,
    session: String,
    /// In a pane: nobody ends what it would leave behind there.
    in_a_pane: bool,
}

#[expect(clippy::disallowed_methods, reason = "a program's own command line")]
fn main() -> Result<ExitCode, Trouble> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (role, words) = match words.split_first() {
        Some((role, words)) if role == "--hands" || role == "--left" => (role.as_str(), words),
        _ => ("", words.as_slice()),
    };
    let [notes, database, part] = words else {
        return Err("wanted: NOTES DATABASE PART".into());
    };
    let agent = Agent::new(notes, database, part)?;
    match role {
        "--hands" => agent.work(agent.part.steps)?,
        // Until it is told to end: what a task leaves behind may work on.
        "--left" => agent.work(u64::MAX)?,
        _ => return agent.play(words),
    }
    Ok(ExitCode::SUCCESS)
}

impl Agent {
    #[expect(clippy::disallowed_methods, reason = "a program's own folder")]
    fn new(notes: &str, database: &str, part: &str) -> Result<Self, Trouble> {
        Ok(Self {
            notes: notes.into(),
            database: database.into(),
            part: serde_json::from_str(part)?,
            role: Role::new(Path::new(database))?,
            folder: std::env::current_dir()?,
        })
    }

    fn play(&self, words: &[String]) -> Result<ExitCode, Trouble> {
        self.note("began", Value::Null)?;
        self.ask("at its beginning")?;
        let lonely = self.role.in_a_pane;
        if self.part.hands && !lonely {
            self.child("--hands", words).process_group(0).status()?;
        } else {
            self.work(self.part.steps)?;
        }
        if self.part.lingers && !lonely {
            self.child("--left", words).process_group(0).spawn()?;
        }
        self.ask("at its end")?;
        let failed = self.tries()? <= self.part.fails;
        self.note("ended", json!(!failed))?;
        Ok(ExitCode::from(u8::from(failed)))
    }

    fn child(&self, role: &str, words: &[String]) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap_or_default());
        command.arg(role).args(words);
        command
    }

    /// Which try this is, by the notes of those before.
    fn tries(&self) -> Result<u32, Trouble> {
        if self.part.fails == 0 {
            return Ok(1);
        }
        let began = |note: &Value| note["what"] == "began" && note["task"] == self.role.task;
        let notes = fs::read_to_string(&self.notes)?;
        let notes = notes.lines().map(serde_json::from_str::<Value>);
        let tries = notes.filter(|note| note.as_ref().is_ok_and(began)).count();
        Ok(u32::try_from(tries)?)
    }

    /// Its lock is active, and on a folder that covers where it works.
    fn ask(&self, when: &str) -> Result<(), Trouble> {
        let Some(token) = self.role.token else {
            return Ok(());
        };
        let verified = door(&self.database)?.verify(LockId(token))?;
        let covers = |folder: &str| self.folder.starts_with(folder);
        let lock = verified.lock.as_ref();
        let right =
            lock.is_some_and(|lock| covers(&lock.folder_path) && lock.task_id.0 == self.role.task);
        if !(verified.active && right) {
            self.note("unlocked", json!(format!("{when}: {lock:?}")))?;
        }
        Ok(())
    }

    /// One write of one line: whole or not there, whoever is killed.
    fn note(&self, what: &str, found: Value) -> io::Result<()> {
        let line = json!({
            "at": SystemClock.now().moment.0, "folder": self.folder, "found": found,
            "pid": std::process::id(), "reads": self.part.reads, "session": self.role.session,
            "task": self.role.task, "token": self.role.token, "what": what,
        });
        let mut notes = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.notes)?;
        notes.write_all(format!("{line}\n").as_bytes())
    }

    /// In its folder. One without a folder of its own has no claim to one.
    fn work(&self, steps: u64) -> Result<(), Trouble> {
        let Some(_) = self.role.token else {
            return Ok(());
        };
        let mine = self.folder.join(format!("{NAME}{}", std::process::id()));
        let presence = Presence {
            process: ProcessIdentity::current()?,
            task: self.role.task,
            token: self.role.token,
            reads: self.part.reads,
        };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&mine)?;
        file.write_all(&serde_json::to_vec(&presence)?)?;
        for _ in 0..=steps {
            if let Some(other) = self.other(&mine)? {
                self.note("not alone", json!(other))?;
            }
            self.note("here", Value::Null)?;
            take_time();
        }
        Ok(fs::remove_file(&mine)?)
    }

    fn other(&self, mine: &Path) -> io::Result<Option<String>> {
        let mut folders: Vec<PathBuf> = self
            .folder
            .ancestors()
            .skip(1)
            .map(Path::to_owned)
            .collect();
        let top = folders.iter().position(|folder| folder.join(TOP).is_file());
        folders.truncate(top.unwrap_or(0));
        below(&self.folder, &mut folders)?;
        for folder in folders {
            for path in files(&folder)? {
                if path != mine
                    && let Some(other) = self.at_work(&path)
                {
                    return Ok(Some(format!("task {} in {}", other.task, folder.display())));
                }
            }
        }
        Ok(None)
    }

    /// One that cannot be read is being written (its writer will see this one)
    /// or was taken away. Readers may both want to take away a dead one's file.
    fn at_work(&self, path: &Path) -> Option<Presence> {
        let other: Presence = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        if liveness(&other.process) == Liveness::Gone {
            drop(fs::remove_file(path));
            return None;
        }
        // What one try has started may meet in its folder, and so may readers.
        let mine = other.token == self.role.token;
        let readers = other.reads && self.part.reads;
        Some(other).filter(|_| !mine && !readers)
    }
}

impl Role {
    #[expect(clippy::disallowed_methods, reason = "what an agent is given [T15]")]
    fn new(database: &Path) -> Result<Self, Trouble> {
        let text = |name: &str| std::env::var(name).ok();
        let number = |name: &str| text(name).and_then(|text| text.parse().ok());
        if let (Some(pane), None) = (text("TMUX_PANE"), text("GAIA_SESSION")) {
            return Self::of_pane(database, &pane);
        }
        Ok(Self {
            task: number("GAIA_TASK").unwrap_or(0),
            token: number("GAIA_LOCK_TOKEN"),
            session: text("GAIA_SESSION").ok_or("no session is named")?,
            in_a_pane: false,
        })
    }

    /// What the pane's session was given.
    fn of_pane(database: &Path, pane: &str) -> Result<Self, Trouble> {
        let tasks = TaskService::new(door(database)?);
        let sessions = tasks.sessions()?.sessions;
        let mine = |session: &&gaia_assigner::wire::SessionInfo| {
            session.pane.as_deref() == Some(pane) && session.current_task_id.is_some()
        };
        let session = sessions
            .iter()
            .find(mine)
            .ok_or("nothing was given to this pane")?;
        let task = session.current_task_id.ok_or("it has no task")?;
        Ok(Self {
            task: task.0,
            token: tasks.show(task)?.lock_token.map(|token| token.0),
            session: session.name.clone(),
            in_a_pane: true,
        })
    }
}

fn door(database: &Path) -> Result<LockService, Trouble> {
    let store = SqliteStore::open(database, SqliteOptions::default())?;
    Ok(LockService::new(
        Arc::new(store),
        gaia_locks::service::Config::default(),
    ))
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(NAME) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    found.push(folder.to_owned());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            below(&path, found)?;
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "its work is to take time")]
fn take_time() {
    std::thread::sleep(Duration::from_millis(3));
}
