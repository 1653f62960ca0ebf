//! One exchange with the server, and how often it is tried.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::error::ServerError;
use gaia_locks::settings::Secret;
use gaia_locks::wire::door::{PROTOCOL, PROTOCOL_HEADER};
use gaia_locks::{Error, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, RequestBuilder, Timeout};

use crate::config::Config;
use crate::problem::{Fault, in_its_place};

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer may take that waits for nothing.
const ANSWER: Duration = Duration::from_secs(8);
/// How much longer one may take for which a task is stopped first, or a whole
/// history gone through: the server itself waits 75 s for a task to stop.
const LASTING: Duration = Duration::from_secs(90);
/// How long a server that was never reached is tried.
const FIRST: Duration = Duration::from_millis(500);
/// How long one is tried that was reached before: it may be starting again.
const AGAIN: Duration = Duration::from_secs(5);
/// The first pause before trying again; it doubles.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest pause before trying again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The largest answer: a history of millions comes in pages.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The way to a server.
pub struct Http {
    pub server: String,
    token: Option<Secret>,
    tls: TlsConfig,
    /// Connections, and the process that made them: a forked child must not
    /// speak on its parent's.
    agent: Mutex<(u32, Agent)>,
    was_reached: AtomicBool,
}

/// How a call is made.
#[derive(Clone)]
pub struct How {
    /// How long the server may let it stand.
    period: Duration,
    /// How much longer its answer may take.
    answer: Duration,
    /// How long it is tried again, once the server was reached before.
    patience: Duration,
    /// Whether it may be sent again when its answer was lost.
    repeat: bool,
    /// Whether it is then sent once more, also when to learn of the loss took
    /// longer than it is tried: it may have been done, and only asking tells.
    insists: bool,
    /// Set when nobody waits for it any more.
    abandoned: Arc<AtomicBool>,
}

impl How {
    /// What can be asked again without harm.
    pub fn soon() -> Self {
        Self {
            period: Duration::ZERO,
            answer: ANSWER,
            patience: AGAIN,
            repeat: true,
            insists: true,
            abandoned: Arc::default(),
        }
    }

    /// What is asked before this, as the first thing of all: a server that is
    /// silent then was not there, and has done nothing.
    pub fn first(&self) -> Self {
        Self {
            answer: self.answer,
            patience: self.patience.min(AGAIN),
            insists: false,
            ..Self::soon()
        }
    }

    /// What must not be done twice.
    pub fn once() -> Self {
        Self {
            repeat: false,
            ..Self::soon()
        }
    }

    /// What the server lets stand for so long.
    pub fn standing(period: Duration, patience: Duration, abandoned: &Arc<AtomicBool>) -> Self {
        Self {
            period,
            answer: ANSWER,
            patience,
            repeat: true,
            insists: false,
            abandoned: abandoned.clone(),
        }
    }

    /// What the server may need long for.
    pub fn lasting(mut self) -> Self {
        self.period = LASTING;
        self
    }

    /// Tried for so long, and no answer waited for longer.
    pub fn for_at_most(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self.answer = patience.min(ANSWER);
        self.insists = false;
        self
    }

    /// The same, with time for a second try should the first be lost.
    pub fn twice_within(self, limit: Duration) -> Self {
        Self {
            insists: self.repeat,
            ..self.for_at_most(limit / 2)
        }
    }
}

/// What is done at a place.
#[derive(Clone, Copy)]
enum Verb<'a> {
    Get,
    /// With this body, in JSON.
    Post(&'a [u8]),
    Delete,
}

/// Why one exchange failed.
enum Failed {
    /// Nothing was done.
    Unsent(ServerError),
    /// It may have been done.
    Lost(String),
}

impl Http {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// When the certificates that vouch for the server cannot be read.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let roots = match &config.authorities {
            None => RootCerts::WebPki,
            Some(path) => {
                let unusable = |detail: String| StoreError::Unusable {
                    path: path.clone(),
                    detail,
                };
                let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
                RootCerts::Specific(Arc::new(certificates(&pem).map_err(unusable)?))
            }
        };
        let tls = TlsConfig::builder().root_certs(roots).build();
        let agent = Mutex::new((std::process::id(), agent(&config.server, &tls)));
        Ok(Self {
            server: config.server.clone(),
            token: config.token.clone(),
            tls,
            agent,
            was_reached: AtomicBool::new(false),
        })
    }

    /// Asks for what is there.
    pub fn get<A: DeserializeOwned>(&self, path: &str, how: How) -> Result<A, Fault> {
        let asked = self.tried(path, Verb::Get, &how);
        asked.map(|(answer, _)| answer)
    }

    /// Takes away what is there.
    pub fn delete<A: DeserializeOwned>(&self, path: &str, how: How) -> Result<A, Fault> {
        let done = self.tried(path, Verb::Delete, &how);
        done.map(|(answer, _)| answer)
    }

    /// Calls; gives the answer, and whether it was sent more than once.
    pub fn call<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        how: &How,
    ) -> Result<(A, bool), Fault> {
        let unwritable = |error: serde_json::Error| {
            let detail = format!("the request could not be written: {error}");
            Fault::server(self.unreachable(detail), false)
        };
        let body = serde_json::to_vec(body).map_err(unwritable)?;
        self.tried(path, Verb::Post(&body), how)
    }

    fn tried<A: DeserializeOwned>(
        &self,
        path: &str,
        verb: Verb<'_>,
        how: &How,
    ) -> Result<(A, bool), Fault> {
        let began = SystemClock.now().moment;
        let (mut pause, mut repeated, mut outage) = (PAUSE, false, false);
        loop {
            let mut insists = false;
            let fault = match self.exchange(path, verb, how.period + how.answer) {
                Ok((status, answer)) => match self.read(status, &answer, repeated) {
                    Ok(answer) => return Ok((answer, repeated)),
                    Err(fault) => fault,
                },
                Err(Failed::Unsent(error)) => Fault::server(error, repeated),
                Err(Failed::Lost(detail)) if how.repeat => {
                    insists = how.insists && !repeated;
                    repeated = true;
                    Fault::server(self.unreachable(detail), true)
                }
                Err(Failed::Lost(detail)) => return Err(self.answer_lost(detail)),
            };
            let spent = SystemClock.now().moment.since(began);
            let over = spent + pause > self.patience(how) && !insists;
            if over || !fault.goes_better_soon() || how.abandoned.load(Ordering::SeqCst) {
                return Err(fault.after(outage));
            }
            outage = true;
            rest(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A server that was never reached is not there, rather than just starting.
    fn patience(&self, how: &How) -> Duration {
        match self.was_reached.load(Ordering::SeqCst) {
            true => how.patience,
            false => how.patience.min(FIRST),
        }
    }

    fn exchange(
        &self,
        path: &str,
        verb: Verb<'_>,
        limit: Duration,
    ) -> Result<(u16, Vec<u8>), Failed> {
        let url = format!("{}{path}", self.server);
        let agent = self.agent();
        let sent = match verb {
            Verb::Get => self.dressed(agent.get(&url), limit).call(),
            Verb::Delete => self.dressed(agent.delete(&url), limit).call(),
            Verb::Post(body) => {
                let request = agent.post(&url).header("content-type", "application/json");
                self.dressed(request, limit).send(body)
            }
        };
        let mut response = sent.map_err(|error| self.failed(error))?;
        let status = response.status().as_u16();
        let answer = response.body_mut().with_config().limit(LARGEST);
        let answer = answer.read_to_vec();
        let answer = answer.map_err(|error| Failed::Lost(error.to_string()))?;
        self.was_reached.store(true, Ordering::SeqCst);
        match in_its_place(status, &answer) {
            Some(said) => Err(Failed::Lost(said)),
            None => Ok((status, answer)),
        }
    }

    /// What each request bears.
    fn dressed<B>(&self, mut request: RequestBuilder<B>, limit: Duration) -> RequestBuilder<B> {
        request = request.header(PROTOCOL_HEADER, PROTOCOL.to_string());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.expose()));
        }
        request.config().timeout_global(Some(limit)).build()
    }

    fn read<A: DeserializeOwned>(
        &self,
        status: u16,
        answer: &[u8],
        repeated: bool,
    ) -> Result<A, Fault> {
        let refused = || Fault::answered(&self.server, status, answer, repeated);
        match status {
            200..=299 => serde_json::from_slice(answer).map_err(|_| refused()),
            _ => Err(refused()),
        }
    }

    fn failed(&self, error: ureq::Error) -> Failed {
        use io::ErrorKind::{
            AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable,
        };
        let unsent = |detail: String| Failed::Unsent(self.unreachable(detail));
        match error {
            ureq::Error::Rustls(error) => Failed::Unsent(self.untrusted(error.to_string())),
            ureq::Error::Tls(why) => Failed::Unsent(self.untrusted(why.to_owned())),
            ureq::Error::HostNotFound => unsent("no host has that name".to_owned()),
            ureq::Error::ConnectionFailed => unsent("no connection".to_owned()),
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                unsent("it does not answer".to_owned())
            }
            ureq::Error::Io(error) => match (error.kind(), of_tls(&error)) {
                (_, Some(why)) => Failed::Unsent(self.untrusted(why)),
                (
                    ConnectionRefused | AddrNotAvailable | HostUnreachable | NetworkUnreachable,
                    _,
                ) => unsent(error.to_string()),
                _ => Failed::Lost(error.to_string()),
            },
            ureq::Error::Timeout(_) => Failed::Lost("it did not answer in time".to_owned()),
            error => Failed::Lost(error.to_string()),
        }
    }

    /// What one is told who has waited for its answer long enough.
    pub fn silent(&self) -> ServerError {
        self.unreachable("it did not answer in time".to_owned())
    }

    fn unreachable(&self, detail: String) -> ServerError {
        let (server, detail) = (self.server.clone(), in_words(detail));
        ServerError::Unreachable { server, detail }
    }

    fn untrusted(&self, detail: String) -> ServerError {
        let (server, detail) = (self.server.clone(), in_words(detail));
        ServerError::Untrusted { server, detail }
    }

    fn answer_lost(&self, detail: String) -> Fault {
        let server = self.server.clone();
        Fault::server(ServerError::AnswerLost { server, detail }, true)
    }

    fn agent(&self) -> Agent {
        let mut held = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 != std::process::id() {
            *held = (std::process::id(), agent(&self.server, &self.tls));
        }
        held.1.clone()
    }
}

/// What the libraries say of mistakes that are made often, in words that say
/// what to do.
fn in_words(detail: String) -> String {
    const KNOWN: [(&str, &str); 3] = [
        // What many guides to a certificate of one's own make.
        (
            "CaUsedAsEndEntity",
            "its certificate is an authority's (CA:TRUE), which cannot stand for a server \
             itself; make one with basicConstraints=CA:FALSE",
        ),
        (
            "InvalidContentType",
            "it does not speak TLS there: name it with http://",
        ),
        (
            "http parse fail",
            "it does not speak HTTP there; if it speaks TLS, name it with https://",
        ),
    ];
    let known = KNOWN.iter().find(|(theirs, _)| detail.contains(theirs));
    known.map_or(detail, |(_, ours)| (*ours).to_owned())
}

/// What went wrong in TLS comes wrapped.
fn of_tls(error: &io::Error) -> Option<String> {
    let inner = error.get_ref()?.to_string();
    inner.contains("certificate").then_some(inner)
}

fn agent(server: &str, tls: &TlsConfig) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(CONNECT))
        .user_agent(concat!("gaia/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.clone());
    // No proxy leads to this machine itself.
    let config = match is_loopback(server) {
        true => config.proxy(None),
        false => config,
    };
    config.build().into()
}

fn is_loopback(server: &str) -> bool {
    let host = server.split_once("://").map_or(server, |(_, rest)| rest);
    ["localhost", "127.", "[::1]"]
        .iter()
        .any(|local| host.starts_with(local))
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, String> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    match found.is_empty() {
        true => Err("it holds no certificate in PEM".to_owned()),
        false => Ok(found),
    }
}

/// A pause between two tries, for which there is no event to wait.
pub fn rest(pause: Duration) {
    let (lock, never) = (Mutex::new(()), Condvar::new());
    let held = lock.lock().unwrap_or_else(PoisonError::into_inner);
    drop(never.wait_timeout_while(held, pause, |()| true));
}
