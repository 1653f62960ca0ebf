//! Whether the agent clients that are here ask GAIA before they write.

use std::fs;
use std::process::{Command, Stdio};

use gaia_agent::clients;
use gaia_agent::hook::Client;
use gaia_assigner::agents;
use gaia_assigner::doctor::Check;

use crate::commands::init::agent::own_folder;
use crate::context::Context;

const NAME: &str = "agents";

/// The first version of Claude Code in which a hook that fails can block.
const BLOCKS_FROM: [u32; 3] = [2, 1, 295];

/// One finding for each client that has a folder of its own here.
pub fn checks(context: &Context) -> Vec<Check> {
    let clients = [
        Client::Claude,
        Client::Codex,
        Client::Gemini,
        Client::Opencode,
        Client::Cursor,
    ];
    clients
        .into_iter()
        .filter_map(|client| check(context, client))
        .collect()
}

fn check(context: &Context, client: Client) -> Option<Check> {
    let folder = own_folder(client).ok().filter(|folder| folder.is_dir())?;
    let file = folder.join(clients::place(client).ok()?);
    let text = fs::read_to_string(&file).unwrap_or_default();
    let (word, shown) = (client.word(), file.display());
    if !clients::calls_hooks(&text, client) {
        let finding = format!("{word} is here and does not ask GAIA before it writes ({shown})");
        return Some(Check::warning(
            NAME,
            finding,
            format!("gaia init --agent {word}"),
        ));
    }
    if let Some(version) = too_old(client) {
        let finding =
            format!("{word} {version} goes on without a hook that fails; 2.1.295 and later do not");
        return Some(Check::warning(NAME, finding, "bring the client up to date"));
    }
    Some(match was_heard(context, client) {
        Some(false) => Check::warning(
            NAME,
            format!("{word} has GAIA's hooks and was never heard of"),
            never_heard(client),
        ),
        _ => Check::ok(NAME, format!("{word} asks GAIA before it writes")),
    })
}

fn never_heard(client: Client) -> &'static str {
    match client {
        Client::Codex => "type /hooks in Codex and trust them; then use it once",
        Client::Claude => "use it once, without --bare and --safe-mode, which run no hooks",
        _ => "use it once: a client that still is not heard of runs without its hooks",
    }
}

/// `None`: nobody can tell. A database that is not there is not made for it.
fn was_heard(context: &Context, client: Client) -> Option<bool> {
    if !context.database_file().ok()?.is_file() {
        return Some(false);
    }
    let service = context.service().ok()?;
    service.look(|tx| agents::was_heard(tx, client.word())).ok()
}

fn too_old(client: Client) -> Option<String> {
    if client != Client::Claude {
        return None;
    }
    let output = Command::new("claude")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().next()?.to_owned();
    let numbers: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    let is_old = numbers.is_some_and(|numbers| numbers.as_slice() < BLOCKS_FROM.as_slice());
    is_old.then_some(version)
}
