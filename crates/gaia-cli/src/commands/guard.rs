//! `gaia guard`: the hook that git calls before a commit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gaia_agent::guard::{self, Found, GuardError, Refused};
use gaia_locks::ids::TaskId;
use gaia_locks::model::Holder;
use serde::Serialize;

use super::init::environment;
use crate::asker::Asker;
use crate::context::{Context, here};
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, at, clean};

/// Guard a git repository: a commit that touches a folder held by another is
/// refused
#[derive(clap::Args, Debug)]
pub struct GuardArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Put the guard into a repository and its submodules, beside the hooks
    /// that are there
    Install(Place),
    /// Take it out again, and put back what was there
    Remove(Place),
    /// Tell whether it is installed, or (as git's hook) whether the commit that
    /// is being made may be
    Check(Check),
}

#[derive(clap::Args, Debug)]
struct Place {
    /// The repository [default: the one around the current folder]
    #[arg(value_name = "REPO")]
    repo: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct Check {
    #[command(flatten)]
    place: Place,
    /// Judge the commit that is being made
    #[arg(long)]
    commit: bool,
    #[command(flatten)]
    asker: Asker,
}

/// Does what was asked for.
pub fn run(context: &Context, args: &GuardArgs) -> Ended {
    match &args.verb {
        Verb::Install(place) => install(context, place),
        Verb::Remove(place) => remove(context, place),
        Verb::Check(check) if check.commit => commit(context, check),
        Verb::Check(check) => look(context, &check.place),
    }
}

impl From<GuardError> for Failure {
    fn from(error: GuardError) -> Self {
        match error {
            GuardError::Locks(error) => error.into(),
            GuardError::Folder(error) => error.into(),
            error @ GuardError::Git { .. } => {
                Failure::new("git_failed", Status::Failed, error.to_string())
                    .hint("name a folder inside a git work tree: gaia guard install REPO")
            }
            error @ GuardError::NotCalled { .. } => {
                Failure::new("not_called", Status::Failed, error.to_string())
                    .hint("`git config --show-origin core.hooksPath` shows where that is said")
            }
            error @ GuardError::File { .. } => {
                Failure::new("failed", Status::Failed, error.to_string())
            }
        }
    }
}

impl Place {
    fn folder(&self) -> Result<PathBuf, Failure> {
        Ok(here()?.join(self.repo.as_deref().unwrap_or(Path::new("."))))
    }
}

#[derive(Serialize)]
struct Changed {
    installed: bool,
    hooks: Vec<PathBuf>,
}

fn install(context: &Context, place: &Place) -> Ended {
    let hooks = guard::install(&place.folder()?, &check_command(context)?)?;
    let told = Changed {
        installed: true,
        hooks,
    };
    context.out.answer(&told, |_| {
        let lines = told
            .hooks
            .iter()
            .map(|hook| format!("guarded by {}", clean(&hook.to_string_lossy())));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(Status::Done.into())
}

fn remove(context: &Context, place: &Place) -> Ended {
    let hooks = guard::remove(&place.folder()?)?;
    let told = Changed {
        installed: false,
        hooks,
    };
    context.out.answer(&told, |_| match told.hooks.is_empty() {
        true => "there was no guard".to_owned(),
        false => {
            let lines = told
                .hooks
                .iter()
                .map(|hook| format!("removed {}", clean(&hook.to_string_lossy())));
            lines.collect::<Vec<_>>().join("\n")
        }
    })?;
    Ok(Status::Done.into())
}

/// The command that the hook runs: this very program, with the home and database
/// that are meant here, whatever the environment of whoever commits says.
pub fn check_command(context: &Context) -> Result<String, Failure> {
    let program = std::env::current_exe()?;
    let mut handed: BTreeMap<String, String> =
        environment(context.settings()?).into_iter().collect();
    for (name, value) in context.settings_to_hand_on()? {
        handed.insert(name.to_owned(), value.to_string_lossy().into_owned());
    }
    let word = |(name, value): (&String, &String)| format!("{name}={}", quoted(value));
    let mut words: Vec<String> = handed.iter().map(word).collect();
    words.push(quoted(&program.to_string_lossy()));
    Ok(format!("{} guard check --commit", words.join(" ")))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[derive(Serialize)]
struct State {
    installed: bool,
    hook: Option<PathBuf>,
    then: Option<PathBuf>,
    why: Option<String>,
}

fn look(context: &Context, place: &Place) -> Ended {
    let state = match guard::look(&place.folder()?)? {
        Found::Installed { hook, then } => State {
            installed: true,
            hook: Some(hook),
            then,
            why: None,
        },
        Found::Missing { why } => State {
            installed: false,
            hook: None,
            then: None,
            why,
        },
    };
    context.out.answer(&state, |_| in_words(&state))?;
    Ok(if state.installed {
        Status::Done
    } else {
        Status::Failed
    }
    .into())
}

fn in_words(state: &State) -> String {
    let shown = |path: &PathBuf| clean(&path.to_string_lossy());
    match (&state.hook, &state.then, &state.why) {
        (Some(hook), Some(then), _) => {
            format!("guarded by {}, then {} runs", shown(hook), shown(then))
        }
        (Some(hook), None, _) => format!("guarded by {}", shown(hook)),
        (None, _, Some(why)) => format!(
            "not guarded any more: {}; `gaia guard install` guards it again",
            clean(why)
        ),
        (None, ..) => "not guarded; `gaia guard install` guards it".to_owned(),
    }
}

#[derive(Serialize)]
struct Judged {
    allowed: bool,
    conflicts: Vec<Conflict>,
}

#[derive(Serialize)]
struct Conflict {
    file: String,
    lock: gaia_locks::wire::LockInfo,
}

fn commit(context: &Context, check: &Check) -> Ended {
    let who = holder(&check.asker)?;
    let locks = context.locks()?;
    let refused = guard::check(&*locks, &check.place.folder()?, who.as_ref())?;
    let judged = Judged {
        allowed: refused.is_empty(),
        conflicts: refused
            .into_iter()
            .map(|Refused { file, lock }| Conflict { file, lock })
            .collect(),
    };
    if judged.allowed {
        if context.out.is_json() {
            context.out.deliver(&judged, |_| String::new())?;
        }
        return Ok(Status::Done.into());
    }
    if !context.out.is_json() {
        crate::tell::line(&refusal(&crate::tell::style(), &judged));
    } else {
        context.out.deliver(&judged, |_| String::new())?;
    }
    Ok(Status::NotGranted.into())
}

/// Who commits; a stranger to everybody where it cannot be told.
fn holder(asker: &Asker) -> Result<Option<Holder>, Failure> {
    let task = asker.task()?.unwrap_or(TaskId::NONE);
    Ok(match asker.session() {
        Ok(session) => Some(Holder::new(session, task)),
        Err(failure) if failure.code == "no_session" => None,
        Err(failure) => return Err(failure),
    })
}

fn refusal(style: &Style, judged: &Judged) -> String {
    let mut lines = vec![style.red("gaia guard: this commit touches what others hold:")];
    for Conflict { file, lock } in &judged.conflicts {
        let holder = crate::output::refusal::holder(lock.session_id.as_str(), lock.task_id);
        let until = lock.expires_at.map_or_else(String::new, at);
        lines.push(format!(
            "  {} is in {}, held by {holder} since {}, until {until} (lock {})",
            clean(file),
            clean(&lock.folder_path),
            at(lock.created_at),
            lock.id
        ));
    }
    lines.push(format!(
        "{} wait for it (`gaia acquire FOLDER --wait`), or commit when it is free",
        style.dim("  hint:")
    ));
    lines.join("\n")
}
