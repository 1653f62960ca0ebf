//! Which tmux server is meant: its socket, as tmux itself would find it.
//! The socket is what is remembered, because the assigner may run with other
//! variables than the user who named the server.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The socket of a server that is named like `tmux -L` (a name) or `tmux -S`
/// (a path), or of the one that this runs in, or of the user's default one.
pub fn socket(
    named: Option<&str>,
    variable: impl Fn(&str) -> Option<OsString>,
    uid: u32,
    here: &Path,
) -> PathBuf {
    let folder = || sockets(&variable, uid, here);
    match named {
        Some(path) if path.contains('/') => here.join(path),
        Some(name) => folder().join(name),
        None => inside(variable("TMUX")).unwrap_or_else(|| folder().join("default")),
    }
}

/// Where the sockets of a user's servers lie that are not named by a path.
pub fn sockets(variable: impl Fn(&str) -> Option<OsString>, uid: u32, here: &Path) -> PathBuf {
    let root = variable("TMUX_TMPDIR").filter(|root| !root.is_empty());
    let root = root.map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    here.join(root).join(format!("tmux-{uid}"))
}

/// TMUX is `socket,pid,session`.
fn inside(tmux: Option<OsString>) -> Option<PathBuf> {
    let tmux = tmux?.into_string().ok()?;
    let mut parts = tmux.rsplitn(3, ',');
    let socket = parts.nth(2).filter(|socket| !socket.is_empty())?;
    Some(PathBuf::from(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(named: Option<&str>, set: &[(&str, &str)]) -> String {
        let variable = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let socket = super::socket(named, variable, 7, Path::new("/here"));
        socket.to_string_lossy().into_owned()
    }

    #[test]
    fn a_server_is_found_as_tmux_finds_it() {
        let inside = [("TMUX", "/run/s,1,ock,123,0"), ("TMUX_TMPDIR", "/t")];
        assert_eq!(socket(None, &[]), "/tmp/tmux-7/default");
        assert_eq!(socket(None, &inside), "/run/s,1,ock");
        assert_eq!(socket(Some("work"), &inside), "/t/tmux-7/work");
        assert_eq!(socket(Some("./s.sock"), &inside), "/here/./s.sock");
        assert_eq!(socket(Some("/s.sock"), &inside), "/s.sock");
    }
}
