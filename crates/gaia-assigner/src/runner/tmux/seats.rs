//! The panes that sessions have: found anew whenever tmux says that something
//! changed.

use std::collections::HashMap;
use std::io;

use gaia_locks::clock::Moment;
use gaia_locks::liveness::{Liveness, ProcessIdentity, liveness};

use super::delivery::Delivery;
use super::eye::{Eye, Status};
use super::screen::Reader;
use super::target::{self, PANE_FORMAT, PaneRow, Target};
use super::{Job, News, Sight, Wanted, WantedPattern, command, identity};
use crate::session::Pane;

/// A session's place in a pane.
pub(super) struct Seat {
    pub session: String,
    pub pane: Pane,
    /// The tmux session that it is in now: whose link hears it.
    pub session_id: String,
    pub eye: Eye,
    sight: Sight,
    pub work: Option<Work>,
    /// What was told of it last.
    pub told: Option<Status>,
    /// The pattern that found it.
    pattern: Option<String>,
}

/// A task in it.
pub(super) struct Work {
    pub job: Job,
    pub delivery: Delivery,
    /// Where its output begins in the pane's history.
    pub begins: Option<u64>,
    /// It is to be interrupted as soon as its pane was looked at.
    pub interrupt: bool,
}

/// The seats of one server, by pane id.
#[derive(Default)]
pub(super) struct Seats {
    pub by_pane: HashMap<String, Seat>,
    pub sessions: Vec<Wanted>,
    pub patterns: Vec<WantedPattern>,
}

/// What a count has changed.
#[derive(Default)]
pub(super) struct Changes {
    pub news: Vec<News>,
    /// Seats that are gone, perhaps with a task.
    pub gone: Vec<Seat>,
}

/// All panes of a server.
pub(super) fn list(server: &str) -> io::Result<Vec<PaneRow>> {
    let rows = command::run(server, &["list-panes", "-a", "-F", PANE_FORMAT], &[])?;
    Ok(rows.lines().filter_map(PaneRow::read).collect())
}

/// A pane and its processes; `None` when they have ended.
pub(super) fn pane_of(server: &str, row: &PaneRow) -> Option<Pane> {
    Some(Pane {
        server: server.to_owned(),
        server_process: identity(row.server_pid)?,
        id: row.id.clone(),
        process: identity(row.pid)?,
    })
}

impl Seats {
    /// Whether anything is to be watched at all.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.patterns.is_empty()
    }

    /// The seat that a run is in.
    pub fn of_run(&mut self, run: super::RunId) -> Option<&mut Seat> {
        let is_it = |seat: &&mut Seat| seat.work.as_ref().is_some_and(|work| work.job.run == run);
        self.by_pane.values_mut().find(is_it)
    }

    /// Whether the server of any seat is alive, answering or not.
    pub fn server_lives(&self) -> bool {
        let mut seats = self.by_pane.values();
        seats.any(|seat| liveness(&seat.pane.server_process) != Liveness::Gone)
    }

    /// Goes by what is there now.
    pub fn count(&mut self, server: &str, rows: &[PaneRow], now: Moment) -> Changes {
        let mut changes = Changes::default();
        let living: Vec<&PaneRow> = rows.iter().filter(|row| !row.is_dead).collect();
        let server_process = rows.first().and_then(|row| identity(row.server_pid));
        self.drop_gone(&living, server_process.as_ref(), &mut changes);
        for wanted in self.sessions.clone() {
            self.seat(server, rows, &wanted, now, &mut changes);
        }
        for pattern in self.patterns.clone() {
            self.seat_all(server, &living, &pattern, now, &mut changes);
        }
        changes
    }

    fn drop_gone(
        &mut self,
        living: &[&PaneRow],
        server: Option<&ProcessIdentity>,
        changes: &mut Changes,
    ) {
        let ids: Vec<String> = self.by_pane.keys().cloned().collect();
        for id in ids {
            let Some(seat) = self.by_pane.get_mut(&id) else {
                continue;
            };
            let pattern = seat.pattern.as_ref().filter(|_| seat.work.is_none());
            let pattern =
                pattern.and_then(|name| self.patterns.iter().find(|known| known.name == *name));
            let is_it = |row: &&&PaneRow| {
                // One that a pattern found is given up when its name fits no more.
                pattern.is_none_or(|pattern| pattern.target.fits(row))
                    && row.id == id
                    && row.pid == seat.pane.process.pid
                    && Some(&seat.pane.server_process) == server
            };
            match living.iter().find(is_it) {
                Some(row) => row.session_id.clone_into(&mut seat.session_id),
                None => self.drop_seat(&id, changes),
            }
        }
    }

    fn drop_seat(&mut self, id: &str, changes: &mut Changes) {
        if let Some(seat) = self.by_pane.remove(id) {
            changes.news.push(News::Gone {
                session: seat.session.clone(),
                pane: seat.pane.clone(),
            });
            changes.gone.push(seat);
        }
    }

    fn has(&self, session: &str) -> Option<&str> {
        let seats = self.by_pane.iter();
        let mut seats = seats.filter(|(_, seat)| seat.session == session);
        seats.next().map(|(id, _)| id.as_str())
    }

    /// A session keeps its pane while that lives; then its name is looked for.
    fn seat(
        &mut self,
        server: &str,
        rows: &[PaneRow],
        wanted: &Wanted,
        now: Moment,
        changes: &mut Changes,
    ) {
        if let Some(id) = self.has(&wanted.session).map(str::to_owned) {
            if let Some(seat) = self.by_pane.get_mut(&id)
                && seat.sight != wanted.sight
            {
                seat.set_sight(&wanted.sight, now);
            }
            return;
        }
        let known = wanted.pane.as_ref().and_then(|pane| {
            let row = rows.iter().find(|row| row.id == pane.id && !row.is_dead)?;
            (pane_of(server, row).as_ref() == Some(pane)).then(|| row.clone())
        });
        let found = known.or_else(|| match &wanted.target {
            // Another server's pane of that number is another pane.
            None | Some(Target::Id(_) | Target::Pattern(_)) => None,
            Some(target) => target::only(target, rows).ok().cloned(),
        });
        let seated = found.is_some_and(|row| {
            self.take(
                server,
                &row,
                &wanted.session,
                &wanted.sight,
                wanted.pattern.as_deref(),
                now,
                changes,
            )
        });
        if let (false, Some(pane)) = (seated, &wanted.pane) {
            changes.news.push(News::Gone {
                session: wanted.session.clone(),
                pane: pane.clone(),
            });
        }
    }

    fn seat_all(
        &mut self,
        server: &str,
        living: &[&PaneRow],
        pattern: &WantedPattern,
        now: Moment,
        changes: &mut Changes,
    ) {
        let mut fitting: Vec<&&PaneRow> = living
            .iter()
            .filter(|row| pattern.target.fits(row))
            .collect();
        // The oldest pane of a session bears its name.
        fitting.sort_by_key(|row| row.id[1..].parse::<u64>().unwrap_or(u64::MAX));
        for row in fitting {
            if !self.by_pane.contains_key(&row.id) {
                let taken = |name: &str| {
                    self.has(name).is_some()
                        || self.sessions.iter().any(|wanted| wanted.session == name)
                };
                let name = target::name_of(row, taken);
                self.take(
                    server,
                    row,
                    &name,
                    &pattern.sight,
                    Some(&pattern.name),
                    now,
                    changes,
                );
            }
        }
    }

    /// Gives a session a pane that no other session has.
    #[expect(
        clippy::too_many_arguments,
        reason = "a pane, a session, and where to write it down"
    )]
    fn take(
        &mut self,
        server: &str,
        row: &PaneRow,
        session: &str,
        sight: &Sight,
        pattern: Option<&str>,
        now: Moment,
        changes: &mut Changes,
    ) -> bool {
        let pane = pane_of(server, row).filter(|_| !self.by_pane.contains_key(&row.id));
        let Some(pane) = pane else { return false };
        changes.news.push(News::Found {
            session: session.to_owned(),
            pane: pane.clone(),
            pattern: pattern.map(str::to_owned),
        });
        let seat = Seat {
            session: session.to_owned(),
            pane,
            session_id: row.session_id.clone(),
            eye: Eye::new(Reader::new(sight.provider.as_deref(), &sight.patterns), now),
            sight: sight.clone(),
            work: None,
            told: None,
            pattern: pattern.map(str::to_owned),
        };
        self.by_pane.insert(row.id.clone(), seat);
        true
    }

    /// What is to be watched from now on; seats of sessions that are not any
    /// more are given up.
    pub fn want(&mut self, sessions: Vec<Wanted>, patterns: Vec<WantedPattern>) -> Vec<Seat> {
        self.sessions = sessions;
        self.patterns = patterns;
        let known = |seat: &Seat| {
            let is_named = self
                .sessions
                .iter()
                .any(|wanted| wanted.session == seat.session);
            // Found a moment ago, its row is on its way.
            let is_found = self
                .patterns
                .iter()
                .any(|pattern| Some(&pattern.name) == seat.pattern.as_ref());
            is_named || is_found
        };
        let (kept, dropped): (HashMap<_, _>, HashMap<_, _>) = std::mem::take(&mut self.by_pane)
            .into_iter()
            .partition(|(_, seat)| known(seat));
        self.by_pane = kept;
        dropped.into_values().collect()
    }
}

impl Seat {
    /// Whether its client's hooks say when it works. While it has a task, its
    /// screen is asked only after it was interrupted, of which no hook speaks.
    pub fn is_heard(&self) -> bool {
        self.sight.is_heard && self.work.is_none()
    }

    fn set_sight(&mut self, sight: &Sight, now: Moment) {
        self.eye.reader = Reader::new(sight.provider.as_deref(), &sight.patterns);
        self.sight = sight.clone();
        self.eye.look_by(now);
    }
}
