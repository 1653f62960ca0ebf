//! What the journals say, put together: questions beside their answers.

use std::collections::HashMap;
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, Scope, WaiterId};
use gaia_locks::model::{Holder, Releaser, Want};

use super::Journal;
use super::journal::{Asked, Event, Line};
use super::verdict::Violation;

/// A grant as its asker saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) journal: String,
    pub(super) want: Want,
    pub(super) bound: bool,
    /// The moment before it was asked for.
    pub(super) asked: Moment,
    /// The moment after it was known.
    pub(super) known: Moment,
    pub(super) waiter: Option<WaiterId>,
    pub(super) tokens: Vec<LockId>,
}

/// A place in line as its holder saw it.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    pub(super) waiter: WaiterId,
    pub(super) want: Want,
    /// From when it stood there for certain.
    pub(super) from: Moment,
    /// Until when it did unless it was granted: its patience, its death, or
    /// the first line that may mean that it had left.
    pub(super) until: Moment,
    /// The moment before its process was killed, if it was.
    pub(super) killed: Option<Moment>,
    /// Its tokens, once it knew of them.
    pub(super) tokens: Vec<LockId>,
}

/// Something that was asked about one lock, with its answer if one came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    pub(super) token: LockId,
    pub(super) before: Moment,
    /// The moment after the answer, and the answer.
    pub(super) answer: Option<(Moment, bool)>,
    /// Of a renewal: the lease's length.
    pub(super) ttl: Duration,
}

/// All that the processes say.
#[derive(Debug, Default)]
pub(super) struct Testimony {
    pub(super) grants: Vec<Seen>,
    pub(super) waits: Vec<Wait>,
    pub(super) renewals: HashMap<LockId, Vec<Act>>,
    pub(super) releases: HashMap<LockId, Vec<Act>>,
    pub(super) looks: Vec<Act>,
    /// The moment before a process was killed, by journal.
    pub(super) killed: HashMap<String, Moment>,
    /// The last line of a process that ended by itself, by journal.
    pub(super) left: HashMap<String, Moment>,
    /// Requests that were never answered: they may have been carried out.
    pub(super) unanswered: Vec<Want>,
    pub(super) complaints: Vec<Violation>,
    pub(super) refused: usize,
    pub(super) processes: usize,
}

impl Testimony {
    pub(super) fn of(journals: &[Journal]) -> Self {
        let mut all = Self::default();
        for line in journals.iter().flat_map(|journal| &journal.lines) {
            if let Event::Killing { journal } = &line.event {
                all.killed.entry(journal.clone()).or_insert(line.at);
            }
        }
        for journal in journals {
            let mut hearing = Hearing {
                end: all.killed.get(&journal.name).copied(),
                all: &mut all,
                journal,
                asked: None,
                place: None,
                act: None,
            };
            for line in &journal.lines {
                hearing.hear(line);
            }
            hearing.close();
        }
        all
    }
}

/// One journal being read.
struct Hearing<'a> {
    all: &'a mut Testimony,
    journal: &'a Journal,
    end: Option<Moment>,
    asked: Option<(Moment, Asked)>,
    place: Option<(Moment, WaiterId)>,
    act: Option<Act>,
}

impl Hearing<'_> {
    fn hear(&mut self, line: &Line) {
        let at = line.at;
        match &line.event {
            Event::Started { .. } => self.all.processes += 1,
            Event::Asked { want, .. } => self.asked = Some((at, want.clone())),
            Event::Queued { waiter, .. } => self.place = Some((at, *waiter)),
            Event::Granted { tokens, .. } => self.granted(at, tokens),
            Event::Refused { circle, .. } => self.refused(at, *circle),
            // It may have been granted and lapsed at any time since.
            Event::Gone { .. } => self.leave_line(at),
            Event::Renewing { token, ttl_ms } => self.begin(at, *token, *ttl_ms),
            Event::Releasing { token } | Event::Looking { token } => self.begin(at, *token, 0),
            Event::Renewed { renewed, .. } => self.renewal(Some((at, *renewed))),
            Event::Released { ended, .. } => self.release(Some((at, *ended))),
            Event::Looked { active, .. } => self.look(at, *active),
            Event::Leaving => drop(self.all.left.insert(self.journal.name.clone(), at)),
            Event::NotAlone { token, found } => self.all.complaints.push(Violation::NotAlone {
                token: *token,
                what: format!("{}: {found}", self.journal.name),
            }),
            Event::Failed { what } => self.complain(&self.journal.name.clone(), what),
            Event::Hung { journal } => self.complain(journal, "it did not end in time"),
            Event::Killing { .. } => {}
        }
    }

    fn complain(&mut self, journal: &str, what: &str) {
        self.all.complaints.push(Violation::Failed {
            journal: journal.to_owned(),
            what: what.to_owned(),
        });
    }

    fn granted(&mut self, at: Moment, tokens: &[LockId]) {
        let Some((asked, want)) = self.asked.clone() else {
            return;
        };
        let place = self.place;
        self.stand(at, tokens);
        self.all.grants.push(Seen {
            journal: self.journal.name.clone(),
            bound: want.bound,
            want: wanted(&want),
            asked,
            known: at,
            waiter: place.map(|(_, waiter)| waiter),
            tokens: tokens.to_vec(),
        });
        self.asked = None;
    }

    /// A wait that stood in a circle was refused by itself, at a time that
    /// nobody wrote down.
    fn refused(&mut self, at: Moment, circle: bool) {
        self.all.refused += 1;
        let stood = self.place.map(|(from, _)| from);
        self.leave_line(stood.filter(|_| circle).unwrap_or(at));
    }

    fn leave_line(&mut self, at: Moment) {
        self.stand(at, &[]);
        self.asked = None;
    }

    /// Writes down a stay in line that ended at the latest at `end`.
    fn stand(&mut self, end: Moment, tokens: &[LockId]) {
        let (Some((from, waiter)), Some((asked, want))) = (self.place.take(), &self.asked) else {
            return;
        };
        let patience = want.limit_ms.map(Duration::from_millis);
        let patient = patience.map_or(end, |limit| asked.plus(limit));
        self.all.waits.push(Wait {
            waiter,
            want: wanted(want),
            from,
            until: end.min(patient),
            killed: self.end,
            tokens: tokens.to_vec(),
        });
    }

    fn begin(&mut self, at: Moment, token: LockId, ttl_ms: u64) {
        self.act = Some(Act {
            token,
            before: at,
            answer: None,
            ttl: Duration::from_millis(ttl_ms),
        });
    }

    fn renewal(&mut self, answer: Option<(Moment, bool)>) {
        if let Some(act) = self.act.take() {
            let acts = self.all.renewals.entry(act.token).or_default();
            acts.push(Act { answer, ..act });
        }
    }

    fn release(&mut self, answer: Option<(Moment, bool)>) {
        if let Some(act) = self.act.take() {
            let acts = self.all.releases.entry(act.token).or_default();
            acts.push(Act { answer, ..act });
        }
    }

    fn look(&mut self, at: Moment, active: bool) {
        if let Some(act) = self.act.take() {
            self.all.looks.push(Act {
                answer: Some((at, active)),
                ..act
            });
        }
    }

    /// What a process was about to do when it was killed may have been done.
    fn close(mut self) {
        let last = self.journal.lines.last().map_or(Moment(0), |line| line.at);
        let end = self.end.unwrap_or(last);
        self.stand(end, &[]);
        if let Some((_, want)) = &self.asked {
            self.all.unanswered.push(wanted(want));
        }
        match self.journal.lines.last().map(|line| &line.event) {
            Some(Event::Renewing { .. }) => self.renewal(None),
            Some(Event::Releasing { .. }) => self.release(None),
            _ => {}
        }
    }
}

/// A request as the rules see it. Folders stand as written: journals name them
/// in the canonical form.
pub(super) fn wanted(asked: &Asked) -> Want {
    let folders = asked
        .folders
        .iter()
        .filter_map(|path| Folder::clean(path).ok());
    Want {
        scope: Scope::local(),
        folders: folders.collect(),
        holder: Holder::new(asked.session.clone(), asked.task),
        mode: asked.mode,
        ttl: Duration::from_millis(asked.ttl_ms),
        process: None,
        own: asked.own,
        releaser: Releaser::Holder,
    }
}
