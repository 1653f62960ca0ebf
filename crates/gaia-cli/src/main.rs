//! `gaia`, the command line: reads what was typed, calls the one door to the
//! locks, prints the answer. It decides nothing itself.
//!
//! # How to add a command
//! 1. `commands/<verb>.rs`: an args struct (its doc comment is the help), one
//!    `run(&Context, args) -> Ended`, and what it prints for people.
//! 2. One line in [`args::Command`] and one in [`commands::run`].
//!
//! # What every command keeps to
//! Data goes to stdout and everything else to stderr. The exit status is one
//! of [`exit::Status`]. With `--json` stdout holds JSON and nothing else, for
//! errors too (docs/cli-json.md). Nothing is opened, read or started before it
//! is needed: a command may be run before every write of an agent.

mod accounts;
mod args;
mod argv;
mod asker;
mod commands;
mod context;
mod exit;
mod log;
mod output;
mod system;
mod tell;
mod tmux_server;
mod waiting;

use std::process::ExitCode;

use context::Context;

fn main() -> ExitCode {
    // Figures about several processes start this program again as one of them.
    if let Some(status) = gaia_testkit::bench::worker_main() {
        return status;
    }
    let words = argv::words();
    let cli = match args::parse(&words) {
        Ok(cli) => cli,
        Err(unread) => return args::tell_unread(&unread, &words),
    };
    let global = args::Global {
        listen: cli.command.listen(),
        ..cli.global
    };
    let context = Context::new(global, cli.command.reads_dot_env_here());
    let ended = commands::run(&context, cli.command);
    context.settle();
    match ended {
        Ok(status) => status,
        Err(failure) => exit::fail(&context.out, &failure),
    }
}
