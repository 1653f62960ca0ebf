//! Telling when any of a set of processes ends, without asking again and again.
//!
//! A waiter that stands behind the lock of a process hears of its death this way [R11]. Linux
//! has a file descriptor per process, macOS a kernel event; where neither is to be had the
//! processes are looked at ten times a second ([`super::portable::PollingWatch`]). What is told is
//! a hint like every wake-up: whoever hears it asks [`crate::liveness::liveness`] again.

#[cfg(target_os = "macos")]
mod kqueue;
#[cfg(target_os = "linux")]
mod pidfd;

#[cfg(target_os = "macos")]
use kqueue::KernelWatch;
#[cfg(target_os = "linux")]
use pidfd::KernelWatch;

use std::io;

use super::portable::PollingWatch;
use crate::liveness::ProcessIdentity;

/// Watches processes until it is dropped.
///
/// Dropping asks the watching thread to end and does not wait for it: a call that has already
/// begun may still come to its end. A process that cannot be seen from here is never told of.
#[derive(Debug)]
pub struct ProcessWatch {
    _watch: Watch,
}

#[derive(Debug)]
enum Watch {
    Idle,
    Kernel { _watch: KernelWatch },
    Polling { _watch: PollingWatch },
}

impl ProcessWatch {
    /// Calls `on_end` once for each of these processes that has ended or ends from now on, from a
    /// thread of its own.
    pub fn start(
        processes: Vec<ProcessIdentity>,
        on_end: impl Fn(&ProcessIdentity) + Send + 'static,
    ) -> io::Result<Self> {
        if processes.is_empty() {
            return Ok(Self {
                _watch: Watch::Idle,
            });
        }
        let watch = match KernelWatch::prepare(&processes) {
            Ok(ready) => Watch::Kernel {
                _watch: ready.start(processes, on_end)?,
            },
            // No such system call, or no file descriptors left.
            Err(_) => Watch::Polling {
                _watch: PollingWatch::start(processes, on_end)?,
            },
        };
        Ok(Self { _watch: watch })
    }
}
