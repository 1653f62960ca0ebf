//! `gaia doctor`: shows what `gaia_assigner::doctor` finds.

use gaia_assigner::doctor::{self, Check, Ground, State};
use gaia_locks::settings::{Reported, Settings};
use serde::Serialize;

use crate::context::{Context, here};
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
    let (checks, settings) = match context.settings() {
        Ok(settings) => (all(context, args, settings)?, settings.report()),
        Err(failure) => (vec![unread(failure)], Vec::new()),
    };
    let ok = checks.iter().all(|check| check.state != State::Problem);
    let answer = Answer {
        ok,
        checks,
        settings: settings.into_iter().map(Shown::from).collect(),
    };
    context
        .out
        .answer(&answer, |style| in_words(style, &answer))?;
    Ok(if ok { Status::Done } else { Status::Failed }.into())
}

fn all(context: &Context, args: &DoctorArgs, settings: &Settings) -> Result<Vec<Check>, Failure> {
    let here = here()?;
    let ground = Ground {
        settings,
        here: Some(&here),
    };
    let fixed = match args.fix {
        true => doctor::fix(ground),
        false => Ok(()),
    };
    let mut checks = doctor::checks(ground);
    let relative = context.relative_places()?;
    checks.extend(relative.map(|(name, place)| doctor::relative_place(name, place)));
    let not_mended = |why: String| Check::problem("fix", why, "see the other findings");
    checks.extend(fixed.err().map(not_mended));
    Ok(checks)
}

/// Without settings nobody knows where to look.
fn unread(failure: Failure) -> Check {
    let remedy = failure.hint.unwrap_or_default();
    Check::problem("settings", failure.message, remedy)
}

fn in_words(style: &Style, answer: &Answer) -> String {
    let checks: Vec<String> = answer
        .checks
        .iter()
        .map(|check| line(style, check))
        .collect();
    let checks = checks.join("\n");
    if answer.settings.is_empty() {
        return checks;
    }
    let settings = style.table(
        ["setting", "value", "from"],
        answer.settings.iter().map(setting),
    );
    format!("{checks}\n\n{settings}")
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
