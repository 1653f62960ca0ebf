//! `gaia sessions`.

use gaia_assigner::wire::{PatternInfo, SessionInfo, SessionList};

use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::output::human::{Style, ago, clean, cut};

/// Show the sessions, how each is driven and what it works on
#[derive(clap::Args, Debug)]
pub struct SessionsArgs {}

/// Shows them.
pub fn run(context: &Context, _: &SessionsArgs) -> Ended {
    let list = context.tasks()?.sessions()?;
    context.out.answer(&list, |style| in_words(style, &list))?;
    Ok(Status::Done.into())
}

fn in_words(style: &Style, list: &SessionList) -> String {
    if list.sessions.is_empty() && list.patterns.is_empty() {
        return "No sessions. `gaia session add NAME --process \"COMMAND {prompt}\"` adds one."
            .to_owned();
    }
    let patterns = list.patterns.iter().map(pattern_row);
    let rows = list.sessions.iter().map(row).chain(patterns);
    style.table(
        ["name", "state", "provider", "folder", "active", "driven by"],
        rows,
    )
}

fn row(session: &SessionInfo) -> [String; 6] {
    let state = match session.current_task_id {
        Some(task) => format!("{} with task {task}", clean(&session.status)),
        None => clean(&session.status),
    };
    let silent = session.agent.as_ref().is_some_and(|agent| !agent.protected);
    let state = match silent {
        true => format!("{state}, UNPROTECTED: its hooks are silent"),
        false => state,
    };
    let state = match &session.aside_reason {
        Some(why) => format!("{state}: {}", cut(&clean(why), 60)),
        None => state,
    };
    let folder = session
        .current_dir
        .as_deref()
        .or(session.working_dir.as_deref());
    [
        clean(&session.name),
        state,
        session.provider.as_deref().map(clean).unwrap_or_default(),
        folder.map(clean).unwrap_or_default(),
        session.last_activity.map(ago).unwrap_or_default(),
        cut(&driven_by(session), 60),
    ]
}

fn driven_by(session: &SessionInfo) -> String {
    let target = || session.target.as_deref().or(session.pattern.as_deref());
    match (&session.command, session.kind.as_deref()) {
        (Some(command), _) => clean(command),
        (None, Some("tmux")) => {
            let pane = session.pane.as_deref().unwrap_or("no pane");
            let named = target().filter(|target| *target != pane);
            let named = named.map(|target| format!(" ({})", clean(target)));
            format!("tmux {pane}{}", named.unwrap_or_default())
        }
        (None, Some("agent")) => "itself; known by its hooks".to_owned(),
        (None, kind) => kind.map(clean).unwrap_or_default(),
    }
}

fn pattern_row(pattern: &PatternInfo) -> [String; 6] {
    [
        clean(&pattern.name),
        "pattern".to_owned(),
        pattern.provider.as_deref().map(clean).unwrap_or_default(),
        String::new(),
        String::new(),
        cut(&format!("tmux sessions {}", clean(&pattern.target)), 60),
    ]
}
