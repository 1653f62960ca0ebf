//! An example of a `.env`: every setting with what it means, commented out.

use std::fmt::Write as _;

use super::table::{SETTINGS, Setting};

const HEAD: &str = "\
# GAIA's settings. Copy this file to .env in GAIA_HOME and take the # away from
# what you set. A flag wins over the environment, that over .env, that over
# gaia.toml. `gaia up`, `assigner` and `serve` also read .env of the folder that
# they are started in. `gaia doctor` shows each value and where it came from.
";

/// The text of `.env.example`.
#[must_use]
pub fn dot_env_example() -> String {
    let mut text = HEAD.to_owned();
    for setting in SETTINGS {
        let Setting {
            name,
            default,
            meaning,
            allowed,
            ..
        } = setting;
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n# {meaning}\n# allowed: {allowed}\n# default: {default}\n#{name}={}\n",
            value(setting)
        );
    }
    text
}

/// A value that could stand there.
fn value(setting: &Setting) -> &'static str {
    match setting.name {
        "GAIA_LOCKS_DIR" => "~/.gaia/locks",
        "GAIA_DATABASE_URL" => "sqlite:///home/you/.gaia/locks/assigner.db",
        "GAIA_DURABILITY" => "normal",
        "GAIA_SCOPE" => "local",
        "GAIA_HISTORY_RETENTION" => "90d",
        "GAIA_SERVER" => "https://gaia.example:8420",
        "GAIA_TOKEN" => "as-gaia-token-create-shows-it",
        "GAIA_SERVER_CA" => "/etc/gaia/authority.pem",
        // The others have a default that is a value.
        _ => setting.default,
    }
}
