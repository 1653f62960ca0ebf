//! A server of a test's own.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use gaia_locks::LockService;
use gaia_locks::folder::Folder;
use gaia_locks::service::Config as LockConfig;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_server::{Accounts, App, Config, Role, Stop, serve};

use crate::client::{Ask, Reply};

/// A running server; it ends when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub locks: LockService,
    pub accounts: Accounts,
    pub link: String,
    pub dir: tempfile::TempDir,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::start_in(dir)
    }

    /// One that lets in so many at once.
    pub fn with_places(places: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::start_as(dir, |config| Config {
            connections: Some(places),
            ..config
        })
    }

    /// One that is reached by these names.
    pub fn with_names(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let names = names.iter().map(|name| name.parse().unwrap()).collect();
        Self::start_as(dir, |config| Config { names, ..config })
    }

    /// One that sweeps nothing by itself.
    pub fn without_cleanup() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::start_as(dir, |config| Config {
            sweep: None,
            ..config
        })
    }

    /// One more on the same database.
    pub fn start_in(dir: tempfile::TempDir) -> Self {
        Self::start_as(dir, |config| config)
    }

    fn start_as(dir: tempfile::TempDir, how: impl FnOnce(Config) -> Config) -> Self {
        let file = dir.path().join("assigner.db");
        let store = SqliteStore::open(&file, SqliteOptions::default()).unwrap();
        let locks = LockService::new(Arc::new(store), LockConfig::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config {
            sweep: Some(Duration::from_secs(3600)),
            ..Config::new(address)
        };
        let app = App::new(locks.clone(), how(config));
        let link = app.sign_in_link().unwrap().unwrap();
        let stop = Stop::default();
        let asked = stop.clone();
        let thread = std::thread::spawn(move || serve(app, listener, &asked).unwrap());
        Self {
            address,
            accounts: Accounts::new(locks.clone()),
            locks,
            link,
            dir,
            stop,
            thread: Some(thread),
        }
    }

    pub fn ask(&self, method: &str, path: impl AsRef<[u8]>) -> Ask {
        Ask::new(self.address, method, path)
    }

    pub fn get(&self, path: &str, token: &str) -> Reply {
        self.ask("GET", path).token(token).send()
    }

    /// A token that was made for this test.
    pub fn token(&self, name: &str, role: Role) -> String {
        let (_, secret) = self
            .accounts
            .create_token(name, role, None, "test")
            .unwrap();
        secret.reveal().to_owned()
    }

    /// Whether a route's body has a field, as the document says.
    pub fn takes(&self, method: &str, path: &str, field: &str) -> bool {
        let document = self.ask("GET", "/api/openapi.json").send().json();
        let generic = path.replace("/1", "/{id}").replace("/bob", "/{name}");
        let operation = &document["paths"][generic][method.to_lowercase()];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let name = schema["$ref"]
            .as_str()
            .and_then(|name| name.rsplit('/').next());
        let shape = name.map(|name| &document["components"]["schemas"][name]["properties"]);
        shape.is_some_and(|properties| properties.get(field).is_some())
    }

    /// A folder of its own.
    pub fn folder(&self, name: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        let folder = Folder::resolve(&path, &path).unwrap();
        folder.path().to_owned()
    }

    /// The database's folder, for another server on it.
    pub fn end(mut self) -> tempfile::TempDir {
        self.halt();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    pub fn halt(&mut self) {
        self.stop.ask();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.halt();
    }
}
