//! Minding what other programs do in the same tables: an earlier assigner at
//! work, tasks whose state somebody else has set, tasks that it left behind.

use gaia_locks::Error;
use gaia_locks::service::Locks as _;

use super::Assigner;
use super::absence::Absence;
use super::timers::now;
use crate::runner::kill_leftovers;
use crate::runner::tmux::Everywhere;
use crate::store::earlier::{self, AT_ONCE, Claim, Orphan, Wrested};
pub(super) use crate::store::earlier::{QUIET, Seen};

impl Assigner {
    /// Looked at once a second: nobody rings for it.
    pub(super) fn mind_others(&mut self) {
        if let Err(error) = self.look_for_another().and_then(|()| self.end_wrested()) {
            tracing::error!(%error, "what other programs did in the database could not be looked at");
        }
    }

    fn look_for_another(&mut self) -> Result<(), Error> {
        let quiet = self.config.quiet;
        let at_work = match self.locks.look(earlier::has_changed)? {
            true => self.locks.transact(|tx| earlier::is_at_work(tx, quiet))?,
            false => self.locks.look(|tx| earlier::is_at_work(tx, quiet))?,
        };
        let may_run = self.mind_claims(at_work)?;
        let at_work = at_work || may_run;
        if at_work != self.is_another_at_work {
            self.is_another_at_work = at_work;
            self.tell_of_another();
        }
        Ok(())
    }

    /// Ends what an earlier assigner left once its time is up or it is gone,
    /// unless it is at work; whether anything in its hands may still run.
    fn mind_claims(&mut self, at_work: bool) -> Result<bool, Error> {
        let claims = self.locks.look(earlier::claims)?;
        self.claims.see(&claims, now());
        if claims.is_empty() {
            self.absence = Absence::default();
            return Ok(false);
        }
        if !at_work {
            self.look_for_gone(&claims);
        }
        let now = self.locks.look(|tx| Ok(tx.now()))?;
        if !at_work && earlier::is_any_over(&claims, &self.claims, now) {
            self.end_orphans()?;
        }
        Ok(earlier::may_run(&claims, &self.claims, now))
    }

    /// Notes which of its tasks are orphaned.
    fn look_for_gone(&mut self, claims: &[Claim]) {
        let database = self.locks.database();
        let (now, quiet) = (now(), self.config.quiet);
        if !self.absence.is_certain(database.as_ref(), now, quiet) {
            return;
        }
        let found = match Everywhere::look(&self.config.tmux_sockets) {
            Ok(everywhere) => self.claims.note_gone(claims, |claim| {
                let session = claim.session.as_deref();
                !session.is_some_and(|session| everywhere.may_have(session))
            }),
            Err(error) => {
                tracing::debug!(%error, "the user's tmux servers could not be looked for");
                false
            }
        };
        if !found {
            self.absence.begin_anew(now);
        }
    }

    fn end_orphans(&mut self) -> Result<(), Error> {
        let (seen, first_pause) = (&self.claims, self.config.first_pause);
        let ended = self
            .locks
            .transact(|tx| earlier::end_orphans(tx, seen, first_pause))?;
        if ended.len() == AT_ONCE {
            self.timers.remote_at = now();
        }
        for Orphan { task, next } in ended {
            tracing::warn!(
                task = task.0,
                ?next,
                "a task that an earlier assigner left was ended"
            );
        }
        Ok(())
    }

    fn tell_of_another(&self) {
        let quiet = self.config.quiet.as_secs();
        match self.is_another_at_work {
            true => tracing::warn!(
                "an earlier assigner is at work on this database: nothing is assigned until it has been quiet for {quiet} s and none of its tasks may still run"
            ),
            false => tracing::info!("the earlier assigner is quiet: tasks are assigned again"),
        }
    }

    /// Those in this assigner's hands are stopped first, see `turn`; those in
    /// another's that lives are that one's.
    fn end_wrested(&mut self) -> Result<(), Error> {
        for Wrested { running, assigner } in self.locks.look(earlier::wrested)? {
            let is_mine = self
                .active
                .values()
                .any(|active| active.running.id == running.id);
            let is_anothers = assigner
                .as_ref()
                .is_some_and(|assigner| *assigner != self.me && !self.is_gone(assigner));
            if is_mine || is_anothers {
                continue;
            }
            if let Some(keeper) = &running.keeper {
                kill_leftovers(keeper);
            }
            if self.locks.transact(|tx| earlier::let_go(tx, &running))? {
                tracing::info!(task = running.id.0, session = %running.session, "another program has ended a task");
            }
        }
        Ok(())
    }
}
