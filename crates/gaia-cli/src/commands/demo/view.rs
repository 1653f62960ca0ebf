//! How the show is told: a picture in place on a terminal, lines elsewhere,
//! nothing where programs read.

use std::collections::VecDeque;
use std::io::{self, Write as _};

use crossterm::{cursor, queue, terminal};
use gaia_locks::clock::Moment;

use super::company::now;
use super::picture::{Happening, Picture};
use super::play::Play;
use super::scene::{Frame, scene};
use crate::context::{Context, variable};
use crate::exit::Failure;
use crate::output::human;
use crate::tell;

/// More lines than any terminal shows.
const REMEMBERED: usize = 200;

/// Who looks on, and how.
pub struct View<'a> {
    context: &'a Context,
    play: &'a Play,
    began: Moment,
    /// Opens the dashboard.
    link: Option<&'a str>,
    /// What happened, with how many seconds after the beginning.
    past: VecDeque<(f64, Happening)>,
    screen: Option<Screen>,
}

impl<'a> View<'a> {
    /// Opens it.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn open(
        context: &'a Context,
        play: &'a Play,
        began: Moment,
        link: Option<&'a str>,
    ) -> Result<Self, Failure> {
        let moves = variable("TERM").is_some_and(|term| term != "dumb");
        let live = context.out.style().is_terminal() && moves;
        let view = Self {
            context,
            play,
            began,
            link,
            past: VecDeque::new(),
            screen: live.then(Screen::open).transpose()?,
        };
        view.tell_link()?;
        Ok(view)
    }

    /// In the picture it stands in a line of its own.
    fn tell_link(&self) -> Result<(), Failure> {
        let Some(link) = self.link.filter(|_| self.screen.is_none()) else {
            return Ok(());
        };
        match self.context.out.is_json() {
            true => tell::note(&format!("the dashboard: {link}")),
            false => self.context.out.text(&format!("the dashboard: {link}\n"))?,
        }
        Ok(())
    }

    /// Shows a picture and what happened.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn show(&mut self, picture: &Picture, happened: Vec<Happening>) -> Result<(), Failure> {
        let at = now().since(self.began).as_secs_f64();
        if self.screen.is_none() && !self.context.out.is_json() {
            for happening in &happened {
                let line = format!("{at:6.1}s  {}", happening.text);
                self.context.out.text(&line)?;
            }
        }
        let happened = happened.into_iter().map(|happening| (at, happening));
        self.past.extend(happened);
        while self.past.len() > REMEMBERED {
            self.past.pop_front();
        }
        Ok(self.draw(picture, at)?)
    }

    fn draw(&mut self, picture: &Picture, at: f64) -> io::Result<()> {
        let Some(screen) = &mut self.screen else {
            return Ok(());
        };
        let (columns, rows) = terminal::size().unwrap_or((80, 24));
        let frame = Frame {
            style: self.context.out.style(),
            // The last column stays free: clearing behind it would clear it.
            width: usize::from(columns.max(20)) - 1,
            height: usize::from(rows.max(5)),
            seconds: at,
            now: human::now(),
            link: self.link,
        };
        screen.draw(&scene(&frame, self.play, picture, &self.past))
    }
}

/// A terminal's other page: what was on it before comes back in the end.
struct Screen {
    shown: Vec<String>,
}

impl Screen {
    fn open() -> io::Result<Self> {
        let mut out = io::stdout().lock();
        queue!(out, terminal::EnterAlternateScreen, cursor::Hide)?;
        out.flush()?;
        Ok(Self { shown: Vec::new() })
    }

    /// Draws in one piece, and only what is not there already.
    fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        if self.shown == lines {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        queue!(out, terminal::BeginSynchronizedUpdate)?;
        for (row, line) in (0_u16..).zip(lines) {
            queue!(out, cursor::MoveTo(0, row))?;
            write!(out, "{line}")?;
            queue!(out, terminal::Clear(terminal::ClearType::UntilNewLine))?;
        }
        queue!(out, terminal::Clear(terminal::ClearType::FromCursorDown))?;
        queue!(out, terminal::EndSynchronizedUpdate)?;
        out.flush()?;
        self.shown = lines.to_vec();
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut out = io::stdout().lock();
        // A terminal that is gone needs nothing back.
        let back = queue!(out, cursor::Show, terminal::LeaveAlternateScreen);
        drop(back.and_then(|()| out.flush()));
    }
}
