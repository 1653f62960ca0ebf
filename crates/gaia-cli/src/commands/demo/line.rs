//! One line of the live view: pieces, each with its look. It is cut where the
//! terminal ends, whatever its pieces are: a line that is too long would push
//! the picture out of place.

use super::picture::Tone;
use crate::output::human::{Style, cut};

/// A line.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pieces: Vec<(Tone, String)>,
}

impl Line {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one piece more.
    pub fn and(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.pieces.push((tone, text.into()));
        self
    }

    /// As it is written on a terminal of so many columns.
    pub fn paint(&self, style: &Style, width: usize) -> String {
        let mut room = width;
        let mut painted = String::new();
        for (tone, text) in &self.pieces {
            let text = cut(text, room);
            room -= text.chars().count();
            painted.push_str(&look(style, *tone, &text));
        }
        painted
    }
}

fn look(style: &Style, tone: Tone, text: &str) -> String {
    match tone {
        _ if text.is_empty() => String::new(),
        Tone::Plain => text.to_owned(),
        Tone::Strong => style.bold(text),
        Tone::Faint => style.dim(text),
        Tone::Good => style.green(text),
        Tone::Odd => style.yellow(text),
        Tone::Bad => style.red(text),
    }
}

/// Text in so many columns exactly.
pub fn cell(text: &str, width: usize) -> String {
    let text = cut(text, width);
    format!("{text:width$}")
}

/// How far something has come, in so many cells.
pub fn bar(part: f64, cells: u8) -> String {
    let full = part.clamp(0.0, 1.0) * f64::from(cells);
    let cell = |at: u8| {
        if f64::from(at) + 1.0 <= full {
            '▰'
        } else {
            '▱'
        }
    };
    (0..cells).map(cell).collect()
}
