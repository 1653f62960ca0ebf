//! One call of an agent's hook, heard and decided in one transaction.
//!
//! Whoever sees the files says what a call would write and where that lands
//! (gaia-agent); here it is decided whether it may, as whom it acts, and what
//! is locked for it. The same through a server: a call goes over the wire with
//! its folders resolved.

mod event;
mod gate;
mod place;
mod who;

use std::time::Duration;

use gaia_locks::folder::Folder;
use gaia_locks::ids::TaskId;
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::{AgentBinding, Binding, Lock, WaiterState};
use gaia_locks::service::{LockTx, RESTS, SHORTEST_TTL};
use gaia_locks::settings::{HookShell, HookSubagents, Hooks};
use gaia_locks::wire::WaiterInfo;
use gaia_locks::{Error, LockService};
use serde::{Deserialize, Serialize};

pub use event::{Call, Event};
pub use gate::{Lapse, Verdict};
pub use place::{Place, Tree, Wanted};

use crate::agents::{self, AgentSession, Doing};
use event::runs;
use gate::Gate;

/// One call of a hook. `F`: a folder, or one on its way through a wire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookCall<F> {
    /// claude, codex …
    pub client: String,
    /// Whether it shows its session's id to what it starts.
    pub shows_session: bool,
    /// The session, as the client calls it.
    pub session: String,
    /// The subagent, if it is one's call.
    pub agent: Option<String>,
    /// Where it works.
    pub folder: String,
    /// What happened.
    pub event: Event,
    /// What the tool would write, where one is about to run.
    pub wanted: Wanted<F>,
    /// GAIA_SESSION and GAIA_TASK, where GAIA started the client.
    pub task: Option<(String, Option<String>)>,
    /// The tmux server's socket and the pane, where it runs in one.
    pub pane: Option<(String, String)>,
    /// A variable that the client gives to all that it starts.
    pub mark: Option<(String, String)>,
    /// The client's process, where it can be told.
    pub process: Option<ProcessIdentity>,
    /// What hooks go by there.
    pub terms: Terms,
    /// The account of the server through which it came, where that acts for
    /// sessions of its own name alone.
    #[serde(skip)]
    pub account: Option<String>,
}

/// What hooks go by, as far as it matters when a call is decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// How long a lock lasts from the last sign of life.
    pub lease: Duration,
    /// The same once the session has stopped.
    pub rest: Option<Duration>,
    /// What becomes of a command that cannot be judged.
    pub shell: HookShell,
    /// Whose locks a subagent's are.
    pub subagents: HookSubagents,
}

impl From<&Hooks> for Terms {
    fn from(hooks: &Hooks) -> Self {
        Self {
            lease: hooks.lease,
            rest: hooks.rest,
            shell: hooks.shell,
            subagents: hooks.subagents,
        }
    }
}

impl<F> HookCall<F> {
    /// The same with folders of another kind.
    ///
    /// # Errors
    /// The first with which it fails.
    pub fn with<G, E>(self, turn: impl Fn(F) -> Result<G, E>) -> Result<HookCall<G>, E> {
        Ok(HookCall {
            wanted: self.wanted.with(&turn)?,
            client: self.client,
            shows_session: self.shows_session,
            session: self.session,
            agent: self.agent,
            folder: self.folder,
            event: self.event,
            task: self.task,
            pane: self.pane,
            mark: self.mark,
            process: self.process,
            terms: self.terms,
            account: self.account,
        })
    }
}

/// What a call is answered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// Whether the tool may run.
    pub leave: Leave,
    /// The session that it acts as, and whether its own commands know that.
    pub session: String,
    /// Its task.
    pub task: TaskId,
    /// Whether a command of the agent acts as it by itself.
    pub by_itself: bool,
    /// Who waits for what it holds, when it was not told before.
    pub waits: Option<WaiterInfo>,
}

/// Whether a tool may run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leave {
    /// It may.
    Given,
    /// It may not.
    Refused(Verdict),
    /// Its user is to be asked: it cannot be told what it writes.
    Asked {
        /// What cannot be judged.
        what: String,
        /// What would be in its way.
        why: Verdict,
    },
}

/// Hears one call.
///
/// # Errors
/// When the store fails, or a marker names another database.
pub fn hear(service: &LockService, call: &HookCall<Folder>) -> Result<Told, Error> {
    service.refuse_foreign(&folders(&call.wanted))?;
    let wanted = without_foreign(service, &call.wanted);
    service.transact(|tx| {
        let found = call.row(tx, &**service.witness())?;
        let (session, is_nested) = (found.session, found.is_nested);
        let own = call.own_row(tx, &session)?;
        let nested = is_nested.then(|| call.as_subagent());
        let call = nested.as_ref().unwrap_or(call);
        let mut hearing = Hearing {
            service,
            call,
            wanted: &wanted,
            session,
            own,
            is_nested,
        };
        let leave = hearing.hear(tx)?;
        let waits = hearing.who_waits(tx)?;
        let acts = hearing.acts().clone();
        hearing.save(tx)?;
        Ok(Told {
            leave,
            by_itself: who::is_told_by_environment(call.shows_session, &acts),
            session: acts.name.to_string(),
            task: acts.task,
            waits,
        })
    })
}

/// What may be locked for what it writes, and not for what its words only name.
fn folders(wanted: &Wanted<Folder>) -> Vec<Folder> {
    let unsure = wanted.unsure.iter().map(|(_, place)| place);
    let places = wanted.writes.iter().chain(unsure);
    let locked = places.filter_map(|place| place.lock.as_ref());
    locked.map(|tree| tree.folder.clone()).collect()
}

/// A tree that is only named, and locked in another database as its marker
/// says, is none of this one's.
fn without_foreign(service: &LockService, wanted: &Wanted<Folder>) -> Wanted<Folder> {
    let is_ours = |place: &Place<Folder>| {
        let folders: Vec<Folder> = place.lock.iter().map(|tree| tree.folder.clone()).collect();
        service.refuse_foreign(&folders).is_ok()
    };
    let mut wanted = wanted.clone();
    wanted.named.retain(is_ours);
    wanted
}

/// One call inside its transaction.
struct Hearing<'a> {
    service: &'a LockService,
    call: &'a HookCall<Folder>,
    wanted: &'a Wanted<Folder>,
    session: AgentSession,
    /// Of a subagent with locks of its own.
    own: Option<AgentSession>,
    /// Another client's call, under the session's.
    is_nested: bool,
}

impl Hearing<'_> {
    /// Whose locks count.
    fn acts(&self) -> &AgentSession {
        self.own.as_ref().unwrap_or(&self.session)
    }

    fn hear(&mut self, tx: &mut LockTx<'_>) -> Result<Leave, Error> {
        let (mut event, agent) = (&self.call.event, self.call.agent.as_deref());
        // It waits for its user's word, and for what goes on behind it.
        if *event == Event::Rested && agents::is_in_background(tx, &self.session.name)? {
            event = &Event::Alive;
        }
        if self.session.doing != Doing::Ended || revives(event) {
            let doing = self.session.doing;
            event.applied_to(&mut self.session, agent);
            // What a client under another does says nothing of that one's turn.
            if self.is_nested {
                self.session.doing = doing;
            }
        }
        if let Some(own) = &mut self.own {
            event.applied_to(own, agent);
        }
        let leave = match event {
            Event::Wants(call) if call.writes => self.ask(tx, call)?,
            _ => Leave::Given,
        };
        match event {
            Event::Ended(_) => self.end(tx)?,
            Event::Stopped {
                background: false, ..
            }
            | Event::Failed(_)
            | Event::Rested
            | Event::BrokenOff => self.rest(tx)?,
            Event::SubagentEnded => self.end_own(tx)?,
            _ if self.session.doing != Doing::Ended => self.renew(tx)?,
            _ => {}
        }
        self.record(tx, event, &leave)?;
        Ok(leave)
    }

    fn ask(&mut self, tx: &mut LockTx<'_>, call: &Call) -> Result<Leave, Error> {
        let agent = self.call.agent.as_deref();
        let before = (self.session.clone(), self.own.clone());
        runs(&mut self.session, call, agent);
        if let Some(own) = &mut self.own {
            runs(own, call, agent);
        }
        let leave = self.decide(tx, self.wanted)?;
        if leave != Leave::Given {
            (self.session, self.own) = before; // It does not run.
        }
        Ok(leave)
    }

    /// What is surely written decides first; then what may be.
    fn decide(&self, tx: &mut LockTx<'_>, wanted: &Wanted<Folder>) -> Result<Leave, Error> {
        let holder = who::holder(self.acts());
        let binding = self.binding(self.acts());
        let gate = Gate {
            service: self.service,
            holder: &holder,
            binding: &binding,
            lease: self.call.terms.lease,
        };
        let free = wanted.unsure.iter().map(|(_, place)| place);
        let free: Vec<Place<Folder>> = free.chain(&wanted.named).cloned().collect();
        let mut places = wanted.writes.clone();
        if self.call.terms.shell != HookShell::Allow {
            if let Some(leave) = self.unsure(tx, &gate, wanted, &free)? {
                return Ok(leave);
            }
            places.extend(free.iter().cloned());
        }
        let verdict = gate.pass(tx, &places)?;
        let asks = self.call.terms.shell == HookShell::Ask && !free.is_empty();
        let verdict = match verdict {
            // A tree around what may be written can be held in part.
            why @ Verdict::Held(_) if asks => match gate.pass(tx, &wanted.writes)? {
                Verdict::Pass => {
                    let what = doubtful(wanted).to_owned();
                    return Ok(Leave::Asked { what, why });
                }
                verdict => verdict,
            },
            verdict => verdict,
        };
        Ok(match verdict {
            Verdict::Pass => Leave::Given,
            verdict => Leave::Refused(verdict),
        })
    }

    /// A command that may write where another is, or nothing at all: the
    /// setting says who decides.
    fn unsure(
        &self,
        tx: &mut LockTx<'_>,
        gate: &Gate<'_>,
        wanted: &Wanted<Folder>,
        free: &[Place<Folder>],
    ) -> Result<Option<Leave>, Error> {
        if free.is_empty() {
            return Ok(None);
        }
        if gate.look(tx, &wanted.writes)?.is_some() {
            return Ok(None); // Refused for what it surely writes.
        }
        let Some(refusal) = gate.look(tx, free)? else {
            return Ok(None);
        };
        let why = Verdict::Held(Box::new(refusal));
        Ok(Some(match self.call.terms.shell {
            HookShell::Ask => Leave::Asked {
                what: doubtful(wanted).to_owned(),
                why,
            },
            HookShell::Refuse | HookShell::Allow => Leave::Refused(why),
        }))
    }

    fn binding(&self, row: &AgentSession) -> AgentBinding {
        AgentBinding {
            process: row.process.clone(),
            mark: self.mark().or_else(|| self.mark_of(row)),
            in_call: !row.calls.is_empty(),
            spares: Vec::new(),
        }
    }

    /// A client under another is found by that one's mark: it was started with
    /// it.
    fn mark(&self) -> Option<(String, String)> {
        if !self.is_nested {
            return self.call.mark.clone();
        }
        let process = self.session.process.as_ref();
        let process = process.filter(|_| self.session.client == "claude");
        process.map(|process| ("CLAUDE_PID".to_owned(), process.pid.to_string()))
    }

    /// Codex gives its session's id to all that it starts.
    fn mark_of(&self, row: &AgentSession) -> Option<(String, String)> {
        let codex = row.client == "codex";
        codex.then(|| ("CODEX_SESSION_ID".to_owned(), row.client_session.clone()))
    }

    /// The locks that hooks took for a row.
    fn locks(tx: &mut LockTx<'_>, row: &AgentSession) -> Result<Vec<Lock>, Error> {
        let mut locks = tx.held_by(&row.name, row.task)?;
        locks.retain(|lock| matches!(lock.binding, Binding::Agent(_)));
        Ok(locks)
    }

    fn keep(&self, tx: &mut LockTx<'_>, row: &AgentSession, lease: Duration) -> Result<(), Error> {
        for lock in Self::locks(tx, row)? {
            let mut binding = self.binding(row);
            if let Binding::Agent(known) = &lock.binding {
                binding.spares.clone_from(&known.spares);
                binding.mark = binding.mark.or_else(|| known.mark.clone());
            }
            tx.keep_for_agent(&lock, binding, lease)?;
        }
        Ok(())
    }

    /// A sign of life is one for the session and for its subagent.
    fn renew(&self, tx: &mut LockTx<'_>) -> Result<(), Error> {
        self.keep(tx, &self.session, self.call.terms.lease)?;
        match &self.own {
            Some(own) => self.keep(tx, own, self.call.terms.lease),
            None => Ok(()),
        }
    }

    /// It stopped: its locks stay for a rest.
    fn rest(&self, tx: &mut LockTx<'_>) -> Result<(), Error> {
        match self.call.terms.rest {
            None => self.keep(tx, &self.session, self.call.terms.lease),
            Some(rest) if rest < SHORTEST_TTL => Self::free(tx, &self.session, RESTS),
            Some(rest) => self.keep(tx, &self.session, rest.min(self.call.terms.lease)),
        }
    }

    fn free(tx: &mut LockTx<'_>, row: &AgentSession, why: &str) -> Result<(), Error> {
        for lock in Self::locks(tx, row)? {
            tx.let_go(&lock, why)?;
        }
        Ok(())
    }

    fn end(&mut self, tx: &mut LockTx<'_>) -> Result<(), Error> {
        Self::free(tx, &self.session, "its session ended")?;
        for mut child in agents::children(tx, self.session.name.as_str())? {
            Self::free(tx, &child, "its session ended")?;
            child.doing = Doing::Ended;
            agents::save(tx, &child)?;
        }
        agents::wants_no_more(tx)
    }

    fn end_own(&mut self, tx: &mut LockTx<'_>) -> Result<(), Error> {
        self.keep(tx, &self.session, self.call.terms.lease)?;
        let Some(own) = &mut self.own else {
            return Ok(());
        };
        Self::free(tx, own, "the subagent is done")?;
        own.doing = Doing::Ended;
        Ok(())
    }

    fn record(&self, tx: &mut LockTx<'_>, event: &Event, leave: &Leave) -> Result<(), Error> {
        let has_task = self.session.task != TaskId::NONE;
        if let Some((kind, details)) = event.record(has_task) {
            agents::tell(tx, &self.session, kind, &details)?;
        }
        match (leave, event) {
            (Leave::Given, _) => Ok(()),
            (_, Event::Wants(call)) => {
                let details = serde_json::json!({ "tool": call.tool, "agent": self.call.agent });
                agents::tell(tx, &self.session, "refused", &details)
            }
            _ => Ok(()),
        }
    }

    /// The first who waits for what it holds, when it was not told of him.
    fn who_waits(&mut self, tx: &mut LockTx<'_>) -> Result<Option<WaiterInfo>, Error> {
        let hears = matches!(self.call.event, Event::Wants(_) | Event::Prompted(_));
        if !hears || !tx.store().has_waiters()? {
            return Ok(None);
        }
        let acts = self.acts().clone();
        for lock in tx.held_by(&acts.name, acts.task)? {
            let folders = std::slice::from_ref(&lock.folder);
            let mut waiters = tx.store().waiters_overlapping(&lock.scope, folders)?;
            waiters.retain(|waiter| {
                waiter.state == WaiterState::Waiting && waiter.want.conflicts_with(&lock)
            });
            let last = waiters.last().map_or(0, |waiter| waiter.id.0);
            if let Some(first) = waiters.iter().find(|waiter| waiter.id.0 > acts.told_waiter) {
                let told = WaiterInfo::of(first, 1);
                let row = self.own.as_mut().unwrap_or(&mut self.session);
                row.told_waiter = last;
                return Ok(Some(told));
            }
        }
        Ok(None)
    }

    fn save(&self, tx: &mut LockTx<'_>) -> Result<(), Error> {
        agents::save(tx, &self.session)?;
        match &self.own {
            Some(own) => agents::save(tx, own),
            None => Ok(()),
        }
    }
}

/// What it is of which it cannot be told what it writes.
fn doubtful(wanted: &Wanted<Folder>) -> &str {
    let first = wanted.unsure.first();
    first.map_or("what its words name", |(what, _)| what.as_str())
}

/// Whether an event shows that a session goes on which had ended.
fn revives(event: &Event) -> bool {
    matches!(
        event,
        Event::Began(_) | Event::Prompted(_) | Event::Wants(_)
    )
}
