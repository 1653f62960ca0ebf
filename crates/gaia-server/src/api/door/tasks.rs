//! The verbs on tasks and sessions.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use gaia_assigner::hearing::HookCall;
use gaia_assigner::service::Teller;
use gaia_assigner::wire::door::{Call, Piece};
use gaia_assigner::{TaskError, TaskService, Tasks as _};
use gaia_locks::ids::{Scope, SessionId, TaskId};
use gaia_locks::liveness::Liveness;
use gaia_locks::service::Locks as _;
use gaia_locks::wire::door::{Named, Request};
use serde_json::Value;
use tokio::time::Instant;

use super::super::extract::json as answer;
use super::super::folders::{self, not_too_many};
use super::super::for_another;
use super::super::locks::may_act;
use super::super::sessions::take_for;
use super::super::tasks::{may_call_off, said};
use super::super::wait::sleep_until;
use super::locks::value;
use super::{Speaks, Verb, needs};
use crate::accounts::{Role, Who};
use crate::app::App;
use crate::auth::still;
use crate::error::{Answer, Problem};

/// No call that waits lasts longer, whatever was asked for.
const LONGEST: Duration = Duration::from_secs(25);

/// Does what was asked.
///
/// # Errors
/// As the verb; 403 for what this role may not.
pub async fn tasks(
    State(app): State<Arc<App>>,
    who: Who,
    _: Speaks,
    Verb(Request { scope, call }): Verb<Call>,
) -> Answer<Response> {
    needs(least(&call), &who)?;
    let done = match call {
        Call::Wait { id, period } => wait(&app, &who, id, period).await,
        Call::Take { name, period } => {
            may_act(&who, &name)?;
            take(&app, &who, name, period).await
        }
        call if is_slow(&call) => {
            let shared = app.clone();
            let work = move || at_once(&shared, &who, &scope, call);
            app.core.slow(work).await
        }
        call => {
            let shared = app.clone();
            let work = move || at_once(&shared, &who, &scope, call);
            app.core.call(work).await
        }
    };
    Ok(answer(&done?))
}

/// Who may use a verb. Adding a session that is driven from here runs commands
/// on this machine.
fn least(call: &Call) -> Role {
    match call {
        Call::List(_)
        | Call::Counts
        | Call::Show { .. }
        | Call::Takers { .. }
        | Call::Wait { .. }
        | Call::Output { .. }
        | Call::Sessions => Role::Viewer,
        Call::Send(_)
        | Call::Cancel { .. }
        | Call::Told { .. }
        | Call::Taken { .. }
        | Call::AddRemote(_)
        | Call::Remove { .. }
        | Call::Heartbeat { .. }
        | Call::Take { .. }
        | Call::Hook(_) => Role::Agent,
        Call::Retry { .. }
        | Call::RetryFailed
        | Call::Reassign { .. }
        | Call::Clear { .. }
        | Call::AddProcess(_)
        | Call::AddTmux(_) => Role::Admin,
    }
}

/// What may wait for something in the world: that a process has stopped.
fn is_slow(call: &Call) -> bool {
    matches!(
        call,
        Call::Cancel { .. } | Call::Reassign { .. } | Call::Told { .. } | Call::AddTmux(_)
    )
}

fn at_once(app: &App, who: &Who, scope: &Scope, call: Call) -> Answer<Value> {
    let tasks = &app.tasks;
    let note = |what: &str, details: &str| app.accounts.note(&who.name, what, details);
    match call {
        Call::Send(new) => {
            let send = new.into_send(format!("api:{}", who.name))?;
            not_too_many(send.after.len(), "tasks in `after`")?;
            if send.folder.is_some() {
                lies_here(app, scope, "a task's folder")?;
            }
            value(tasks.send(&send)?)
        }
        Call::List(filter) => value(tasks.list(&filter)?),
        Call::Counts => value(tasks.counts()?),
        Call::Show { id } => value(tasks.show(id)?),
        Call::Takers { id } => value(tasks.takers(id)?),
        Call::Output { id, from } => value(Piece::from(tasks.output(id, from)?)),
        Call::Cancel { id } => {
            may_call_off(tasks, who, id)?;
            let cancelled = tasks.cancel(id, &who.name)?;
            if who.role == Role::Admin {
                note("cancel_task", &format!("task {id}"))?;
            }
            value(cancelled)
        }
        Call::Retry { id } => {
            let again = tasks.retry(id, &who.name)?;
            note("retry_task", &format!("task {id}"))?;
            value(again)
        }
        Call::RetryFailed => {
            let again = tasks.retry_failed(&who.name)?;
            note("retry_failed", &format!("{} tasks", again.count))?;
            value(again)
        }
        Call::Reassign { id, aim } => {
            let sent = tasks.reassign(id, &aim, &who.name)?;
            note("reassign_task", &format!("task {id}"))?;
            value(sent)
        }
        Call::Clear { age } => {
            let cleared = tasks.clear(age)?;
            note("clear_tasks", &format!("{} tasks", cleared.count))?;
            value(cleared)
        }
        Call::Told { id, told, teller } => {
            value(said(app, who, id, &told, &allowed(who, *teller)?)?)
        }
        Call::Taken { id, session } => {
            may_act(who, &session)?;
            value(tasks.taken(id, session.as_str())?)
        }
        Call::Hook(call) => hook(app, who, scope, *call),
        call => of_sessions(app, who, scope, call),
    }
}

/// A hook elsewhere. An agent acts for its own sessions, a pane is on this
/// machine, and a process counts only where it is seen to live.
fn hook(app: &App, who: &Who, scope: &Scope, call: HookCall<Named>) -> Answer<Value> {
    let door = folders::door(&app.locks, Some(scope));
    let mut call = call.with(Named::into_folder)?;
    let witness = door.witness();
    call.process = call
        .process
        .filter(|process| witness.liveness(process) == Liveness::Alive);
    not_too_many(call.wanted.places().count(), "places")?;
    if who.role < Role::Admin {
        call.pane = None;
        call.account = Some(who.name.clone());
    }
    if let Some((session, _)) = &call.task {
        may_act(
            who,
            &SessionId::new(session.clone()).map_err(TaskError::from)?,
        )?;
    }
    value(TaskService::new(door).hear(&call)?)
}

fn of_sessions(app: &App, who: &Who, scope: &Scope, call: Call) -> Answer<Value> {
    let tasks = &app.tasks;
    let note = |what: &str, session: &str| app.accounts.note(&who.name, what, session);
    match call {
        Call::Sessions => value(tasks.sessions()?),
        Call::AddProcess(new) => {
            lies_here(app, scope, "the folder of a session that is started here")?;
            folders::can_be_one(new.folder.as_deref())?;
            let added = tasks.add_process(&new)?;
            note("add_session", new.name.as_str())?;
            value(added)
        }
        Call::AddRemote(new) => {
            may_act(who, &new.name)?;
            folders::can_be_one(new.folder.as_deref())?;
            let added = tasks.add_remote(&new)?;
            for_another::note_session(app, who, "add_session", &new.name)?;
            value(added)
        }
        Call::AddTmux(new) => {
            let added = tasks.add_tmux(&new)?;
            note("add_session", new.name.as_str())?;
            value(added)
        }
        Call::Remove { name } => {
            let session = SessionId::new(name.clone()).map_err(TaskError::from)?;
            may_act(who, &session)?;
            let removed = tasks.remove(&name)?;
            note("remove_session", &name)?;
            value(removed)
        }
        Call::Heartbeat { name, task } => {
            may_act(who, &name)?;
            value(tasks.heartbeat(&name, task)?)
        }
        other => Err(Problem::invalid(format!("{other:?} is not done here"))),
    }
}

/// Tasks and the sessions that are driven from here work on this machine's
/// files.
fn lies_here(app: &App, scope: &Scope, what: &str) -> Answer<()> {
    let ours = app.locks.scope();
    if *scope == ours {
        return Ok(());
    }
    Err(Problem::invalid(format!(
        "{what} lies where the assigner works (scope {ours}), and this path is of another machine (scope {scope})"
    ))
    .hint("where both machines see the same files, set GAIA_SCOPE to one word on both"))
}

/// An agent says it as its own session, and as nothing else: a pane is on this
/// machine, and a person is an admin.
fn allowed(who: &Who, mut teller: Teller) -> Answer<Teller> {
    if let Some(session) = &teller.session {
        may_act(who, session)?;
    }
    if who.role < Role::Admin {
        teller.pane = None;
        if teller.person.is_some() {
            return Err(Problem::forbidden(
                "only an admin says as a person how a task ended",
            ));
        }
    }
    teller.person = teller.person.map(|_| who.name.clone());
    Ok(teller)
}

async fn wait(app: &Arc<App>, who: &Who, id: TaskId, period: Duration) -> Answer<Value> {
    let until = Instant::now() + period.min(LONGEST);
    let (mut changes, mut waited) = (app.bell.changes(), false);
    loop {
        changes.borrow_and_update();
        let tasks = app.tasks.clone();
        let look = move || {
            let settled = gaia_assigner::service::Waiting {
                limit: Some(Duration::ZERO),
                ..Default::default()
            };
            tasks.wait(id, &settled)
        };
        let task = app.core.call(look).await?;
        if task.status.is_over() || Instant::now() >= until || *app.stopping.borrow() {
            if waited {
                still::counts(app, who).await?;
            }
            return value(task);
        }
        waited = true;
        tokio::select! {
            _ = changes.changed() => {}
            () = app.stopped() => {}
            () = sleep_until(Some(until)) => {}
        }
    }
}

async fn take(app: &Arc<App>, who: &Who, name: SessionId, period: Duration) -> Answer<Value> {
    let until = Instant::now() + period.min(LONGEST);
    let mut changes = app.bell.changes();
    loop {
        changes.borrow_and_update();
        let taken = take_for(app, who, &name).await?;
        if taken.is_some() || Instant::now() >= until || *app.stopping.borrow() {
            return value(taken);
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = app.stopped() => {}
            () = sleep_until(Some(until)) => {}
        }
        // No task is given to whom nothing would be given now.
        still::counts(app, who).await?;
    }
}
