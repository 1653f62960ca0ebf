//! What is asked of the system for people's sake: user, host, terminal.

pub mod files;
pub mod tree;

use std::os::fd::AsFd;

pub use gaia_locks::os::user::user;

use crate::context::variable;

/// The name by which the user is known where it only helps people to read: the
/// environment has it ready, the system would be asked at length.
pub fn login_name() -> String {
    let ready = variable("LOGNAME").or_else(|| variable("USER"));
    let ready = ready.and_then(|name| name.into_string().ok());
    ready.filter(|name| !name.is_empty()).unwrap_or_else(user)
}

/// One line from the terminal, which does not show it.
///
/// # Errors
/// When the terminal cannot be told to.
pub fn secret_line() -> std::io::Result<String> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    let usual = tcgetattr(&stdin)?;
    let mut silent = usual.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &usual)?;
    read?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// The host's name.
pub fn host() -> String {
    let names = rustix::system::uname();
    names.nodename().to_string_lossy().into_owned()
}

/// The terminal that this process was started from, without `/dev/`: whichever
/// of its three streams still leads to one.
pub fn terminal() -> Option<String> {
    let streams = [
        name_of_terminal(std::io::stdin()),
        name_of_terminal(std::io::stderr()),
        name_of_terminal(std::io::stdout()),
    ];
    streams.into_iter().flatten().next()
}

fn name_of_terminal(stream: impl AsFd) -> Option<String> {
    let name = rustix::termios::ttyname(stream, Vec::new()).ok()?;
    let name = name.to_string_lossy();
    Some(name.strip_prefix("/dev/").unwrap_or(&name).to_owned())
}

/// The leader of this process's login session, where it can be seen from here.
pub fn login_process() -> Option<u32> {
    gaia_locks::os::session_leader(None)
}
