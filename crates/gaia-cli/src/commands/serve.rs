//! `gaia serve`.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::PathBuf;

use gaia_assigner::daemon::LastError;
use gaia_locks::service::Locks as _;
use gaia_locks::settings::Uncommitted;
use gaia_server::{App, Config, Name, Running, Stop, Tls};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::system::files;
use crate::{log, tell};

/// Serve the HTTP API until told to end
///
/// Runs in the foreground and logs to stderr. On this machine alone it speaks
/// plain HTTP and shows a link that signs in once. To be reached from others
/// it wants TLS, or to be told in so many words that it need not. At Ctrl-C or
/// TERM it answers those who wait and finishes what it does.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  gaia serve\n  gaia serve --listen 0.0.0.0:8420 --tls-cert cert.pem --tls-key key.pem --name gaia.example.org"
)]
pub struct ServeArgs {
    #[command(flatten)]
    pub reached: Reached,
}

/// How the server is reached.
#[derive(clap::Args, Clone, Debug)]
pub struct Reached {
    /// Where it listens [GAIA_LISTEN, default: 127.0.0.1:8420]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<OsString>,
    /// Certificates for TLS, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key for TLS, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Beyond this machine without TLS: whoever listens on the way reads along
    #[arg(long, conflicts_with = "tls_cert")]
    pub insecure_http: bool,
    /// A further name by which it is reached (repeat it for more); https://NAME
    /// where a proxy ends TLS before it
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<Name>,
}

/// Serves.
pub fn run(context: &Context, args: &ServeArgs) -> Ended {
    let ready = prepare(context, &args.reached)?;
    log::start(context.settings()?, LastError::default())?;
    files::allow_all();
    let stop = Stop::default();
    watch_signals(stop.clone())?;
    let start = Start {
        serving: true,
        pid: std::process::id(),
        database: context.service()?.database(),
        server: Served::of(&ready),
    };
    if let Some(link) = ready.link.as_ref().filter(|_| !context.out.is_json()) {
        tell::note(&format!("open {link} (signs in once, within an hour)"));
    }
    let running = ready.start(&stop)?;
    if context.out.is_json() {
        context.out.object(&start)?;
    }
    running.wait()?;
    Ok(Status::Done.into())
}

/// What it serves, when it starts.
#[derive(Serialize)]
struct Start {
    serving: bool,
    pid: u32,
    database: String,
    server: Served,
}

/// Where a server is reached.
#[derive(Serialize)]
pub struct Served {
    /// Its address.
    pub url: String,
    /// Signs in once; only on this machine's own address.
    pub link: Option<String>,
}

impl Served {
    /// That of a server that has its port.
    pub fn of(ready: &Ready) -> Self {
        Self {
            url: ready.url.clone(),
            link: ready.link.clone(),
        }
    }
}

/// A server that has its port and has not begun.
pub struct Ready {
    app: App,
    listener: TcpListener,
    /// Where it is reached.
    pub url: String,
    /// Signs in once; only on this machine's own address.
    pub link: Option<String>,
}

impl Ready {
    /// The same, with this word on what a task does with work that another left
    /// uncommitted, where one was given.
    pub fn leaving(self, uncommitted: Option<Uncommitted>) -> Self {
        let Some(uncommitted) = uncommitted else {
            return self;
        };
        let tasks = self.app.tasks.clone().with_uncommitted(uncommitted);
        let app = App { tasks, ..self.app };
        Self { app, ..self }
    }

    /// Lets it begin.
    ///
    /// # Errors
    /// When certificate or key cannot be used, or the system gives no threads.
    pub fn start(self, stop: &Stop) -> std::io::Result<Running> {
        gaia_server::start(self.app, self.listener, stop)
    }
}

/// Takes the port.
///
/// # Errors
/// When the port is taken, or it would be reached unprotected.
pub fn prepare(context: &Context, reached: &Reached) -> Result<Ready, Failure> {
    let settings = context.settings()?;
    let service = context.service()?;
    let tls = reached.tls_cert.clone().zip(reached.tls_key.clone());
    if tls.is_none() && !settings.listen.ip().is_loopback() && !reached.insecure_http {
        return Err(unprotected(settings.listen));
    }
    let tls = tls.map(|(certificates, key)| Tls { certificates, key });
    tls.as_ref().map(gaia_server::can_be_used).transpose()?;
    let listener = TcpListener::bind(settings.listen)
        .map_err(|error| cannot_listen(settings.listen, &error))?;
    let config = Config {
        names: reached.names.clone(),
        tls,
        sweep: settings.auto_cleanup.then_some(settings.cleanup_interval),
        ..Config::new(listener.local_addr()?)
    };
    let url = config.url();
    let app = App::new((*service).clone(), config).judging(settings.clone());
    let link = app.sign_in_link()?;
    Ok(Ready {
        app,
        listener,
        url,
        link,
    })
}

fn unprotected(listen: std::net::SocketAddr) -> Failure {
    let message = format!("{listen} is reached from other machines, and TLS is not set up");
    Failure::usage(message).hint(
        "give --tls-cert and --tls-key, or say --insecure-http; --listen 127.0.0.1:8420 stays on this machine",
    )
}

fn cannot_listen(listen: std::net::SocketAddr, error: &std::io::Error) -> Failure {
    let (why, hint) = match error.kind() {
        std::io::ErrorKind::AddrInUse => (
            "another program listens there already".to_owned(),
            "end it, choose another port with --listen ADDR or GAIA_LISTEN",
        ),
        _ => (
            error.to_string(),
            "choose another address with --listen ADDR or GAIA_LISTEN",
        ),
    };
    let message = format!("the server cannot listen on {listen}: {why}");
    Failure::new("cannot_listen", Status::Failed, message).hint(hint)
}

fn watch_signals(stop: Stop) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let watch = move || {
        for _ in signals.forever() {
            tell::note("answering those who wait, then ending");
            stop.ask();
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(watch)?;
    Ok(())
}
