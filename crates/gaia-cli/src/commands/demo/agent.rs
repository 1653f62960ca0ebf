//! The stand-in for an agent: a real process that is started as a real agent
//! would be, takes its time and changes real files. It calls no model; what it
//! does stands in the play.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::liveness::ProcessIdentity;

use super::play::{Order, Part, Play};
use super::presence::{Presence, files_in};
use super::report::{Pen, Says, Worker, folder_name};
use super::stage::Stage;
use crate::context::{Context, variable};
use crate::exit::{Ended, Failure, Status};

/// Play an agent's part (started by gaia demo)
#[derive(clap::Args, Debug)]
pub struct AgentArgs {
    /// The home of the demo
    #[arg(value_name = "HOME")]
    pub root: PathBuf,
    /// What a real agent would be told
    #[arg(value_name = "TEXT")]
    pub text: Option<String>,
}

/// How much longer one works that is to be killed in the midst of it.
const UNTIL_KILLED: u32 = 40;

/// Works.
pub fn run(context: &Context, args: &AgentArgs) -> Ended {
    let play = Play::read(&args.root)?;
    let (task, token, session) = who()?;
    let unknown = || Failure::usage(format!("the play has no task {task}"));
    let order = play.order(task).ok_or_else(unknown)?;
    let top = Stage::repository_of(&args.root);
    let worker = Worker {
        token,
        session,
        task,
        folder: folder_name(&top.join(&order.folder)),
        mode: order.mode(),
        process: ProcessIdentity::current()?,
    };
    let text = args.text.as_deref().unwrap_or(&order.text);
    context.out.text(&format!(
        "{}, a stand-in: {text:?} in {}",
        worker.session, order.folder
    ))?;
    let mut pen = Pen::begin(&args.root.join("reports"), &worker)?;
    let first = is_first_try(&args.root, task)?;
    let step = Duration::from_millis(play.step_ms);
    work(&worker, &mut pen, steps(order, first), &top, step)?;
    Ok(end(context, order, first)?)
}

/// As whom it acts [T15], and by which lock.
fn who() -> Result<(TaskId, LockId, String), Failure> {
    let text = |name: &str| variable(name).and_then(|value: OsString| value.into_string().ok());
    let number = |name: &str| text(name).and_then(|value| value.parse::<i64>().ok());
    let missing = || Failure::usage("a stand-in is started by an assigner or by gaia run");
    let token = number("GAIA_LOCK_TOKEN").ok_or_else(missing)?;
    let session = text("GAIA_SESSION").ok_or_else(missing)?;
    let task = number("GAIA_TASK").unwrap_or(TaskId::NONE.0);
    Ok((TaskId(task), LockId(token), session))
}

fn is_first_try(root: &Path, task: TaskId) -> io::Result<bool> {
    let path = root.join("tries").join(task.to_string());
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn steps(order: &Order, first: bool) -> u32 {
    match order.part {
        Part::KilledFirst if first => order.steps * UNTIL_KILLED,
        _ => order.steps,
    }
}

/// Looks around before and after every edit.
fn work(
    worker: &Worker,
    pen: &mut Pen,
    steps: u32,
    top: &Path,
    step: Duration,
) -> Result<(), Failure> {
    let mut presence = Presence::enter(worker, top)?;
    for number in 0..steps {
        look(&presence, pen)?;
        if worker.mode == gaia_locks::model::Mode::Exclusive {
            edit(worker, number)?;
            presence.edited()?;
        }
        take_time(step);
    }
    look(&presence, pen)?;
    presence.leave()?;
    pen.say(Says::Ends)?;
    Ok(())
}

fn look(presence: &Presence<'_>, pen: &mut Pen) -> io::Result<()> {
    pen.say(match presence.look()? {
        None => Says::Alone,
        Some(found) => Says::NotAlone { found },
    })
}

/// Adds a line to one of the files in its folder.
fn edit(worker: &Worker, number: u32) -> io::Result<()> {
    let files = files_in(Path::new(&worker.folder))?;
    let at = usize::try_from(number).unwrap_or(0) % files.len().max(1);
    let Some(file) = files.get(at) else {
        return Ok(());
    };
    let mut file = OpenOptions::new().append(true).open(file)?;
    let (session, task) = (&worker.session, worker.task);
    let line = format!("# {session}, task {task}, edit {}\n", number + 1);
    file.write_all(line.as_bytes())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a stand-in's work is to take time; nobody waits for it by this"
)]
fn take_time(step: Duration) {
    std::thread::sleep(step);
}

fn end(context: &Context, order: &Order, first: bool) -> io::Result<ExitCode> {
    let fails = match order.part {
        Part::Fail => true,
        Part::FailFirst => first,
        _ => false,
    };
    let (word, status) = match fails {
        true => ("gave up: 2 of 14 tests fail", Status::Failed),
        false => ("done", Status::Done),
    };
    context.out.text(word)?;
    Ok(status.into())
}

/// Whether anything of a stand-in is left in the repository.
///
/// # Errors
/// When it cannot be read.
pub fn edits_in(top: &Path) -> io::Result<usize> {
    let mut edits = 0;
    for file in files_in(top)? {
        let text = fs::read_to_string(file)?;
        edits += text.lines().filter(|line| line.starts_with("# ")).count();
    }
    Ok(edits)
}
