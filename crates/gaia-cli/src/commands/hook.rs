//! `gaia hook`: what agent clients call before a tool runs, and when something
//! happens in their sessions. See docs/agents.md.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gaia_agent::hook::{self, Client, Means, Reply, Surroundings};

use crate::context::{Context, here, variable};
use crate::exit::Ended;
use crate::system::tree;

/// Answer an agent client's hook
///
/// Reads one call as JSON from stdin and answers in the client's own form: a
/// write inside a folder that another holds is refused, and a session's first
/// write takes the lock by itself. Anything that fails refuses the write
/// (GAIA_HOOK_FAILURE). `gaia init --agent CLIENT` sets a client up to call it.
#[derive(clap::Args, Debug)]
pub struct HookArgs {
    /// Whose form the call has
    #[arg(value_name = "CLIENT", value_parser = ["claude", "codex", "gemini", "opencode", "cursor", "generic"])]
    pub client: String,
}

/// A call is small; whatever is longer is no call.
const LONGEST: u64 = 32 * 1024 * 1024;

/// Answers one call.
pub fn run(context: &Context, args: &HookArgs) -> Ended {
    let Some(client) = Client::from_word(&args.client) else {
        return Ok(ExitCode::from(2));
    };
    let mut input = Vec::new();
    // What could not be read is no JSON, and refused as such.
    let _ = std::io::stdin().take(LONGEST).read_to_end(&mut input);
    let again = context.again();
    let means = Means {
        hooks: context
            .settings()
            .map(|settings| settings.hooks)
            .map_err(|failure| failure.message),
        door: move || {
            let context = again.context();
            context.tasks().map_err(|failure| failure.message)
        },
    };
    Ok(deliver(&hook::answer(
        client,
        &input,
        means,
        surroundings(client),
    )))
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the client's own form, not ours"
)]
fn deliver(reply: &Reply) -> ExitCode {
    if let Some(json) = &reply.stdout {
        println!("{json}");
    }
    if let Some(text) = &reply.stderr {
        eprintln!("{text}");
    }
    ExitCode::from(reply.status)
}

/// What the environment says of the place where a client runs.
pub fn surroundings(client: Client) -> Surroundings {
    let home = variable("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute());
    let claude_pid = text("CLAUDE_PID").filter(|_| client == Client::Claude);
    let client_pid = match &claude_pid {
        Some(pid) => pid.parse().ok(),
        None => tree::first_above(|name| !is_shell(name)),
    };
    Surroundings {
        task: text("GAIA_SESSION").map(|session| (session, text("GAIA_TASK"))),
        pane: pane(),
        client_pid,
        mark: claude_pid.map(|pid| ("CLAUDE_PID".to_owned(), pid)),
        temporary: temporary(),
        states: home.as_deref().map(states).unwrap_or_default(),
        home,
        here: here().unwrap_or_else(|_| PathBuf::from("/")),
    }
}

fn text(name: &str) -> Option<String> {
    let value = variable(name)?.into_string().ok()?;
    Some(value).filter(|value| !value.is_empty())
}

/// `TMUX` is the socket, the server's pid and a number, with commas between.
fn pane() -> Option<(String, String)> {
    let server = text("TMUX")?;
    let socket = server.split(',').next()?.to_owned();
    Some((socket, text("TMUX_PANE")?))
}

fn temporary() -> Vec<PathBuf> {
    let named = text("TMPDIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let usual = [
        "/tmp",
        "/var/tmp",
        "/private/tmp",
        "/private/var/tmp",
        "/dev/shm",
    ];
    usual.iter().map(PathBuf::from).chain(named).collect()
}

/// Where clients keep their own state.
fn states(home: &Path) -> Vec<PathBuf> {
    const USUAL: [&str; 8] = [
        ".claude",
        ".codex",
        ".gemini",
        ".cursor",
        ".config/opencode",
        ".local/share/opencode",
        ".local/state/opencode",
        ".cache/opencode",
    ];
    let named = ["CLAUDE_CONFIG_DIR", "CODEX_HOME"];
    let named = named
        .iter()
        .filter_map(|name| text(name))
        .map(PathBuf::from);
    let usual = USUAL.iter().map(|folder| home.join(folder));
    let file = home.join(".claude.json");
    usual
        .chain(named.filter(|path| path.is_absolute()))
        .chain([file])
        .collect()
}

/// A shell between a client and its hook.
fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "dash" | "zsh" | "ksh" | "fish")
}
