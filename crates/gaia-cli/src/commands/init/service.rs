//! What the system is told to run, whichever system it is.

use std::path::{Path, PathBuf};

use gaia_locks::settings::Settings;
use serde::Serialize;

use super::{launchd, systemd};
use crate::exit::Failure;

/// What keeps services running.
#[derive(clap::ValueEnum, Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Linux: a unit of the user's own manager
    Systemd,
    /// macOS: an agent of the user
    Launchd,
}

/// The main job of one home.
pub struct Service {
    /// The binary, with its whole path.
    pub program: String,
    /// GAIA_HOME, with its whole path.
    pub home: String,
}

impl Service {
    /// This binary with the home that the settings name.
    pub fn of_this_binary(settings: &Settings) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        if !program.is_file() {
            let why = format!("{} is not there any more", program.display());
            return Err(
                Failure::usage(why).hint("start `gaia init` with the binary that is there now")
            );
        }
        Ok(Self {
            program: plain(&program)?,
            home: plain(&settings.home)?,
        })
    }
}

/// What can stand in a file of lines.
fn plain(path: &Path) -> Result<String, Failure> {
    let text = path
        .to_str()
        .filter(|text| !text.chars().any(char::is_control));
    text.map(str::to_owned).ok_or_else(|| {
        let shown = path.display();
        Failure::usage(format!(
            "{shown:?} cannot stand in a service's file: it is not UTF-8, or holds control characters"
        ))
    })
}

impl Kind {
    /// The one that this system has.
    pub fn of_this_system() -> Self {
        match cfg!(target_os = "macos") {
            true => Kind::Launchd,
            false => Kind::Systemd,
        }
    }

    /// Where the user's own services are looked for.
    pub fn file(self, user_home: &Path) -> PathBuf {
        user_home.join(match self {
            Kind::Systemd => ".config/systemd/user/gaia.service",
            Kind::Launchd => "Library/LaunchAgents/gaia.up.plist",
        })
    }

    /// What begins and ends a comment.
    pub fn comment(self) -> (&'static str, &'static str) {
        match self {
            Kind::Systemd => ("# ", ""),
            Kind::Launchd => ("<!-- ", " -->"),
        }
    }

    /// The file's content.
    pub fn content(self, service: &Service) -> Result<String, Failure> {
        match self {
            Kind::Systemd => systemd::unit(service),
            Kind::Launchd => Ok(launchd::agent(service)),
        }
    }

    /// What is left to do once it is written.
    pub fn after_writing(self, file: &Path, service: &Service) -> Vec<String> {
        match self {
            Kind::Systemd => vec![
                "systemctl --user daemon-reload && systemctl --user enable --now gaia".to_owned(),
                "loginctl enable-linger         # so that it works on when you have logged out"
                    .to_owned(),
                "journalctl --user -u gaia -f   # its log".to_owned(),
            ],
            Kind::Launchd => vec![
                format!(
                    "launchctl bootstrap gui/$(id -u) {}",
                    quoted(&file.to_string_lossy())
                ),
                format!("tail -f {}   # its log", quoted(&launchd::log(service))),
            ],
        }
    }

    /// What is left to do once it is removed.
    pub fn after_removing(self) -> Vec<String> {
        vec![match self {
            Kind::Systemd => {
                "systemctl --user disable --now gaia; systemctl --user daemon-reload".to_owned()
            }
            Kind::Launchd => format!("launchctl bootout gui/$(id -u)/{}", launchd::LABEL),
        }]
    }
}

/// As a shell reads it as one word.
fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
