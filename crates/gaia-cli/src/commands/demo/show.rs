//! The show itself: looks, tells what happened, does what the play demands of
//! it (one kill, one person who asks), until everything has ended.

use std::path::Path;
use std::time::Duration;

use gaia_assigner::TaskService;
use gaia_locks::clock::Moment;
use gaia_locks::service::{Locks as _, Topic};

use super::company::{self, Company, now};
use super::interrupt::Interrupt;
use super::judge::Notes;
use super::picture::{Happening, Picture, Tone, happening, name};
use super::play::{PERSON, Part, Play};
use super::report::Report;
use super::stage::Stage;
use super::view::View;
use crate::context::Context;
use crate::exit::Failure;

/// How often it looks although nothing rang.
const TICK: Duration = Duration::from_millis(100);
/// What takes longer stands still.
const LONGEST: Duration = Duration::from_secs(240);
/// How long processes may take to end after the last task has.
const LEAVING: Duration = Duration::from_secs(10);

/// How it ended.
pub enum Outcome {
    /// To the end.
    Played(Notes),
    /// By a signal; the exit status that goes with it.
    Interrupted(u8),
}

/// Plays it.
///
/// # Errors
/// When something cannot be started, or the database cannot be used.
pub fn show(
    context: &Context,
    stage: &Stage,
    tasks: &TaskService,
    play: &Play,
    interrupt: &Interrupt,
    link: Option<&str>,
) -> Result<Outcome, Failure> {
    let mut show = Show {
        context,
        stage,
        link,
        tasks,
        play,
        began: now(),
        notes: Notes::default(),
        company: Company::start(stage, play)?,
    };
    let played = show.play(interrupt);
    if !matches!(played, Ok(None)) {
        show.company.stop();
    }
    let stray = company::clear_away(stage, LEAVING)?;
    if let Some(status) = played? {
        return Ok(Outcome::Interrupted(status));
    }
    let mut notes = show.notes;
    notes.troubles.extend(show.company.troubles());
    let strays = stray.iter();
    let text = |pid: &u32| format!("process {pid} did not end by itself");
    notes.troubles.extend(strays.map(text));
    Ok(Outcome::Played(notes))
}

struct Show<'a> {
    context: &'a Context,
    stage: &'a Stage,
    link: Option<&'a str>,
    tasks: &'a TaskService,
    play: &'a Play,
    began: Moment,
    notes: Notes,
    company: Company<'a>,
}

impl Show<'_> {
    /// The exit status when it was interrupted.
    fn play(&mut self, interrupt: &Interrupt) -> Result<Option<u8>, Failure> {
        // Listening before looking: no change falls between the two.
        let listener = self.tasks.locks().listen(Topic::AnyChange)?;
        let mut view = View::open(self.context, self.play, self.began, self.link)?;
        let mut earlier = Picture::take(self.tasks)?;
        loop {
            if let Some(status) = interrupt.status() {
                return Ok(Some(status));
            }
            let over = self.company.is_over()?;
            let picture = Picture::take(self.tasks)?;
            let mut happened = picture.since(&earlier);
            happened.extend(self.demand(&picture)?);
            view.show(&picture, happened)?;
            earlier = picture;
            if over || self.is_late() {
                self.notes.took = now().since(self.began);
                return Ok(None);
            }
            listener.wait(TICK);
        }
    }

    fn is_late(&mut self) -> bool {
        let late = now().since(self.began) > LONGEST;
        if late {
            let trouble = "it stood still and was stopped";
            self.notes.troubles.push(trouble.to_owned());
            self.company.stop();
        }
        late
    }

    /// What the play demands of the one who shows it.
    fn demand(&mut self, picture: &Picture) -> Result<Vec<Happening>, Failure> {
        let mut happened = Vec::new();
        if self.notes.killed.is_none() {
            happened.extend(self.kill()?);
        }
        if !self.company.person_asked() && is_time_to_ask(picture, self.play) {
            self.notes.asked = Some(now());
            self.company.let_person_ask(self.play)?;
            let folder = &self.play.person.folder;
            let text = format!("{PERSON} types: gaia run {folder} --wait");
            happened.push(happening(Tone::Odd, text));
        }
        Ok(happened)
    }

    fn kill(&mut self) -> Result<Option<Happening>, Failure> {
        let reports = Report::read_all(&self.stage.reports())?;
        let Some(report) = to_be_killed(self.play, &reports) else {
            return Ok(None);
        };
        let at = now();
        if !company::kill(&report.worker.process) {
            return Ok(None);
        }
        self.notes.killed = Some((report.worker.token, at));
        let (pid, task) = (report.worker.process.pid, report.worker.task);
        let text = format!("kill -9 {pid}: the agent of #{task}, in the midst of its work");
        Ok(Some(happening(Tone::Bad, text)))
    }
}

/// Which stand-in is to be killed now: it is in the midst of its work.
fn to_be_killed<'a>(play: &Play, reports: &'a [Report]) -> Option<&'a Report> {
    let mut in_the_midst = reports.iter().filter(|report| report.looks >= 4);
    in_the_midst.find(|report| {
        let order = play.order(report.worker.task);
        order.is_some_and(|order| order.part == Part::KilledFirst)
    })
}

/// The person asks while others are at work in that very folder.
fn is_time_to_ask(picture: &Picture, play: &Play) -> bool {
    let over = picture.tasks.iter().filter(|task| task.status.is_over());
    let folder = Path::new(&play.person.folder);
    let mut locked = picture
        .locks
        .locks
        .iter()
        .map(|held| name(&held.lock.folder_path));
    let busy = locked.any(|locked| Path::new(locked).starts_with(folder));
    over.count() >= 3 && busy
}
