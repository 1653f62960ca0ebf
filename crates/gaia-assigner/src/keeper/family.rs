//! All that an agent has started, and the end of it [T3].
//!
//! The agent's group is most of it. What left the group (a daemon, a shell's
//! job) is found because the keeper is given orphans: as long as it has a
//! child, something is left; when it has none, all is gone.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use gaia_locks::os::offspring;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group};

use super::agent::Agent;

/// How often is looked whether what was told to end has ended. Only a stray
/// makes anybody wait here, and none of its siblings rings.
const LOOK: Duration = Duration::from_millis(5);

/// An agent's group and its strays.
pub(super) struct Family {
    group: Pid,
    grace: Duration,
}

impl Family {
    pub(super) fn of(agent: &Agent, grace: Duration) -> Self {
        Self {
            group: agent.group(),
            grace,
        }
    }

    pub(super) fn grace(&self) -> Duration {
        self.grace
    }

    /// Asks the group to end. One that is gone already needs no asking.
    pub(super) fn terminate(&self) {
        let _ = kill_process_group(self.group, Signal::TERM);
    }

    /// Ends the group, and whatever else can be seen.
    pub(super) fn kill(&self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        self.signal_strays(Signal::KILL, &mut HashSet::new());
    }

    /// Ends what is left once the agent itself is reaped; comes back when
    /// nothing is.
    ///
    /// The group's number cannot have become another's while the group has
    /// members, and nobody is signalled before it was seen to have some.
    pub(super) fn clear_away(&self, at_latest: Moment) {
        if self.is_gone() {
            return;
        }
        let kill_at = SystemClock.now().moment.plus(self.grace).min(at_latest);
        let mut asked = HashSet::new();
        self.terminate();
        while !self.is_gone() {
            if SystemClock.now().moment < kill_at {
                self.signal_strays(Signal::TERM, &mut asked);
            } else {
                self.kill();
            }
            pause();
        }
    }

    /// Where orphans are seen, having no child left says it all; elsewhere the
    /// group is all that can be asked.
    fn is_gone(&self) -> bool {
        let childless = no_child_left();
        if offspring::sees_orphans() {
            return childless;
        }
        rustix::process::test_kill_process_group(self.group) == Err(Errno::SRCH)
    }

    /// Each stray is asked once. Its own children come into sight when it ends.
    fn signal_strays(&self, signal: Signal, asked: &mut HashSet<u32>) {
        for child in offspring::children() {
            let pid = i32::try_from(child).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid.filter(|_| asked.insert(child)) {
                // It may have ended by itself: it is reaped below all the same.
                let _ = kill_process(pid, signal);
            }
        }
    }
}

/// Takes note of everything that has ended; whether no child is left.
fn no_child_left() -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "strays are not awaited one by one: a group has nothing that tells of its end"
)]
fn pause() {
    thread::sleep(LOOK);
}
