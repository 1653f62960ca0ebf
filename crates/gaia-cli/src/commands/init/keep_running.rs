//! `gaia init --service`: the file by which the system starts `gaia up`.
//!
//! It has its own way beside the plan of the other planners, because it is
//! undone without a journal: by the signature in the file itself, so that it
//! can be removed from any home.

use std::path::PathBuf;

use gaia_locks::settings::{Origin, Settings};
use serde::Serialize;

use super::InitArgs;
use super::ask::{is_asked, yes_to};
use super::place::{self, Found, Place};
use super::service::{Kind, Service};
use crate::context::{Context, variable};
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, clean};
use crate::tell;

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
pub fn run(context: &Context, args: &InitArgs, kind: Option<Kind>) -> Ended {
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
        gaia_locks::os::make_private_folder(&settings.home)?;
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

fn others(place: &Place, done: &str) -> Failure {
    let path = place.path().display();
    let message = format!("{path} was written or changed by somebody else, and is not {done}");
    Failure::new("not_ours", Status::Failed, message)
        .hint("move it away first, or edit it yourself")
}

pub fn user_home() -> Result<PathBuf, Failure> {
    let home = variable("HOME").map(PathBuf::from);
    home.filter(|home| home.is_absolute())
        .ok_or_else(|| Failure::usage("HOME is not set, so nobody can tell where services belong"))
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
    yes_to(&format!("{verb} this file?"))
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
