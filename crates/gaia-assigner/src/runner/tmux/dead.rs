//! Clients that a dead assigner left at a server.
//!
//! A client in control mode ends when its assigner does, unless the server still
//! had something to tell it: tmux (3.3a at least) then keeps it for ever, and a
//! server that is told to end waits for it. A word to the client itself ends it.

use std::io;

use gaia_locks::liveness::{Liveness, ProcessIdentity, liveness};
use gaia_locks::os::offspring::{self, variable_of};
use rustix::process::{Pid, Signal, kill_process};

use super::command;

/// Whose a client is.
const ASSIGNER: &str = "GAIA_TMUX_CLIENT_OF";

/// What a client of this process's finds in its environment.
pub(super) fn mark() -> io::Result<(&'static str, String)> {
    let me = ProcessIdentity::current()?;
    Ok((ASSIGNER, serde_json::to_string(&me)?))
}

/// Sends them away: those that the server lists, and those that were found
/// `before` and are attached to no session. Gives the others of these.
///
/// What takes a client away before it has introduced itself takes the server with
/// it (tmux/tmux#5004). The listed ones have, and so has one that has been there
/// for a while.
pub(super) fn send_away(server: &str, before: &[u32]) -> io::Result<Vec<u32>> {
    let clients = ["list-clients", "-F", "#{client_control_mode} #{client_pid}"];
    let answer = command::run(server, &clients, &[])?;
    let pid = |client: &str| client.strip_prefix("1 ")?.parse().ok();
    let listed: Vec<u32> = answer.lines().filter_map(pid).collect();
    let marked = offspring::with_variable(ASSIGNER);
    let (known, new): (Vec<u32>, Vec<u32>) = marked
        .into_iter()
        .filter(|pid| is_left(*pid))
        .partition(|pid| listed.contains(pid) || before.contains(pid));
    for pid in known {
        tracing::info!(
            server,
            pid,
            "a client that a dead assigner left is sent away"
        );
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // It may have ended since: that is what was wanted.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
    Ok(new)
}

fn is_left(client: u32) -> bool {
    let assigner = variable_of(client, ASSIGNER);
    let assigner = assigner.and_then(|text| serde_json::from_str::<ProcessIdentity>(&text).ok());
    assigner.is_some_and(|assigner| liveness(&assigner) == Liveness::Gone)
}
