//! The door to tasks and sessions: what the command line and the server call.
//!
//! It only writes what is wanted and reads what is; the assigner, wherever it
//! runs, is told by the doorbell and does the rest.

mod again;
mod clear;
mod door;
mod end;
pub(crate) mod leftovers;
mod output;
mod remote;
mod say;
mod tmux;

use std::path::{Path, PathBuf};
use std::time::Duration;

use gaia_locks::clock::Wall;
use gaia_locks::error::InvalidName;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::{Cancel, LockService, LockTx, Locks as _, Topic};
use gaia_locks::settings::Uncommitted;
use serde::{Deserialize, Serialize};

use crate::agents;
use crate::error::TaskError;
use crate::output::unfit;
use crate::session::Kind;
use crate::store::{earlier, panes, sessions, tasks};
use crate::task::{Status, Wants};
use crate::wire::{SessionInfo, SessionList, TaskInfo, TaskList};

pub use again::Aim;
pub use clear::Cleared;
pub use door::Tasks;
pub use end::{Forced, STOPPING};
pub use output::Output;
pub use remote::{AddRemote, Heard, Taken};
pub use say::{PaneName, Teller};
pub use tmux::{AddTmux, Added};

/// How often one who waits for a task looks although nobody rang.
const SLOW_LOOK: Duration = Duration::from_secs(1);

/// A task to be queued.
#[derive(Clone, Debug)]
pub struct Send {
    /// The text for the agent.
    pub text: String,
    /// Where it is to work.
    pub folder: Option<Folder>,
    /// Higher goes first.
    pub priority: i64,
    /// Only this session.
    pub session: Option<String>,
    /// Only this provider.
    pub provider: Option<String>,
    /// Providers it would rather have, best first.
    pub preferred: Vec<String>,
    /// Providers that will do when the wanted ones are busy or unknown.
    pub fallbacks: Vec<String>,
    /// How long it may run [T4].
    pub time_limit: Duration,
    /// Tasks that must complete before it [T7].
    pub after: Vec<TaskId>,
    /// It only reads [T12].
    pub read_only: bool,
    /// It is tried again when it fails [T6].
    pub retry: bool,
    /// Tries in all.
    pub max_tries: u32,
    /// Who sent it: cli, api …
    pub source: String,
}

/// The time limit of a task that names none [T4].
pub const TIME_LIMIT: Duration = Duration::from_secs(3600);
/// The longest time limit: a year.
const LONGEST_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

impl Send {
    /// A text for anybody, without a folder.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            folder: None,
            priority: 0,
            session: None,
            provider: None,
            preferred: Vec::new(),
            fallbacks: Vec::new(),
            time_limit: TIME_LIMIT,
            after: Vec::new(),
            read_only: false,
            retry: false,
            max_tries: 3,
            source: "cli".to_owned(),
        }
    }

    fn check(&self) -> Result<(), TaskError> {
        self.session
            .as_deref()
            .map(SessionId::new)
            .transpose()
            .map(drop)?;
        let providers = self.provider.iter();
        for word in providers.chain(&self.preferred).chain(&self.fallbacks) {
            is_a_provider(word)?;
        }
        let wrong = if self.text.trim().is_empty() {
            "the text is empty; say what is to be done"
        } else if self.text.contains('\0') {
            "the text holds a NUL character, which no program can be given"
        } else if self.time_limit.is_zero() || self.time_limit > LONGEST_LIMIT {
            "a time limit lies between a moment and 365 days"
        } else if self.max_tries == 0 {
            "a task has at least one try"
        } else {
            return Ok(());
        };
        Err(TaskError::InvalidRequest(wrong.to_owned()))
    }

    pub(crate) fn wants(&self) -> Wants {
        Wants {
            folder: self.folder.as_ref().map(|folder| folder.path().to_owned()),
            read_only: self.read_only,
            session: self.session.clone(),
            provider: self.provider.clone(),
            preferred: self.preferred.clone(),
            fallbacks: self.fallbacks.clone(),
        }
    }
}

/// The most bytes of a provider's name.
const LONGEST_PROVIDER: usize = 128;

/// A task for a provider that nobody can be would wait for ever.
fn is_a_provider(word: &str) -> Result<(), InvalidName> {
    InvalidName::check("provider", word, LONGEST_PROVIDER)
}

/// A process session to be added.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddProcess {
    /// Its name.
    pub name: SessionId,
    /// What is started for each task, as a shell would read it; `{prompt}`
    /// stands for the text, without it the text comes on stdin.
    pub command: String,
    /// claude, codex or any other word.
    pub provider: Option<String>,
    /// Where it runs tasks that have no folder.
    pub folder: Option<PathBuf>,
}

/// Which tasks are wanted; empty fields do not filter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// In one of these states.
    pub statuses: Vec<Status>,
    /// That this session has or had.
    pub session: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// The door on a database: what the trait [`Tasks`] promises, with what only
/// one who is at the database itself can use beside it.
#[derive(Clone)]
pub struct TaskService {
    locks: LockService,
    uncommitted: Uncommitted,
}

impl TaskService {
    /// A door on the database of a lock service.
    pub fn new(locks: LockService) -> Self {
        let uncommitted = Uncommitted::Warn;
        Self { locks, uncommitted }
    }

    /// The same with what is done, when a session takes a task, about work that
    /// another left uncommitted in its folder [T13].
    #[must_use]
    pub fn with_uncommitted(self, uncommitted: Uncommitted) -> Self {
        Self {
            uncommitted,
            ..self
        }
    }

    /// What an earlier assigner left in the tables, or does there.
    pub(crate) fn traces(&self) -> Result<earlier::Traces, TaskError> {
        Ok(self.locks.look(earlier::traces)?)
    }

    /// The locks of the same database.
    pub fn locks(&self) -> &LockService {
        &self.locks
    }

    /// Queues a task.
    ///
    /// # Errors
    /// Bad input, a needed task that does not exist, a store that fails.
    pub fn send(&self, new: &Send) -> Result<TaskInfo, TaskError> {
        new.check()?;
        self.transact(|tx| {
            for id in &new.after {
                if tasks::status(tx, *id)?.is_none() {
                    return Ok(Err(TaskError::UnknownTask(*id)));
                }
            }
            let id = tasks::insert(tx, new, &new.wants())?;
            shown(tx, id)
        })
    }

    /// Tasks: those that run, then those that wait in their order, then the
    /// others, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list(&self, filter: &Filter) -> Result<TaskList, TaskError> {
        let tasks = self.locks.look(|tx| tasks::list(tx, filter))?;
        Ok(TaskList {
            count: tasks.len(),
            tasks,
        })
    }

    /// Who sent a task: `cli`, `api:NAME` …; none where nobody says.
    ///
    /// # Errors
    /// When the store fails.
    pub fn source(&self, id: TaskId) -> Result<Option<String>, TaskError> {
        Ok(self.locks.look(|tx| tasks::source(tx, id))?)
    }

    /// How many tasks there are in each state.
    ///
    /// # Errors
    /// When the store fails.
    pub fn counts(&self) -> Result<Vec<(Status, i64)>, TaskError> {
        Ok(self.locks.look(tasks::counts)?)
    }

    /// How many of the tasks that failed did so since then.
    ///
    /// # Errors
    /// When the store fails.
    pub fn failed_since(&self, since: Wall) -> Result<i64, TaskError> {
        Ok(self.locks.look(|tx| tasks::failed_since(tx, since))?)
    }

    /// The task that was sent last, of those that are kept; 0 where none is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn newest(&self) -> Result<TaskId, TaskError> {
        Ok(self.locks.look(tasks::newest)?)
    }

    /// One task.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], or when the store fails.
    pub fn show(&self, id: TaskId) -> Result<TaskInfo, TaskError> {
        self.locks.look(|tx| shown(tx, id))?
    }

    /// The sessions that could take a task, free or not [T10].
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], or when the store fails.
    pub fn takers(&self, id: TaskId) -> Result<Vec<SessionInfo>, TaskError> {
        let witness = self.locks.witness().clone();
        self.locks.look(|tx| {
            let wants = match shown(tx, id)? {
                Ok(task) => Wants::of(&task),
                Err(error) => return Ok(Err(error)),
            };
            let mut takers = sessions::all(tx)?;
            takers.retain(|session| session.could_take(&wants));
            let is_one =
                |info: &SessionInfo| takers.iter().any(|taker| taker.name.as_str() == info.name);
            let mut all = sessions::list(tx)?;
            all.retain(is_one);
            let mut all = agents::join(all, agents::at_work(tx)?, tx.now().moment, &*witness);
            all.retain(is_one);
            Ok(Ok(all))
        })?
    }

    /// Waits until a task has ended; gives it as it is then, or when patience
    /// ended.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], or when the store fails.
    pub fn wait(&self, id: TaskId, patience: &Waiting) -> Result<TaskInfo, TaskError> {
        let listener = self.locks.listen(Topic::AnyChange)?;
        let mut until = None;
        loop {
            self.settle_remote()?;
            let (status, now) = self
                .locks
                .look(|tx| Ok((tasks::status(tx, id)?, tx.now().moment)))?;
            until = until.or_else(|| patience.limit.map(|limit| now.plus(limit)));
            let over = status.is_none_or(Status::is_over);
            if over || patience.cancel.is_cancelled() || until.is_some_and(|until| now >= until) {
                return self.show(id);
            }
            let left = until.map_or(SLOW_LOOK, |until| now.until(until));
            listener.wait(left.min(SLOW_LOOK));
        }
    }

    /// Adds a process session.
    ///
    /// # Errors
    /// [`TaskError::SessionExists`], a command that cannot be read, or a folder
    /// that is none: every task without one of its own would fail there.
    pub fn add_process(&self, new: &AddProcess) -> Result<SessionInfo, TaskError> {
        let argv = split(&new.command)?;
        new.provider.as_deref().map_or(Ok(()), is_a_provider)?;
        if let Some(folder) = &new.folder {
            is_a_folder(folder)?;
        }
        let folder = new
            .folder
            .as_deref()
            .map(|folder| folder.to_string_lossy().into_owned());
        let row = sessions::NewSession {
            name: &new.name,
            kind: Kind::Process,
            command: Some(&new.command),
            argv: &argv,
            provider: new.provider.as_deref(),
            folder: folder.as_deref(),
        };
        self.transact(|tx| {
            if !sessions::insert(tx, &row)? {
                return Ok(Err(TaskError::SessionExists(new.name.to_string())));
            }
            tx.tell();
            session_shown(tx, new.name.as_str())
        })
    }

    /// Removes a session that does not work.
    ///
    /// # Errors
    /// [`TaskError::UnknownSession`], [`TaskError::SessionBusy`].
    pub fn remove_session(&self, name: &str) -> Result<SessionInfo, TaskError> {
        self.transact(|tx| {
            let Some(session) = sessions::by_name(tx, name)? else {
                return Ok(Err(TaskError::UnknownSession(name.to_owned())));
            };
            if let Some(task) = session.current_task_id {
                return Ok(Err(TaskError::SessionBusy {
                    session: name.to_owned(),
                    task,
                }));
            }
            sessions::remove(tx, name)?;
            earlier::remember(tx)?;
            tx.tell();
            Ok(Ok(session))
        })
    }

    /// All sessions.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sessions(&self) -> Result<SessionList, TaskError> {
        let witness = self.locks.witness().clone();
        let (sessions, patterns) = self.locks.look(|tx| {
            let known = sessions::list(tx)?;
            let sessions = agents::join(known, agents::at_work(tx)?, tx.now().moment, &*witness);
            Ok((sessions, panes::patterns(tx)?))
        })?;
        Ok(SessionList {
            count: sessions.len(),
            sessions,
            patterns,
        })
    }

    /// A transaction whose work may find that what was asked for cannot be
    /// done; it looks before it writes.
    fn transact<T>(
        &self,
        work: impl FnMut(&mut LockTx<'_>) -> Result<Result<T, TaskError>, gaia_locks::Error>,
    ) -> Result<T, TaskError> {
        self.locks.transact(work)?
    }
}

/// How long somebody waits for a task.
#[derive(Clone, Default)]
pub struct Waiting {
    /// `None`: until it has ended.
    pub limit: Option<Duration>,
    /// Calls the wait off within a second.
    pub cancel: Cancel,
}

fn shown(
    tx: &mut LockTx<'_>,
    id: TaskId,
) -> Result<Result<TaskInfo, TaskError>, gaia_locks::Error> {
    Ok(tasks::by_id(tx, id)?.ok_or(TaskError::UnknownTask(id)))
}

fn session_shown(
    tx: &mut LockTx<'_>,
    name: &str,
) -> Result<Result<SessionInfo, TaskError>, gaia_locks::Error> {
    let session = sessions::by_name(tx, name)?;
    Ok(session.ok_or_else(|| TaskError::UnknownSession(name.to_owned())))
}

/// Splits a command as a shell would.
fn is_a_folder(path: &Path) -> Result<(), TaskError> {
    let why = match path.metadata() {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => "is a file".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist".to_owned(),
        Err(error) => format!("cannot be looked at: {error}"),
    };
    let path = path.display();
    Err(TaskError::InvalidRequest(format!(
        "a session cannot work in {path}: it {why}; name a folder that is there"
    )))
}

fn split(command: &str) -> Result<Vec<String>, TaskError> {
    let wrong = |why: &str| {
        TaskError::InvalidRequest(format!("the command {command:?} cannot be used: {why}"))
    };
    let argv = shell_words::split(command).map_err(|_| wrong("a quote is not closed"))?;
    match argv.first() {
        None => Err(wrong("it is empty")),
        Some(program) if program.is_empty() => Err(wrong("it names no program")),
        Some(_) if command.contains('\0') => Err(wrong("it holds a NUL character")),
        Some(_) => match unfit(&argv) {
            Some(why) => Err(wrong(&why)),
            None => Ok(argv),
        },
    }
}

/// The end of a task's output: at most so many bytes from `from` on, read as
/// UTF-8 as far as it is.
///
/// # Errors
/// When the file cannot be read.
pub fn tail(path: &Path, from: u64, most: u64) -> Result<String, TaskError> {
    read_tail(path, from, most).map_err(|source| TaskError::Log {
        path: path.display().to_string(),
        source,
    })
}

fn read_tail(path: &Path, from: u64, most: u64) -> std::io::Result<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let start = from.max(length.saturating_sub(most)).min(length);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    // A character that the beginning was cut out of is not shown in part.
    let torn = bytes
        .iter()
        .take(3)
        .take_while(|byte| **byte & 0xC0 == 0x80)
        .count();
    let skip = if start > from { torn } else { 0 };
    Ok(String::from_utf8_lossy(&bytes[skip..]).replace('\0', "\u{FFFD}"))
}
