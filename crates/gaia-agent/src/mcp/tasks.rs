//! The tools on tasks.

use std::pin::pin;

use gaia_assigner::TaskError;
use gaia_assigner::service::{Filter, Taken, Teller};
use gaia_assigner::task::Told;
use gaia_assigner::wire::{OneTask, TaskInfo, TaskList};
use gaia_locks::ids::{LockId, SessionId, TaskId};
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::{Peer, RoleServer};
use serde::Serialize;
use tokio::time::{Interval, interval};

use super::doors::{Did, Doors, Opened};
use super::said::Done;
use super::tools::Call;
use super::wait::QUIET;
use super::{Said, args};

/// How many tasks are listed unless more are asked for.
const USUALLY: u32 = 50;
/// The most.
const MOST: u32 = 500;

/// The queue.
pub(super) async fn list<D: Doors>(
    call: &Call<'_, D>,
    asked: args::ListTasks,
) -> Result<Done, Said> {
    let limit = asked.limit.unwrap_or(USUALLY);
    if limit == 0 || limit > MOST {
        return Err(Said::invalid(format!(
            "limit is {limit}; it is 1 to {MOST}"
        )));
    }
    let filter = Filter {
        statuses: asked.status,
        session: asked.of_session,
        limit: Some(limit),
    };
    let work = move |doors: &Opened| doors.tasks.list(&filter);
    let tasks: TaskList = call.doors.call(&call.caller, None, work).await?;
    Ok(Done::of(&tasks))
}

#[derive(Serialize, Default)]
struct Given {
    task: Option<TaskInfo>,
    folder: Option<String>,
    token: Option<LockId>,
    taken_before: bool,
}

impl Given {
    fn new(taken: Taken, taken_before: bool) -> Self {
        Self {
            task: Some(taken.task),
            folder: taken.folder,
            token: taken.token,
            taken_before,
        }
    }
}

/// A task for a session. One that works already is given its task again: its
/// answer may have been lost with the connection.
pub(super) async fn take<D: Doors>(
    call: &Call<'_, D>,
    asked: args::TakeTask,
) -> Result<Done, Said> {
    let session = call
        .doors
        .holder(&call.caller, asked.session, None)?
        .session;
    if let Some(before) = works_on(call, session.clone()).await? {
        return Ok(Done::of(&Given::new(before, true)));
    }
    let limit = asked.wait.map(|args::Length(limit)| limit);
    let ends = call.ends.clone();
    let mut take = pin!(
        call.doors
            .take(&call.caller, session, limit.unwrap_or_default(), ends)
    );
    let mut beat = Beat::new(call);
    let taken = loop {
        tokio::select! {
            biased;
            taken = &mut take => break taken?,
            () = beat.tell(), if limit.is_some() => {}
        }
    };
    Ok(Done::of(&taken.map_or_else(Given::default, |taken| {
        Given::new(taken, false)
    })))
}

/// Tells a client that wants to know that it still waits, at once and every few
/// seconds: clients give up a call of which nothing comes.
struct Beat<'a> {
    peer: &'a Peer<RoleServer>,
    token: Option<ProgressToken>,
    beat: Interval,
    count: f64,
}

impl<'a> Beat<'a> {
    fn new<D: Doors>(call: &Call<'a, D>) -> Self {
        Self {
            peer: &call.context.peer,
            token: call.context.meta.get_progress_token(),
            beat: interval(QUIET),
            count: 0.0,
        }
    }

    async fn tell(&mut self) {
        let Some(token) = self.token.clone() else {
            return std::future::pending().await;
        };
        self.beat.tick().await;
        self.count += 1.0;
        let told = ProgressNotificationParam::new(token, self.count)
            .with_message("there is no task yet; waiting");
        // A client that is gone is told nothing.
        drop(self.peer.notify_progress(told).await);
    }
}

async fn works_on<D: Doors>(call: &Call<'_, D>, session: SessionId) -> Result<Option<Taken>, Said> {
    let work = move |doors: &Opened| {
        let sessions = doors.tasks.sessions()?.sessions;
        let is_remote = |kind: &Option<String>| kind.as_deref() == Some("remote");
        let found = sessions
            .into_iter()
            .find(|known| known.name == session.as_str() && is_remote(&known.kind));
        let Some(task) = found.and_then(|known| known.current_task_id) else {
            return Ok(None);
        };
        let task = doors.tasks.show(task)?;
        Ok::<_, TaskError>(Some(Taken {
            folder: task.working_dir.clone(),
            token: task.lock_token,
            task,
        }))
    };
    call.doors.call(&call.caller, None, work).await
}

/// It is done.
pub(super) async fn finish<D: Doors>(
    call: &Call<'_, D>,
    asked: args::FinishTask,
) -> Result<Done, Said> {
    let told = Told::Done(asked.answer);
    tell(call, asked.task, asked.session, asked.token, told).await
}

/// It could not be done.
pub(super) async fn fail<D: Doors>(
    call: &Call<'_, D>,
    asked: args::FailTask,
) -> Result<Done, Said> {
    if asked.reason.trim().is_empty() {
        return Err(Said::invalid("say in `reason` why it could not be done"));
    }
    let told = Told::Failed(asked.reason);
    tell(call, asked.task, asked.session, asked.token, told).await
}

async fn tell<D: Doors>(
    call: &Call<'_, D>,
    task: Option<TaskId>,
    session: Option<SessionId>,
    token: Option<LockId>,
    told: Told,
) -> Result<Done, Said> {
    let teller = call.doors.teller(&call.caller, session, task)?;
    let teller = Teller { token, ..teller };
    let said = told.clone();
    let work = move |doors: &Opened| doors.tasks.told(task, &said, &teller);
    let task = call.doors.call_long(&call.caller, work).await?;
    let did = Did::Told(told, Box::new(task.clone()));
    call.doors.did(&call.caller, did).await?;
    Ok(Done::of(&OneTask { task }))
}
