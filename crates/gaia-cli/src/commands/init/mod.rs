//! `gaia init`: what is set up once. First it is shown, then, if that was
//! wanted, written; and it can be undone.

mod launchd;
mod place;
mod service;
mod systemd;

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use gaia_locks::settings::{Origin, Settings};
use serde::Serialize;

use crate::context::{Context, variable};
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, clean};
use crate::tell;

use place::{Found, Place};
use service::{Kind, Service};

/// Let the system start `gaia up` and keep it running
///
/// Writes a unit for systemd (Linux) or an agent for launchd (macOS) of this
/// user, which runs `gaia up` with this binary and this home. It is shown first,
/// and written with --yes or after a y on a terminal. A file that somebody else
/// wrote or changed is left alone.
///
/// What comes later: the configuration of agents, so that they ask for locks by
/// themselves, and a guard for git repositories.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  gaia init --service          # shows it, asks\n  gaia init --service --yes\n  gaia init --service --undo"
)]
pub struct InitArgs {
    /// Set up the service: systemd or launchd [default: the one of this system]
    #[arg(long, value_name = "KIND", num_args = 0..=1, require_equals = true, value_enum)]
    pub service: Option<Option<Kind>>,
    /// Do it without asking
    #[arg(long, short)]
    pub yes: bool,
    /// Remove what was set up
    #[arg(long)]
    pub undo: bool,
}

#[derive(Serialize)]
struct Answer {
    service: Told,
}

/// What was or would be done.
#[derive(Serialize)]
struct Told {
    kind: Kind,
    file: PathBuf,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// Commands that come before or after it.
    next: Vec<String>,
}

/// What became of the file.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Nothing yet: only shown.
    Shown,
    Written,
    /// It stood there already, word for word.
    Unchanged,
    Removed,
    /// Nothing was there to remove.
    Absent,
}

/// Shows, asks, writes.
pub fn run(context: &Context, args: &InitArgs) -> Ended {
    let Some(kind) = args.service else {
        return Err(nothing_to_do());
    };
    let kind = kind.unwrap_or_else(Kind::of_this_system);
    let place = Place::new(kind.file(&user_home()?));
    let told = match args.undo {
        true => undo(context, args, kind, &place)?,
        false => set_up(context, args, kind, &place)?,
    };
    let answer = Answer { service: told };
    context
        .out
        .answer(&answer, |style| in_words(style, &answer.service))?;
    Ok(Status::Done.into())
}

fn set_up(context: &Context, args: &InitArgs, kind: Kind, place: &Place) -> Result<Told, Failure> {
    let settings = context.settings()?;
    tell_what_is_left_behind(settings);
    let service = Service::of_this_binary(settings)?;
    let content = place::signed(kind.comment(), &kind.content(&service)?);
    let state = match place.found()? {
        Found::Ours(there) if there == content => State::Unchanged,
        Found::Others => return Err(others(place, "written over")),
        Found::Nothing | Found::Ours(_) => State::Shown,
    };
    let asked = state == State::Shown && agreed(context, args, place, &content)?;
    if asked {
        // launchd opens the log in it before gaia could make it.
        std::fs::create_dir_all(&settings.home)?;
        place.write(&content)?;
    }
    Ok(Told {
        kind,
        file: place.path().to_owned(),
        state: if asked { State::Written } else { state },
        content: Some(content).filter(|_| !is_asked(context, args)),
        next: kind.after_writing(place.path(), &service),
    })
}

fn undo(context: &Context, args: &InitArgs, kind: Kind, place: &Place) -> Result<Told, Failure> {
    let (state, content) = match place.found()? {
        Found::Nothing => (State::Absent, None),
        Found::Others => return Err(others(place, "removed")),
        Found::Ours(content) => match agreed(context, args, place, &content)? {
            true => {
                place.remove()?;
                (State::Removed, None)
            }
            false => (
                State::Shown,
                Some(content).filter(|_| !is_asked(context, args)),
            ),
        },
    };
    Ok(Told {
        kind,
        file: place.path().to_owned(),
        state,
        content,
        next: kind.after_removing(),
    })
}

fn nothing_to_do() -> Failure {
    Failure::usage("gaia init was not told what to set up; now there is --service, which lets the system run `gaia up`")
        .hint("gaia init --service. The configuration of agents and a guard for git come in a later release")
}

fn others(place: &Place, done: &str) -> Failure {
    let path = place.path().display();
    let message = format!("{path} was written or changed by somebody else, and is not {done}");
    Failure::new("not_ours", Status::Failed, message)
        .hint("move it away first, or edit it yourself")
}

fn user_home() -> Result<PathBuf, Failure> {
    let home = variable("HOME").map(PathBuf::from);
    home.filter(|home| home.is_absolute())
        .ok_or_else(|| Failure::usage("HOME is not set, so nobody can tell where services belong"))
}

/// Whether a person is shown the file and asked.
fn is_asked(context: &Context, args: &InitArgs) -> bool {
    let somebody_looks = || io::stdin().is_terminal() && io::stderr().is_terminal();
    !args.yes && !context.out.is_json() && somebody_looks()
}

/// With --yes, or after a y of the person who has seen it.
fn agreed(
    context: &Context,
    args: &InitArgs,
    place: &Place,
    content: &str,
) -> Result<bool, Failure> {
    if !is_asked(context, args) {
        return Ok(args.yes);
    }
    let verb = if args.undo { "Remove" } else { "Write" };
    let path = clean(&place.path().to_string_lossy());
    tell::line(&format!("{}\n{content}", tell::style().bold(&path)));
    let mut err = io::stderr().lock();
    write!(err, "{verb} this file? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The service has GAIA_HOME and what lies in it, nothing else of this shell.
fn tell_what_is_left_behind(settings: &Settings) {
    for setting in settings.report() {
        let only_here = matches!(setting.origin, Origin::Environment | Origin::Flag(_));
        if only_here && setting.name != "GAIA_HOME" {
            tell::note(&format!(
                "{} is set for this shell only, and the service will not see it: it belongs into {}",
                setting.name,
                clean(&settings.home.join("gaia.toml").to_string_lossy()),
            ));
        }
    }
}

fn in_words(style: &Style, told: &Told) -> String {
    let file = style.bold(&clean(&told.file.to_string_lossy()));
    let head = match told.state {
        State::Shown => format!("{} {file}", style.yellow("nothing was changed:")),
        State::Written => format!("{} {file}", style.green("written")),
        State::Unchanged => format!("{file} is there already, as it should be"),
        State::Removed => format!("{} {file}", style.green("removed")),
        State::Absent => format!("{file} is not there"),
    };
    let mut lines = vec![head];
    match (told.state, &told.content) {
        (State::Shown, Some(content)) => {
            lines.push(format!("\n{content}"));
            lines.push("--yes does it.".to_owned());
        }
        (State::Absent | State::Shown, _) => {}
        _ => lines.extend(told.next.iter().map(|next| format!("  {next}"))),
    }
    lines.join("\n")
}
