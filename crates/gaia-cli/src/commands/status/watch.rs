//! `gaia status --watch`: the picture again whenever it changes.

use std::time::Duration;

use gaia_locks::service::Topic;
use gaia_locks::wire::Status;

use super::{Eyes, Picture, in_words};
use crate::context::Context;
use crate::exit::{self, Ended, Failure};
use crate::output::human::{Style, at, clean, cut, now};
use crate::tell;

/// How often times are shown anew although nothing changed.
const TICK: Duration = Duration::from_secs(1);

/// Shows it until interrupted, which ends the process as ever: nothing is held.
/// When its reader leaves (`| head -1`) it ends too. A server that goes away
/// ends nothing: that is said, and it is looked for until it is back.
pub fn run(context: &Context, eyes: &Eyes) -> Ended {
    // Listening before looking: no change falls between the two.
    let listener = eyes.locks.listen(Topic::AnyChange)?;
    let mut watch = Watch {
        context,
        shown: eyes.look()?,
        seen: at(now()),
        away: None,
    };
    watch.show(true)?;
    while !context.out.reader_has_left() {
        listener.wait(TICK);
        match eyes.look() {
            Ok(picture) => watch.see(picture)?,
            Err(failure) if failure.may_pass() => watch.miss(&failure)?,
            Err(failure) => return Err(failure),
        }
    }
    Ok(exit::Status::Done.into())
}

/// What its reader knows.
struct Watch<'a> {
    context: &'a Context,
    shown: Picture,
    /// When that was so.
    seen: String,
    /// Since when nothing is known any more, as it is shown.
    away: Option<String>,
}

impl Watch<'_> {
    /// There is a new picture.
    fn see(&mut self, picture: Picture) -> Result<(), Failure> {
        let was_away = self.away.take().is_some();
        if was_away && self.speaks() {
            tell::note("it answers again");
        }
        let changed = without_clocks(&self.shown) != without_clocks(&picture);
        self.shown = picture;
        self.seen = at(now());
        // Programs that read JSON learn by it that the error is over.
        self.show(changed || (was_away && self.context.out.is_json()))
    }

    /// There is none: how it was stays, and is said to be old.
    fn miss(&mut self, failure: &Failure) -> Result<(), Failure> {
        if self.away.is_some() {
            return Ok(());
        }
        let message = clean(&failure.message);
        let line = format!("not known since {}, trying again: {message}", self.seen);
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
            // A line's end comes after it: with another a full screen would roll.
            let picture = format!("\x1b[H{picture}\x1b[J");
            self.context.out.text(&picture)?;
        } else if changed {
            let answer = |style: &Style| in_words(style, &self.shown) + "\n\n";
            self.context.out.answer(&self.shown, answer)?;
        }
        Ok(())
    }

    fn picture(&self, style: &Style) -> String {
        let picture = in_words(style, &self.shown);
        let picture = match &self.away {
            Some(away) => format!("{}\n\n{picture}", style.red(away)),
            None => picture,
        };
        match style.size() {
            Some((columns, rows)) => fitting(&picture, columns, rows),
            None => picture,
        }
    }
}

/// As much of a picture as a terminal shows at once, with a row left for the
/// cursor: what is written over its end makes it scroll, and pushes out what
/// its user had there.
fn fitting(picture: &str, columns: usize, rows: usize) -> String {
    let taken = |line: &str| shown_width(line).div_ceil(columns).max(1);
    let room = rows.saturating_sub(1);
    if picture.lines().map(taken).sum::<usize>() <= room {
        return picture.to_owned();
    }
    let mut left = room.saturating_sub(1);
    let fits = |line: &&str| {
        let after = left.checked_sub(taken(line));
        left = after.unwrap_or(0);
        after.is_some()
    };
    let mut kept: Vec<&str> = picture.lines().take_while(fits).collect();
    let more = picture.lines().count() - kept.len();
    let more = format!("… {more} more lines; `gaia top` scrolls");
    let more = cut(&more, columns);
    kept.push(&more);
    kept.join("\n")
}

/// How many columns a line takes at most: colours take none, and no letter more
/// than two.
fn shown_width(line: &str) -> usize {
    let mut in_colour = false;
    let width = |letter: char| match (in_colour, letter) {
        (true, 'm') => {
            in_colour = false;
            0
        }
        (false, '\u{1b}') => {
            in_colour = true;
            0
        }
        (true, _) => 0,
        (false, letter) => 1 + usize::from(is_wide(letter)),
    };
    line.chars().map(width).sum()
}

/// Letters of the East begin here; drawing lines and other signs stand before.
fn is_wide(letter: char) -> bool {
    letter >= '\u{2e80}'
}

/// What changes by itself is no change.
fn without_clocks(picture: &Picture) -> (Status, Vec<&str>) {
    let mut status = picture.status.clone();
    for held in &mut status.locks {
        held.lock.expires_in = None;
        held.lock.expires_at = None;
    }
    let unprotected = picture.unprotected.iter();
    (status, unprotected.map(|one| one.name.as_str()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_cut_to_the_rows_that_there_are() {
        let picture = "head\none\ntwo\nthree\nfour";
        assert_eq!(fitting(picture, 80, 6), picture);
        let cut = fitting(picture, 80, 5);
        assert_eq!(cut, "head\none\ntwo\n… 2 more lines; `gaia top` scrolls");
        // A line that is too wide takes two rows; colours take no room.
        let wide = "\u{1b}[1mhead\u{1b}[0m\n123456\n漢字漢\nend";
        assert_eq!(fitting(wide, 5, 7), wide);
        assert_eq!(fitting(wide, 5, 5), "\u{1b}[1mhead\u{1b}[0m\n123456\n… 2 …");
        assert_eq!(fitting(wide, 5, 1), "… 4 …");
    }
}
