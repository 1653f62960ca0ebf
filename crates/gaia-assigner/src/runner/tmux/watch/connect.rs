//! Opening what is missing, when the server is calm.

use super::super::command::Connection;
use super::super::link::Link;
use super::super::target::PaneRow;
use super::{CALM, SLOW_LOOK, Thread, now};

impl Thread {
    pub(super) fn note_sessions(&mut self, rows: &[PaneRow]) {
        let sessions = rows.iter().map(|row| row.session_id.clone()).collect();
        if sessions != self.sessions {
            self.sessions = sessions;
            self.calm_at = now().plus(CALM);
        }
    }

    /// Opens what is missing: the scout, and a link for each tmux session that
    /// has panes of ours; and lets go what is not needed.
    ///
    /// One by one, and only while the server is calm: tmux (3.3a to 3.6 at
    /// least, tmux/tmux#4980) crashes when it has to tell something, such as a
    /// new session, to a client in control mode that has only half introduced
    /// itself. With it would go everything that its user has running.
    pub(super) fn connect(&mut self) {
        let seats = &self.seats.by_pane;
        self.links
            .retain(|id, _| seats.values().any(|seat| seat.session_id == *id));
        if now() < self.calm_at || self.is_connecting() {
            return;
        }
        let opened = match self.missing() {
            None => return,
            Some(None) => Connection::scout(&self.server).map(|connection| {
                self.scout = Some(Link::new(connection));
            }),
            Some(Some(id)) => Connection::attach(&self.server, &id).map(|mut connection| {
                let panes = self.seats.by_pane.iter();
                for (pane, _) in panes.filter(|(_, seat)| seat.session_id == id) {
                    connection.is_told_of(pane);
                }
                self.links.insert(id, Link::new(connection));
            }),
        };
        if let Err(error) = opened {
            tracing::error!(server = self.server, %error, "tmux cannot be started");
            self.calm_at = now().plus(SLOW_LOOK);
        }
    }

    /// Whether a connection introduces itself just now.
    pub(super) fn is_connecting(&self) -> bool {
        let mut links = self.scout.iter().chain(self.links.values());
        links.any(|link| !link.has_spoken())
    }

    /// What there is no connection to: the server, or this session of it.
    pub(super) fn missing(&self) -> Option<Option<String>> {
        if !self.is_there || self.seats.is_empty() {
            return None;
        }
        if self.scout.is_none() {
            return Some(None);
        }
        let mut seats = self.seats.by_pane.values();
        let seat = seats.find(|seat| !self.links.contains_key(&seat.session_id))?;
        Some(Some(seat.session_id.clone()))
    }
}
