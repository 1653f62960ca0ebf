//! What agents' hooks tell of panes, and of the tasks that were typed into them.

use std::collections::HashMap;

use gaia_locks::Error;

use super::Assigner;
use crate::agents::{self, InPanes, Mark, Turn, Word, shown};
use crate::runner::tmux::Status;
use crate::session::Pane;
use crate::store::panes;
use crate::task::{Outcome, Running};

/// What is known of panes beside what their rows say.
#[derive(Default)]
pub(super) struct Hooks {
    told: InPanes,
    screens: HashMap<String, Screen>,
}

/// What a pane's screen showed last.
struct Screen {
    pane: Pane,
    status: Status,
    folder: Option<String>,
    /// What its row says, if that is known.
    written: Option<Status>,
}

impl Hooks {
    /// Whether the hooks of a pane's client are heard.
    pub(super) fn are_heard(&self, session: &str) -> bool {
        self.told.doing.contains_key(session)
    }

    /// A pane's screen was looked at.
    pub(super) fn see(&mut self, session: &str, pane: &Pane, status: Status, folder: Option<&str>) {
        let screen = Screen {
            pane: pane.clone(),
            status,
            folder: folder.map(str::to_owned),
            written: None,
        };
        self.screens.insert(session.to_owned(), screen);
    }

    /// A pane is gone.
    pub(super) fn lose(&mut self, session: &str) {
        self.screens.remove(session);
    }
}

impl Assigner {
    /// Hears what was told since, shows it, and passes on what it means for
    /// tasks.
    pub(super) fn mind_hooks(&mut self) {
        if self.has_no_panes() {
            return;
        }
        let witness = self.locks.witness().clone();
        match self.locks.look(|tx| agents::in_panes(tx, &*witness)) {
            Ok(told) => self.hooks.told = told,
            Err(error) => {
                tracing::error!(%error, "what hooks told could not be looked at");
                return;
            }
        }
        let sessions: Vec<String> = self.hooks.screens.keys().cloned().collect();
        for session in sessions {
            if let Err(error) = self.show_pane(&session) {
                tracing::error!(session, %error, "what a pane does could not be recorded");
            }
        }
        if let Err(error) = self.hear_turns() {
            tracing::error!(%error, "what hooks told of tasks could not be read");
        }
    }

    /// Writes down what a pane does, where that has changed.
    pub(super) fn show_pane(&mut self, session: &str) -> Result<(), Error> {
        let doing = self.hooks.told.doing.get(session).copied();
        let Some(screen) = self.hooks.screens.get_mut(session) else {
            return Ok(());
        };
        let status = shown(doing, screen.status);
        if screen.written == Some(status) {
            return Ok(());
        }
        self.locks.transact(|tx| {
            if panes::shows(tx, session, &screen.pane, status, screen.folder.as_deref())? {
                tx.tell();
            }
            Ok(())
        })?;
        screen.written = Some(status);
        Ok(())
    }

    /// What hooks may tell of a task from now on, and whether they do: they
    /// were heard when it was given, or have told since that it was taken.
    pub(super) fn turn_of(&self, running: &Running, text: &str) -> Result<(Turn, bool), String> {
        let turn = self.locks.look(|tx| {
            let given = agents::given(tx, &running.session, running.id)?;
            let told = agents::events_after(tx, running.session.as_str(), given.id)?;
            let turn = Turn::new(running.id, text, given.id, given.was_heard);
            let is_told_of = turn.is_told_of(&told);
            Ok((turn, is_told_of))
        });
        turn.map_err(|error| format!("what hooks tell of it cannot be read: {error}"))
    }

    fn hear_turns(&mut self) -> Result<(), Error> {
        let witness = self.locks.witness().clone();
        let lives = |mark: &Mark| witness.has_marked(mark.0, &mark.1);
        for active in self.active.values_mut() {
            let Some(turn) = &mut active.turn else {
                continue;
            };
            let session = active.running.session.as_str();
            let events = self
                .locks
                .look(|tx| agents::events_after(tx, session, turn.last))?;
            let mut words: Vec<Word> = events.iter().filter_map(|event| turn.hear(event)).collect();
            // What it started may still write: that is awaited, up to the
            // task's time limit.
            if words.is_empty()
                && turn.is_taken()
                && let Some(mark) = self.hooks.told.gone.get(session)
                && !mark.as_ref().is_some_and(lives)
            {
                let why = "its client is gone, and never said how it ended".to_owned();
                words.push(Word::Over(Outcome::Left(why)));
            }
            for word in words {
                let is_over = matches!(word, Word::Over(_));
                active.run.says(word);
                if is_over {
                    active.turn = None;
                    break;
                }
            }
        }
        Ok(())
    }
}
