//! The terminal, given back and taken again.

use std::io::{self, stdout};

use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::{DefaultTerminal, Terminal};
use signal_hook::consts::SIGSTOP;
use signal_hook::low_level::raise;

/// Stops, with the terminal as it was before; once this process goes on, takes
/// it again.
///
/// # Errors
/// When the terminal is gone.
pub fn stop(terminal: &mut DefaultTerminal) -> io::Result<()> {
    terminal.show_cursor()?;
    ratatui::try_restore()?;
    raise(SIGSTOP)?;
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen)?;
    anew(terminal)
}

/// Goes on after a stop that was not heard of: whoever had the terminal
/// meanwhile may have changed its mode and what it shows.
///
/// # Errors
/// When the terminal is gone.
pub fn go_on(terminal: &mut DefaultTerminal) -> io::Result<()> {
    // It is only made raw where it is not known to be.
    disable_raw_mode()?;
    enable_raw_mode()?;
    anew(terminal)
}

/// The next picture is drawn whole. `Terminal::clear` asks the terminal where
/// the cursor is, and the thread that waits for keys would get the answer.
fn anew(terminal: &mut DefaultTerminal) -> io::Result<()> {
    execute!(stdout(), Clear(ClearType::All))?;
    *terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
    Ok(())
}
