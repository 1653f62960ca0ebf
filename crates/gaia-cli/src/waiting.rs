//! Asking for locks and waiting for them, with somebody looking on.
//!
//! While it waits, a line lives on a terminal's stderr: who holds the folder,
//! since when, one's place in line. Elsewhere one line is said once. A signal
//! calls the wait off: the line is left before the process ends, so that those
//! behind move up at once.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use gaia_locks::clock::{Clock, Moment, SystemClock};
use gaia_locks::duration::human_short;
use gaia_locks::ids::WaiterId;
use gaia_locks::service::{Acquire, Cancel, Locks, Look, Patience};
use gaia_locks::wire::{Answer, Conflict, Granted, Queued, Refusal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::Failure;
use crate::output::human::{Style, ago, clean, cut, left};
use crate::tell;

/// What came of asking.
pub enum Outcome {
    /// All of them.
    Granted(Granted),
    /// None: who is in the way.
    Refused {
        /// What is in the way.
        refusal: Refusal,
        /// Whether it was waited for.
        waited: bool,
    },
    /// A signal ended the wait; the exit status that goes with it.
    Interrupted(u8),
}

/// How long to wait: not at all, without a limit, or so long.
pub type Limit = Option<Option<Duration>>;

/// Asks, and waits if it may.
///
/// # Errors
/// As [`Locks::acquire`] and [`Locks::wait`].
pub fn acquire(locks: &dyn Locks, request: &Acquire, limit: Limit) -> Result<Outcome, Failure> {
    let answer = match limit {
        None => locks.acquire(request)?,
        Some(limit) => locks.acquire(&request.clone().queued(limit))?,
    };
    match answer {
        Answer::Granted(granted) => Ok(Outcome::Granted(granted)),
        Answer::Refused(refusal) => Ok(Outcome::Refused {
            refusal,
            waited: false,
        }),
        Answer::Queued(queued) => match limit {
            Some(limit) => stand_in_line(locks, request, &queued, limit),
            // Asked again without waiting, for a request that stands in line.
            None => Ok(Outcome::Refused {
                refusal: queued.refusal,
                waited: false,
            }),
        },
    }
}

fn stand_in_line(
    locks: &dyn Locks,
    request: &Acquire,
    queued: &Queued,
    limit: Option<Duration>,
) -> Result<Outcome, Failure> {
    let interrupt = Interrupt::watch()?;
    let mut line = LiveLine::new();
    line.show(queued);
    let answer = wait(locks, queued.waiter, limit, &interrupt.cancel, &mut line);
    line.clear();
    match (answer?, interrupt.status()) {
        (Answer::Granted(granted), Some(status)) => {
            // What cannot be given back now ends with its process or its lease.
            drop(locks.give_back(request, &granted));
            Ok(Outcome::Interrupted(status))
        }
        (_, Some(status)) => Ok(Outcome::Interrupted(status)),
        (Answer::Granted(granted), None) => Ok(Outcome::Granted(granted)),
        (Answer::Refused(refusal), None) => Ok(Outcome::Refused {
            refusal: refusal.or(queued.refusal.clone()),
            waited: true,
        }),
        (Answer::Queued(queued), None) => Ok(Outcome::Refused {
            refusal: queued.refusal,
            waited: true,
        }),
    }
}

fn wait(
    locks: &dyn Locks,
    waiter: WaiterId,
    limit: Option<Duration>,
    cancel: &Cancel,
    line: &mut LiveLine,
) -> Result<Answer, gaia_locks::Error> {
    let mut on_look = |look: &Look| line.show(&look.queued);
    let mut patience = Patience {
        limit,
        cancel: cancel.clone(),
        on_look: Some(&mut on_look),
    };
    locks.wait(waiter, &mut patience)
}

/// Signals that end a wait.
struct Interrupt {
    cancel: Cancel,
    signal: Arc<AtomicI32>,
    handle: signal_hook::iterator::Handle,
}

impl Interrupt {
    fn watch() -> Result<Self, Failure> {
        let heard = [SIGINT, SIGTERM, SIGHUP];
        let heard = heard.iter().filter(|signal| !is_ignored(**signal));
        let mut signals = Signals::new(heard)?;
        let interrupt = Self {
            cancel: Cancel::default(),
            signal: Arc::new(AtomicI32::new(0)),
            handle: signals.handle(),
        };
        let (cancel, seen) = (interrupt.cancel.clone(), interrupt.signal.clone());
        std::thread::Builder::new()
            .name("gaia-signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    seen.store(signal, Ordering::SeqCst);
                    cancel.cancel();
                }
            })?;
        Ok(interrupt)
    }

    /// The exit status that a shell expects after that signal.
    fn status(&self) -> Option<u8> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => u8::try_from(128 + signal).ok(),
        }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// What whoever started this process had ignored (`nohup`, a job in a script's
/// background) stays ignored.
fn is_ignored(signal: libc::c_int) -> bool {
    // SAFETY: only asks; the answer is written to a value of this frame.
    unsafe {
        let mut now = std::mem::zeroed::<libc::sigaction>();
        libc::sigaction(signal, std::ptr::null(), &mut now) == 0
            && now.sa_sigaction == libc::SIG_IGN
    }
}

/// The line that lives while something waits.
struct LiveLine {
    style: Style,
    since: Moment,
    shown: Option<String>,
    /// The place that was told of last.
    place: Option<WaiterId>,
}

impl LiveLine {
    fn new() -> Self {
        Self {
            style: tell::style(),
            since: SystemClock.now().moment,
            shown: None,
            place: None,
        }
    }

    fn show(&mut self, queued: &Queued) {
        let text = in_the_way(queued);
        let before = self.place.replace(queued.waiter);
        let is_new = before != Some(queued.waiter);
        if is_new && before.is_some() {
            self.clear();
            tell::note(
                "the server was away, and the place in line is gone; it was taken anew at the end",
            );
        }
        match self.style.is_terminal() {
            true => self.redraw(&text),
            false if is_new => tell::note(&text),
            false => {}
        }
    }

    fn redraw(&mut self, text: &str) {
        let waited = SystemClock.now().moment.since(self.since);
        let waited = human_short(Duration::from_secs(waited.as_secs()));
        // Room stays for the ^C that the terminal writes: on a line of its own
        // it could not be cleared.
        let width = self.style.width().unwrap_or(80).saturating_sub(3);
        let text = cut(&format!("{waited} {text}"), width);
        if self.shown.as_ref() == Some(&text) {
            return;
        }
        write(&format!("\r\x1b[K{}", self.style.yellow(&text)));
        self.shown = Some(text);
    }

    fn clear(&mut self) {
        if self.style.is_terminal() && self.shown.take().is_some() {
            write("\r\x1b[K");
        }
    }
}

fn write(text: &str) {
    let mut err = std::io::stderr().lock();
    // Where stderr is closed nobody looks on.
    drop(write!(err, "{text}").and_then(|()| err.flush()));
}

/// What matters most first: a narrow terminal cuts the end.
fn in_the_way(queued: &Queued) -> String {
    let what = queued.refusal.conflicts.first();
    let what = what.map_or_else(|| "next in line".to_owned(), of_conflict);
    format!("waiting, place {} · {what}", queued.place)
}

fn of_conflict(conflict: &Conflict) -> String {
    let asked = clean(&conflict.folder_path);
    if let Some(lock) = &conflict.lock {
        let left = lock.expires_in.map_or_else(String::new, left);
        let holder = clean(lock.session_id.as_str());
        let when = ago(lock.created_at);
        return format!("{holder} took it {when}, lease ends in {left} · {asked}");
    }
    if let Some(pause) = &conflict.paused {
        let (by, why) = (clean(&pause.by), clean(&pause.reason));
        return format!("paused by {by}: {why} · {}", clean(&pause.folder_path));
    }
    match &conflict.waiter {
        Some(waiter) => format!("{} is ahead · {asked}", clean(waiter.session_id.as_str())),
        None => asked,
    }
}
