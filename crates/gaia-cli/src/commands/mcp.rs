//! `gaia mcp`: locks and tasks as tools for an agent, on stdin and stdout. See
//! docs/mcp.md.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gaia_agent::mcp::{self, Came, Doors, Ends, Mcp, Opened, Reads, Said, Stands};
use gaia_assigner::service::{Taken, Teller, Waiting};
use gaia_assigner::{TaskError, Tasks};
use gaia_locks::ids::{Scope, SessionId, TaskId, WaiterId};
use gaia_locks::model::{Holder, Turn, WaiterLife, WaiterState};
use gaia_locks::service::{Cancel, Line, Look, Patience};
use gaia_locks::wire::Answer;
use gaia_locks::{LockService, Locks};
use tokio_util::sync::CancellationToken;

use crate::asker::Asker;
use crate::commands::task::told;
use crate::context::{Again, Context};
use crate::exit::{Ended, Failure, Status};

/// Serve locks and tasks as tools for an agent (MCP)
///
/// Speaks the Model Context Protocol on stdin and stdout, until stdin ends: an
/// agent client starts it. Calls act as GAIA_SESSION and GAIA_TASK where they
/// name no session, else as the client's own session. With GAIA_SERVER the
/// tools work through that server, which also serves them itself at /mcp.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  claude mcp add gaia -- gaia mcp\n\ndocs/mcp.md shows the tools and how other clients are set up."
)]
pub struct McpArgs {}

/// Serves.
pub fn run(context: &Context, _: &McpArgs) -> Ended {
    // What cannot be read is said at once, and not to the first call.
    context.settings()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let doors = Here {
        again: context.again(),
        opened: Arc::default(),
        ended: CancellationToken::new(),
    };
    let ended = doors.ended.clone();
    let served = runtime.block_on(mcp::serve_stdio(Mcp::new(doors.clone()), ended));
    // What still runs is a wait that keeps its place: it goes with the process,
    // and does not leave the line.
    runtime.shutdown_background();
    doors.settle();
    served.map_err(|error| Failure::new("failed", Status::Failed, error.to_string()))?;
    Ok(Status::Done.into())
}

/// The doors as every command has them, opened at the first call: a server or
/// a database that is away is told of by the call that needs it.
#[derive(Clone)]
struct Here {
    again: Again,
    opened: Arc<OnceLock<Open>>,
    ended: CancellationToken,
}

struct Open {
    locks: Arc<dyn Locks>,
    tasks: Arc<dyn Tasks>,
    service: Option<Arc<LockService>>,
}

impl Open {
    fn new(context: &Context) -> Result<Self, Failure> {
        let service = match context.client()? {
            Some(_) => None,
            None => Some(context.service()?),
        };
        Ok(Self {
            locks: context.locks()?,
            tasks: context.tasks()?,
            service,
        })
    }
}

impl Here {
    fn open(&self, scope: Option<&Scope>) -> Result<Opened, Said> {
        let open = match self.opened.get() {
            Some(open) => open,
            None => {
                let open = Open::new(&self.again.context()).map_err(said)?;
                self.opened.get_or_init(|| open)
            }
        };
        let ours = || open.locks.scope();
        if let Some(other) = scope.filter(|scope| **scope != ours()) {
            let ours = ours();
            return Err(Said::invalid(format!(
                "scope is {other}; here paths are those of scope {ours}"
            )));
        }
        Ok(Opened {
            locks: open.locks.clone(),
            tasks: open.tasks.clone(),
        })
    }

    /// Lets a place be heard one last time, so that it is kept for as long as it
    /// can be. Through a server it was heard by the call that stood there.
    fn keep(&self, place: Option<&WaiterId>) {
        let service = self.opened.get().and_then(|open| open.service.as_ref());
        let (Some(service), Some(place)) = (service, place) else {
            return;
        };
        // A place that cannot be kept now is kept for a little less.
        let _ = service.transact(|tx| {
            let heard = tx.now().moment;
            match tx.store().waiter(*place)? {
                Some(waiter) if waiter.state == WaiterState::Waiting => {
                    tx.store().update_waiter(*place, &waiter.state, heard)
                }
                _ => Ok(()),
            }
        });
    }

    /// As the next command wants the database.
    fn settle(&self) {
        let open = self.opened.get();
        if let Some(service) = open.and_then(|open| open.service.as_ref()) {
            service.store().settle();
        }
    }

    async fn off_the_loop<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Here) -> Result<T, Said> + Send + 'static,
    ) -> Result<T, Said> {
        let here = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&here)).await;
        done.unwrap_or_else(|error| {
            Err(Said::new("failed", format!("the call broke off: {error}")))
        })
    }
}

fn said(failure: Failure) -> Said {
    let said = Said::new(failure.code, failure.message);
    match failure.hint {
        Some(hint) => said.hint(hint),
        None => said,
    }
}

/// Whoever asks is told in the words of the tools.
fn unknown(failure: Failure) -> Said {
    match failure.code {
        "no_session" => said(failure).hint(
            "name it in the argument `session`, or give the client GAIA_SESSION in its environment",
        ),
        _ => said(failure),
    }
}

fn asker(session: Option<SessionId>, task: Option<TaskId>) -> Asker {
    Asker {
        session: session.map(String::from),
        task: task.map(|task| task.0),
    }
}

impl Doors for Here {
    type Caller = ();

    fn caller(&self, _: &mcp::Extensions, _: Reads) -> Result<(), Said> {
        Ok(())
    }

    fn holder(
        &self,
        (): &(),
        session: Option<SessionId>,
        task: Option<TaskId>,
    ) -> Result<Holder, Said> {
        asker(session, task).holder().map_err(unknown)
    }

    fn teller(
        &self,
        (): &(),
        session: Option<SessionId>,
        task: Option<TaskId>,
    ) -> Result<Teller, Said> {
        let asker = asker(session, task);
        Ok(Teller {
            session: asker.named_session().map_err(said)?,
            task: asker.task().map_err(said)?,
            pane: told::pane(),
            ..Teller::default()
        })
    }

    fn connection(&self, (): &()) -> CancellationToken {
        self.ended.clone()
    }

    async fn call<T, F>(&self, (): &(), scope: Option<Scope>, work: F) -> Result<T, Said>
    where
        T: Send + 'static,
        F: FnOnce(&Opened) -> Result<T, TaskError> + Send + 'static,
    {
        let call = move |here: &Here| {
            let opened = here.open(scope.as_ref())?;
            work(&opened).map_err(|error| said(error.into()))
        };
        self.off_the_loop(call).await
    }

    async fn wait(&self, (): &(), stands: Stands) -> Result<Came, Said> {
        let (cancel, ends, keeps) = (Cancel::default(), stands.ends.clone(), stands.keeps_place());
        let (stop, place) = (cancel.clone(), Arc::new(Place::default()));
        let taken = place.clone();
        let waits = self.off_the_loop(move |here| {
            let opened = here.open(stands.scope.as_ref())?;
            stand(&*opened.locks, &stands, &stop, &taken).map_err(|error| said(error.into()))
        });
        let mut waits = std::pin::pin!(waits);
        tokio::select! {
            came = &mut waits => return came,
            () = ends.called_off.cancelled() => {}
            () = ends.broke.cancelled() => {
                if keeps {
                    // Before it stands in line it may be granted or refused.
                    tokio::select! {
                        came = &mut waits => return came,
                        () = place.is_taken.cancelled() => {}
                    }
                    let keep = move |here: &Here| {
                        here.keep(place.waiter.get());
                        Ok(())
                    };
                    self.off_the_loop(keep).await?;
                    return Err(Said::new("called_off", "stdin has ended"));
                }
            }
        }
        cancel.cancel();
        waits.await
    }

    async fn take(
        &self,
        (): &(),
        session: SessionId,
        limit: Duration,
        ends: Ends,
    ) -> Result<Option<Taken>, Said> {
        let patience = Waiting {
            limit: Some(limit),
            cancel: Cancel::default(),
        };
        let cancel = patience.cancel.clone();
        let takes = self.off_the_loop(move |here| {
            let tasks = here.open(None)?.tasks;
            let taken = match limit.is_zero() {
                true => tasks.take(&session, None),
                false => tasks.take(&session, Some(&patience)),
            };
            taken.map_err(|error| said(error.into()))
        });
        let mut takes = std::pin::pin!(takes);
        tokio::select! {
            taken = &mut takes => return taken,
            () = ends.called_off.cancelled() => {}
            () = ends.broke.cancelled() => {}
        }
        cancel.cancel();
        takes.await
    }
}

/// A place in line, once it was taken.
#[derive(Default)]
struct Place {
    waiter: OnceLock<WaiterId>,
    is_taken: CancellationToken,
}

impl Place {
    fn take(&self, waiter: WaiterId) {
        self.waiter.get_or_init(|| waiter);
        self.is_taken.cancel();
    }
}

/// Stands in line: in the name of this process, or with a request id for as
/// long as it is heard, so that the place outlives this process [R8].
fn stand(
    locks: &dyn Locks,
    stands: &Stands,
    cancel: &Cancel,
    place: &Place,
) -> Result<Came, gaia_locks::Error> {
    let mut request = stands.request.clone();
    if stands.keeps_place() {
        request.line = Line::Stand {
            life: WaiterLife::Heartbeat,
            limit: stands.limit,
            turn: Turn::Granted,
        };
    }
    let queued = match locks.acquire(&request.queued(stands.limit))? {
        Answer::Queued(queued) => queued,
        answer => {
            return Ok(Came {
                answer,
                waited: false,
            });
        }
    };
    place.take(queued.waiter);
    // Nobody listens any more when its call is over.
    let mut tell = |look: &Look| drop(stands.looks.send(look.queued.clone()));
    tell(&Look {
        queued: queued.clone(),
    });
    let mut patience = Patience {
        limit: stands.limit,
        cancel: cancel.clone(),
        on_look: Some(&mut tell),
    };
    let answer = match locks.wait(queued.waiter, &mut patience)? {
        Answer::Refused(refusal) => Answer::Refused(refusal.or(queued.refusal)),
        answer => answer,
    };
    if let (Answer::Granted(granted), true) = (&answer, cancel.is_cancelled()) {
        // What cannot be given back now ends with its lease.
        drop(locks.give_back(&stands.request, granted));
    }
    Ok(Came {
        answer,
        waited: true,
    })
}
