//! The planner of agents' settings: each client calls `gaia hook` before it
//! writes. What they hold then is decided in `gaia_agent::clients`.

use std::path::{Path, PathBuf};

use gaia_agent::clients::{self, Call};
use gaia_agent::hook::Client;
use gaia_locks::settings::{Origin, Settings};

use super::Ground;
use super::plan::Plan;
use crate::context::variable;
use crate::exit::{Failure, Status};

/// The settings of each client that was named.
pub fn plan(ground: &Ground<'_>, plan: &mut Plan) -> Result<(), Failure> {
    if ground.args.agent.is_empty() {
        return Ok(());
    }
    let call = Call {
        gaia: std::env::current_exe()?,
        environment: environment(ground.context.settings()?),
    };
    for client in ground
        .args
        .agent
        .iter()
        .filter_map(|word| Client::from_word(word))
    {
        if !ground.args.project {
            one(plan, client, &own_folder(client)?, &call)?;
            continue;
        }
        for repo in ground.repos {
            plan.for_repo(&repo.top);
            one(plan, client, &repo.top.join(folder_name(client)), &call)?;
        }
    }
    Ok(())
}

fn one(plan: &mut Plan, client: Client, folder: &Path, call: &Call) -> Result<(), Failure> {
    let refused = |error: clients::Unmerged, file: &Path| {
        let message = format!("{}: {error}", file.display());
        Failure::new("unreadable_settings", Status::Failed, message)
            .hint("mend the file, or add the hooks by hand: docs/agents.md shows them")
    };
    let file = folder.join(clients::place(client).map_err(|error| refused(error, folder))?);
    let existing = plan.text(&file)?;
    let merged = clients::merged(client, existing.as_deref(), call);
    let merged = merged.map_err(|error| refused(error, &file))?;
    plan.write(&file, &merged.text, "asks GAIA before it writes")?;
    match client {
        Client::Codex => {
            plan.note("Codex runs new hooks only once they are trusted: type /hooks in it")
        }
        Client::Cursor => {
            plan.note("Cursor's hooks are as its documentation has them; nobody has measured them")
        }
        _ => {}
    }
    Ok(())
}

/// What a hook would not find by itself where the client runs it.
fn environment(settings: &Settings) -> Vec<(String, String)> {
    let table = [
        ("GAIA_HOME", settings.home.display().to_string()),
        ("GAIA_LOCKS_DIR", settings.locks_dir.display().to_string()),
        ("GAIA_DATABASE_URL", settings.database.to_string()),
    ];
    let given = |name: &str| matches!(settings.origin(name), Origin::Environment | Origin::Flag(_));
    let handed = table.into_iter().filter(|(name, _)| given(name));
    handed
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn folder_name(client: Client) -> &'static str {
    match client {
        Client::Claude | Client::Generic => ".claude",
        Client::Codex => ".codex",
        Client::Gemini => ".gemini",
        Client::Opencode => ".opencode",
        Client::Cursor => ".cursor",
    }
}

/// Where a client keeps its user's settings.
pub fn own_folder(client: Client) -> Result<PathBuf, Failure> {
    let named = |name: &str| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let own = match client {
        Client::Claude => named("CLAUDE_CONFIG_DIR"),
        Client::Codex => named("CODEX_HOME"),
        Client::Opencode => named("XDG_CONFIG_HOME").map(|config| config.join("opencode")),
        Client::Gemini | Client::Cursor | Client::Generic => None,
    };
    if let Some(own) = own {
        return Ok(own);
    }
    let home = named("HOME").ok_or_else(|| {
        Failure::usage("HOME names no folder, so it cannot be told where agents' settings are")
    })?;
    Ok(match client {
        Client::Opencode => home.join(".config/opencode"),
        other => home.join(folder_name(other)),
    })
}
