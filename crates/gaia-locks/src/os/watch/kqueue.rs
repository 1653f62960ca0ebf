//! macOS: a kernel queue that tells when a process exits.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;

use rustix::buffer::spare_capacity;
use rustix::event::kqueue::{
    Event, EventFilter, EventFlags, ProcessEvents, UserDefinedFlags, UserFlags, kevent, kqueue,
};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::liveness::{Liveness, ProcessIdentity, liveness};

const STOP: isize = 1;

#[derive(Debug)]
pub(super) struct KernelWatch {
    queue: Arc<OwnedFd>,
}

pub(super) struct Ready {
    queue: Arc<OwnedFd>,
}

impl KernelWatch {
    pub(super) fn prepare(processes: &[ProcessIdentity]) -> io::Result<Ready> {
        let queue = Arc::new(kqueue()?);
        change(
            &queue,
            stop_event(EventFlags::ADD | EventFlags::CLEAR, UserFlags::empty()),
        )?;
        for pid in processes.iter().filter_map(pid_of) {
            match change(&queue, exit_event(pid)) {
                // No such process: its liveness is asked for after this and says so.
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Ready { queue })
    }
}

impl Drop for KernelWatch {
    fn drop(&mut self) {
        // The queue has the event already, so that triggering it needs no memory and cannot fail.
        let _ = change(
            &self.queue,
            stop_event(EventFlags::empty(), UserFlags::TRIGGER),
        );
    }
}

impl Ready {
    pub(super) fn start(
        self,
        processes: Vec<ProcessIdentity>,
        on_end: impl Fn(&ProcessIdentity) + Send + 'static,
    ) -> io::Result<KernelWatch> {
        let queue = Arc::clone(&self.queue);
        thread::Builder::new()
            .name("gaia-watch".into())
            .spawn(move || wait_for_ends(processes, &self.queue, &on_end))?;
        Ok(KernelWatch { queue })
    }
}

// Registered first and looked at after: an exit in between shows in the one or the other.
fn wait_for_ends(
    mut processes: Vec<ProcessIdentity>,
    queue: &OwnedFd,
    on_end: &impl Fn(&ProcessIdentity),
) {
    loop {
        processes.retain(|process| match liveness(process) {
            Liveness::Gone => {
                on_end(process);
                false
            }
            Liveness::Alive => true,
            Liveness::CannotTell => false,
        });
        if processes.is_empty() || stopped(queue) {
            return;
        }
    }
}

// Waits for the next event; true when it is the one that stops the watch.
fn stopped(queue: &OwnedFd) -> bool {
    let mut events = Vec::with_capacity(16);
    loop {
        // SAFETY: the events name processes and no file descriptors.
        match unsafe { kevent(queue, &[], spare_capacity(&mut events), None) } {
            Err(Errno::INTR) => {}
            Err(_) => return true,
            Ok(_) => break,
        }
    }
    events
        .iter()
        .any(|event| matches!(event.filter(), EventFilter::User { .. }))
}

fn pid_of(process: &ProcessIdentity) -> Option<Pid> {
    i32::try_from(process.pid).ok().and_then(Pid::from_raw)
}

fn exit_event(pid: Pid) -> Event {
    let flags = ProcessEvents::EXIT;
    let filter = EventFilter::Proc { pid, flags };
    Event::new(
        filter,
        EventFlags::ADD | EventFlags::ONESHOT,
        std::ptr::null_mut(),
    )
}

fn stop_event(flags: EventFlags, user: UserFlags) -> Event {
    let filter = EventFilter::User {
        ident: STOP,
        flags: user,
        user_flags: UserDefinedFlags::new(0),
    };
    Event::new(filter, flags, std::ptr::null_mut())
}

fn change(queue: &OwnedFd, event: Event) -> Result<(), Errno> {
    let mut none: [Event; 0] = [];
    // SAFETY: the event names a process or the queue itself, and no file descriptor.
    unsafe { kevent(queue, &[event], none.as_mut_slice(), None) }.map(|_| ())
}
