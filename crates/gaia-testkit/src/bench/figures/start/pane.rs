//! The same spans for a tmux session: a shell in a pane of a server of the
//! figure's own, to which the agent is a command.

use std::path::Path;
use std::process::Command;

use super::super::super::Trouble;
use super::super::super::program::{self, Server};
use super::super::super::race::Missing;
use super::super::folder_in;
use super::{NOTES, Span, read};

/// One after the other to an idle pane.
pub(super) fn spans(gaia: &Path, place: &Path, many: usize) -> Result<Vec<Span>, Missing> {
    let terminal = Terminal::start(place)?;
    let missing = |why: Trouble| Missing::new("GAIA, tmux session", why);
    typed(gaia, place, &terminal, many).map_err(missing)
}

fn typed(
    gaia: &Path,
    place: &Path,
    terminal: &Terminal,
    many: usize,
) -> Result<Vec<Span>, Trouble> {
    let (home, folder) = (folder_in(place, "home")?, folder_in(place, "work")?);
    let notes = place.join("notes");
    let command = |words: &[&str]| {
        let mut command = program::gaia(gaia, &home);
        command.args(words).current_dir(&folder);
        command
    };
    let add = [
        "session",
        "add",
        "one",
        "--tmux",
        "bench",
        "--provider",
        "shell",
    ];
    let sight = ["--tmux-server", &terminal.socket, "--quiet", "100ms"];
    program::run(&mut command(&[&add[..], &sight].concat()))?;
    let _assigner = Server::start(&mut command(&["assigner"]))?;
    // Finding the pane takes a calm moment of its server, and no idle session
    // waits for that: this one is not counted.
    program::run(&mut command(&["send", "true", "--dir", ".", "--wait"]))?;
    for task in 2..=many + 1 {
        // In a pane nothing but the text tells the agent what it is.
        let (notes, gaia) = (notes.to_string_lossy(), gaia.to_string_lossy());
        let text = format!("{NOTES}='{notes}' GAIA_TASK={task} '{gaia}'");
        program::run(&mut command(&["send", &text, "--dir", ".", "--wait"]))?;
    }
    read(&home.join("locks/assigner.db"), &notes)
}

/// A tmux server that ends with the figure.
struct Terminal {
    socket: String,
}

impl Terminal {
    fn start(place: &Path) -> Result<Self, Missing> {
        let socket = place.join("tmux").to_string_lossy().into_owned();
        let terminal = Self { socket };
        let shell = "PS1='$ ' exec bash --norc --noprofile -i";
        let words = [
            "new-session",
            "-d",
            "-s",
            "bench",
            "-x",
            "250",
            "-y",
            "40",
            shell,
        ];
        program::try_out("GAIA, tmux session", "tmux", terminal.tmux().args(words))?;
        Ok(terminal)
    }

    fn tmux(&self) -> Command {
        let mut command = Command::new("tmux");
        command.args(["-u", "-f", "/dev/null", "-S", &self.socket]);
        command.env_remove("TMUX");
        command
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may be gone already.
        drop(program::run(self.tmux().arg("kill-server")));
    }
}
