//! Presets: how the usual clients are driven without anything to set.

/// A command that drives a client, each task's text on its stdin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preset {
    /// Its word on the command line.
    pub name: &'static str,
    /// The provider's word.
    pub provider: &'static str,
    /// The command of its process session.
    pub command: &'static str,
}

/// All of them.
///
/// Nobody is there to be asked, so each may run commands and edit files where
/// it works; what else a client refuses then fails its task.
pub const PRESETS: [Preset; 5] = [
    Preset {
        name: "claude",
        provider: "claude",
        command: "claude -p --output-format stream-json --verbose --permission-mode acceptEdits --allowedTools Bash",
    },
    Preset {
        name: "claude-worker",
        provider: "claude",
        command: "claude -p --input-format stream-json --output-format stream-json --verbose --replay-user-messages --permission-mode acceptEdits --allowedTools Bash",
    },
    Preset {
        name: "codex",
        provider: "codex",
        command: "codex exec --json --skip-git-repo-check -s workspace-write -",
    },
    Preset {
        name: "gemini",
        provider: "gemini",
        command: "gemini --output-format stream-json --approval-mode yolo",
    },
    Preset {
        name: "opencode",
        provider: "opencode",
        command: "opencode run --format json",
    },
];

/// The preset of that word.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
