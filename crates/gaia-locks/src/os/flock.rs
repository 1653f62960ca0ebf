//! Waiting for a `flock`, but not for ever.
//!
//! `flock` knows no limit, and whoever holds one may be stopped. On Linux a
//! timer interrupts the thread that waits in it, which costs two system calls
//! and only where somebody has to wait; elsewhere one looks again and again.

use std::fs::File;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Takes an exclusive `flock`, waiting so long at the most; whether it was
/// taken. A file system that does not know `flock` answers no.
pub(crate) fn flock_within(file: &File, limit: Duration) -> bool {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => true,
        Err(Errno::WOULDBLOCK | Errno::INTR) => wait(file, limit),
        Err(_) => false,
    }
}

#[cfg(target_os = "linux")]
fn wait(file: &File, limit: Duration) -> bool {
    interrupted::flock_until(file, limit).unwrap_or_else(|| looking::flock_until(file, limit))
}

#[cfg(not(target_os = "linux"))]
fn wait(file: &File, limit: Duration) -> bool {
    looking::flock_until(file, limit)
}

mod looking {
    use super::{Duration, Errno, File, FlockOperation, flock};

    const PAUSE: Duration = Duration::from_micros(100);

    /// Looks every now and then.
    pub(super) fn flock_until(file: &File, limit: Duration) -> bool {
        let looks = limit.as_micros() / PAUSE.as_micros();
        for _ in 0..=looks {
            match flock(file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return true,
                Err(Errno::WOULDBLOCK | Errno::INTR) => std::thread::park_timeout(PAUSE),
                Err(_) => return false,
            }
        }
        false
    }
}

#[cfg(target_os = "linux")]
mod interrupted {
    use std::cell::OnceCell;
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::Once;

    use super::{Duration, Errno, File, FlockOperation, flock};

    /// Blocks in the kernel, in the order of arrival; a timer ends it. `None`:
    /// there is no timer to be had.
    pub(super) fn flock_until(file: &File, limit: Duration) -> Option<bool> {
        ALARM.with(|alarm| {
            let alarm = alarm.get_or_init(Alarm::new).as_ref()?;
            let alarm = alarm.is_of_this_process().then_some(alarm)?;
            let begun = crate::os::moment();
            let _armed = alarm.arm(limit)?;
            loop {
                match flock(file, FlockOperation::LockExclusive) {
                    Ok(()) => return Some(true),
                    Err(Errno::INTR) if crate::os::moment().since(begun) < limit => {}
                    Err(_) => return Some(false),
                }
            }
        })
    }

    thread_local! {
        static ALARM: OnceCell<Option<Alarm>> = const { OnceCell::new() };
    }

    /// A timer that interrupts the thread that made it. After a fork it is not
    /// there any more, and its number may be another's.
    struct Alarm {
        timer: libc::timer_t,
        process: u32,
    }

    struct Armed<'a>(&'a Alarm);

    impl Alarm {
        fn new() -> Option<Self> {
            install_handler();
            let mut event = MaybeUninit::<libc::sigevent>::zeroed();
            let mut timer: libc::timer_t = ptr::null_mut();
            // SAFETY: a zeroed sigevent is valid; the fields that the kernel
            // reads for this kind of notice are set, and both pointers are to
            // values that live throughout the call.
            let made = unsafe {
                let event = event.assume_init_mut();
                event.sigev_notify = libc::SIGEV_THREAD_ID;
                event.sigev_signo = signal();
                event.sigev_notify_thread_id = libc::gettid();
                libc::timer_create(libc::CLOCK_MONOTONIC, event, &raw mut timer)
            };
            let process = std::process::id();
            (made == 0).then_some(Self { timer, process })
        }

        fn is_of_this_process(&self) -> bool {
            self.process == std::process::id()
        }

        fn arm(&self, limit: Duration) -> Option<Armed<'_>> {
            self.set(limit).then_some(Armed(self))
        }

        /// Again and again: one that comes before the thread waits is lost.
        fn set(&self, every: Duration) -> bool {
            let every = libc::timespec {
                tv_sec: i64::try_from(every.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: every.subsec_nanos().into(),
            };
            let times = libc::itimerspec {
                it_interval: every,
                it_value: every,
            };
            // SAFETY: the timer was made by `new`, the times outlive the call,
            // and a null pointer says that the old times are not wanted.
            unsafe { libc::timer_settime(self.timer, 0, &raw const times, ptr::null_mut()) == 0 }
        }
    }

    impl Drop for Armed<'_> {
        fn drop(&mut self) {
            self.0.set(Duration::ZERO);
        }
    }

    impl Drop for Alarm {
        fn drop(&mut self) {
            if self.is_of_this_process() {
                // SAFETY: made by `new` and used by nobody else.
                unsafe { libc::timer_delete(self.timer) };
            }
        }
    }

    /// A real-time signal that nothing else uses.
    fn signal() -> libc::c_int {
        libc::SIGRTMIN() + 9
    }

    extern "C" fn nothing(_: libc::c_int) {}

    /// Without a handler the signal would end the process; without
    /// `SA_RESTART` it interrupts `flock`.
    fn install_handler() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: a zeroed sigaction is valid, and its handler does nothing.
            unsafe {
                let action = action.assume_init_mut();
                action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
                libc::sigaction(signal(), action, ptr::null_mut());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As of two processes: each has opened the file itself.
    fn two() -> (tempfile::TempDir, File, File) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gate");
        let open = || {
            let mut options = File::options();
            options.create(true).truncate(false).write(true);
            options.open(&path).unwrap()
        };
        let (one, other) = (open(), open());
        (dir, one, other)
    }

    #[test]
    fn a_holder_that_stands_still_is_not_waited_for_for_ever() {
        let (_dir, holder, waiter) = two();
        assert!(flock_within(&holder, Duration::from_secs(5)));
        let limit = Duration::from_millis(30);
        assert!(!flock_within(&waiter, limit));
        assert!(!looking::flock_until(&waiter, limit));
        drop(holder);
        assert!(flock_within(&waiter, limit));
    }

    #[test]
    fn a_waiter_gets_its_turn_when_it_comes() {
        for wait in [wait as fn(&File, Duration) -> bool, looking::flock_until] {
            let (_dir, holder, waiter) = two();
            assert!(flock_within(&holder, Duration::from_secs(5)));
            let waiting = std::thread::spawn(move || wait(&waiter, Duration::from_secs(20)));
            drop(holder);
            assert!(waiting.join().unwrap());
        }
    }
}
