//! Waiting that can be called off while a call stands at the server: the call
//! is made on a thread of its own, which nobody waits for once it is called
//! off.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use gaia_locks::Error;
use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::os::{Listener, Wake, doorbell::Handle};
use gaia_locks::service::Cancel;

use crate::Client;

/// How long one who waits tries a server that is gone: it may be started again
/// meanwhile.
pub const OUTAGE: Duration = Duration::from_secs(60);
/// How long after its limit one who waits hears the server out, which may be
/// slow.
const LATE: Duration = Duration::from_secs(5);
/// Nobody waits longer without looking.
const LONG: Duration = Duration::from_secs(3600);

/// Something that can be rung inside this process.
#[derive(Clone, Default)]
pub struct Chime {
    state: Arc<(Mutex<bool>, Condvar)>,
}

impl Chime {
    /// Rings.
    pub fn ring(&self) {
        let (rung, waits) = &*self.state;
        *rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        waits.notify_all();
    }
}

impl Listener for Chime {
    fn wait(&self, timeout: Duration) -> Wake {
        let (rung, waits) = &*self.state;
        let held = rung.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rung, _) = waits
            .wait_timeout_while(held, timeout, |rung| !*rung)
            .unwrap_or_else(PoisonError::into_inner);
        match std::mem::take(&mut *rung) {
            true => Wake::Rung,
            false => Wake::TimedOut,
        }
    }

    fn handle(&self) -> Handle {
        let chime = self.clone();
        Arc::new(move || chime.ring())
    }
}

/// What is set once nobody waits for a call any more.
pub type Abandoned = Arc<AtomicBool>;

/// Makes a call that can be called off; `None`: it was.
///
/// # Errors
/// When no thread can be started, and when the server has said nothing for
/// [`LATE`] after a limit.
pub fn unless_cancelled<A: Send + 'static>(
    client: &Client,
    cancel: &Cancel,
    left: &Left,
    call: impl FnOnce(&Client, &Abandoned) -> A + Send + 'static,
) -> Result<Option<A>, Error> {
    let chime = Chime::default();
    cancel.wakes(&chime);
    if cancel.is_cancelled() {
        return Ok(None);
    }
    let abandoned = Abandoned::default();
    let answer = start(client, &chime, &abandoned, call)?;
    loop {
        match answer.try_recv() {
            Ok(answer) => return Ok(Some(answer)),
            Err(TryRecvError::Disconnected) => {
                return Err(Error::InvalidRequest(
                    "a call to the server panicked".to_owned(),
                ));
            }
            Err(TryRecvError::Empty) => {}
        }
        if cancel.is_cancelled() {
            abandoned.store(true, Ordering::SeqCst);
            return Ok(None);
        }
        if left.is_long_over() {
            abandoned.store(true, Ordering::SeqCst);
            return Err(client.inner.http.silent().into());
        }
        chime.wait(left.until_long_over(LONG));
    }
}

fn start<A: Send + 'static>(
    client: &Client,
    chime: &Chime,
    abandoned: &Abandoned,
    call: impl FnOnce(&Client, &Abandoned) -> A + Send + 'static,
) -> Result<Receiver<A>, Error> {
    let (client, abandoned) = (client.clone(), abandoned.clone());
    let (tell, answer) = sync_channel(1);
    let rings = RingsAtEnd(chime.clone());
    let work = move || {
        let rings = rings;
        // Nobody listens any more once it was called off.
        let _ = tell.send(call(&client, &abandoned));
        drop(tell);
        drop(rings);
    };
    let named = std::thread::Builder::new().name("gaia-call".to_owned());
    named.spawn(work).map_err(|error| {
        Error::InvalidRequest(format!(
            "cannot start a thread to wait for the server: {error}"
        ))
    })?;
    Ok(answer)
}

/// Also when the call panics.
struct RingsAtEnd(Chime);

impl Drop for RingsAtEnd {
    fn drop(&mut self) {
        self.0.ring();
    }
}

/// How long is left of a limit.
pub struct Left {
    until: Option<gaia_locks::clock::Moment>,
}

impl Left {
    /// From now on.
    pub fn new(limit: Option<Duration>) -> Self {
        let now = SystemClock.now().moment;
        Self {
            until: limit.map(|limit| now.plus(limit)),
        }
    }

    /// What is left, at most so much.
    pub fn piece(&self, most: Duration) -> Duration {
        let now = SystemClock.now().moment;
        self.until.map_or(most, |until| now.until(until).min(most))
    }

    /// What is left; nothing is said where there is no limit.
    pub fn rest(&self) -> Option<Duration> {
        let now = SystemClock.now().moment;
        self.until.map(|until| now.until(until))
    }

    /// Whether it has been over for [`LATE`].
    fn is_long_over(&self) -> bool {
        self.until_long_over(LONG).is_zero()
    }

    fn until_long_over(&self, most: Duration) -> Duration {
        let now = SystemClock.now().moment;
        let late = self.until.map(|until| until.plus(LATE));
        late.map_or(most, |late| now.until(late).min(most))
    }

    /// Whether it is over; never without a limit.
    pub fn is_over(&self) -> bool {
        self.until
            .is_some_and(|until| SystemClock.now().moment >= until)
    }
}
