//! What the screens of known programs look like.
//!
//! All of it is guessing, and the last resort [T11]: a client whose hooks say
//! what it does needs none of it. A vendor may change a wording with any
//! release; whoever is bitten sets patterns of their own (`--idle`, `--busy`,
//! `--waiting`), which stand in the place of these one by one.
//!
//! Only the last lines of the screen are looked at. `waiting` wins over
//! `busy`, and `busy` over `idle`, because a client shows its input box also
//! while it works, and a dialog sometimes stands above it.

/// Where an idle pattern is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Where {
    /// In the line of the cursor, which must stand at its end: for programs
    /// that prompt and wait there.
    Cursor,
    /// Anywhere in the last lines: for programs that draw a box.
    Screen,
}

/// One program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Profile {
    /// The provider's word; also the program's name in the pane.
    pub name: &'static str,
    /// It waits for work.
    pub idle: &'static str,
    pub idle_in: Where,
    /// It works. Without one, it works when its prompt is gone.
    pub busy: Option<&'static str>,
    /// It asks its user something: never answered from here.
    pub waiting: Option<&'static str>,
    /// How it is interrupted.
    pub interrupt: &'static str,
    /// What empties its input line and does nothing else while text is in it.
    pub clear: &'static str,
}

/// A menu with a number chosen in it: how clients of this family ask.
const MENU: &str = r"(?m)^[\s│|]*[❯›>●▌]\s*\d+[.)]\s";

/// The shells, and what nobody knows more of. A prompt: a line that ends in
/// one of the usual signs, with the cursor behind it. Source: their manuals
/// (PS1 of bash, zsh, dash and ksh, `fish_prompt`), and the signs of starship
/// and oh-my-zsh.
pub(super) const SHELL: Profile = Profile {
    name: "shell",
    idle: r"[$#%>❯➜λ»] ?$",
    idle_in: Where::Cursor,
    busy: None,
    waiting: Some(
        r"(?i)(\[y/n\]|\(y/n\)|\(yes/no(/\[fingerprint\])?\)|password( for [^:]+)?:|passphrase[^:]*:)\s*\??\s*\z",
    ),
    interrupt: "C-c",
    clear: "C-u",
};

/// The agents.
const AGENTS: [Profile; 5] = [
    // Claude Code: `❯` (earlier `>`) between two lines, with `Try "…"` behind
    // it at first; "esc to interrupt" below it while it works, which a narrow
    // pane cuts off, and a spinner with a word and an ellipsis above it.
    // Dialogs end in "Enter to confirm"; the one about the folder's trust has
    // "No, exit" chosen. Source: the client 2.1.330 itself, in a pane.
    Profile {
        name: "claude",
        idle: r#"(?m)^[\s│|]*[❯>]\s*(Try ".*)?[\s│|]*$"#,
        idle_in: Where::Screen,
        busy: Some(r"(?m)\besc to interrupt\b|^\s*[·✢✳✶✻✽*] \S[^\n]{0,80}…"),
        waiting: Some(
            r"(?mi)^[\s│|]*❯\s*(\d+[.)]\s|(yes|no)\b[,.]?.*$)|enter to (confirm|continue|select|submit)|press enter to (continue|retry)|no, exit\b|select login method|paste code here|browser didn't open\?",
        ),
        interrupt: "Escape",
        clear: "C-c",
    },
    // Codex CLI: `›` (earlier `▌`) before a placeholder that changes, so that
    // only what stands below the box can be relied on; "esc to interrupt".
    // To be checked in a pane; where to look: openai/codex, codex-rs/tui/src/
    // bottom_pane (chat_composer, status_indicator, approval overlay).
    Profile {
        name: "codex",
        idle: r"(?mi)^\s*[›▌]\s*((ask codex|explain this|summarize recent|implement|find and fix|write tests|improve documentation|run /review|use /skills).*)?$",
        idle_in: Where::Screen,
        busy: Some(r"(?i)\besc to interrupt\b"),
        waiting: Some(
            r"(?mi)^\s*›\s*\d+[.)]\s|press enter to (confirm|continue)|would you like to (run|make|grant)|allow command\?|do you trust the contents|update available!.*\n(.*\n){0,6}.*(skip|update now)|sign in with chatgpt",
        ),
        interrupt: "Escape",
        clear: "C-c",
    },
    // Gemini CLI: the placeholder is the sign; "esc to cancel" while it works.
    // The placeholder stands so in its public code; the others are to be
    // checked in a pane: google-gemini/gemini-cli, packages/cli/src/ui/components
    // (Composer, LoadingIndicator, ToolConfirmationMessage, FolderTrustDialog).
    Profile {
        name: "gemini",
        idle: r"Type your message or @path/to/file",
        idle_in: Where::Screen,
        busy: Some(r"(?i)\(?esc to cancel"),
        waiting: Some(
            r"(?mi)^[\s│|]*[●○]\s*\d+[.)]\s|yes, allow once|apply this change\?|allow execution|do you trust (this|the files)|waiting for user confirmation|how would you like to authenticate|waiting for auth",
        ),
        interrupt: "Escape",
        clear: "C-c",
    },
    // opencode: an input box with a placeholder, "esc interrupt" while it
    // works. To be checked in a pane: session prompt and permission dialog.
    Profile {
        name: "opencode",
        idle: r"(?i)ask anything",
        idle_in: Where::Screen,
        busy: Some(r"(?i)\besc (again )?(to )?interrupt\b"),
        waiting: Some(
            r"(?i)permission required|allow once|allow always|update available|connect a provider",
        ),
        interrupt: "Escape",
        clear: "C-c",
    },
    // Aider: a plain prompt, with the mode before it. Its question stands so in
    // its public code; the prompt is to be checked in a pane: Aider-AI/aider,
    // aider/io.py (get_input, confirm_ask).
    Profile {
        name: "aider",
        idle: r"^(\w+( \w+)?)?> $",
        idle_in: Where::Cursor,
        busy: None,
        waiting: Some(r"(?i)\(y\)es/\(n\)o.*\z"),
        interrupt: "C-c",
        clear: "C-u",
    },
];

/// An agent of which nothing is known: its prompt is looked for where the
/// cursor stands, and a chosen menu entry is a question.
const STRANGER: Profile = Profile {
    name: "agent",
    idle: r"^[\s│|]*[$#%>❯›➜λ»] ?$",
    idle_in: Where::Cursor,
    busy: None,
    waiting: Some(MENU),
    interrupt: "C-c",
    clear: "C-u",
};

/// Names by which shells run.
const SHELLS: [&str; 14] = [
    "ash", "bash", "csh", "dash", "elvish", "fish", "ksh", "mksh", "nu", "pwsh", "sh", "tcsh",
    "xonsh", "zsh",
];
/// Those of them that take several lines as several commands, whatever is
/// done.
const LINE_BY_LINE: [&str; 6] = ["ash", "csh", "dash", "ksh", "sh", "tcsh"];

/// What is known of a provider; `None` when its word says nothing.
pub(super) fn of_provider(provider: &str) -> Option<&'static Profile> {
    if is_shell(provider) || provider == SHELL.name {
        return Some(&SHELL);
    }
    let is_it = |profile: &&Profile| profile.name == provider;
    AGENTS.iter().find(is_it)
}

/// What is known of the program that runs in a pane's foreground.
pub(super) fn of_command(command: &str) -> &'static Profile {
    let name = command.strip_suffix(".exe").unwrap_or(command);
    of_provider(plain(name)).unwrap_or(&STRANGER)
}

/// Whether a program is a shell.
pub(super) fn is_shell(command: &str) -> bool {
    SHELLS.contains(&plain(command))
}

/// Whether it is known to take each line for itself.
pub(super) fn is_line_by_line(command: &str) -> bool {
    LINE_BY_LINE.contains(&plain(command))
}

/// A login shell's name begins with a dash.
fn plain(command: &str) -> &str {
    command.strip_prefix('-').unwrap_or(command)
}
