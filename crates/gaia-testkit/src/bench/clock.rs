//! The clock that figures are taken on: one for all processes of the machine,
//! so that a moment noted by one can be compared with another's.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds on the monotonic clock.
pub(super) fn now() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// How long ago `earlier` was.
pub(super) fn since(earlier: i64) -> Duration {
    Duration::from_nanos(u64::try_from(now() - earlier).unwrap_or(0))
}

/// A duration in nanoseconds.
pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Sleeps until a moment: the start that several processes agreed on.
pub(super) fn sleep_until(moment: i64) {
    let left = moment - now();
    if left > 0 {
        let left = rustix::time::Timespec {
            tv_sec: left / 1_000_000_000,
            tv_nsec: left % 1_000_000_000,
        };
        // Woken early, a process starts early: of no weight in a window of
        // many milliseconds.
        drop(rustix::thread::nanosleep(&left));
    }
}

/// Keeps a core busy for so long, as a holder does that works.
pub(super) fn work_for(duration: Duration) {
    let end = now() + nanos(duration);
    while now() < end {
        std::hint::spin_loop();
    }
}
