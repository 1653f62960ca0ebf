//! Where the server is, and what is shown to it.

use std::path::PathBuf;
use std::time::Duration;

use gaia_locks::Error;
use gaia_locks::ids::Scope;
use gaia_locks::settings::{Origin, Secret, Settings};

/// How a client works.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server's address, without a slash at its end.
    pub server: String,
    /// The token that is shown to it.
    pub token: Option<Secret>,
    /// Certificates that vouch for it instead of the public authorities.
    pub authorities: Option<PathBuf>,
    /// The scope of paths here, if one was named.
    pub scope: Option<Scope>,
    /// The lease of a request that names none, if one was set here; else the
    /// server's.
    pub ttl: Option<Duration>,
}

impl Config {
    /// A client of this server, with nothing else set.
    pub fn new(server: impl Into<String>, token: Option<Secret>) -> Self {
        Self {
            server: server.into(),
            token,
            authorities: None,
            scope: None,
            ttl: None,
        }
    }

    /// What the settings name; `None` where they name no server.
    ///
    /// # Errors
    /// For a scope that is no name.
    pub fn of(settings: &Settings) -> Result<Option<Self>, Error> {
        let Some(server) = &settings.server else {
            return Ok(None);
        };
        let was_set = *settings.origin("GAIA_LOCK_TIMEOUT_HOURS") != Origin::Default;
        Ok(Some(Self {
            authorities: settings.server_ca.clone(),
            scope: settings.scope.clone().map(Scope::new).transpose()?,
            ttl: was_set.then_some(settings.lease),
            ..Self::new(server, settings.token.clone())
        }))
    }
}
