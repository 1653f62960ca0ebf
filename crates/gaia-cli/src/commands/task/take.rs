//! `gaia task take`.

use gaia_assigner::Tasks;
use gaia_assigner::service::{Taken, Waiting};
use gaia_assigner::wire::TaskInfo;
use gaia_locks::ids::{LockId, SessionId};
use serde::Serialize;

use crate::args::WaitLimit;
use crate::context::{Context, variable};
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, clean};
use crate::tell;

/// For whom, and how long to wait.
///
/// Prints the text, and beside it where to work and the token. The folder is
/// locked for the session until it says `gaia task done` or `fail`; meanwhile
/// `gaia session heartbeat` shows that it lives. Exit status 3: there is none.
#[derive(clap::Args, Debug)]
pub struct TakeArgs {
    /// The session [default: GAIA_SESSION]
    #[arg(long, short, value_name = "SESSION")]
    session: Option<String>,
    #[command(flatten)]
    wait: WaitLimit,
}

#[derive(Serialize, Default)]
struct Answer {
    task: Option<TaskInfo>,
    folder: Option<String>,
    token: Option<LockId>,
}

/// Takes one.
pub fn take(context: &Context, tasks: &dyn Tasks, args: &TakeArgs) -> Ended {
    let session = session(args.session.clone())?;
    let patience = args.wait.limit().map(|limit| Waiting {
        limit,
        ..Waiting::default()
    });
    let answer = tasks
        .take(&session, patience.as_ref())?
        .map_or_else(Answer::default, answer);
    context
        .out
        .answer(&answer, |style| in_words(style, &answer))?;
    let Some(task) = &answer.task else {
        if !context.out.is_json() {
            tell::note(&format!("no task for session {}", clean(session.as_str())));
        }
        return Ok(Status::NotGranted.into());
    };
    if !context.out.is_json() {
        tell::note(&told(task, &answer));
    }
    Ok(Status::Done.into())
}

fn answer(taken: Taken) -> Answer {
    Answer {
        folder: taken.folder,
        token: taken.token,
        task: Some(taken.task),
    }
}

/// The text as it is: it goes to an agent.
fn in_words(_: &Style, answer: &Answer) -> String {
    answer
        .task
        .as_ref()
        .map_or_else(String::new, |task| task.content.clone())
}

fn told(task: &TaskInfo, answer: &Answer) -> String {
    let folder = answer
        .folder
        .as_deref()
        .map(|folder| format!(" in {}", clean(folder)));
    let token = answer.token.map(|token| format!(", token {token}"));
    format!(
        "task {}{}{}; say `gaia task done {}` or `gaia task fail {} --reason TEXT` at its end",
        task.id,
        folder.unwrap_or_default(),
        token.unwrap_or_default(),
        task.id,
        task.id
    )
}

/// The session that was named, else the one that this acts as.
pub fn session(named: Option<String>) -> Result<SessionId, Failure> {
    let ours = || variable("GAIA_SESSION")?.into_string().ok();
    match named.or_else(ours).filter(|name| !name.is_empty()) {
        Some(name) => Ok(SessionId::new(name)?),
        None => Err(Failure::new(
            "no_session",
            Status::Usage,
            "no session was named and none can be told",
        )
        .hint("name it: --session NAME, or set GAIA_SESSION")),
    }
}
