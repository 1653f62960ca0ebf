//! One call, heard and decided in one transaction.

use std::path::PathBuf;
use std::time::Duration;

use gaia_assigner::agents::{self, AgentSession, Doing};
use gaia_locks::folder::InvalidFolder;
use gaia_locks::ids::TaskId;
use gaia_locks::model::{AgentBinding, Binding, Lock, WaiterState};
use gaia_locks::service::{LockTx, RESTS, SHORTEST_TTL};
use gaia_locks::settings::{HookShell, Hooks};
use gaia_locks::wire::WaiterInfo;
use gaia_locks::{Error, LockService};

use super::event::{Action, Call, Event, Heard, runs};
use super::gate::{Gate, Verdict};
use super::places::{Judge, Place};
use super::who::{self, Caller};
use super::{Client, Surroundings};
use crate::shell::{self, Judged};

/// What a call is answered.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Told {
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
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Leave {
    /// It may.
    Given,
    /// It may not.
    Refused(Verdict),
    /// Its user is to be asked: it cannot be told what it writes.
    Asked { what: String, why: Verdict },
}

/// What a call would write, as places.
#[derive(Default)]
struct Wanted {
    writes: Vec<Place>,
    /// What cannot be judged, and where it may write.
    unsure: Vec<(String, Place)>,
    /// Where it may write besides.
    named: Vec<Place>,
}

/// Hears one call.
pub(super) fn hear(
    client: Client,
    service: &LockService,
    hooks: &Hooks,
    heard: &Heard,
    around: &Surroundings,
) -> Result<Told, Error> {
    let wanted = wanted(hooks, heard, around)?;
    let caller = Caller {
        client: client.word(),
        heard,
        around,
        process: who::process(heard, around),
        subagents: hooks.subagents,
    };
    service.refuse_foreign(&folders(&wanted))?;
    service.transact(|tx| {
        let found = caller.row(tx, &**service.witness())?;
        let (session, is_nested) = (found.session, found.is_nested);
        let nested = is_nested.then(|| who::as_subagent(heard));
        let heard = nested.as_ref().unwrap_or(heard);
        let own = caller.own_row(tx, &session)?;
        let mut hearing = Hearing {
            service,
            hooks,
            heard,
            around,
            session,
            own,
            is_nested,
        };
        let leave = hearing.hear(tx, &wanted)?;
        let waits = hearing.who_waits(tx)?;
        let acts = hearing.acts().clone();
        hearing.save(tx)?;
        Ok(Told {
            leave,
            by_itself: who::is_told_by_environment(client, &acts),
            session: acts.name.to_string(),
            task: acts.task,
            waits,
        })
    })
}

fn folders(wanted: &Wanted) -> Vec<gaia_locks::folder::Folder> {
    let places = wanted
        .writes
        .iter()
        .chain(wanted.unsure.iter().map(|(_, place)| place))
        .chain(&wanted.named);
    places
        .filter_map(|place| Some(place.lock.as_ref()?.folder.clone()))
        .collect()
}

fn wanted(hooks: &Hooks, heard: &Heard, around: &Surroundings) -> Result<Wanted, InvalidFolder> {
    let Event::Wants(call) = &heard.event else {
        return Ok(Wanted::default());
    };
    let judge = Judge::new(hooks.locks, around);
    match &call.action {
        Action::Free => Ok(Wanted::default()),
        Action::Writes(paths) => {
            let writes = paths.iter().map(|path| judge.path(path, &heard.folder));
            Ok(Wanted {
                writes: writes.collect::<Result<_, _>>()?,
                ..Wanted::default()
            })
        }
        Action::Unsure { what, names } => Ok(Wanted {
            unsure: vec![(what.clone(), judge.tree(&heard.folder)?)],
            named: named(&judge, names.iter().map(|name| heard.folder.join(name))),
            ..Wanted::default()
        }),
        Action::Runs { command, folder } => {
            let folder = folder
                .as_ref()
                .map_or(heard.folder.clone(), |folder| heard.folder.join(folder));
            let judged = shell::judge(command, &folder, around.home.as_deref());
            of_command(&judge, &judged)
        }
    }
}

fn of_command(judge: &Judge<'_>, judged: &Judged) -> Result<Wanted, InvalidFolder> {
    let writes = judged.writes.iter().map(|written| judge.written(written));
    let unsure = judged
        .unsure
        .iter()
        .map(|unsure| Ok((unsure.what.clone(), judge.tree(&unsure.folder)?)));
    Ok(Wanted {
        writes: writes.collect::<Result<_, _>>()?,
        unsure: unsure.collect::<Result<_, InvalidFolder>>()?,
        named: named(judge, judged.named.iter().cloned()),
    })
}

/// Places that are named by what cannot be judged. What can be no path is none.
fn named(judge: &Judge<'_>, paths: impl Iterator<Item = PathBuf>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for place in paths.filter_map(|path| judge.named(&path)) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// One call inside its transaction.
struct Hearing<'a> {
    service: &'a LockService,
    hooks: &'a Hooks,
    heard: &'a Heard,
    around: &'a Surroundings,
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

    fn hear(&mut self, tx: &mut LockTx<'_>, wanted: &Wanted) -> Result<Leave, Error> {
        let (mut event, agent) = (&self.heard.event, self.heard.agent.as_deref());
        // It waits for its user's word, and for what goes on behind it.
        if *event == Event::Rested && agents::is_in_background(tx, &self.session.name)? {
            event = &Event::Alive;
        }
        if self.session.doing != Doing::Ended || revives(event) {
            event.applied_to(&mut self.session, agent);
        }
        if let Some(own) = &mut self.own {
            event.applied_to(own, agent);
        }
        let leave = match event {
            Event::Wants(call) if call.action != Action::Free => self.ask(tx, call, wanted)?,
            _ => Leave::Given,
        };
        match event {
            Event::Ended(_) => self.end(tx)?,
            Event::Stopped {
                background: false, ..
            }
            | Event::Failed(_)
            | Event::Rested => self.rest(tx)?,
            Event::SubagentEnded => self.end_own(tx)?,
            _ if self.session.doing != Doing::Ended => self.renew(tx)?,
            _ => {}
        }
        self.record(tx, event, &leave)?;
        Ok(leave)
    }

    fn ask(&mut self, tx: &mut LockTx<'_>, call: &Call, wanted: &Wanted) -> Result<Leave, Error> {
        let agent = self.heard.agent.as_deref();
        let before = (self.session.clone(), self.own.clone());
        runs(&mut self.session, call, agent);
        if let Some(own) = &mut self.own {
            runs(own, call, agent);
        }
        let leave = self.decide(tx, wanted)?;
        if leave != Leave::Given {
            (self.session, self.own) = before; // It does not run.
        }
        Ok(leave)
    }

    /// What is surely written decides first; then what may be.
    fn decide(&self, tx: &mut LockTx<'_>, wanted: &Wanted) -> Result<Leave, Error> {
        let holder = who::holder(self.acts());
        let binding = self.binding(self.acts());
        let gate = Gate {
            service: self.service,
            holder: &holder,
            binding: &binding,
            lease: self.hooks.lease,
        };
        let free = wanted.unsure.iter().map(|(_, place)| place);
        let free: Vec<Place> = free.chain(&wanted.named).cloned().collect();
        let mut places = wanted.writes.clone();
        if self.hooks.shell != HookShell::Allow {
            if let Some(leave) = self.unsure(tx, &gate, wanted, &free)? {
                return Ok(leave);
            }
            places.extend(free);
        }
        Ok(match gate.pass(tx, &places)? {
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
        wanted: &Wanted,
        free: &[Place],
    ) -> Result<Option<Leave>, Error> {
        let Some((what, _)) = wanted.unsure.first() else {
            return Ok(None);
        };
        if gate.look(tx, &wanted.writes)?.is_some() {
            return Ok(None); // Refused for what it surely writes.
        }
        let Some(refusal) = gate.look(tx, free)? else {
            return Ok(None);
        };
        let why = Verdict::Held(Box::new(refusal));
        Ok(Some(match self.hooks.shell {
            HookShell::Ask => Leave::Asked {
                what: what.clone(),
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
            return self.around.mark.clone();
        }
        let process = self.session.process.as_ref();
        let process = process.filter(|_| self.session.client == Client::Claude.word());
        process.map(|process| ("CLAUDE_PID".to_owned(), process.pid.to_string()))
    }

    /// Codex gives its session's id to all that it starts.
    fn mark_of(&self, row: &AgentSession) -> Option<(String, String)> {
        let codex = row.client == Client::Codex.word();
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
        self.keep(tx, &self.session, self.hooks.lease)?;
        match &self.own {
            Some(own) => self.keep(tx, own, self.hooks.lease),
            None => Ok(()),
        }
    }

    /// It stopped: its locks stay for a rest.
    fn rest(&self, tx: &mut LockTx<'_>) -> Result<(), Error> {
        match self.hooks.rest {
            None => self.keep(tx, &self.session, self.hooks.lease),
            Some(rest) if rest < SHORTEST_TTL => Self::free(tx, &self.session, RESTS),
            Some(rest) => self.keep(tx, &self.session, rest.min(self.hooks.lease)),
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
        self.keep(tx, &self.session, self.hooks.lease)?;
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
                let details = serde_json::json!({ "tool": call.tool, "agent": self.heard.agent });
                agents::tell(tx, &self.session, "refused", &details)
            }
            _ => Ok(()),
        }
    }

    /// The first who waits for what it holds, when it was not told of him.
    fn who_waits(&mut self, tx: &mut LockTx<'_>) -> Result<Option<WaiterInfo>, Error> {
        let hears = matches!(self.heard.event, Event::Wants(_) | Event::Prompted(_));
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

/// Whether an event shows that a session goes on which had ended.
fn revives(event: &Event) -> bool {
    matches!(
        event,
        Event::Began(_) | Event::Prompted(_) | Event::Wants(_)
    )
}
