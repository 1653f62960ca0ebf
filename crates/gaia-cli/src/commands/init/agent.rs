//! The planner of agents' settings: each client calls `gaia hook` before it
//! writes, and knows the MCP server `gaia mcp`. What they hold then is decided in
//! `gaia_agent::clients`.

use std::path::{Path, PathBuf};

use gaia_agent::clients::{self, Call, Part, Unmerged};
use gaia_agent::hook::Client;
use gaia_locks::settings::{Origin, Settings};

use super::Ground;
use super::plan::{OfClient, Plan, READABLE};
use crate::commands::doctor::agents::too_old;
use crate::context::variable;
use crate::exit::{Failure, Status};

/// What Claude Code keeps for itself beside the servers.
const OWN_EYES: u32 = 0o600;

/// Where one client's settings are: its user's, or a project's.
struct Place<'a> {
    client: Client,
    /// The client's own folder there.
    folder: PathBuf,
    /// The project's work tree.
    top: Option<&'a Path>,
}

/// The settings of each client that was named.
pub fn plan(ground: &Ground<'_>, plan: &mut Plan) -> Result<(), Failure> {
    if ground.args.agent.is_empty() {
        return Ok(());
    }
    let call = Call {
        gaia: std::env::current_exe()?,
        environment: environment(ground.context.settings()?),
    };
    let named = ground.args.agent.iter();
    for client in named.filter_map(|word| Client::from_word(word)) {
        match &ground.args.plugin {
            Some(folder) if client == Client::Claude => plugin(plan, folder, &call)?,
            _ if ground.args.project => {
                for repo in ground.repos {
                    plan.for_repo(&repo.top);
                    one(plan, &Place::of_project(client, &repo.top), &call)?;
                }
            }
            _ => one(plan, &Place::of_user(client)?, &call)?,
        }
        tell(plan, client, ground);
    }
    tell_of_token(plan, ground.context.settings()?);
    Ok(())
}

fn one(plan: &mut Plan, place: &Place<'_>, call: &Call) -> Result<(), Failure> {
    let client = place.client;
    let of = |part: Part| OfClient {
        client: client.word().to_owned(),
        part,
    };
    let hooks = clients::place(client).map_err(|error| refused(&error, &place.folder))?;
    let file = place.folder.join(hooks);
    let existing = plan.text(&file)?;
    match clients::merged(client, existing.as_deref(), call) {
        Ok(merged) => {
            let why = "asks GAIA before it writes";
            plan.write_part(of(Part::Hooks), &file, (&merged.text, READABLE), why)?;
        }
        Err(error @ Unmerged::Others) => plan.note(format!("{}: {error}", file.display())),
        Err(error) => return Err(refused(&error, &file)),
    }

    let (file, mode) = place.server();
    let existing = plan.text(&file)?;
    match clients::with_server(client, existing.as_deref(), call) {
        Ok(text) => plan.write_part(
            of(Part::Server),
            &file,
            (&text, mode),
            "knows GAIA's MCP server",
        ),
        Err(error @ Unmerged::Taken) => {
            plan.note(format!("{}: {error}", file.display()));
            Ok(())
        }
        Err(error) => Err(refused(&error, &file)),
    }
}

fn refused(error: &Unmerged, file: &Path) -> Failure {
    let message = format!("{}: {error}", file.display());
    Failure::new("unreadable_settings", Status::Failed, message)
        .hint("mend the file, or add GAIA by hand: docs/agents.md shows how")
}

/// A folder of its own, which nobody else's files are in.
fn plugin(plan: &mut Plan, folder: &Path, call: &Call) -> Result<(), Failure> {
    let folder = crate::context::here()?.join(folder);
    let files = clients::claude_plugin(call);
    let manifest = files.first().map(|file| folder.join(&file.path));
    let is_ours = match manifest.map(|file| plan.text(&file)).transpose()?.flatten() {
        Some(text) => is_named_gaia(&text),
        None => is_free(plan, &folder, &files)?,
    };
    if !is_ours {
        let message = format!("{} is another plugin's folder", folder.display());
        return Err(Failure::new("not_ours", Status::Failed, message)
            .hint("name a folder that is empty or not there yet"));
    }
    for file in &files {
        plan.write(
            &folder.join(&file.path),
            &file.text,
            "a plugin for Claude Code",
        )?;
    }
    let shown = folder.display();
    plan.note(format!(
        "`claude --plugin-dir {shown}` uses the plugin once; `/plugin marketplace add {shown}` and `/plugin install gaia@gaia` in Claude Code keep it"
    ));
    Ok(())
}

fn is_named_gaia(manifest: &str) -> bool {
    let manifest: serde_json::Value = serde_json::from_str(manifest).unwrap_or_default();
    manifest["name"] == "gaia"
}

fn is_free(plan: &Plan, folder: &Path, files: &[clients::File]) -> Result<bool, Failure> {
    for file in files {
        if plan.text(&folder.join(&file.path))?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What the user has to do or to know besides.
fn tell(plan: &mut Plan, client: Client, ground: &Ground<'_>) {
    match client {
        Client::Codex => {
            plan.note("Codex runs new hooks only once they are trusted: type /hooks in it");
            if ground.args.project {
                plan.note("Codex reads a project's settings only where it trusts the project");
            }
        }
        Client::Claude => {
            if ground.args.project {
                plan.note(
                    "Claude Code asks its user before it starts a server of a project's .mcp.json",
                );
            }
            if let Some(version) = too_old(client) {
                plan.note(format!(
                    "Claude Code {version} goes on when a hook fails; 2.1.295 and later refuse the write"
                ));
            }
        }
        Client::Cursor => plan
            .note("Cursor's settings are as its documentation has them; nobody has measured them"),
        _ => {}
    }
}

fn tell_of_token(plan: &mut Plan, settings: &Settings) {
    let is_passing = matches!(settings.origin("GAIA_TOKEN"), Origin::Environment);
    if settings.server.is_some() && is_passing {
        let file = settings.home.join(".env");
        plan.note(format!(
            "agents need GAIA_TOKEN for the server too: put it into {}, readable by you alone",
            file.display()
        ));
    }
}

/// What a hook would not find by itself where the client runs it. A token is a
/// secret, and is not written into settings that others may read.
pub fn environment(settings: &Settings) -> Vec<(String, String)> {
    let certificates = settings.server_ca.as_ref();
    let certificates = certificates.map(|file| file.display().to_string());
    let table = [
        ("GAIA_HOME", settings.home.display().to_string()),
        ("GAIA_LOCKS_DIR", settings.locks_dir.display().to_string()),
        ("GAIA_DATABASE_URL", settings.database.to_string()),
        ("GAIA_SERVER", settings.server.clone().unwrap_or_default()),
        ("GAIA_SERVER_CA", certificates.unwrap_or_default()),
    ];
    let given = |name: &str| matches!(settings.origin(name), Origin::Environment | Origin::Flag(_));
    let handed = table.into_iter().filter(|(name, _)| given(name));
    handed
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

impl<'a> Place<'a> {
    fn of_user(client: Client) -> Result<Self, Failure> {
        Ok(Self {
            client,
            folder: own_folder(client)?,
            top: None,
        })
    }

    fn of_project(client: Client, top: &'a Path) -> Self {
        Self {
            client,
            folder: top.join(folder_name(client)),
            top: Some(top),
        }
    }

    /// The file in which the client's MCP servers stand, and its permissions
    /// where it is not there yet.
    fn server(&self) -> (PathBuf, u32) {
        let beside = || self.folder.parent().unwrap_or(&self.folder);
        match (self.client, self.top) {
            (Client::Claude | Client::Generic, Some(top)) => (top.join(".mcp.json"), READABLE),
            (Client::Claude | Client::Generic, None) => {
                let moved = variable("CLAUDE_CONFIG_DIR").is_some();
                let folder = if moved { &self.folder } else { beside() };
                (folder.join(".claude.json"), OWN_EYES)
            }
            (Client::Codex, _) => (self.folder.join("config.toml"), READABLE),
            (Client::Gemini, _) => (self.folder.join("settings.json"), READABLE),
            (Client::Cursor, _) => (self.folder.join("mcp.json"), READABLE),
            (Client::Opencode, top) => (opencode(top.unwrap_or(&self.folder)), READABLE),
        }
    }
}

/// opencode reads either; which one is there is its user's choice.
fn opencode(folder: &Path) -> PathBuf {
    let commented = folder.join("opencode.jsonc");
    match commented.is_file() {
        true => commented,
        false => folder.join("opencode.json"),
    }
}

/// The file in which a client's MCP servers stand for its user.
pub fn own_server_file(client: Client) -> Result<PathBuf, Failure> {
    Ok(Place::of_user(client)?.server().0)
}

/// The client's folder in the repository of the current folder, and the file in
/// which its MCP servers stand there.
pub fn of_project_here(client: Client) -> Option<(PathBuf, PathBuf)> {
    let here = crate::context::here().ok()?;
    let top = super::git::Repo::of(&here).ok()?.top;
    let place = Place::of_project(client, &top);
    let server = place.server().0;
    Some((place.folder, server))
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
