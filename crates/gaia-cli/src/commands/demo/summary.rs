//! The summary in words, and what to try next.

use std::path::Path;
use std::time::Duration;

use gaia_locks::duration::human_short;

use super::judge::Summary;
use super::stage::Stage;
use crate::context::variable;
use crate::output::human::{Style, clean};

/// The summary for people.
pub fn in_words(style: &Style, summary: &Summary, stage: &Stage) -> String {
    let mut parts = vec![
        style.bold(&wrapped(style, &headline(summary))),
        figures(style, summary),
        verdict(style, summary),
    ];
    parts.push(try_next(style, stage));
    parts.join("\n\n")
}

fn headline(summary: &Summary) -> String {
    let took = Duration::try_from_secs_f64(summary.seconds).unwrap_or_default();
    let tasks = &summary.tasks;
    format!(
        "{} tasks in {}: {} completed, {} failed, {} blocked; {} tried again",
        tasks.count,
        human_short(Duration::from_secs(took.as_secs().max(1))),
        tasks.completed,
        tasks.failed,
        tasks.blocked,
        tasks.retried
    )
}

fn figures(style: &Style, summary: &Summary) -> String {
    let (history, agents) = (&summary.history, &summary.agents);
    let row = |what: &str, history: String, agents: String| [what.to_owned(), history, agents];
    let rows = [
        row(
            "folders taken",
            history.granted.to_string(),
            agents.worked.to_string(),
        ),
        row(
            "at once, at most",
            history.most_at_once.to_string(),
            agents.most_at_once.to_string(),
        ),
        row(
            "two where one belongs",
            history.conflicts.to_string(),
            agents.conflicts.to_string(),
        ),
        row(
            "alone all the time",
            "–".to_owned(),
            format!("{} of {}", agents.alone, agents.worked),
        ),
    ];
    let mut lines = vec![
        style.table(["", "the history says", "the agents saw"], rows),
        String::new(),
    ];
    lines.extend(facts(summary).iter().map(|fact| wrapped(style, fact)));
    lines.join("\n")
}

fn facts(summary: &Summary) -> Vec<String> {
    let agents = &summary.agents;
    let mut lines = vec![format!(
        "They looked around {} times and made {} edits in real files.",
        agents.looks, agents.edits
    )];
    if let Some(wait) = &summary.longest_wait {
        lines.push(format!(
            "The longest wait was {:.1} s, {}.",
            wait.seconds,
            clean(&wait.who)
        ));
    }
    if let Some(killed) = &summary.killed {
        let lock = killed.lock;
        lines.push(format!(
            "One was killed with -9: its lock {lock} ended {:.0} ms later ({}).",
            killed.freed_after_ms,
            killed.end.replace('_', " ")
        ));
    }
    let left = &summary.left;
    lines.push(format!(
        "Left over: {} locks, {} in line, {} processes.",
        left.locks, left.waiters, left.processes
    ));
    let kept = summary.home.iter();
    lines.extend(kept.map(|home| format!("Its home is kept: {}", home.display())));
    lines
}

fn verdict(style: &Style, summary: &Summary) -> String {
    let (granted, alone) = (summary.history.granted, summary.agents.alone);
    if summary.adds_up {
        let text = format!(
            "It adds up: {granted} grants in the history, {alone} agents that say they were alone."
        );
        return style.green(&wrapped(style, &text));
    }
    let mut lines = vec![style.red("It does NOT add up:")];
    lines.extend(
        summary
            .doubts
            .iter()
            .map(|doubt| wrapped(style, &format!("- {}", clean(doubt)))),
    );
    lines.join("\n")
}

fn try_next(style: &Style, stage: &Stage) -> String {
    let gaia = program();
    let kept = format!(
        "{gaia} history --database {}",
        stage.database_url().display()
    );
    let look = match stage.is_kept() {
        true => (kept, "what happened here"),
        false => (format!("{gaia} demo --keep"), "and look around afterwards"),
    };
    let all = [
        (format!("{gaia} run . -- sh"), "hold this folder in a shell"),
        (
            format!("{gaia} status --watch"),
            "elsewhere: who holds what",
        ),
        (
            format!("{gaia} session add me --process 'claude -p {{prompt}}'"),
            "a real agent",
        ),
        (
            format!("{gaia} send 'Fix the typos' --dir ."),
            "a task for it",
        ),
        (format!("{gaia} up"), "set it to work"),
        look,
    ];
    let lines: Vec<String> = all
        .iter()
        .map(|(command, why)| line(style, command, why))
        .collect();
    format!("{}\n{}", style.bold("Try next"), lines.join("\n"))
}

/// Columns for commands; what is longer takes what it needs.
const COMMANDS: usize = 42;

/// A command, and what it is for where there is room to say so.
fn line(style: &Style, command: &str, why: &str) -> String {
    let why = format!("# {why}");
    let taken = command.chars().count().max(COMMANDS) + why.chars().count() + 4;
    match style.width().is_none_or(|width| taken <= width) {
        true => format!("  {command:COMMANDS$}  {}", style.dim(&why)),
        false => format!("  {command}"),
    }
}

/// Text in lines that fit, broken between words; elsewhere as it is.
fn wrapped(style: &Style, text: &str) -> String {
    let width = style.width().unwrap_or(usize::MAX);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(last) = lines.last_mut() else { break };
        let taken = last.chars().count() + 1 + word.chars().count();
        match (last.is_empty(), taken <= width) {
            (true, _) => last.push_str(word),
            (false, true) => last.extend([" ", word]),
            (false, false) => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// How this program is called from here: by its name if that finds it.
fn program() -> String {
    let Ok(me) = std::env::current_exe() else {
        return "gaia".to_owned();
    };
    let path = variable("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join("gaia") == me);
    let here = crate::context::here().ok();
    let below = here.and_then(|here| me.strip_prefix(here).ok().map(Path::to_owned));
    match (found, below) {
        (true, _) => "gaia".to_owned(),
        (false, Some(below)) => below.display().to_string(),
        (false, None) => me.display().to_string(),
    }
}
