//! How things look to people: colours, widths, times, tables.

use std::time::Duration;

use comfy_table::{Cell, ContentArrangement, Table, presets};
use gaia_locks::clock::{Clock, SystemClock, Wall};
use gaia_locks::duration::human_short;
use gaia_locks::ids::Scope;
use jiff::tz::TimeZone;

use crate::context::variable;

/// Below so many columns a table cannot be read.
const NARROW: u16 = 60;

/// What a place that is read by people can show.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    terminal: bool,
    colour: bool,
    size: Option<(u16, u16)>,
}

impl Style {
    /// The style of a terminal, or of something else: a file, a pipe.
    pub fn of(terminal: bool) -> Self {
        let plain = variable("NO_COLOR").is_some_and(|value| !value.is_empty())
            || variable("TERM").is_some_and(|term| term == "dumb");
        let size = || crossterm::terminal::size().ok();
        Self {
            terminal,
            colour: terminal && !plain,
            size: terminal
                .then(size)
                .flatten()
                .filter(|(width, _)| *width > 0),
        }
    }

    /// Whether somebody looks at it while it is written.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether it shows colours.
    pub fn is_colourful(&self) -> bool {
        self.colour
    }

    /// How wide it is, where that is known.
    pub fn width(&self) -> Option<usize> {
        self.size.map(|(columns, _)| usize::from(columns))
    }

    /// How many columns and rows it has, where that is known.
    pub fn size(&self) -> Option<(usize, usize)> {
        let known = self.size.filter(|(_, rows)| *rows > 0);
        known.map(|(columns, rows)| (usize::from(columns), usize::from(rows)))
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    /// What matters less.
    pub fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    /// What matters more.
    pub fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Good.
    pub fn green(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Wants a look.
    pub fn yellow(&self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Bad.
    pub fn red(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// A table that fits the terminal. Rows are text; the header is bold.
    pub fn table<const N: usize>(
        &self,
        header: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> String {
        if self.size.is_some_and(|(columns, _)| columns < NARROW) {
            return self.stacked(header, rows);
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if let Some((columns, _)) = self.size {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(columns);
        }
        let heads = header.map(|head| Cell::new(head.to_uppercase()));
        table.set_header(heads);
        for row in rows {
            table.add_row(row.map(Cell::new));
        }
        trimmed(&table.to_string())
    }
}

impl Style {
    /// For narrow terminals, where columns would be a few letters wide: one
    /// line for each value, the first two on the first.
    fn stacked<const N: usize>(
        &self,
        header: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> String {
        let mut lines = Vec::new();
        for row in rows {
            lines.push(self.bold(&row[..2.min(N)].join("  ")));
            let rest = header.iter().zip(&row).skip(2);
            let told = rest.filter(|(_, value)| !value.is_empty());
            lines.extend(told.map(|(head, value)| format!("  {} {value}", self.dim(head))));
        }
        lines.join("\n")
    }
}

fn trimmed(table: &str) -> String {
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Text from elsewhere, safe to print: control characters, which could move
/// the cursor or forge lines, are shown escaped, and so is what is not seen.
pub fn clean(text: &str) -> String {
    gaia_locks::letters::clear(text)
}

/// A folder, and in whose file system it lies where that is not the one here.
pub fn placed(folder: &str, scope: &Scope, here: &Scope) -> String {
    match scope == here {
        true => clean(folder),
        false => format!("{}:{}", clean(scope.as_str()), clean(folder)),
    }
}

/// One line of text with at most so many characters; what is cut is marked.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// The wall clock, for showing.
pub fn now() -> Wall {
    SystemClock.now().wall
}

/// A time of day here, with its date where that is another one.
pub fn at(time: Wall) -> String {
    let shown = |wall: Wall| {
        jiff::Timestamp::from_microsecond(wall.0).map(|time| time.to_zoned(TimeZone::system()))
    };
    match (shown(time), shown(now())) {
        (Ok(time), Ok(now)) if time.date() == now.date() => time.strftime("%H:%M:%S").to_string(),
        (Ok(time), _) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        (Err(_), _) => time.to_rfc3339(),
    }
}

/// How long ago something was: `4m20s ago`.
pub fn ago(time: Wall) -> String {
    match now().since(time) {
        passed if passed < Duration::from_secs(1) => "just now".to_owned(),
        passed => format!("{} ago", human_short(whole_seconds(passed))),
    }
}

/// How long something lasts from now: `1h59m`.
pub fn left(seconds: f64) -> String {
    let left = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    human_short(whole_seconds(left + Duration::from_millis(500)))
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}
