//! Gathers what the planners want, shows it, asks, does it.

use serde::Serialize;

use super::ask::{is_asked, yes_to};
use super::journal::Journal;
use super::plan::{Change, Plan, unusable};
use super::show::Shown;
use super::{Ground, InitArgs, PLANNERS, write};
use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, clean};
use crate::tell;

#[derive(Serialize)]
struct Answer<'a> {
    done: bool,
    changes: Vec<Shown<'a>>,
    notes: &'a [String],
}

/// Plans and carries out.
pub fn run(context: &Context, args: &InitArgs, ground: &Ground<'_>) -> Ended {
    let mut plan = Plan::default();
    for (name, planner) in PLANNERS {
        plan.by(name);
        planner(ground, &mut plan)?;
    }
    let mut answer = Answer {
        done: false,
        changes: plan.changes().iter().map(Shown::planned).collect(),
        notes: plan.notes(),
    };
    answer.done = agreed(context, args, &answer)?;
    if answer.done {
        carry_out(context, plan.changes())?;
    }
    context
        .out
        .answer(&answer, |style| in_words(style, &answer))?;
    Ok(Status::Done.into())
}

/// Noted first, then made.
fn carry_out(context: &Context, changes: &[Change]) -> Result<(), Failure> {
    if changes.is_empty() {
        return Ok(());
    }
    let home = &context.settings()?.home;
    // The journal lies in it; that init made it is known from the notes.
    write::make_home(home).map_err(|error| unusable(home, &error))?;
    if let Some(mut journal) = Journal::open(home)? {
        journal.add(changes)?;
        for change in changes {
            write::make(context, change).map_err(|failure| halfway(failure, change))?;
        }
    }
    Ok(())
}

fn halfway(failure: Failure, change: &Change) -> Failure {
    let message = format!(
        "{}; what came before {} is done",
        failure.message,
        change.path.display()
    );
    Failure { message, ..failure }.hint("mend that and run it again, or take it back with --undo")
}

fn agreed(context: &Context, args: &InitArgs, answer: &Answer<'_>) -> Result<bool, Failure> {
    if answer.changes.is_empty() || !is_asked(context, args) {
        return Ok(args.yes);
    }
    tell::line(&lines(&tell::style(), answer));
    yes_to("Do this?")
}

fn in_words(style: &Style, answer: &Answer<'_>) -> String {
    if answer.changes.is_empty() {
        let done = "all is set up already, nothing is to be changed".to_owned();
        return [vec![done], notes(style, answer)].concat().join("\n");
    }
    let lines = lines(style, answer);
    match answer.done {
        true => format!(
            "{lines}\n{} `gaia init --undo` takes it back",
            style.green("done:")
        ),
        false => format!(
            "{lines}\n{} --yes does it",
            style.yellow("nothing was changed:")
        ),
    }
}

fn lines(style: &Style, answer: &Answer<'_>) -> String {
    let changes = answer.changes.iter().map(|shown| shown.in_words(style));
    changes
        .chain(notes(style, answer))
        .collect::<Vec<_>>()
        .join("\n")
}

fn notes(style: &Style, answer: &Answer<'_>) -> Vec<String> {
    let note = |note: &String| format!("{}     {}", style.yellow("note"), clean(note));
    answer.notes.iter().map(note).collect()
}
