//! The dashboard of a demo: a server on a free port of this machine, over the
//! stage's own database, for as long as the demo plays.

use std::net::{Ipv4Addr, TcpListener};

use gaia_assigner::TaskService;
use gaia_server::{App, Config, Running, Stop};

use crate::exit::Failure;
use crate::tell;

/// A running one; it ends when this is dropped.
pub struct Dashboard {
    /// Opens it, signed in; counts once.
    pub link: String,
    _server: Running,
}

impl Dashboard {
    /// Opens it. Where nothing may listen, the demo plays without.
    pub fn open(tasks: &TaskService) -> Option<Self> {
        Self::start(tasks)
            .map_err(|failure| tell::note(&format!("no dashboard: {}", failure.message)))
            .ok()
    }

    fn start(tasks: &TaskService) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let config = Config::new(listener.local_addr()?);
        let url = config.url();
        let app = App::new(tasks.locks().clone(), config);
        let link = app.sign_in_link()?.unwrap_or(url);
        Ok(Self {
            link,
            _server: gaia_server::start(app, listener, &Stop::default())?,
        })
    }
}
