//! The panes of all tmux servers of a user: whether a session of another
//! program's is there.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::seats;
use super::target::{PaneRow, Target};

/// What the servers say whose sockets lie in one folder.
pub(crate) struct Everywhere {
    panes: Vec<PaneRow>,
    /// One is there and did not answer.
    is_silent: bool,
}

impl Everywhere {
    /// Asks them.
    ///
    /// # Errors
    /// When the folder cannot be looked at.
    pub fn look(sockets: &Path) -> io::Result<Self> {
        let mut found = Self {
            panes: Vec::new(),
            is_silent: false,
        };
        for socket in servers(sockets)? {
            match seats::list(&socket.to_string_lossy()) {
                Ok(panes) => found.panes.extend(panes),
                Err(_) => found.is_silent = true,
            }
        }
        Ok(found)
    }

    /// Whether a session of this name may be there.
    pub fn may_have(&self, session: &str) -> bool {
        let target = Target::read(session).ok();
        let is_it = |pane: &PaneRow| {
            pane.session_name == session || target.as_ref().is_some_and(|it| it.fits(pane))
        };
        self.is_silent || self.panes.iter().any(is_it)
    }
}

/// The sockets at which somebody listens.
fn servers(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_server = entry.file_type()?.is_socket()
            && !matches!(UnixStream::connect(entry.path()), Err(error) if error.kind() == io::ErrorKind::ConnectionRefused);
        if is_server {
            found.push(entry.path());
        }
    }
    Ok(found)
}
