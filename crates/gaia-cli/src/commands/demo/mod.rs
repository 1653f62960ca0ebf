//! `gaia demo`: a fleet at work, in a temporary home.
//!
//! # What is real
//! Everything but the agents' minds: the assigner, the locks, the keepers, the
//! processes, the files, the kill. The stand-ins call no model and take their
//! time instead.
//!
//! # Why it can be believed
//! Each stand-in looks for others in its folder by itself, without asking any
//! lock, and writes down what it saw ([`presence`], [`report`]). In the end
//! that is set beside the history ([`judge`]). If the two do not say the same,
//! the demo says so and fails.

pub mod agent;
mod branches;
mod company;
mod dashboard;
mod fleet;
mod interrupt;
mod judge;
mod line;
mod picture;
mod play;
mod presence;
mod report;
mod repository;
mod scene;
mod show;
mod stage;
mod summary;
mod view;

use std::path::PathBuf;

use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::tell;

use dashboard::Dashboard;
use interrupt::Interrupt;
use judge::{Notes, Summary};
use play::Play;
use stage::Stage;

/// Show a fleet at work on a queue of tasks, in a temporary home
///
/// Stand-ins for agents work as real processes on real files of a small
/// repository, under the real assigner and real locks; no model is called. A
/// link opens the dashboard on it, for as long as it plays. In
/// the end the history is set beside what the stand-ins saw. Takes half a
/// minute; nothing outside the temporary home is touched.
///
/// Exit status: 0 it adds up, 1 it does not.
#[derive(clap::Args, Debug)]
pub struct DemoArgs {
    /// Take a few seconds only
    #[arg(long)]
    pub fast: bool,
    /// Keep the home, to look around in
    #[arg(long)]
    pub keep: bool,
    /// Play nothing; judge once more a home that was kept
    #[arg(long, value_name = "HOME", conflicts_with_all = ["fast", "keep"])]
    pub judge: Option<PathBuf>,
}

/// Plays it, or judges what was played.
pub fn run(context: &Context, args: &DemoArgs) -> Ended {
    if let Some(root) = &args.judge {
        return judge_again(context, &PathBuf::from(context.folder(root)?.path()));
    }
    let interrupt = Interrupt::watch()?;
    let stage = Stage::build(args.keep)?;
    let tasks = stage.doors()?;
    let mut play = Play::new(args.fast);
    fleet::queue(&stage, &tasks, &mut play)?;
    let dashboard = Dashboard::open(&tasks);
    let link = dashboard.as_ref().map(|dashboard| dashboard.link.as_str());
    let shown = show::show(context, &stage, &tasks, &play, &interrupt, link)?;
    drop(dashboard);
    let notes = match shown {
        show::Outcome::Played(notes) => notes,
        show::Outcome::Interrupted(status) => {
            stage.clear()?;
            tell::note("the demo was stopped, and nothing of it is left");
            return Ok(status.into());
        }
    };
    std::fs::write(notes_file(&stage), serde_json::to_vec(&notes)?)?;
    let summary = judge::judge(&stage, &tasks, &play, &notes)?;
    drop(tasks);
    answer(context, &stage, &summary)?;
    stage.clear()?;
    Ok(status(&summary).into())
}

fn judge_again(context: &Context, root: &std::path::Path) -> Ended {
    let stage = Stage::kept(root)?;
    let play = Play::read(&stage.root)?;
    let notes: Notes = serde_json::from_slice(&std::fs::read(notes_file(&stage))?)?;
    let summary = judge::judge(&stage, &stage.doors()?, &play, &notes)?;
    answer(context, &stage, &summary)?;
    Ok(status(&summary).into())
}

fn notes_file(stage: &Stage) -> PathBuf {
    stage.root.join("notes.json")
}

fn answer(context: &Context, stage: &Stage, summary: &Summary) -> Result<(), Failure> {
    let words = |style: &crate::output::human::Style| summary::in_words(style, summary, stage);
    Ok(context.out.answer(summary, words)?)
}

fn status(summary: &Summary) -> Status {
    match summary.adds_up {
        true => Status::Done,
        false => Status::Failed,
    }
}
