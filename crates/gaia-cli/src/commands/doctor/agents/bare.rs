//! Claude Code that was told to run no hooks: as a session of GAIA's, or
//! running here now.

use std::process::{Command, Stdio};

use gaia_assigner::doctor::Check;

use super::NAME;
use crate::context::Context;

/// With either no hooks run, not even those given by a flag.
const WITHOUT_HOOKS: [&str; 2] = ["--bare", "--safe-mode"];

/// One finding for each. Sessions are known where there is a database to look
/// into.
pub fn checks(look: Option<&Context>) -> Vec<Check> {
    let sessions = look.and_then(sessions).unwrap_or_default();
    let sessions = sessions.into_iter().map(|(name, flag)| {
        let finding =
            format!("session {name} starts claude with {flag}: it runs no hooks, and asks nobody");
        let remedy = format!("gaia session remove {name}, and add it without {flag}");
        Check::problem(NAME, finding, remedy)
    });
    let user = rustix::process::getuid().as_raw().to_string();
    let processes = processes(&listed(), &user).into_iter().map(|(pid, flag)| {
        let finding =
            format!("process {pid} is claude with {flag}: it runs no hooks, and asks nobody");
        Check::warning(
            NAME,
            finding,
            format!("end it, and start it without {flag}"),
        )
    });
    sessions.chain(processes).collect()
}

/// The sessions whose command starts one.
fn sessions(context: &Context) -> Option<Vec<(String, &'static str)>> {
    let all = context.tasks().ok()?.sessions().ok()?.sessions;
    let flagged = all.into_iter().filter_map(|session| {
        let words = shell_words::split(session.command.as_deref()?).ok()?;
        Some((session.name.to_string(), flag(&words)?))
    });
    Some(flagged.collect())
}

/// User, number and command of every process.
fn listed() -> String {
    let listed = Command::new("ps")
        .args(["-axww", "-o", "uid=,pid=,args="])
        .stdin(Stdio::null())
        .output();
    listed.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// A user's processes of such a list that are one.
fn processes(listed: &str, user: &str) -> Vec<(String, &'static str)> {
    let lines = listed.lines().filter_map(|line| {
        let mut words = line.split_whitespace().map(str::to_owned);
        let (owner, pid) = (words.next()?, words.next()?);
        let command: Vec<String> = words.collect();
        Some((pid, flag(&command)?)).filter(|_| owner == user)
    });
    lines.collect()
}

/// The flag with which a command starts Claude Code without hooks: it is run by
/// its name, or by node, or with variables before it.
fn flag(words: &[String]) -> Option<&'static str> {
    const FRONT: usize = 4;
    let is_claude = |word: &String| {
        let name = word.rsplit('/').next();
        matches!(name, Some("claude" | "claude.exe"))
    };
    let at = words.iter().take(FRONT).position(is_claude)?;
    let is_front = |word: &String| {
        word.contains('=') || ["env", "node"].iter().any(|name| word.ends_with(name))
    };
    if !words[..at].iter().all(is_front) {
        return None;
    }
    let mut flags = WITHOUT_HOOKS.into_iter();
    flags.find(|flag| words[at..].iter().any(|word| word == flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claude_without_hooks_is_told_from_other_commands() {
        let listed = " 5    7 /usr/bin/claude -p go --bare\n 5  12 node /opt/bin/claude --safe-mode\n\
                      5 13 claude -p go\n5 14 grep claude --bare\n5 15 env A=b claude --bare\n\
                      6 16 claude --bare\n";
        let found = processes(listed, "5");
        let pids: Vec<&str> = found.iter().map(|(pid, _)| pid.as_str()).collect();
        assert_eq!(pids, ["7", "12", "15"]);
        assert_eq!(found[1].1, "--safe-mode");
    }
}
