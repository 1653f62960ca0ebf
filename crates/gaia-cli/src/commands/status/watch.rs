//! `gaia status --watch`: the picture again whenever it changes.

use std::time::Duration;

use gaia_locks::folder::Folder;
use gaia_locks::service::{Locks, Topic};
use gaia_locks::wire::Status;

use super::{in_words, look};
use crate::context::Context;
use crate::exit::{self, Ended, Failure};
use crate::output::human::{Style, at, clean, now};
use crate::tell;

/// How often times are shown anew although nothing changed.
const TICK: Duration = Duration::from_secs(1);

/// Shows it until interrupted, which ends the process as ever: nothing is held.
/// When its reader leaves (`| head -1`) it ends too. A server that goes away
/// ends nothing: that is said, and it is looked for until it is back.
pub fn run(
    context: &Context,
    locks: &dyn Locks,
    folder: Option<&Folder>,
    session: Option<&str>,
) -> Ended {
    // Listening before looking: no change falls between the two.
    let listener = locks.listen(Topic::AnyChange)?;
    let mut watch = Watch {
        context,
        shown: look(locks, folder, session)?,
        away: None,
    };
    watch.show(true)?;
    while !context.out.reader_has_left() {
        listener.wait(TICK);
        match look(locks, folder, session) {
            Ok(status) => watch.see(status)?,
            Err(failure) if failure.may_pass() => watch.miss(&failure)?,
            Err(failure) => return Err(failure),
        }
    }
    Ok(exit::Status::Done.into())
}

/// What its reader knows.
struct Watch<'a> {
    context: &'a Context,
    shown: Status,
    /// Since when nothing is known any more, as it is shown.
    away: Option<String>,
}

impl Watch<'_> {
    /// There is a new picture.
    fn see(&mut self, status: Status) -> Result<(), Failure> {
        let was_away = self.away.take().is_some();
        if was_away && self.speaks() {
            tell::note("it answers again");
        }
        let changed = without_clocks(&self.shown) != without_clocks(&status);
        self.shown = status;
        // Programs that read JSON learn by it that the error is over.
        self.show(changed || (was_away && self.context.out.is_json()))
    }

    /// There is none: how it was stays, and is said to be old.
    fn miss(&mut self, failure: &Failure) -> Result<(), Failure> {
        if self.away.is_some() {
            return Ok(());
        }
        let message = clean(&failure.message);
        let line = format!("not known since {}, trying again: {message}", at(now()));
        if self.context.out.is_json() {
            exit::fail(&self.context.out, failure);
        } else if self.speaks() {
            tell::note(&line);
        }
        self.away = Some(line);
        self.show(false)
    }

    /// On a terminal it stands in the picture.
    fn speaks(&self) -> bool {
        !self.context.out.style().is_terminal()
    }

    /// On a terminal in place; elsewhere one after the other.
    fn show(&self, changed: bool) -> Result<(), Failure> {
        let style = self.context.out.style();
        if style.is_terminal() {
            let picture = self.picture(&style).replace('\n', "\x1b[K\n");
            let picture = format!("\x1b[H{picture}\x1b[K\n\x1b[J");
            self.context.out.text(&picture)?;
        } else if changed {
            let answer = |style: &Style| in_words(style, &self.shown) + "\n\n";
            self.context.out.answer(&self.shown, answer)?;
        }
        Ok(())
    }

    fn picture(&self, style: &Style) -> String {
        let picture = in_words(style, &self.shown);
        match &self.away {
            Some(away) => format!("{}\n\n{picture}", style.red(away)),
            None => picture,
        }
    }
}

/// What changes by itself is no change.
fn without_clocks(status: &Status) -> Status {
    let mut status = status.clone();
    for held in &mut status.locks {
        held.lock.expires_in = None;
        held.lock.expires_at = None;
    }
    status
}
