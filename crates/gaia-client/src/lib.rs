//! GAIA through a server: the doors [`gaia_locks::Locks`] and
//! [`gaia_assigner::Tasks`] over HTTP, with the same answers as on a database.
//!
//! # What is promised
//! - **A lost answer harms nobody.** Whatever can be asked again without harm
//!   is, for a while: a request for locks bears a request id [R16], a second
//!   release by token or "done" recognises the first. What cannot (queueing a
//!   task, releasing by folder) says that its answer was lost.
//! - **A place in line is kept** through cut connections and a server that is
//!   killed and started again, as long as it is back in time [R8].
//! - **Nothing waits for ever**: connecting, answering and asking again have
//!   their limits. Leaving a wait takes no longer than telling the server.
//! - **Paths are resolved here**, where the files are [R12], and belong to this
//!   machine's scope, or to the server's where it sees the very same files.
//!
//! # What is not
//! A holder that cannot reach the server learns so from its lease
//! ([`gaia_locks::lease`]), not from this.
//!
//! # The map
//! ```text
//! api         what no door has: the server's accounts
//! config      where the server is, what is shown to it
//! http        one exchange, and how often it is tried
//! problem     what a server answers that does not do it
//! here        whose file system this is
//! wait        waiting that can be called off while a call stands
//! listen      rings from a server
//! locks tasks the doors
//! ```

mod api;
mod config;
mod here;
mod http;
mod listen;
mod locks;
mod problem;
mod tasks;
mod wait;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use gaia_locks::Error;
use gaia_locks::ids::{RequestId, Scope, WaiterId};
use gaia_locks::wire::door::{Ask, HELLO_PATH, Hello};

pub use api::piece;
pub use config::Config;
use http::{How, Http};

/// Both doors, through a server. Clones share connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: Http,
    scope: Option<Scope>,
    ttl: Option<Duration>,
    hello: OnceLock<Hello>,
    /// What was asked by those who wait, should an answer be lost.
    asked: Mutex<HashMap<WaiterId, Ask>>,
}

impl Client {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// When the certificates that vouch for the server cannot be read.
    pub fn new(config: Config) -> Result<Self, Error> {
        Ok(Self {
            inner: Arc::new(Inner {
                http: Http::new(&config)?,
                scope: config.scope,
                ttl: config.ttl,
                hello: OnceLock::new(),
                asked: Mutex::default(),
            }),
        })
    }

    /// Whom this speaks with, and as whom.
    ///
    /// # Errors
    /// When the server cannot be reached or does not let this in.
    pub fn hello(&self) -> Result<&Hello, Error> {
        self.hello_before(&How::soon())
    }

    fn hello_before(&self, how: &How) -> Result<&Hello, Error> {
        if let Some(hello) = self.inner.hello.get() {
            return Ok(hello);
        }
        let hello = self.inner.http.get(HELLO_PATH, how.first())?;
        Ok(self.inner.hello.get_or_init(|| hello))
    }

    /// The scope of paths here: the one that was named; the server's where it
    /// sees the very same files; else this machine's.
    fn my_scope(&self, how: &How) -> Result<Scope, Error> {
        match &self.inner.scope {
            Some(scope) => Ok(scope.clone()),
            None => here::scope(self.hello_before(how)?),
        }
    }
}

/// A word by which a request is known when it is asked again.
fn request_id() -> Result<RequestId, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::InvalidRequest(format!("the system gives no random bytes: {error}"))
    })?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(RequestId::new(format!("client-{hex}"))?)
}
