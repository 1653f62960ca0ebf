//! `gaia top`: the fleet on a whole screen, live.
//!
//! ```text
//! eyes     what there is: one look through the doors
//! table    what is shown of it: rows, filtered and sorted       pure
//! state    what a key does: (state, key) -> act                 pure
//! draw     a state on a screen
//! fit      text in so many columns                              pure
//! screen   the terminal, given back and taken again
//! look     looks again when something changed, on a thread of its own
//! ```
//! Nobody polls: one thread waits for keys, one at the doorbell, and the
//! screen is drawn anew when either has something, or times have passed on.
//! Nothing that may take long is done where keys are answered: a server that is
//! away is said to be so, and looked for until it is back.

mod draw;
mod eyes;
mod fit;
mod look;
mod screen;
mod state;
mod table;

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::Builder;
use std::time::Duration;

use crossterm::event::{self, Event, KeyEventKind};
use ratatui::DefaultTerminal;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;

use crate::context::Context;
use crate::exit::{Ended, Failure, Status};

use eyes::{Eyes, Picture};
use look::Looker;
use state::{Act, Top};

/// Show the fleet live: locks, who waits, tasks, sessions
///
/// Keys: 1 to 4 choose what is listed, / filters, s sorts, Enter shows a task's
/// log, x ends a lock after a question, ? shows all keys, q quits.
#[derive(clap::Args, Debug)]
pub struct TopArgs {}

/// How long a screen stands although nothing happened: times go on.
const TICK: Duration = Duration::from_secs(1);

/// What wakes the screen.
enum News {
    Key(event::KeyEvent),
    /// The window has another size.
    Size,
    /// What there is now, or why it cannot be told.
    Seen(Box<Result<Picture, Failure>>),
    /// What came of an act.
    Said(String),
    /// This process is to stop.
    Stop,
    /// It goes on after a stop.
    GoOn,
    Quit,
}

/// Shows it until told to quit.
pub fn run(context: &Context, _: &TopArgs) -> Ended {
    if !context.out.style().is_terminal() {
        let failure = Failure::usage("gaia top draws on a terminal, and stdout is none");
        return Err(failure.hint("`gaia status --watch` writes lines, with --json for programs"));
    }
    let mut eyes = Eyes::open(context)?;
    let (tell, news) = mpsc::channel();
    // The first look is here: where there is nothing to see no screen is made.
    let mut top = Top::default();
    top.see(eyes.look(None)?);
    listen(&tell)?;
    let looker = Looker::start(context, eyes, tell)?;
    let mut terminal = ratatui::try_init()?;
    let shown = show(&mut terminal, &mut top, &looker, &news);
    // The terminal first: an error is told on it.
    ratatui::restore();
    shown?;
    Ok(Status::Done.into())
}

fn show(
    terminal: &mut DefaultTerminal,
    top: &mut Top,
    looker: &Looker,
    news: &Receiver<News>,
) -> Result<(), Failure> {
    loop {
        terminal.draw(|frame| draw::draw(frame, top))?;
        for one in gathered(news) {
            let act = match one {
                News::Key(key) => top.key(key),
                News::Size => None,
                News::Seen(seen) => {
                    take_in(top, *seen)?;
                    None
                }
                News::Said(said) => {
                    top.said = said;
                    None
                }
                News::Stop => {
                    screen::stop(terminal)?;
                    None
                }
                News::GoOn => {
                    screen::go_on(terminal)?;
                    None
                }
                News::Quit => Some(Act::Quit),
            };
            match act {
                Some(Act::Quit) => return Ok(()),
                Some(Act::End { lock, reason }) => {
                    top.said = format!("ending lock {lock} …");
                    looker.end(lock, reason);
                }
                None => {}
            }
        }
        looker.reads(top.log_of());
    }
}

/// A new picture, or how it was and since when that is not known any more.
fn take_in(top: &mut Top, seen: Result<Picture, Failure>) -> Result<(), Failure> {
    match seen {
        Ok(picture) => top.see(picture),
        Err(failure) if failure.may_pass() => top.miss(&failure.message),
        Err(failure) => return Err(failure),
    }
    Ok(())
}

/// What came since the screen was drawn; waits for the first of it.
fn gathered(news: &Receiver<News>) -> Vec<News> {
    let first = match news.recv_timeout(TICK) {
        Ok(one) => one,
        Err(RecvTimeoutError::Timeout) => return Vec::new(),
        Err(RecvTimeoutError::Disconnected) => News::Quit,
    };
    let mut all = vec![first];
    all.extend(news.try_iter());
    all
}

/// The threads end with the process.
fn listen(tell: &Sender<News>) -> Result<(), Failure> {
    // All that would end or stop this process with the terminal in its hands.
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT])?;
    let told = tell.clone();
    Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            drop(told.send(match signal {
                SIGTSTP => News::Stop,
                SIGCONT => News::GoOn,
                _ => News::Quit,
            }));
        }
    })?;
    let keys = tell.clone();
    Builder::new()
        .name("keys".to_owned())
        .spawn(move || read_keys(&keys))?;
    Ok(())
}

fn read_keys(tell: &Sender<News>) {
    loop {
        let one = match event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => News::Key(key),
            Ok(Event::Resize(..)) => News::Size,
            Ok(_) => continue,
            // The terminal is gone.
            Err(_) => News::Quit,
        };
        let last = matches!(one, News::Quit);
        if tell.send(one).is_err() || last {
            return;
        }
    }
}
