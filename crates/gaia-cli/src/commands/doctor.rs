//! `gaia doctor`: shows what `gaia_assigner::doctor` finds.

pub mod agents;
mod guard;
mod server;

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
    /// Whether it does anything here.
    used: bool,
}

/// Settings that do nothing where a server is worked through: they are its own.
const OF_THE_DATABASE: [&str; 9] = [
    "GAIA_LOCKS_DIR",
    "GAIA_AUTO_CLEANUP_LOCKS",
    "GAIA_LOCK_CLEANUP_INTERVAL",
    "GAIA_DATABASE_URL",
    "GAIA_DURABILITY",
    "GAIA_MARKERS",
    "GAIA_HISTORY_RETENTION",
    "GAIA_UNCOMMITTED",
    "GAIA_LISTEN",
];
/// Settings that do nothing without one.
const OF_A_SERVER: [&str; 2] = ["GAIA_TOKEN", "GAIA_SERVER_CA"];

/// As they stand.
fn shown(settings: &Settings) -> Vec<Shown> {
    let unused: &[&str] = match settings.server {
        Some(_) => &OF_THE_DATABASE,
        None => &OF_A_SERVER,
    };
    let shown = |setting: Reported| {
        let used = !unused.contains(&setting.name);
        Shown { setting, used }
    };
    settings.report().into_iter().map(shown).collect()
}

/// Checks one after the other.
pub fn run(context: &Context, args: &DoctorArgs) -> Ended {
    let (checks, settings) = match context.settings() {
        Ok(settings) => (all(context, args, settings)?, shown(settings)),
        Err(failure) => (vec![unread(failure)], Vec::new()),
    };
    let ok = checks.iter().all(|check| check.state != State::Problem);
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

fn all(context: &Context, args: &DoctorArgs, settings: &Settings) -> Result<Vec<Check>, Failure> {
    let here = here()?;
    let ground = Ground {
        settings,
        here: Some(&here),
    };
    let client = context.client()?;
    let fixed = match (args.fix, &client) {
        (true, None) => doctor::fix(ground),
        _ => Ok(()),
    };
    let mut checks = doctor::checks(ground);
    checks.extend(client.iter().flat_map(server::checks));
    checks.extend(agents::checks(context));
    checks.extend(guard::check(&here));
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
    let unused = if *used { "" } else { ", not used here" };
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
