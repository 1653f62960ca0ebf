//! `gaia status`.

mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use gaia_assigner::Tasks;
use gaia_assigner::wire::SessionInfo;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{Scope, SessionId};
use gaia_locks::service::Locks;
use gaia_locks::wire::{FolderNow, HeldLock, PauseInfo, Status, WaiterInfo};
use serde::{Serialize, Serializer};

use crate::context::Context;
use crate::exit::{self, Ended, Failure};
use crate::output::human::{Style, ago, at, clean, left, placed};

/// Show who holds what and who waits
///
/// With a folder only what overlaps it: what would be in the way there.
#[derive(clap::Args, Debug)]
pub struct StatusArgs {
    /// Only what overlaps this folder
    #[arg(value_name = "FOLDER", value_parser = crate::args::folder())]
    pub folder: Option<PathBuf>,
    /// Only this session's locks and places in line
    #[arg(long, short, value_name = "NAME")]
    pub session: Option<String>,
    /// Show changes as they happen, until interrupted
    #[arg(long, short)]
    pub watch: bool,
}

/// Shows it once, or whenever it changes.
pub fn run(context: &Context, args: &StatusArgs) -> Ended {
    let folder = args.folder.as_deref();
    let eyes = Eyes {
        locks: context.locks()?,
        tasks: context.tasks()?,
        folder: folder.map(|path| context.folder(path)).transpose()?,
        session: args.session.clone(),
    };
    if args.watch {
        return watch::run(context, &eyes);
    }
    let picture = eyes.look()?;
    context
        .out
        .answer(&picture, |style| in_words(style, &picture))?;
    Ok(exit::Status::Done.into())
}

/// The doors, and what is wanted of what they show.
struct Eyes {
    locks: Arc<dyn Locks>,
    tasks: Arc<dyn Tasks>,
    folder: Option<Folder>,
    session: Option<String>,
}

/// What `status` answers.
#[derive(Serialize)]
struct Picture {
    #[serde(flatten)]
    status: Status,
    /// Sessions that work although their hooks fell silent.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "names")]
    unprotected: Vec<SessionInfo>,
    /// In whose file system paths lie that say no other.
    #[serde(skip)]
    here: Scope,
}

fn names<S: Serializer>(sessions: &[SessionInfo], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(sessions.iter().map(|session| &session.name))
}

impl Eyes {
    fn look(&self) -> Result<Picture, Failure> {
        let mut status = self.locks.status(self.folder.as_ref())?;
        if let Some(session) = &self.session {
            let is_its = |name: &SessionId| name.as_str() == session;
            status.locks.retain(|held| is_its(&held.lock.session_id));
            status.waiters.retain(|waiter| is_its(&waiter.session_id));
            status.count = status.locks.len();
        }
        let mut sessions = self.tasks.sessions()?.sessions;
        sessions.retain(|session| session.is_unprotected() && self.is_wanted(session));
        Ok(Picture {
            status,
            unprotected: sessions,
            here: self.locks.scope(),
        })
    }

    /// Whether it has the name, and may work in the folder, that was asked for.
    fn is_wanted(&self, session: &SessionInfo) -> bool {
        let named = self.session.as_ref();
        let works_in = |folder: &Folder| {
            let place = place(session).map(Folder::clean);
            place.is_none_or(|place| place.is_ok_and(|place| place.overlaps(folder)))
        };
        named.is_none_or(|name| *name == session.name) && self.folder.as_ref().is_none_or(works_in)
    }
}

/// Where it works, as far as it is known.
fn place(session: &SessionInfo) -> Option<&str> {
    let known = session.current_dir.as_deref();
    known.or(session.working_dir.as_deref())
}

/// The whole picture for people.
fn in_words(style: &Style, picture: &Picture) -> String {
    let Picture { status, here, .. } = picture;
    let mut parts = vec![locks(style, status, here)];
    if !status.waiters.is_empty() {
        parts.push(waiters(style, &status.waiters, here));
    }
    if !status.paused.is_empty() {
        parts.push(pauses(style, &status.paused, here));
    }
    if !picture.unprotected.is_empty() {
        parts.push(unprotected(style, &picture.unprotected));
    }
    parts.push(style.dim(&format!("database {}", clean(&status.database))));
    parts.join("\n\n")
}

fn locks(style: &Style, status: &Status, here: &Scope) -> String {
    if status.locks.is_empty() {
        return "No active locks – all folders are available".to_owned();
    }
    let header = [
        "id", "folder", "session", "task", "mode", "since", "ends in", "state",
    ];
    style.table(header, status.locks.iter().map(|held| lock(held, here)))
}

fn lock(held: &HeldLock, here: &Scope) -> [String; 8] {
    let lock = &held.lock;
    let task = match lock.task_id.0 {
        0 => "–".to_owned(),
        task => task.to_string(),
    };
    [
        lock.id.to_string(),
        placed(&lock.folder_path, &lock.scope, here),
        clean(lock.session_id.as_str()),
        task,
        lock.mode.word().to_owned(),
        ago(lock.created_at),
        lock.expires_in.map_or_else(String::new, left),
        state(held),
    ]
}

/// What is worth knowing beside the lease.
fn state(held: &HeldLock) -> String {
    let mut facts = Vec::new();
    match (held.alive, held.lock.pid) {
        (Some(true), Some(pid)) => facts.push(format!("pid {pid} lives")),
        (Some(false), _) => facts.push("holder gone".to_owned()),
        _ => {}
    }
    match held.folder_state {
        FolderNow::Gone => facts.push("folder gone".to_owned()),
        FolderNow::Replaced => facts.push("folder replaced".to_owned()),
        FolderNow::Present | FolderNow::Unknown => {}
    }
    match held.waiting {
        0 => {}
        1 => facts.push("1 waits".to_owned()),
        waiting => facts.push(format!("{waiting} wait")),
    }
    facts.join(", ")
}

fn waiters(style: &Style, waiters: &[WaiterInfo], here: &Scope) -> String {
    let header = ["waiting", "folder", "task", "mode", "since", "place"];
    style.table(header, waiters.iter().map(|one| waiter(one, here)))
}

fn waiter(waiter: &WaiterInfo, here: &Scope) -> [String; 6] {
    let placed = |path: &String| placed(path, &waiter.scope, here);
    let folders: Vec<String> = waiter.folder_paths.iter().map(placed).collect();
    [
        clean(waiter.session_id.as_str()),
        folders.join("\n"),
        match waiter.task_id.0 {
            0 => "–".to_owned(),
            task => task.to_string(),
        },
        waiter.mode.word().to_owned(),
        ago(waiter.since),
        match waiter.granted {
            true => "granted".to_owned(),
            false => waiter.place.to_string(),
        },
    ]
}

fn pauses(style: &Style, pauses: &[PauseInfo], here: &Scope) -> String {
    let header = ["paused", "by", "since", "reason"];
    let row = |pause: &PauseInfo| {
        [
            placed(&pause.folder_path, &pause.scope, here),
            clean(&pause.by),
            at(pause.since),
            clean(&pause.reason),
        ]
    };
    style.table(header, pauses.iter().map(row))
}

/// Whose hooks nobody hears guards nothing: its user has to look.
fn unprotected(style: &Style, sessions: &[SessionInfo]) -> String {
    let row = |session: &SessionInfo| {
        let heard = session.agent.as_ref().and_then(|agent| agent.heard_at);
        [
            clean(&session.name),
            place(session).map(clean).unwrap_or_default(),
            heard.map(ago).unwrap_or_default(),
        ]
    };
    let header = ["unprotected", "folder", "hooks last heard"];
    let table = style.table(header, sessions.iter().map(row));
    let means = "They work although their hooks are silent: nothing refuses what they write, and they are given no task.";
    format!("{table}\n{}", style.yellow(means))
}
