//! Everything that a handler may need, in one struct.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use gaia_assigner::TaskService;
use gaia_locks::LockService;
use gaia_locks::settings::Settings;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::accounts::secret::Hash;
use crate::accounts::{AccountError, Accounts, Who};
use crate::api::locks::Which;
use crate::auth::link::Link;
use crate::auth::throttle::Throttle;
use crate::bell::Bell;
use crate::core::Core;
use crate::dashboard::account::News;
use crate::feed::Feed;
use crate::kept::Kept;
use crate::metrics::Metrics;
use crate::name::Name;

/// How a server works.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens, as people reach it: for links and for the Host check.
    pub address: SocketAddr,
    /// Further names by which it is reached.
    pub names: Vec<Name>,
    /// Certificate and key, for TLS.
    pub tls: Option<Tls>,
    /// How often locks are swept, if at all.
    pub sweep: Option<Duration>,
    /// How many may be connected at once; half of the files that the process may
    /// have open when nobody says.
    pub connections: Option<usize>,
}

/// Files for TLS, in PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The chain of certificates.
    pub certificates: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl Config {
    /// Plain HTTP at this address.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            names: Vec::new(),
            tls: None,
            sweep: None,
            connections: None,
        }
    }

    /// Whether browsers reach it over TLS, which it speaks itself or a proxy ends
    /// before it.
    pub fn is_over_tls(&self) -> bool {
        self.tls.is_some() || self.origins().next().is_some()
    }

    /// What browsers call it that come through a proxy which ends TLS.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.names.iter().filter_map(Name::origin)
    }

    /// Where it is reached, without a slash at the end: through the proxy where
    /// there is one, for a cookie that only TLS carries is good for nothing else.
    pub fn url(&self) -> String {
        if let Some(origin) = self.origins().next() {
            return origin.to_owned();
        }
        let scheme = match self.tls {
            Some(_) => "https",
            None => "http",
        };
        let host = match self.address.ip().is_unspecified() {
            true => format!("localhost:{}", self.address.port()),
            false => self.address.to_string(),
        };
        format!("{scheme}://{host}")
    }
}

/// What a handler may need.
pub struct App {
    /// The door to the locks.
    pub locks: LockService,
    /// The door to tasks and sessions.
    pub tasks: TaskService,
    /// The door to the accounts.
    pub accounts: Accounts,
    /// Where blocking calls go.
    pub core: Core,
    /// Lists of locks, for many who ask.
    pub lists: Kept<Which, Bytes>,
    /// Who bears a token that is shown.
    pub tokens: Kept<Hash, Option<Who>>,
    /// Wakes those who wait.
    pub bell: Arc<Bell>,
    /// What changed.
    pub feed: Arc<Feed>,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Sign-ins that failed.
    pub throttle: Throttle,
    /// One-time links.
    pub links: Link,
    /// What forms of the account page have done.
    pub news: News,
    /// What the health page looks at, if it was told.
    pub settings: Option<Arc<Settings>>,
    /// How it works.
    pub config: Config,
    /// Whether it is stopping: whoever waits answers then.
    pub stopping: watch::Sender<bool>,
    /// Cut once those who wait have been answered: streams that have no end of
    /// their own.
    pub cut: CancellationToken,
}

impl App {
    /// A server on the database of a lock service.
    pub fn new(locks: LockService, config: Config) -> Self {
        let metrics = Arc::new(Metrics::default());
        Self {
            tasks: TaskService::new(locks.clone()),
            accounts: Accounts::new(locks.clone()),
            core: Core::new(metrics.clone()),
            lists: Kept::new(locks.clone()),
            tokens: Kept::new(locks.clone()),
            feed: Arc::new(Feed::new(run())),
            metrics,
            bell: Arc::new(Bell::new(locks.clone(), config.sweep.is_some())),
            throttle: Throttle::default(),
            links: Link::default(),
            news: News::default(),
            stopping: watch::Sender::new(false),
            cut: CancellationToken::new(),
            settings: None,
            locks,
            config,
        }
    }

    /// The same server with a health page, which judges these settings; what
    /// they say of tasks counts for those that are taken here.
    #[must_use]
    pub fn judging(self, settings: Settings) -> Self {
        let tasks = self.tasks.with_uncommitted(settings.uncommitted);
        let settings = Some(Arc::new(settings));
        Self {
            tasks,
            settings,
            ..self
        }
    }

    /// A link that signs in once; only on this machine's own address, where
    /// whoever sees it could as well open the database.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn sign_in_link(&self) -> Result<Option<String>, AccountError> {
        if !self.config.address.ip().is_loopback() {
            return Ok(None);
        }
        let (url, once) = (self.config.url(), self.links.make()?);
        Ok(Some(format!("{url}/sign-in/link?once={}", once.reveal())))
    }

    /// Resolves when the server is stopping.
    pub async fn stopped(&self) {
        // The sender lives as long as this does, so waiting cannot fail.
        let _ = self
            .stopping
            .subscribe()
            .wait_for(|stopping| *stopping)
            .await;
    }
}

/// Tells this run of the server from others.
fn run() -> String {
    let secret = crate::accounts::secret::Secret::new("").ok();
    secret.map_or_else(String::new, |secret| {
        secret.reveal().chars().take(8).collect()
    })
}
