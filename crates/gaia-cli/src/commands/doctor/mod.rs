//! `gaia doctor`.
//!
//! Looks without changing anything: what is not there yet is not made, only
//! judged by whether it could be. Only `--fix` mends, and only what is GAIA's
//! own.

mod gate;
mod git;
mod markers;
mod places;
mod store;

use gaia_locks::settings::Reported;
use serde::Serialize;

use crate::context::{Context, relative_places};
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, clean};

/// Check everything that can be wrong, and show the settings
///
/// Each finding comes with its remedy, each setting with where its value came
/// from.
///
/// Exit status: 0 when nothing is wrong, 1 otherwise.
#[derive(clap::Args, Debug)]
pub struct DoctorArgs {
    /// Mend what GAIA can mend by itself
    #[arg(long)]
    pub fix: bool,
}

/// How a check came out.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// Works, but should be looked at.
    Warning,
    /// Does not work.
    Problem,
}

/// One thing that was checked.
#[derive(Serialize, Debug)]
pub struct Check {
    pub name: &'static str,
    pub state: State,
    pub finding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    fn ok(name: &'static str, finding: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            finding: finding.into(),
            remedy: None,
        }
    }

    fn warning(name: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(name, finding)
        }
    }

    fn problem(name: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            state: State::Problem,
            ..Self::warning(name, finding, remedy)
        }
    }
}

#[derive(Serialize)]
struct Answer {
    ok: bool,
    checks: Vec<Check>,
    settings: Vec<Shown>,
}

/// A setting as it stands.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    setting: Reported,
    /// Whether this version does anything with it.
    used: bool,
}

/// Settings of what comes later: they are read and checked, and do nothing yet
/// (a GAIA_SERVER that is set is refused).
const NOT_USED_YET: [&str; 2] = ["GAIA_SERVER", "GAIA_TOKEN"];

impl From<Reported> for Shown {
    fn from(setting: Reported) -> Self {
        let used = !NOT_USED_YET.contains(&setting.name);
        Self { setting, used }
    }
}

/// Checks one after the other.
pub fn run(context: &Context, args: &DoctorArgs) -> Ended {
    if args.fix {
        fix(context)?;
    }
    let checks = checks(context)?;
    let ok = checks.iter().all(|check| check.state != State::Problem);
    let settings = context.settings()?.report();
    let settings = settings.into_iter().map(Shown::from).collect();
    let answer = Answer {
        ok,
        checks,
        settings,
    };
    context
        .out
        .answer(&answer, |style| in_words(style, &answer))?;
    Ok(if ok { Status::Done } else { Status::Failed }.into())
}

fn checks(context: &Context) -> Result<Vec<Check>, Failure> {
    let settings = context.settings()?;
    let mut checks = vec![
        places::home(&settings.home),
        places::locks_dir(&settings.locks_dir),
    ];
    checks.extend(relative_places(settings).map(|(name, here)| places::relative(name, here)));
    match context.database_file() {
        Ok(file) => {
            checks.push(places::room("room", file));
            checks.extend(store::checks(context, file)?);
        }
        Err(failure) => checks.push(Check::problem(
            "database",
            failure.message,
            failure.hint.unwrap_or_default(),
        )),
    }
    checks.push(places::clock());
    checks.push(places::processes());
    checks.push(git::ignored(settings.markers));
    Ok(checks)
}

fn fix(context: &Context) -> Result<(), Failure> {
    let settings = context.settings()?;
    std::fs::create_dir_all(&settings.locks_dir)?;
    git::ignore()?;
    if gate::holder(context.database_file()?).is_none() {
        context.locks()?.cleanup()?;
    }
    Ok(())
}

fn in_words(style: &Style, answer: &Answer) -> String {
    let checks: Vec<String> = answer
        .checks
        .iter()
        .map(|check| line(style, check))
        .collect();
    let settings = style.table(
        ["setting", "value", "from"],
        answer.settings.iter().map(setting),
    );
    format!("{}\n\n{settings}", checks.join("\n"))
}

fn setting(shown: &Shown) -> [String; 3] {
    let Shown { setting, used } = shown;
    let unused = if *used { "" } else { ", not used yet" };
    [
        setting.name.to_owned(),
        clean(&setting.value),
        format!("{}{unused}", clean(&setting.origin.to_string())),
    ]
}

fn line(style: &Style, check: &Check) -> String {
    let mark = match check.state {
        State::Ok => style.green("ok     "),
        State::Warning => style.yellow("look   "),
        State::Problem => style.red("problem"),
    };
    let line = format!(
        "{mark}  {}: {}",
        style.bold(check.name),
        clean(&check.finding)
    );
    match &check.remedy {
        None => line,
        Some(remedy) => format!(
            "{line}\n         {} {}",
            style.dim("remedy:"),
            clean(remedy)
        ),
    }
}
