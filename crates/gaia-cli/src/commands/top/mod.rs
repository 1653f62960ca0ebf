//! `gaia top`: the fleet on a whole screen, live.
//!
//! ```text
//! eyes     what there is: one look through the doors
//! table    what is shown of it: rows, filtered and sorted       pure
//! state    what a key does: (state, key) -> act                 pure
//! draw     a state on a screen
//! ```
//! Nobody polls: one thread waits for keys, one at the doorbell, and the
//! screen is drawn anew when either has something, or times have passed on.

mod draw;
mod eyes;
mod state;
mod table;

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::Builder;
use std::time::Duration;

use crossterm::event::{self, Event, KeyEventKind};
use gaia_locks::service::Topic;
use ratatui::DefaultTerminal;
use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::iterator::Signals;

use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::system;

use eyes::Eyes;
use state::{Act, Top};

/// Show the fleet live: locks, who waits, tasks, sessions
///
/// Keys: 1 to 4 choose what is listed, / filters, s sorts, Enter shows a task's
/// log, x ends a lock after a question, ? shows all keys, q quits.
#[derive(clap::Args, Debug)]
pub struct TopArgs {}

/// How long a screen stands although nothing happened: times go on.
const TICK: Duration = Duration::from_secs(1);
/// Not drawn more often: a busy fleet changes a thousand times a second.
const CALM: Duration = Duration::from_millis(100);

/// What wakes the screen.
enum News {
    Key(event::KeyEvent),
    /// Something changed, or the window has another size.
    Look,
    Quit,
}

/// Shows it until told to quit.
pub fn run(context: &Context, _: &TopArgs) -> Ended {
    if !context.out.style().is_terminal() {
        let failure = Failure::usage("gaia top draws on a terminal, and stdout is none");
        return Err(failure.hint("`gaia status --watch` writes lines, with --json for programs"));
    }
    let eyes = Eyes::open(context)?;
    let news = listen(context)?;
    let mut terminal = ratatui::try_init()?;
    let shown = show(&mut terminal, &eyes, &news);
    // The terminal first: an error is told on it.
    ratatui::restore();
    shown?;
    Ok(Status::Done.into())
}

fn show(terminal: &mut DefaultTerminal, eyes: &Eyes, news: &Receiver<News>) -> Result<(), Failure> {
    let mut top = Top::default();
    loop {
        top.see(eyes.look()?);
        if let Some(id) = top.log_of() {
            top.read(eyes.log(id));
        }
        terminal.draw(|frame| draw::draw(frame, &mut top))?;
        for one in gathered(news) {
            let act = match one {
                News::Key(key) => top.key(key),
                News::Look => None,
                News::Quit => Some(Act::Quit),
            };
            match act {
                Some(Act::Quit) => return Ok(()),
                Some(Act::End { lock, reason }) => {
                    top.said = match eyes.end(lock, &system::user(), &reason) {
                        Ok(lock) => format!("ended lock {lock}"),
                        Err(failure) => failure.message,
                    };
                }
                None => {}
            }
        }
    }
}

/// What came since the last look; waits for the first of it.
fn gathered(news: &Receiver<News>) -> Vec<News> {
    let first = match news.recv_timeout(TICK) {
        Ok(News::Look) => {
            // More changes come with this one; a key does not wait for them.
            match news.recv_timeout(CALM) {
                Ok(one) => one,
                Err(_) => News::Look,
            }
        }
        Ok(one) => one,
        Err(RecvTimeoutError::Timeout) => return Vec::new(),
        Err(RecvTimeoutError::Disconnected) => News::Quit,
    };
    let mut all = vec![first];
    all.extend(news.try_iter());
    all
}

/// The threads end with the process.
fn listen(context: &Context) -> Result<Receiver<News>, Failure> {
    let (tell, news) = mpsc::channel();
    let listener = context.locks()?.listen(Topic::AnyChange)?;
    let changes = tell.clone();
    Builder::new().name("changes".to_owned()).spawn(move || {
        loop {
            listener.wait(TICK);
            if changes.send(News::Look).is_err() {
                return;
            }
        }
    })?;
    let mut signals = Signals::new([SIGTERM, SIGHUP])?;
    let told = tell.clone();
    Builder::new().name("signals".to_owned()).spawn(move || {
        for _ in signals.forever() {
            drop(told.send(News::Quit));
        }
    })?;
    Builder::new()
        .name("keys".to_owned())
        .spawn(move || read_keys(&tell))?;
    Ok(news)
}

fn read_keys(tell: &Sender<News>) {
    loop {
        let one = match event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => News::Key(key),
            Ok(Event::Resize(..)) => News::Look,
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
