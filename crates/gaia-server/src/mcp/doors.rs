//! The doors of the tools: this server's core, as whoever sent the call.

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use gaia_agent::mcp::{Came, Did, Doors, Ends, Opened, Reads, Said, Stands};
use gaia_assigner::TaskError;
use gaia_assigner::service::Taken;
use gaia_locks::Locks;
use gaia_locks::ids::{Scope, SessionId, TaskId};
use gaia_locks::model::Holder;
use gaia_locks::service::{Release, Released};
use rmcp::model::Extensions;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Connection, has_one_word, wait};
use crate::accounts::{Role, Who};
use crate::api::locks::own_session;
use crate::api::sessions::take_for;
use crate::api::wait::sleep_until;
use crate::api::{folders, for_another};
use crate::app::App;
use crate::auth::still;
use crate::error::{Answer, Problem};

/// This server's doors.
#[derive(Clone)]
pub struct Here {
    app: Arc<App>,
}

/// Who sent a call, and how.
#[derive(Clone)]
pub struct Caller {
    /// Who.
    pub who: Who,
    broke: CancellationToken,
    /// Whether breaking off and calling off are one and the same.
    pub one_word: bool,
}

impl Here {
    /// The doors of this server.
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    fn opened(&self, scope: Option<&Scope>) -> Opened {
        Opened {
            locks: Arc::new(folders::door(&self.app.locks, scope)),
            tasks: Arc::new(self.app.tasks.clone()),
        }
    }
}

impl Doors for Here {
    type Caller = Caller;

    fn caller(&self, extensions: &Extensions, reads: Reads) -> Result<Caller, Said> {
        let nobody = || said(Problem::signed_out("nobody is signed in"));
        let parts = extensions.get::<Parts>().ok_or_else(nobody)?;
        let who = parts.extensions.get::<Who>().cloned().ok_or_else(nobody)?;
        let least = match reads {
            Reads::Only => Role::Viewer,
            Reads::AndActs => Role::Agent,
        };
        if who.role < least {
            let (name, role) = (&who.name, who.role);
            let problem = Problem::forbidden(format!("{name} is {role}; this needs {least}"));
            return Err(said(problem));
        }
        let connection = parts.extensions.get::<Connection>();
        Ok(Caller {
            who,
            broke: connection.map_or_else(CancellationToken::new, |known| known.0.clone()),
            one_word: has_one_word(&parts.headers),
        })
    }

    fn holder(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        task: Option<TaskId>,
    ) -> Result<Holder, Said> {
        let session = own_session(&caller.who, session)
            .map_err(|problem| said(problem).hint(whose(&caller.who.name)))?;
        Ok(Holder::new(session, task.unwrap_or(TaskId::NONE)))
    }

    fn refused(&self) {
        self.app.metrics.refused();
    }

    async fn did(&self, caller: &Caller, did: Did) -> Result<(), Said> {
        // Nobody else acts for another's session.
        if caller.who.role < Role::Admin {
            return Ok(());
        }
        let (app, who) = (self.app.clone(), caller.who.clone());
        let note = move || match did {
            Did::Acquired(locks) => for_another::note_done(&app, &who, "acquire", &locks),
            Did::Renewed(lock) => for_another::note_done(&app, &who, "renew", &[*lock]),
            Did::Told(told, task) => {
                for_another::note_task(&app, &who, for_another::word(&told), &task)
            }
        };
        self.app.core.call(note).await.map_err(said)
    }

    fn connection(&self, caller: &Caller) -> CancellationToken {
        caller.broke.clone()
    }

    async fn call<T, F>(&self, _: &Caller, scope: Option<Scope>, work: F) -> Result<T, Said>
    where
        T: Send + 'static,
        F: FnOnce(&Opened) -> Result<T, TaskError> + Send + 'static,
    {
        let opened = self.opened(scope.as_ref());
        self.app
            .core
            .call(move || work(&opened))
            .await
            .map_err(said)
    }

    async fn call_long<T, F>(&self, _: &Caller, work: F) -> Result<T, Said>
    where
        T: Send + 'static,
        F: FnOnce(&Opened) -> Result<T, TaskError> + Send + 'static,
    {
        let opened = self.opened(None);
        self.app
            .core
            .slow(move || work(&opened))
            .await
            .map_err(said)
    }

    async fn release<F>(
        &self,
        caller: &Caller,
        scope: Option<Scope>,
        what: F,
    ) -> Result<Released, Said>
    where
        F: FnOnce(&dyn Locks) -> Result<Release, TaskError> + Send + 'static,
    {
        let door = folders::door(&self.app.locks, scope.as_ref());
        let who = caller.who.clone();
        let work = move || for_another::release(&door, &who, &what(&door)?, &who.name);
        self.app.core.call(work).await.map_err(said)
    }

    async fn wait(&self, caller: &Caller, stands: Stands) -> Result<Came, Said> {
        wait::wait(&self.app, caller, stands).await.map_err(said)
    }

    async fn take(
        &self,
        caller: &Caller,
        session: SessionId,
        limit: Duration,
        ends: Ends,
    ) -> Result<Option<Taken>, Said> {
        let taken = take(&self.app, &caller.who, session, limit, ends).await;
        taken.map_err(said)
    }
}

/// What helps somebody who named another's session.
fn whose(name: &str) -> String {
    format!(
        "leave `session` out to act as {name}, or name one below it, such as {name}/1; a hook that fills it in has to \
         work through this server with the same token"
    )
}

async fn take(
    app: &Arc<App>,
    who: &Who,
    session: SessionId,
    limit: Duration,
    ends: Ends,
) -> Answer<Option<Taken>> {
    let until = Instant::now().checked_add(limit);
    let mut changes = app.bell.changes();
    loop {
        changes.borrow_and_update();
        if ends.nobody_hears() {
            return Ok(None);
        }
        let taken = take_for(app, who, &session).await?;
        let over = until.is_some_and(|until| Instant::now() >= until);
        if taken.is_some() || over || *app.stopping.borrow() {
            return Ok(taken);
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = app.stopped() => {}
            () = ends.called_off.cancelled() => {}
            () = ends.broke.cancelled() => {}
            () = sleep_until(until) => {}
        }
        // No task is given to whom nothing would be given now.
        still::counts(app, who).await?;
    }
}

/// A problem as a tool tells it.
pub fn said(problem: Problem) -> Said {
    let said = Said::new(problem.code(), problem.detail());
    match problem.what_helps() {
        Some(hint) => said.hint(hint),
        None => said,
    }
}
