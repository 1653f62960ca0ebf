//! Rings from a server: a thread stands at it and is answered when something
//! changed. A ring is a hint; what is lost while the server is away is found by
//! looking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gaia_locks::Error;
use gaia_locks::ids::LockId;
use gaia_locks::os::{Listener, Wake, doorbell::Handle};
use gaia_locks::service::Topic;
use gaia_locks::wire::door::{Call, Watched};

use crate::Client;
use crate::http::{How, rest};
use crate::wait::{Abandoned, Chime};

/// How long one call stands.
const PERIOD: Duration = Duration::from_secs(20);
/// The pause after a call that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// One who listens; the thread ends after its last call.
struct Ear {
    chime: Chime,
    gone: Abandoned,
}

impl Listener for Ear {
    fn wait(&self, timeout: Duration) -> Wake {
        self.chime.wait(timeout)
    }

    fn handle(&self) -> Handle {
        self.chime.handle()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::SeqCst);
    }
}

/// Begins to listen.
///
/// # Errors
/// When no thread can be started.
pub fn listen(client: &Client, topic: Topic) -> Result<Box<dyn Listener>, Error> {
    let (chime, gone) = (Chime::default(), Arc::new(AtomicBool::new(false)));
    let ear = Ear {
        chime: chime.clone(),
        gone: gone.clone(),
    };
    let client = client.clone();
    let work = move || match topic {
        Topic::AnyChange => follow_changes(&client, &chime, &gone),
        Topic::Lock(token) => follow_lock(&client, token, &chime, &gone),
    };
    let named = std::thread::Builder::new().name("gaia-listen".to_owned());
    named.spawn(work).map_err(|error| {
        Error::InvalidRequest(format!("cannot start a thread to listen: {error}"))
    })?;
    Ok(Box::new(ear))
}

/// The first answer rings too: what happened before it was missed.
fn follow_changes(client: &Client, chime: &Chime, gone: &Abandoned) {
    let mut since = None;
    while !gone.load(Ordering::SeqCst) {
        let call = Call::Changes {
            since,
            period: PERIOD,
        };
        match client.locks_call::<u64>(call, &how(gone)) {
            Ok((count, _)) if since != Some(count) => {
                since = Some(count);
                chime.ring();
            }
            Ok(_) => {}
            Err(_) => rest(PAUSE),
        }
    }
}

fn follow_lock(client: &Client, token: LockId, chime: &Chime, gone: &Abandoned) {
    let mut known = Watched {
        active: true,
        waiting: 0,
    };
    while !gone.load(Ordering::SeqCst) {
        let call = Call::Watch {
            token,
            known,
            period: PERIOD,
        };
        match client.locks_call::<Watched>(call, &how(gone)) {
            Ok((now, _)) if now != known => {
                known = now;
                chime.ring();
            }
            Ok(_) => {}
            Err(_) => rest(PAUSE),
        }
        if !known.active {
            return;
        }
    }
}

fn how(gone: &Abandoned) -> How {
    How::standing(PERIOD, PAUSE, gone)
}
