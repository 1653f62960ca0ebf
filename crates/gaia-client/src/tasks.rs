//! The door to tasks and sessions.

use std::convert::Infallible;
use std::time::Duration;

use gaia_assigner::hearing::{Event, HookCall, Told as HookTold};
use gaia_assigner::service::{
    AddProcess, AddRemote, AddTmux, Added, Aim, Cleared, Filter, Heard, Output, Send, Taken,
    Teller, Waiting,
};
use gaia_assigner::task::{Status, Told};
use gaia_assigner::wire::door::{Call, NewTask, Piece};
use gaia_assigner::wire::{SessionInfo, SessionList, TaskInfo, TaskList};
use gaia_assigner::{TaskError, Tasks};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::wire::LockInfo;
use gaia_locks::wire::door::{Named, Request, TASKS_PATH};
use serde::de::DeserializeOwned;

use crate::Client;
use crate::http::{How, rest};
use crate::locks::{CallFault, Called};
use crate::wait::{Left, OUTAGE, unless_cancelled};

/// How long a hook's call is tried: its client waits for the answer.
const HOOK: Duration = Duration::from_secs(8);
/// The same for one that only tells that its session lives.
const SIGN: Duration = Duration::from_secs(2);
/// How long one call stands.
const PERIOD: Duration = Duration::from_secs(20);
/// How long a task's folder may take to be made ready for it.
const READY: Duration = Duration::from_secs(70);
/// The pause between two looks at whether it is.
const PAUSE: Duration = Duration::from_millis(500);

impl Client {
    fn tasks_call<A: DeserializeOwned>(&self, call: Call, how: &How) -> Called<A> {
        let scope = self.my_scope(how).map_err(CallFault::Here)?;
        let request = Request { scope, call };
        let called = self.inner.http.call(TASKS_PATH, &request, how);
        called.map_err(CallFault::There)
    }

    fn ask_of_tasks<A: DeserializeOwned>(&self, call: Call) -> Result<A, TaskError> {
        Ok(self.tasks_call(call, &How::soon())?.0)
    }

    fn ask_tasks_once<A: DeserializeOwned>(&self, call: Call) -> Result<A, TaskError> {
        Ok(self.tasks_call(call, &How::once())?.0)
    }

    /// As [`Self::ask_tasks_once`], for what lasts.
    fn ask_tasks_long<A: DeserializeOwned>(&self, call: Call) -> Result<A, TaskError> {
        Ok(self.tasks_call(call, &How::once().lasting())?.0)
    }

    /// A task that was given but not begun: its folder is made ready.
    fn begun(&self, id: TaskId) -> Result<TaskInfo, TaskError> {
        let left = Left::new(Some(READY));
        loop {
            let task = self.show(id)?;
            if task.status != Status::Assigned || left.is_over() {
                return Ok(task);
            }
            rest(PAUSE);
        }
    }

    /// A lost answer may have brought the task: then it is the session's.
    fn was_it_given(&self, name: &SessionId, busy: TaskError) -> Result<Option<Taken>, TaskError> {
        let TaskError::SessionBusy { task, .. } = &busy else {
            return Err(busy);
        };
        let task = self.begun(*task)?;
        if task.assigned_session.as_deref() != Some(name.as_str()) {
            return Err(busy);
        }
        Ok(Some(Taken {
            folder: task.working_dir.clone(),
            token: task.lock_token,
            task,
        }))
    }
}

/// A tool that writes nothing is never refused, and waits for next to nothing;
/// what decides about a write, a task or a lock is worth a wait.
fn hook_patience(event: &Event) -> Duration {
    match event {
        Event::Wants(tool) if !tool.writes => SIGN,
        Event::Did(_) | Event::Alive => SIGN,
        _ => HOOK,
    }
}

impl Tasks for Client {
    /// Told twice it is heard twice, which is no harm: what was locked by the
    /// first is held by the second.
    fn hear(&self, call: &HookCall<Folder>) -> Result<HookTold, TaskError> {
        let call = call
            .clone()
            .with(|folder| Ok::<_, Infallible>(Named::of(&folder)));
        let Ok(call) = call;
        let how = How::soon().for_at_most(hook_patience(&call.event));
        Ok(self.tasks_call(Call::Hook(Box::new(call)), &how)?.0)
    }

    fn send(&self, new: &Send) -> Result<TaskInfo, TaskError> {
        self.ask_tasks_once(Call::Send(Box::new(NewTask::of(new))))
    }

    fn list(&self, filter: &Filter) -> Result<TaskList, TaskError> {
        self.ask_of_tasks(Call::List(filter.clone()))
    }

    fn counts(&self) -> Result<Vec<(Status, i64)>, TaskError> {
        self.ask_of_tasks(Call::Counts)
    }

    fn show(&self, id: TaskId) -> Result<TaskInfo, TaskError> {
        self.ask_of_tasks(Call::Show { id })
    }

    fn takers(&self, id: TaskId) -> Result<Vec<SessionInfo>, TaskError> {
        self.ask_of_tasks(Call::Takers { id })
    }

    fn wait(&self, id: TaskId, patience: &Waiting) -> Result<TaskInfo, TaskError> {
        let left = Left::new(patience.limit);
        loop {
            let period = left.piece(PERIOD);
            let called =
                unless_cancelled(self, &patience.cancel, &left, move |client, abandoned| {
                    let how = How::standing(period, OUTAGE, abandoned);
                    client.tasks_call::<TaskInfo>(Call::Wait { id, period }, &how)
                });
            let Some(called) = called? else {
                return self.show(id);
            };
            let (task, _) = called?;
            if task.status.is_over() || left.is_over() {
                return Ok(task);
            }
        }
    }

    fn output(&self, id: TaskId, from: u64) -> Result<Output, TaskError> {
        let piece: Piece = self.ask_of_tasks(Call::Output { id, from })?;
        Ok(piece.into())
    }

    fn cancel(&self, id: TaskId, _: &str) -> Result<TaskInfo, TaskError> {
        match self.tasks_call(Call::Cancel { id }, &How::soon().lasting()) {
            // The first has done it.
            Err(CallFault::There(fault)) if fault.repeated && fault.is("task_is_over") => {
                self.show(id)
            }
            called => Ok(called.map_err(CallFault::of_a_change)?.0),
        }
    }

    fn retry(&self, id: TaskId, _: &str) -> Result<TaskInfo, TaskError> {
        self.ask_tasks_once(Call::Retry { id })
    }

    fn retry_failed(&self, _: &str) -> Result<TaskList, TaskError> {
        self.ask_tasks_once(Call::RetryFailed)
    }

    fn reassign(&self, id: TaskId, aim: &Aim, _: &str) -> Result<TaskInfo, TaskError> {
        let aim = aim.clone();
        // A second one stops the run that the first began.
        self.ask_tasks_long(Call::Reassign { id, aim })
    }

    fn clear(&self, age: Duration) -> Result<Cleared, TaskError> {
        self.ask_tasks_long(Call::Clear { age })
    }

    fn told(
        &self,
        id: Option<TaskId>,
        told: &Told,
        teller: &Teller,
    ) -> Result<TaskInfo, TaskError> {
        let call = Call::Told {
            id,
            told: told.clone(),
            teller: Box::new(teller.clone()),
        };
        let named = id.or(teller.task);
        // Where none is named it is the session's task, which may be the next
        // one by the time that it is told again.
        let how = match named {
            Some(_) => How::soon(),
            None => How::once(),
        };
        match (self.tasks_call(call, &how.lasting()), named) {
            // The first was heard: it does not run any more.
            (Err(CallFault::There(fault)), Some(id))
                if fault.repeated && fault.is("wrong_state") =>
            {
                self.show(id)
            }
            (called, _) => Ok(called.map_err(CallFault::of_a_change)?.0),
        }
    }

    fn taken(&self, id: TaskId, session: &str) -> Result<TaskInfo, TaskError> {
        let session = SessionId::new(session)?;
        self.ask_of_tasks(Call::Taken { id, session })
    }

    fn force_release(&self, id: LockId, by: &str, reason: &str) -> Result<LockInfo, TaskError> {
        Ok(gaia_locks::Locks::force_release(self, id, by, reason)?)
    }

    fn sessions(&self) -> Result<SessionList, TaskError> {
        self.ask_of_tasks(Call::Sessions)
    }

    fn add_process(&self, new: &AddProcess) -> Result<SessionInfo, TaskError> {
        self.ask_tasks_once(Call::AddProcess(new.clone()))
    }

    fn add_remote(&self, new: &AddRemote) -> Result<SessionInfo, TaskError> {
        self.ask_tasks_once(Call::AddRemote(new.clone()))
    }

    fn add_tmux(&self, new: &AddTmux) -> Result<Added, TaskError> {
        self.ask_tasks_once(Call::AddTmux(Box::new(new.clone())))
    }

    fn remove(&self, name: &str) -> Result<Added, TaskError> {
        let name = name.to_owned();
        self.ask_tasks_once(Call::Remove { name })
    }

    fn heartbeat(&self, name: &SessionId, task: Option<TaskId>) -> Result<Heard, TaskError> {
        let name = name.clone();
        self.ask_of_tasks(Call::Heartbeat { name, task })
    }

    fn take(
        &self,
        name: &SessionId,
        patience: Option<&Waiting>,
    ) -> Result<Option<Taken>, TaskError> {
        let limit = patience.map_or(Some(Duration::ZERO), |patience| patience.limit);
        let cancel = patience.map(|patience| patience.cancel.clone());
        let (left, cancel) = (Left::new(limit), cancel.unwrap_or_default());
        // A task that is on its way is not left there, however late it comes.
        let endless = Left::new(None);
        loop {
            let (period, asks) = (left.piece(PERIOD), name.clone());
            let called = unless_cancelled(self, &cancel, &endless, move |client, abandoned| {
                let how = How::standing(period, OUTAGE, abandoned);
                let call = Call::Take { name: asks, period };
                client.tasks_call::<Option<Taken>>(call, &how)
            });
            match called? {
                None => return Ok(None),
                Some(Ok((Some(taken), _))) => return Ok(Some(taken)),
                Some(Ok((None, _))) if left.is_over() => return Ok(None),
                Some(Ok((None, _))) => {}
                Some(Err(CallFault::There(fault)))
                    if fault.repeated && fault.is("session_busy") =>
                {
                    return self.was_it_given(name, fault.into());
                }
                Some(Err(fault)) => return Err(fault.into()),
            }
        }
    }
}
