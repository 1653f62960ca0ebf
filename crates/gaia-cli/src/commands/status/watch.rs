//! `gaia status --watch`: the picture again whenever it changes.

use std::time::Duration;

use gaia_locks::folder::Folder;
use gaia_locks::service::{Locks, Topic};
use gaia_locks::wire::Status;

use super::{in_words, look};
use crate::context::Context;
use crate::exit::{self, Ended, Failure};

/// How often times are shown anew although nothing changed.
const TICK: Duration = Duration::from_secs(1);

/// Shows it until interrupted, which ends the process as ever: nothing is held.
/// When its reader leaves (`| head -1`) it ends too.
pub fn run(
    context: &Context,
    locks: &dyn Locks,
    folder: Option<&Folder>,
    session: Option<&str>,
) -> Ended {
    // Listening before looking: no change falls between the two.
    let listener = locks.listen(Topic::AnyChange)?;
    let mut shown = None;
    loop {
        let status = look(locks, folder, session)?;
        let changed = shown.as_ref() != Some(&without_clocks(&status));
        show(context, &status, changed)?;
        shown = Some(without_clocks(&status));
        listener.wait(TICK);
        if context.out.reader_has_left() {
            return Ok(exit::Status::Done.into());
        }
    }
}

/// On a terminal in place; elsewhere one after the other.
fn show(context: &Context, status: &Status, changed: bool) -> Result<(), Failure> {
    let style = context.out.style();
    if style.is_terminal() {
        let picture = in_words(&style, status).replace('\n', "\x1b[K\n");
        context
            .out
            .text(&format!("\x1b[H{picture}\x1b[K\n\x1b[J"))?;
    } else if changed {
        context
            .out
            .answer(status, |style| in_words(style, status) + "\n\n")?;
    }
    Ok(())
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
