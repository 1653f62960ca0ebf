//! What is said beside the data: on stderr, in words.

use std::io::{IsTerminal, Write};

use crate::output::human::{Style, clean};

/// How stderr looks.
pub fn style() -> Style {
    Style::of(std::io::stderr().is_terminal())
}

/// One line on stderr. Where stderr is closed nobody wants to hear it.
pub fn line(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// A note from gaia itself, in the midst of another program's output.
pub fn note(text: &str) {
    line(&format!("{} {}", style().dim("gaia:"), text));
}

/// What went wrong, and what can be done about it.
pub fn error(message: &str, hint: Option<&str>) {
    let style = style();
    line(&format!("{} {}", style.red("error:"), clean(message)));
    if let Some(hint) = hint {
        line(&format!(" {} {}", style.dim("hint:"), clean(hint)));
    }
}
