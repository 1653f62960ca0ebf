//! What there is to see at one moment, and what has happened since the last.

use gaia_assigner::TaskService;
use gaia_assigner::service::Filter;
use gaia_assigner::task::Status as TaskStatus;
use gaia_assigner::wire::TaskInfo;
use gaia_locks::service::Locks as _;
use gaia_locks::wire::{Status, WaiterInfo};

use super::play::PERSON;
use super::repository::TOP;
use crate::exit::Failure;

/// TaskService, locks and waiters.
#[derive(Clone, Debug)]
pub struct Picture {
    /// All tasks, by id.
    pub tasks: Vec<TaskInfo>,
    /// Who holds what, who waits: all of one moment.
    pub locks: Status,
}

/// Something that happened, as it is told.
#[derive(Clone, Debug)]
pub struct Happening {
    /// How it is to be looked at.
    pub tone: Tone,
    /// In words.
    pub text: String,
}

/// How something is to be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// As usual.
    Plain,
    /// Matters more.
    Strong,
    /// Matters less.
    Faint,
    /// Well.
    Good,
    /// Wants a look.
    Odd,
    /// Went wrong.
    Bad,
}

/// Something that happened.
pub fn happening(tone: Tone, text: String) -> Happening {
    Happening { tone, text }
}

impl Picture {
    /// Looks.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn take(tasks: &TaskService) -> Result<Self, Failure> {
        let mut list = tasks.list(&Filter::default())?.tasks;
        list.sort_by_key(|task| task.id);
        Ok(Self {
            tasks: list,
            locks: tasks.locks().status(None)?,
        })
    }

    /// What has happened since an earlier picture.
    pub fn since(&self, earlier: &Self) -> Vec<Happening> {
        let tasks = earlier.tasks.iter().zip(&self.tasks);
        let mut all: Vec<Happening> = tasks.flat_map(|(was, is)| of_task(was, is)).collect();
        all.extend(self.newly_waiting(earlier).map(|waiter| {
            let text = format!(
                "{} waits in line for {}",
                who(waiter),
                first(&waiter.folder_paths)
            );
            happening(Tone::Odd, text)
        }));
        let person = |picture: &Self| {
            let mut locks = picture.locks.locks.iter().map(|held| &held.lock);
            locks
                .find(|lock| lock.session_id.as_str() == PERSON)
                .cloned()
        };
        match (person(earlier), person(self)) {
            (None, Some(lock)) => all.push(happening(
                Tone::Plain,
                format!(
                    "{PERSON} has its turn in {} (lock {})",
                    name(&lock.folder_path),
                    lock.id
                ),
            )),
            (Some(lock), None) => all.push(happening(
                Tone::Good,
                format!("{PERSON} is done in {}", name(&lock.folder_path)),
            )),
            _ => {}
        }
        all
    }

    fn newly_waiting(&self, earlier: &Self) -> impl Iterator<Item = &WaiterInfo> {
        let before: Vec<_> = earlier
            .locks
            .waiters
            .iter()
            .map(|waiter| waiter.id)
            .collect();
        let waiters = self.locks.waiters.iter();
        waiters.filter(move |waiter| !before.contains(&waiter.id))
    }
}

/// Who waits: a task stands in line in its own name.
pub fn who(waiter: &WaiterInfo) -> String {
    match waiter.task_id.0 {
        0 => waiter.session_id.to_string(),
        task => format!("#{task}"),
    }
}

fn of_task(was: &TaskInfo, is: &TaskInfo) -> Vec<Happening> {
    let mut all = Vec::new();
    let new_try = is.lock_token != was.lock_token && is.lock_token.is_some();
    let was_running = was.status.is_running();
    if is.retry_count > was.retry_count && !is.status.is_over() {
        let why = is
            .error
            .clone()
            .or_else(|| was.error.clone())
            .unwrap_or_default();
        all.push(happening(
            Tone::Bad,
            format!("#{} will be tried again: {why}", is.id),
        ));
    }
    if new_try || (is.status.is_running() && !was_running) {
        all.push(begins(is));
    }
    if is.status.is_over() && !was.status.is_over() {
        all.push(over(is));
    }
    all
}

fn begins(task: &TaskInfo) -> Happening {
    let session = task.assigned_session.as_deref().unwrap_or_default();
    let reads = if task.read_only { " to read" } else { "" };
    let lock = task
        .lock_token
        .map_or_else(String::new, |id| format!(" (lock {id})"));
    let text = format!(
        "#{} goes to {session} in {}{reads}{lock}",
        task.id,
        folder(task)
    );
    happening(Tone::Plain, text)
}

fn over(task: &TaskInfo) -> Happening {
    let took = match (task.lock_acquired_at, task.completed_at) {
        (Some(from), Some(to)) => format!(" after {:.1} s", to.since(from).as_secs_f64()),
        _ => String::new(),
    };
    let error = task.error.as_deref().unwrap_or_default();
    match task.status {
        TaskStatus::Completed => happening(Tone::Good, format!("#{} is done{took}", task.id)),
        status => happening(
            Tone::Bad,
            format!("#{} {}: {error}", task.id, status.word()),
        ),
    }
}

/// A task's folder below the repository.
pub fn folder(task: &TaskInfo) -> &str {
    task.working_dir.as_deref().map_or("", name)
}

/// A folder below the repository, as it is shown.
pub fn name(path: &str) -> &str {
    match path.rsplit_once(&format!("/{TOP}/")) {
        Some((_, below)) => below,
        None => path.rsplit('/').next().unwrap_or(path),
    }
}

fn first(paths: &[String]) -> &str {
    paths.first().map_or("", |path| name(path))
}
