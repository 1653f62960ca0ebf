//! Looks for the screen, on a thread of its own: a look at a server that is
//! away takes seconds, and keys are answered meanwhile.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use gaia_assigner::Tasks;
use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::os::doorbell::Handle;
use gaia_locks::os::{Listener, Wake};
use gaia_locks::service::Topic;

use super::eyes::Eyes;
use super::{News, TICK};
use crate::context::Context;
use crate::exit::Failure;
use crate::system;

/// Not more often: a busy fleet changes a thousand times a second.
const CALM: Duration = Duration::from_millis(100);

/// Whoever looks.
pub struct Looker {
    tasks: Arc<dyn Tasks>,
    tell: Sender<News>,
    /// The task whose log is read, and how to say that it is another now.
    reads: Arc<Mutex<Option<TaskId>>>,
    wake: Handle,
}

impl Looker {
    /// Begins. The thread ends with the process.
    ///
    /// # Errors
    /// When there is no listening, or no thread.
    pub fn start(context: &Context, eyes: Eyes, tell: Sender<News>) -> Result<Self, Failure> {
        let listener = context.locks()?.listen(Topic::AnyChange)?;
        let looker = Self {
            tasks: context.tasks()?,
            tell: tell.clone(),
            reads: Arc::default(),
            wake: listener.handle(),
        };
        let reads = looker.reads.clone();
        Builder::new()
            .name("looks".to_owned())
            .spawn(move || look_on(eyes, &*listener, &reads, &tell))?;
        Ok(looker)
    }

    /// From now on the next looks read the log of this task.
    pub fn reads(&self, task: Option<TaskId>) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if *reads != task {
            *reads = task;
            (self.wake)();
        }
    }

    /// Ends a lock as an admin; what came of it is told.
    pub fn end(&self, lock: LockId, reason: String) {
        let (tasks, tell) = (self.tasks.clone(), self.tell.clone());
        let work = move || {
            let said = match tasks.force_release(lock, &system::user(), &reason) {
                Ok(lock) => format!("ended lock {}", lock.id),
                Err(error) => Failure::from(error).message,
            };
            drop(tell.send(News::Said(said)));
        };
        if let Err(error) = Builder::new().name("ends".to_owned()).spawn(work) {
            let said = format!("lock {lock} was not ended: no thread: {error}");
            drop(self.tell.send(News::Said(said)));
        }
    }
}

fn look_on(
    mut eyes: Eyes,
    listener: &dyn Listener,
    reads: &Mutex<Option<TaskId>>,
    tell: &Sender<News>,
) {
    loop {
        if listener.wait(TICK) == Wake::Rung {
            // What comes right after it is seen by the same look.
            listener.wait(CALM);
        }
        let task = *reads.lock().unwrap_or_else(PoisonError::into_inner);
        if tell.send(News::Seen(Box::new(eyes.look(task)))).is_err() {
            return;
        }
    }
}
