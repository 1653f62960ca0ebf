//! What a pane showed since a task came to it: found as well as can be, in a
//! history that may have been cut or cleared meanwhile, and kept in the task's
//! log.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::command;
use super::screen::Look;

/// The line of a pane's history where a task began, if it can be told.
pub(super) fn begins(look: &Look) -> Option<u64> {
    let y = u64::try_from(look.cursor.1).ok()?;
    (!look.alternate).then_some(look.history + y)
}

/// The first line to be asked for, as `capture-pane -S` counts: 0 is the top
/// of the screen, the history is above it.
pub(super) fn first_line(begins: Option<u64>, last: Option<&Look>) -> String {
    let Some(last) = last else {
        return "-".to_owned();
    };
    match begins {
        // A full-screen program has no history.
        _ if last.alternate => "0".to_owned(),
        // Near its limit the history is cut at its beginning, and lines count
        // no more.
        Some(begins) if last.history < last.history_limit / 10 * 9 => {
            let begins = i64::try_from(begins).unwrap_or(i64::MAX);
            let history = i64::try_from(last.history).unwrap_or(i64::MAX);
            (begins - history).to_string()
        }
        _ => "-".to_owned(),
    }
}

/// Where there may be more than was asked for, what stands before the text
/// itself is left out.
pub(super) fn since<'a>(shown: &'a str, text: &str) -> &'a str {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    let first: String = first.unwrap_or_default().chars().take(40).collect();
    let at = match first.is_empty() {
        true => None,
        false => shown.rfind(&first),
    };
    at.map_or(shown, |at| {
        let line = shown[..at].rfind('\n').map_or(0, |end| end + 1);
        &shown[line..]
    })
}

/// Asks a pane for what it shows and appends it to a log.
pub(super) fn keep(
    server: &str,
    pane: &str,
    first: &str,
    text: &str,
    log: &Path,
) -> io::Result<()> {
    let shown = command::run(
        server,
        &["capture-pane", "-p", "-J", "-t", pane, "-S", first],
        &[],
    )?;
    let shown = match first {
        // All there was, or all that is on the screen.
        "-" | "0" => since(&shown, text),
        _ => &shown,
    };
    let lines = shown
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n");
    append(log, &format!("{}\n", lines.trim_end()))
}

/// Appends to a log.
pub(super) fn append(log: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(log)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(history: u64, y: usize, alternate: bool) -> Look {
        Look {
            cursor: (0, y),
            history,
            history_limit: 2000,
            alternate,
            ..Look::default()
        }
    }

    #[test]
    fn what_was_shown_since_is_found_while_the_history_grows() {
        let began = begins(&look(10, 5, false));
        assert_eq!(first_line(began, Some(&look(10, 20, false))), "5");
        assert_eq!(first_line(began, Some(&look(115, 20, false))), "-100");
        assert_eq!(first_line(began, Some(&look(1900, 20, false))), "-");
        assert_eq!(first_line(began, Some(&look(0, 20, true))), "0");
        assert_eq!(first_line(None, Some(&look(0, 20, false))), "-");
    }

    #[test]
    fn what_was_shown_before_the_text_is_left_out() {
        let shown = "old\n$ make\nold answer\n$ make\nnew answer\n$ ";
        assert_eq!(since(shown, "make\n"), "$ make\nnew answer\n$ ");
        assert_eq!(since(shown, "something else"), shown);
        assert_eq!(since(shown, "\n"), shown);
    }
}
