//! N7: `gaia hook` for one write, from the start of the process to its end:
//! what every write of an agent waits for.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::race::{Missing, Race, Subject};
use super::super::{Figure, Goal, Options, Trouble, program};
use super::folder_in;

const HOOK: &str = "gaia hook claude, one write";
const GUARD: &str = "agent-lease-guard, the same write";
const OF_MOST: &str = "gaia hook claude : 8 ms";
/// In nanoseconds, as all times here.
const MOST: f64 = 8e6;

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let call = call(dir.path())?;
    let mut race = Race::default();
    race.enter_if_there(hook(options, dir.path(), &call));
    race.enter_if_there(guard(options, dir.path(), &call));
    let figure = Figure::new("N7", "gaia hook for one write, the whole process");
    let raced = race.run(options)?;
    let ours = raced.0.iter().find(|rounds| rounds.name == HOOK);
    let of_most = ours.map(|rounds| rounds.values.iter().map(|ns| ns / MOST).collect());
    let mut figure = figure.of_race(raced);
    figure.sample(OF_MOST, "x", of_most.unwrap_or_default());
    figure.judge(OF_MOST, Goal::AtMost(1.0));
    figure.beside(HOOK, GUARD, Some(Goal::AtMost(0.1)));
    Ok(figure)
}

/// What Claude Code sends before a write into a repository.
fn call(dir: &Path) -> Result<PathBuf, Trouble> {
    let repository = folder_in(dir, "repository")?;
    std::fs::write(
        folder_in(&repository, ".git")?.join("HEAD"),
        "ref: refs/heads/main\n",
    )?;
    let call = serde_json::json!({
        "session_id": "bench",
        "cwd": repository,
        "hook_event_name": "PreToolUse",
        "tool_name": "Write",
        "tool_input": {"file_path": repository.join("file.txt"), "content": "x"},
        "tool_use_id": "call",
    });
    let file = dir.join("call.json");
    std::fs::write(&file, call.to_string())?;
    Ok(file)
}

fn hook(options: &Options, dir: &Path, call: &Path) -> Result<Subject<'static>, Missing> {
    let missing = |why: Trouble| Missing::new(HOOK, why);
    let gaia = options
        .gaia
        .clone()
        .ok_or_else(|| missing("the program gaia was not found beside this one".into()))?;
    let (home, call) = (folder_in(dir, "home").map_err(missing)?, call.to_owned());
    let run = move || {
        let mut command = program::gaia(&gaia, &home);
        program::run_with(command.args(["hook", "claude"]), &call)
    };
    run().map_err(missing)?;
    Ok(Subject::repeated(HOOK, run))
}

fn guard(options: &Options, dir: &Path, call: &Path) -> Result<Subject<'static>, Missing> {
    let missing = |why: Trouble| Missing::new(GUARD, format!("{why} (scripts/install python)"));
    let python = options
        .python
        .clone()
        .unwrap_or_else(|| PathBuf::from("python3"));
    let guard = python.with_file_name("agent-lease-guard");
    let (dir, call) = (dir.to_owned(), call.to_owned());
    let run = move || {
        let mut command = Command::new(&guard);
        command
            .env("AGENT_LEASE_DB", dir.join("lease.db"))
            .env("AGENT_NAME", "bench")
            .env("HOME", &dir);
        program::run_with(&mut command, &call)
    };
    run().map_err(missing)?;
    Ok(Subject::repeated(GUARD, run))
}
