//! Linux: a process as a file descriptor that becomes readable when the process has ended.
//!
//! The descriptor is opened first and the start time compared after: from then on the descriptor
//! means this process whatever becomes of its number.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::liveness::{Liveness, ProcessIdentity, liveness};

#[derive(Debug)]
pub(super) struct KernelWatch {
    stop: Arc<OwnedFd>,
}

pub(super) struct Ready {
    opened: Vec<Option<OwnedFd>>,
    stop: Arc<OwnedFd>,
}

impl KernelWatch {
    pub(super) fn prepare(processes: &[ProcessIdentity]) -> io::Result<Ready> {
        let opened = processes.iter().map(open).collect::<io::Result<_>>()?;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        Ok(Ready { opened, stop })
    }
}

impl Drop for KernelWatch {
    fn drop(&mut self) {
        // A counter of 8 bytes takes 8 bytes, and this one was 0: it cannot be full.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
    }
}

// None: there is no process of that number that can be seen from here.
fn open(process: &ProcessIdentity) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(opened) => Ok(Some(opened)),
        Err(Errno::SRCH | Errno::INVAL) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Ready {
    pub(super) fn start(
        self,
        processes: Vec<ProcessIdentity>,
        on_end: impl Fn(&ProcessIdentity) + Send + 'static,
    ) -> io::Result<KernelWatch> {
        let stop = Arc::clone(&self.stop);
        thread::Builder::new()
            .name("gaia-watch".into())
            .spawn(move || {
                let watched = sort_out(processes, self.opened, &on_end);
                wait_for_ends(watched, &self.stop, &on_end);
            })?;
        Ok(KernelWatch { stop })
    }
}

type Watched = Vec<(ProcessIdentity, OwnedFd)>;

fn sort_out(
    processes: Vec<ProcessIdentity>,
    opened: Vec<Option<OwnedFd>>,
    on_end: &impl Fn(&ProcessIdentity),
) -> Watched {
    let mut watched = Watched::new();
    for (process, opened) in processes.into_iter().zip(opened) {
        match (liveness(&process), opened) {
            (Liveness::Gone, _) => on_end(&process),
            (Liveness::Alive, Some(opened)) => watched.push((process, opened)),
            // Not its number here, or it ended and was replaced in between: nothing is known.
            (Liveness::Alive | Liveness::CannotTell, _) => {}
        }
    }
    watched
}

fn wait_for_ends(mut watched: Watched, stop: &OwnedFd, on_end: &impl Fn(&ProcessIdentity)) {
    while !watched.is_empty() {
        let Some(ended) = wait_for_some(&watched, stop) else {
            return;
        };
        // From the back, so that the places of the others stay what they are.
        for place in ended.into_iter().rev() {
            let (process, _) = watched.swap_remove(place);
            on_end(&process);
        }
    }
}

// The places of those that ended, in order; None when the watch was dropped.
fn wait_for_some(watched: &Watched, stop: &OwnedFd) -> Option<Vec<usize>> {
    let stop = PollFd::new(stop, PollFlags::IN);
    let processes = watched
        .iter()
        .map(|(_, opened)| PollFd::new(opened, PollFlags::IN));
    let mut polled: Vec<PollFd<'_>> = std::iter::once(stop).chain(processes).collect();
    loop {
        match poll(&mut polled, None) {
            Err(Errno::INTR) => {}
            Err(_) => return None,
            Ok(_) => break,
        }
    }
    let ready = |polled: &PollFd<'_>| !polled.revents().is_empty();
    let (stop, processes) = polled.split_first()?;
    if ready(stop) {
        return None;
    }
    let places = processes
        .iter()
        .enumerate()
        .filter(|(_, polled)| ready(polled));
    Some(places.map(|(place, _)| place).collect())
}
