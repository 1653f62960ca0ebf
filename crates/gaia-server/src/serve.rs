//! Running a server until it is told to stop.
//!
//! # How it ends
//! 1. It takes no new connections.
//! 2. Whoever waits (for a folder, a task, an event) is answered: 503 with
//!    Retry-After, or the end of the stream. A place in line that was taken
//!    with a request id is kept, so that asking again goes on where it was.
//! 3. What is being done is finished; after [`LAST_WORD`] what still hangs on
//!    a slow client is cut.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::DefaultAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use gaia_locks::service::Locks as _;
use hyper_util::rt::TokioTimer;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::runtime::{self, Runtime};
use tokio::sync::watch;

use crate::api::wait::stopping;
use crate::app::{App, Tls};
use crate::full::{self, Bounded};
use crate::{core, router};

/// How long answers may take to leave once the server stops.
const LAST_WORD: Duration = Duration::from_secs(10);
/// How long what was answered then may take to leave on a stream that has no
/// end of its own.
const ON_THEIR_WAY: Duration = Duration::from_millis(500);
/// How long the head of a request may take to arrive.
const HEAD_ARRIVES_WITHIN: Duration = Duration::from_secs(10);
/// How often a client that has many requests on one connection (HTTP/2) is
/// asked whether it is still there; who does not answer is cut off.
const STILL_THERE: Duration = Duration::from_secs(30);

/// Tells a server to stop, from any thread.
#[derive(Clone, Debug)]
pub struct Stop {
    asked: Arc<watch::Sender<bool>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            asked: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl Stop {
    /// Asks. A server that has not begun yet will not.
    pub fn ask(&self) {
        self.asked.send_replace(true);
    }

    async fn asked(&self) {
        // The sender lives as long as this does, so waiting cannot fail.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }
}

/// A server that runs on threads of its own; it ends when this is dropped.
pub struct Running {
    stop: Stop,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    /// Tells it to stop and waits until it has.
    ///
    /// # Errors
    /// What it ended with.
    pub fn end(self) -> io::Result<()> {
        self.stop.ask();
        self.wait()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// What it ended with.
    pub fn wait(mut self) -> io::Result<()> {
        let thread = self.thread.take().map(JoinHandle::join);
        thread.unwrap_or(Ok(Ok(()))).unwrap_or_else(|_| {
            let panicked = "the server's thread panicked";
            Err(io::Error::other(panicked))
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.ask();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the server's thread panicked");
        }
    }
}

/// Starts a server: it answers from now on, until it is told to stop.
///
/// # Errors
/// When certificate or key cannot be used, or the system gives no threads.
pub fn start(app: App, listener: TcpListener, stop: &Stop) -> io::Result<Running> {
    let app = Arc::new(app);
    let tls = app.config.tls.as_ref().map(tls_config).transpose()?;
    let runtime = runtime()?;
    let bell = app.bell.start(show(&app))?;
    let (url, database) = (app.config.url(), app.locks.database());
    tracing::info!(url, database, "server started");
    let asked = stop.clone();
    let work = move || {
        let served = runtime.block_on(run(app.clone(), listener, tls, &asked));
        // Calls that still run are few and short, but for a task that does not stop.
        runtime.shutdown_timeout(LAST_WORD);
        // Last, so that those who went with the runtime still leave the line.
        app.bell.stop();
        if bell.join().is_err() {
            tracing::error!("the bell's thread panicked");
        }
        tracing::info!("server ended");
        served
    };
    let thread = Builder::new().name("server".to_owned()).spawn(work)?;
    Ok(Running {
        stop: stop.clone(),
        thread: Some(thread),
    })
}

/// Serves until it is told to stop.
///
/// # Errors
/// As [`start`].
pub fn serve(app: App, listener: TcpListener, stop: &Stop) -> io::Result<()> {
    start(app, listener, stop)?.wait()
}

/// Shows what changed to those who follow.
fn show(app: &App) -> impl FnMut() + Send + use<> {
    let (feed, metrics, tasks) = (app.feed.clone(), app.metrics.clone(), app.tasks.clone());
    let bell = app.bell.clone();
    move || {
        if let Err(error) = feed.look(&tasks, &bell, &metrics) {
            tracing::error!(%error, "what changed could not be looked at");
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(core::THREADS)
        .thread_name("http")
        .enable_all()
        .build()
}

async fn run(
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    stop: &Stop,
) -> io::Result<()> {
    let handle = Handle::new();
    let routes = router::routes(&app).into_make_service_with_connect_info::<SocketAddr>();
    let sweeper = tokio::spawn(sweep(app.clone()));
    let ends = end(app.clone(), handle.clone(), stop.clone());
    let ends = tokio::spawn(ends);
    // Before its first bytes a connection speaks no version of HTTP yet, so the
    // limits of neither would count for one that sends nothing.
    let server = axum_server::from_tcp(listener)?.first_request_timeout(HEAD_ARRIVES_WITHIN);
    let mut server = server.handle(handle);
    let http = server.http_builder();
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_ARRIVES_WITHIN);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(STILL_THERE)
        .keep_alive_timeout(HEAD_ARRIVES_WITHIN);
    let places = app.config.connections.unwrap_or_else(full::usual);
    let served = match tls {
        None => {
            let acceptor = Bounded::new(DefaultAcceptor::new(), places);
            server.acceptor(acceptor).serve(routes).await
        }
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(tls));
            let acceptor = Bounded::new(acceptor, places);
            server.acceptor(acceptor).serve(routes).await
        }
    };
    sweeper.abort();
    ends.abort();
    served
}

async fn end(app: Arc<App>, handle: Handle<SocketAddr>, stop: Stop) {
    stop.asked().await;
    tracing::debug!("stopping: answering those who wait");
    app.stopping.send_replace(true);
    handle.graceful_shutdown(Some(LAST_WORD));
    tokio::time::sleep(ON_THEIR_WAY).await;
    app.cut.cancel();
}

async fn sweep(app: Arc<App>) {
    let Some(interval) = app.config.sweep else {
        return;
    };
    let mut times = tokio::time::interval(interval.max(Duration::from_secs(1)));
    loop {
        times.tick().await;
        let locks = app.locks.clone();
        match app.core.call(move || locks.cleanup()).await {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "locks swept"),
            Err(problem) if problem.code() == stopping().code() => return,
            Err(problem) => tracing::error!("locks could not be swept: {}", problem.detail()),
        }
    }
}

/// Whether certificate and key can be used: to be asked before anybody is told
/// that the server is up.
///
/// # Errors
/// When they cannot, naming the file.
pub fn can_be_used(files: &Tls) -> io::Result<()> {
    tls_config(files).map(drop)
}

fn tls_config(files: &Tls) -> io::Result<Arc<ServerConfig>> {
    let wrong = |what: &std::path::Path, error: &dyn std::fmt::Display| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} cannot be used for TLS: {error}", what.display()),
        )
    };
    let chain = CertificateDer::pem_file_iter(&files.certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(&files.certificates, &error))?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong(&files.certificates, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
