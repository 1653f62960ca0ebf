//! The one table of all settings. `--help`, `gaia doctor` and the documentation print it, the
//! loader takes the defaults from it, and the files' keys are derived from its names.

use std::fmt::Write as _;

use super::Settings;
use crate::duration::human;

/// A setting as people know it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// The default as shown; where it is a plain value, the loader reads this very text.
    pub default: &'static str,
    /// What it decides, in a few words.
    pub meaning: &'static str,
    /// Which values can be read.
    pub allowed: &'static str,
    /// The value in use, as a report shows it: never a secret.
    pub(super) show: fn(&Settings) -> String,
}

impl Setting {
    /// The key in `gaia.toml`: the name in lower case without `GAIA_`.
    #[must_use]
    pub fn key(&self) -> String {
        let short = self.name.strip_prefix("GAIA_").unwrap_or(self.name);
        short.to_ascii_lowercase()
    }
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "GAIA_HOME",
        default: "~/.gaia",
        meaning: "state, logs, configuration",
        allowed: "a folder",
        show: |s| s.home.display().to_string(),
    },
    Setting {
        name: "GAIA_LOCKS_DIR",
        default: "$GAIA_HOME/locks",
        meaning: "the locks directory",
        allowed: "a folder",
        show: |s| s.locks_dir.display().to_string(),
    },
    Setting {
        name: "GAIA_LOCK_TIMEOUT_HOURS",
        default: "2",
        meaning: "lease length in hours",
        allowed: "a number of hours such as 2 or 0.5, from 1 second to 30 days (720)",
        show: |s| human(s.lease),
    },
    Setting {
        name: "GAIA_AUTO_CLEANUP_LOCKS",
        default: "true",
        meaning: "whether expired locks are swept at start and periodically",
        allowed: "true, false, 1, 0, yes, no, on, off",
        show: |s| s.auto_cleanup.to_string(),
    },
    Setting {
        name: "GAIA_LOCK_CLEANUP_INTERVAL",
        default: "3600",
        meaning: "seconds between sweeps",
        allowed: "a number of seconds or a duration such as 10m, from 1 second to 30 days",
        show: |s| human(s.cleanup_interval),
    },
    Setting {
        name: "GAIA_DATABASE_URL",
        default: "assigner.db in the locks directory",
        meaning: "the database; wins over the locks directory",
        allowed: "sqlite:///absolute/path or postgres://user@host/name",
        show: |s| s.database.to_string(),
    },
    Setting {
        name: "GAIA_DURABILITY",
        default: "normal; full where a holder may be on another machine",
        meaning: "normal: safe against kill -9 and, for tokens, power cuts; \
                  full: every grant is on disk before it is answered",
        allowed: "normal, full",
        show: |s| s.durability.as_str().to_owned(),
    },
    Setting {
        name: "GAIA_SCOPE",
        default: "local; with a database server the machine's id",
        meaning: "the scope of this machine's paths; machines that share files may share one",
        allowed: "a word of 1 to 128 characters without spaces",
        show: |s| s.scope.as_deref().unwrap_or("by the database").to_owned(),
    },
    Setting {
        name: "GAIA_MARKERS",
        default: "on",
        meaning: "marker files: on, locks (only in the locks directory), off",
        allowed: "on, locks, off",
        show: |s| s.markers.as_str().to_owned(),
    },
    Setting {
        name: "GAIA_HISTORY_RETENTION",
        default: "none",
        meaning: "age at which history is pruned",
        allowed: "none, or a duration with its unit such as 90d, at least 1s",
        show: |s| s.history_retention.map_or_else(none, human),
    },
    Setting {
        name: "GAIA_UNCOMMITTED",
        default: "warn",
        meaning: "what a task does with work that another left uncommitted in its folder: \
                  warn (go on, told so), wait (for a person), stash",
        allowed: "warn, wait, stash",
        show: |s| s.uncommitted.as_str().to_owned(),
    },
    Setting {
        name: "GAIA_HOOK_LOCKS",
        default: "worktree",
        meaning: "what an agent's first write locks: the innermost git work tree (outside one \
                  the file), the folder, or the file alone",
        allowed: "worktree, folder, file",
        show: |s| s.hooks.locks.as_str().to_owned(),
    },
    Setting {
        name: "GAIA_HOOK_LEASE",
        default: "15m",
        meaning: "how long such a lock lasts from the session's last sign of life",
        allowed: "a duration such as 15m, from 1 second to 30 days",
        show: |s| human(s.hooks.lease),
    },
    Setting {
        name: "GAIA_HOOK_REST",
        default: "5m",
        meaning: "how long it lasts once the session has stopped; 0 frees it at once, \
                  none leaves it its lease",
        allowed: "none, 0, or a duration such as 5m, up to 30 days",
        show: |s| s.hooks.rest.map_or_else(none, human),
    },
    Setting {
        name: "GAIA_HOOK_SHELL",
        default: "ask",
        meaning: "what becomes of a shell command that cannot be judged, in a folder that \
                  another holds: ask, allow, refuse",
        allowed: "ask, allow, refuse",
        show: |s| s.hooks.shell.as_str().to_owned(),
    },
    Setting {
        name: "GAIA_HOOK_SUBAGENTS",
        default: "session",
        meaning: "whose locks a subagent's are: its session's, or its own",
        allowed: "session, own",
        show: |s| s.hooks.subagents.as_str().to_owned(),
    },
    Setting {
        name: "GAIA_HOOK_FAILURE",
        default: "refuse",
        meaning: "what a hook that fails does about a write: refuse, allow",
        allowed: "refuse, allow",
        show: |s| s.hooks.failure.as_str().to_owned(),
    },
    Setting {
        name: "GAIA_LISTEN",
        default: "127.0.0.1:8420",
        meaning: "where the server listens",
        allowed: "an IP address and a port, such as 127.0.0.1:8420, [::1]:8420, localhost:8420",
        show: |s| s.listen.to_string(),
    },
    Setting {
        name: "GAIA_SERVER",
        default: "none",
        meaning: "work through this server instead of a database",
        allowed: "http://host:port or https://host:port, without a user or a password",
        show: |s| s.server.clone().unwrap_or_else(none),
    },
    Setting {
        name: "GAIA_TOKEN",
        default: "none",
        meaning: "the token for GAIA_SERVER; never shown",
        allowed: "a token as `gaia token create` shows it: visible ASCII without spaces",
        show: |s| {
            s.token
                .as_ref()
                .map_or_else(none, |_| "(hidden)".to_owned())
        },
    },
    Setting {
        name: "GAIA_SERVER_CA",
        default: "none",
        meaning: "certificates (PEM) that vouch for GAIA_SERVER instead of the public authorities",
        allowed: "a file",
        show: |s| {
            s.server_ca
                .as_ref()
                .map_or_else(none, |path| path.display().to_string())
        },
    },
    Setting {
        name: "GAIA_LOG",
        default: "info",
        meaning: "log filter",
        allowed: "off, error, warn, info, debug or trace, \
                  or a list such as info,gaia_locks=debug",
        show: |s| s.log.clone(),
    },
    Setting {
        name: "GAIA_LOG_FORMAT",
        default: "text",
        meaning: "form of the log; json for machines",
        allowed: "text, json",
        show: |s| s.log_format.as_str().to_owned(),
    },
];

fn none() -> String {
    "none".to_owned()
}

/// The setting of that environment name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The known setting whose name is most like the given one, in either form.
#[must_use]
pub fn nearest(name: &str) -> &'static Setting {
    let plain = name.to_ascii_lowercase();
    let plain = plain.strip_prefix("gaia_").unwrap_or(&plain);
    let best = SETTINGS
        .iter()
        .min_by_key(|setting| distance(plain, &setting.key()));
    best.unwrap_or(&SETTINGS[0])
}

/// How many letters must go or come to turn one into the other. A changed letter counts twice:
/// people leave letters out (`db_url`), and a short name must not be near to everything.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in right.chars().enumerate() {
            let kept = if a == b { diagonal } else { usize::MAX };
            diagonal = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// All settings as text for `--help`.
#[must_use]
pub fn help() -> String {
    let width = SETTINGS.iter().map(|s| s.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Setting {
        name,
        default,
        meaning,
        allowed,
        ..
    } in SETTINGS
    {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:width$}  {meaning}");
        let _ = writeln!(text, "  {:width$}  default: {default}", "");
        let _ = writeln!(text, "  {:width$}  allowed: {allowed}", "");
    }
    text
}

/// All settings as a Markdown table for the documentation.
#[must_use]
pub fn markdown() -> String {
    let mut text = "| name | default | meaning | allowed |\n| --- | --- | --- | --- |\n".to_owned();
    for Setting {
        name,
        default,
        meaning,
        allowed,
        ..
    } in SETTINGS
    {
        let _ = writeln!(text, "| {name} | {default} | {meaning} | {allowed} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_in_both_forms() {
        let table = [
            ("GAIA_LOCK_DIR", "GAIA_LOCKS_DIR"),
            ("GAIA_DB_URL", "GAIA_DATABASE_URL"),
            ("GAIA_LOGFORMAT", "GAIA_LOG_FORMAT"),
            ("lock_timeout", "GAIA_LOCK_TIMEOUT_HOURS"),
            ("marker", "GAIA_MARKERS"),
        ];
        for (wrong, right) in table {
            assert_eq!(nearest(wrong).name, right, "{wrong}");
        }
    }

    #[test]
    fn names_are_unique_and_every_column_is_filled() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(setting.name.starts_with("GAIA_"));
            assert!(
                SETTINGS[index + 1..]
                    .iter()
                    .all(|other| other.name != setting.name)
            );
            for text in [setting.default, setting.meaning, setting.allowed] {
                assert!(
                    !text.is_empty() && !text.contains(['\n', '|']),
                    "{}",
                    setting.name
                );
            }
        }
    }
}
