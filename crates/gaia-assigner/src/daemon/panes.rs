//! tmux sessions: what is to be watched, what is heard of it, and tasks that
//! are typed.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use gaia_locks::Error;
use gaia_locks::liveness::{Liveness, liveness};
use gaia_locks::service::Locks as _;

use super::leftovers::Leftovers;
use super::timers::now;
use super::{Active, Assigner};
use crate::plan::Assign;
use crate::runner::tmux::{Coming, Job, News, Wanted, WantedPattern, Watch, unfit};
use crate::session::{Drive, Pane};
use crate::store::panes::{self, Rows};
use crate::store::running::{self, Begun, Hands};
use crate::task::{Outcome, Running};
use crate::worktree::stash;

/// The servers that are watched.
#[derive(Default)]
pub(super) struct Panes {
    watches: HashMap<String, Watch>,
    /// What they were told last; `None` before anybody looked.
    told: Option<Rows>,
}

impl Panes {
    /// Ends the watches.
    pub(super) fn end(&mut self) {
        for (_, watch) in self.watches.drain() {
            watch.end();
        }
    }
}

impl Assigner {
    pub(super) fn has_no_panes(&self) -> bool {
        self.panes
            .told
            .as_ref()
            .is_none_or(|rows| rows.sessions.is_empty())
    }

    /// Tells the watches what is to be watched, when that has changed.
    pub(super) fn mind_panes(&mut self) {
        let rows = match self.locks.look(panes::rows) {
            Ok(mut rows) => {
                for (_, wanted) in &mut rows.sessions {
                    wanted.sight.is_heard = self.hooks.are_heard(&wanted.session);
                }
                rows
            }
            Err(error) => {
                tracing::error!(%error, "the tmux sessions could not be looked at");
                return;
            }
        };
        if self.panes.told.is_none()
            && let Err(error) = self.locks.transact(panes::doubt)
        {
            tracing::error!(%error, "what the tmux sessions did last could not be forgotten");
            return;
        }
        if self.panes.told.as_ref() != Some(&rows) {
            self.tell_watches(&rows);
            self.panes.told = Some(rows);
        }
    }

    fn tell_watches(&mut self, rows: &Rows) {
        let mut servers: BTreeMap<String, (Vec<Wanted>, Vec<WantedPattern>)> = BTreeMap::new();
        for (server, session) in rows.sessions.iter().cloned() {
            servers.entry(server).or_default().0.push(session);
        }
        for (server, pattern) in rows.patterns.iter().cloned() {
            servers.entry(server).or_default().1.push(pattern);
        }
        self.panes
            .watches
            .retain(|server, _| servers.contains_key(server));
        for (server, (sessions, patterns)) in servers {
            if let Some(watch) = self.watch(&server) {
                watch.watch(sessions, patterns);
            }
        }
    }

    fn watch(&mut self, server: &str) -> Option<&Watch> {
        if !self.panes.watches.contains_key(server) {
            match Watch::start(server.to_owned(), self.tell.clone()) {
                Ok(watch) => drop(self.panes.watches.insert(server.to_owned(), watch)),
                Err(error) => tracing::error!(server, %error, "a tmux server cannot be watched"),
            }
        }
        self.panes.watches.get(server)
    }

    pub(super) fn hear_of_pane(&mut self, news: &News) {
        let done = match news {
            News::Found {
                session,
                pane,
                pattern,
            } => self.pane_found(session, pane, pattern.as_deref()),
            News::Shows {
                session,
                pane,
                status,
                folder,
            } => {
                self.hooks.see(session, pane, *status, folder.as_deref());
                self.show_pane(session)
            }
            News::Gone { session, pane } => {
                self.hooks.lose(session);
                self.pane_gone(session, pane)
            }
        };
        if let Err(error) = done {
            tracing::error!(?news, %error, "what was seen of a pane could not be recorded");
            // It is told anew.
            self.panes.told = None;
        }
    }

    fn pane_found(&self, session: &str, pane: &Pane, pattern: Option<&str>) -> Result<(), Error> {
        let found = self.locks.transact(|tx| {
            let found = panes::found(tx, session, pane, pattern)?;
            tx.tell();
            Ok(found)
        })?;
        match found {
            true => tracing::info!(session, pane = pane.id, server = pane.server, "pane found"),
            false => tracing::warn!(
                session,
                pane = pane.id,
                server = pane.server,
                "a pane's name is another session's; it gets no tasks"
            ),
        }
        Ok(())
    }

    fn pane_gone(&self, session: &str, pane: &Pane) -> Result<(), Error> {
        let gone = self.locks.transact(|tx| {
            let gone = panes::gone(tx, session, pane)?;
            if gone {
                tx.tell();
            }
            Ok(gone)
        })?;
        if gone {
            tracing::warn!(session, pane = pane.id, server = pane.server, "pane gone");
        }
        Ok(())
    }

    pub(super) fn assign_pane(
        &mut self,
        assign: &Assign,
        leftovers: Leftovers,
    ) -> Result<bool, Error> {
        let log = self.log_of(assign.task);
        let hands = Hands {
            scope: &self.locks.scope(),
            ttl: self.locks.default_ttl(),
            assigner: Some(&self.me),
            keeper: None,
            log: &log.to_string_lossy(),
            log_from: super::assign::length(&log),
            is_heard: self.hooks.are_heard(assign.session.as_str()),
        };
        let begun = self
            .locks
            .transact(|tx| running::begin(tx, assign, &hands))?;
        let Some(mut begun) = begun else {
            return Ok(false);
        };
        super::report::assigned(assign, &begun);
        begun
            .text
            .insert_str(0, &leftovers.warning.unwrap_or_default());
        match stashed(assign, leftovers.stash.as_deref()) {
            Ok(()) => self.type_into(begun, log),
            Err(why) => self.end_or_keep(begun.running, Outcome::Uncommitted(why)),
        }
        Ok(true)
    }

    /// The task is given: from here on a failure is the end of a try [T2].
    fn type_into(&mut self, begun: Begun, log: PathBuf) {
        let outcome = match begun.drive {
            Drive::Tmux(pane) => match unfit(&begun.text) {
                Some(why) => Outcome::Unfit(why),
                None => match self.begin_in(pane, &begun.running, begun.text, log, Coming::Fresh) {
                    Ok(()) => return,
                    Err(why) => Outcome::NotStarted(why),
                },
            },
            _ => Outcome::NotNow("its session is no tmux session any more".to_owned()),
        };
        self.end_or_keep(begun.running, outcome);
    }

    fn begin_in(
        &mut self,
        pane: Pane,
        running: &Running,
        text: String,
        log: PathBuf,
        coming: Coming,
    ) -> Result<(), String> {
        let run = self.next_run;
        self.next_run += 1;
        let (turn, heard) = self.turn_of(running, &text)?;
        let job = Job {
            run,
            pane: pane.clone(),
            text,
            log,
            heard,
        };
        let watch = self
            .watch(&pane.server)
            .ok_or("its tmux server cannot be watched")?;
        let handle = watch
            .run(job, coming)
            .map_err(|error| format!("its pane cannot be watched: {error}"))?;
        let active = Active {
            running: running.clone(),
            run: Box::new(handle),
            renew_at: now().plus(self.locks.default_ttl() / 3),
            kill_at: None,
            over: None,
            turn: Some(turn),
        };
        self.active.insert(run, active);
        Ok(())
    }

    /// Takes over a pane whose assigner is gone [T8]: what was seen to be
    /// taken goes on; what was sent is watched for whether it was.
    pub(super) fn pick_up_pane(&mut self, task: &Running, pane: &Pane, text: String) {
        let is_gone = |process| liveness(process) == Liveness::Gone;
        if is_gone(&pane.process) || is_gone(&pane.server_process) {
            tracing::info!(task = task.id.0, session = %task.session, "task of a dead assigner picked up: its pane is gone");
            return self.end_or_keep(task.clone(), Outcome::Lost);
        }
        let coming = match task.is_started {
            true => Coming::Taken,
            false => Coming::Sent,
        };
        let log = task
            .log
            .as_ref()
            .map_or_else(|| self.log_of(task.id), |(log, _)| PathBuf::from(log));
        // What was said of its end was said to the dead: it is heard anew.
        let task = &Running {
            told: None,
            ..task.clone()
        };
        match self.begin_in(pane.clone(), task, text, log, coming) {
            Ok(()) => {
                tracing::info!(task = task.id.0, session = %task.session, "running task taken over");
            }
            Err(why) => self.end_or_keep(task.clone(), Outcome::NotStarted(why)),
        }
    }
}

/// Puts away what another task left, before an agent is given its text.
fn stashed(assign: &Assign, name: Option<&str>) -> Result<(), String> {
    let (Some(folder), Some(name)) = (&assign.folder, name) else {
        return Ok(());
    };
    stash(folder.path().as_ref(), name)
        .map_err(|why| format!("uncommitted work could not be stashed: {why}"))
}
