//! Whether sessions in tmux can be reached.

use std::collections::BTreeSet;
use std::process::Command;

use super::Check;
use super::ask::said;
use crate::session::Kind;
use crate::wire::SessionInfo;

const NAME: &str = "tmux";

/// Asks tmux for its version, and each server that a session lives in for a
/// sign of life.
pub fn reached(sessions: &[SessionInfo]) -> Check {
    let is_tmux = |session: &&SessionInfo| session.kind.as_deref() == Some(Kind::Tmux.word());
    let servers: BTreeSet<&str> = sessions
        .iter()
        .filter(is_tmux)
        .filter_map(|session| session.server.as_deref())
        .collect();
    let version = said(Command::new("tmux").arg("-V"));
    let Some(version) = version else {
        return match servers.is_empty() {
            true => Check::ok(NAME, "not installed, and no session needs it"),
            false => Check::problem(
                NAME,
                "sessions live in tmux, and there is no tmux in the PATH",
                "install tmux, or remove those sessions with `gaia session remove NAME`",
            ),
        };
    };
    let is_silent =
        |server: &&&str| said(Command::new("tmux").args(["-S", server, "list-sessions"])).is_none();
    match servers.iter().find(is_silent) {
        None => Check::ok(NAME, format!("{version}, {} servers in use", servers.len())),
        Some(server) => Check::warning(
            NAME,
            format!("sessions live in the tmux server at {server}, which does not answer"),
            "start it again; its sessions get no task until it is there",
        ),
    }
}
