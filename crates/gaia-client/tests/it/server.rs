//! A server of a test's own, and clients of it.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use gaia_client::{Client, Config};
use gaia_locks::LockService;
use gaia_locks::ids::Scope;
use gaia_locks::settings::{Secret, Settings, Sources};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_server::{Accounts, App, Config as ServerConfig, Role, Stop, Tls, serve};

/// A running server; it ends when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub accounts: Accounts,
    pub locks: LockService,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// On these locks.
    pub fn on(locks: LockService) -> Self {
        Self::at(locks, TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// At this place.
    pub fn at(locks: LockService, listener: TcpListener) -> Self {
        let config = ServerConfig::new(listener.local_addr().unwrap());
        Self::start(locks, listener, config)
    }

    /// At this place, over TLS.
    pub fn with_tls(locks: LockService, listener: TcpListener, tls: Tls) -> Self {
        let config = ServerConfig {
            tls: Some(tls),
            ..ServerConfig::new(listener.local_addr().unwrap())
        };
        Self::start(locks, listener, config)
    }

    fn start(locks: LockService, listener: TcpListener, config: ServerConfig) -> Self {
        let address = config.address;
        let app = App::new(locks.clone(), config);
        let stop = Stop::default();
        let asked = stop.clone();
        let thread = std::thread::spawn(move || serve(app, listener, &asked).unwrap());
        Self {
            address,
            accounts: Accounts::new(locks.clone()),
            locks,
            stop,
            thread: Some(thread),
        }
    }

    /// On a new database in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self::on(service_in(folder))
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A token that was made for this test.
    pub fn token(&self, name: &str, role: Role) -> Secret {
        let made = self.accounts.create_token(name, role, None, "test");
        secret(made.unwrap().1.reveal())
    }

    /// A client that may do everything, of `root`'s.
    pub fn client(&self, scope: Option<&str>) -> Client {
        let token = self.token("root", Role::Admin);
        client(&self.url(), Some(token), scope)
    }

    pub fn end(&mut self) {
        self.stop.ask();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A new database in this folder.
pub fn service_in(folder: &Path) -> LockService {
    let file = folder.join("assigner.db");
    let store = SqliteStore::open(&file, SqliteOptions::default()).unwrap();
    let config = gaia_locks::service::Config::default();
    LockService::new(Arc::new(store), config)
}

/// A client of a server at this address.
pub fn client(url: &str, token: Option<Secret>, scope: Option<&str>) -> Client {
    let config = Config {
        scope: scope.map(|scope| Scope::new(scope).unwrap()),
        ..Config::new(url, token)
    };
    Client::new(config).unwrap()
}

/// A secret as the settings read it: nothing else makes one.
pub fn secret(text: &str) -> Secret {
    let variable = |name: &str| (name == "GAIA_TOKEN").then(|| text.into());
    let sources = Sources {
        user_home: Some("/nowhere".into()),
        ..Sources::new(&variable, Path::new("/"))
    };
    Settings::load(&sources).unwrap().token.unwrap()
}
