//! Whether the agent clients that are here ask GAIA before they write.

mod answers;
mod bare;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gaia_agent::clients::{self, Runs};
use gaia_agent::hook::Client;
use gaia_assigner::agents;
use gaia_assigner::doctor::{self, Check};

use crate::commands::init::agent::{of_project_here, own_folder, own_server_file};
use crate::context::Context;

const NAME: &str = "agents";

/// The first version of Claude Code in which a hook that fails can block.
const BLOCKS_FROM: [u32; 3] = [2, 1, 295];

/// One finding for each client that has a folder of its own here, and one for
/// each that runs without hooks.
pub fn checks(context: &Context) -> Vec<Check> {
    let clients = [
        Client::Claude,
        Client::Codex,
        Client::Gemini,
        Client::Opencode,
        Client::Cursor,
    ];
    let is_ready = context.settings().is_ok_and(doctor::is_ready);
    let look = Some(context).filter(|_| is_ready);
    let here = clients
        .into_iter()
        .filter_map(|client| Some(check(context, look, &Here::find(client)?)));
    here.chain(bare::checks(look)).collect()
}

/// A client that is here.
struct Here {
    client: Client,
    folder: PathBuf,
    /// Where its hooks stand.
    file: PathBuf,
    /// The settings there.
    text: String,
    /// Where its MCP servers stand.
    server: PathBuf,
}

impl Here {
    /// As its user has it, or else as the project does that one is in.
    fn find(client: Client) -> Option<Self> {
        let folder = own_folder(client).ok().filter(|folder| folder.is_dir())?;
        let own = Self::with(client, &folder, &folder, own_server_file(client).ok()?)?;
        if clients::calls_hooks(&own.text, client) {
            return Some(own);
        }
        let of_project = of_project_here(client)
            .and_then(|(place, server)| Self::with(client, &folder, &place, server));
        let sets_up = of_project.filter(|here| clients::calls_hooks(&here.text, client));
        Some(sets_up.unwrap_or(own))
    }

    fn with(client: Client, folder: &Path, place: &Path, server: PathBuf) -> Option<Self> {
        let file = place.join(clients::place(client).ok()?);
        let text = fs::read_to_string(&file).unwrap_or_default();
        Some(Self {
            client,
            folder: folder.to_owned(),
            file,
            text,
            server,
        })
    }
}

/// The first thing that is wrong with it. `look`: the database, where one can
/// look into it without changing it.
fn check(context: &Context, look: Option<&Context>, here: &Here) -> Check {
    let word = here.client.word();
    not_set_up(here)
        .or_else(|| not_run(here))
        .or_else(|| not_answered(here))
        .or_else(|| too_old_to_block(here.client))
        .or_else(|| unheard(context, look, here.client))
        .or_else(|| without_server(here))
        .unwrap_or_else(|| Check::ok(NAME, format!("{word} asks GAIA before it writes")))
}

fn not_set_up(here: &Here) -> Option<Check> {
    if clients::calls_hooks(&here.text, here.client) {
        return None;
    }
    let (word, shown) = (here.client.word(), here.file.display());
    let finding = format!("{word} is here and does not ask GAIA before it writes ({shown})");
    // What a plugin brings stands in no settings of the client's.
    let plugin = match here.client {
        Client::Claude => "; with GAIA's plugin it does",
        _ => "",
    };
    let finding = format!("{finding}{plugin}");
    Some(Check::warning(
        NAME,
        finding,
        format!("gaia init --agent {word}"),
    ))
}

/// Hooks that the client knows of and does not run.
fn not_run(here: &Here) -> Option<Check> {
    let word = here.client.word();
    let runs = match here.client {
        Client::Codex => {
            let config = fs::read_to_string(here.folder.join("config.toml"));
            clients::codex_runs_hooks(&config.unwrap_or_default(), &resolved(&here.file))
        }
        client => clients::runs_hooks(&here.text, client),
    };
    match runs {
        Runs::Yes => None,
        Runs::Off => Some(Check::problem(
            NAME,
            format!("{word} has GAIA's hooks, and all hooks are turned off in its settings"),
            format!("turn them on again in {}", here.folder.display()),
        )),
        Runs::Untrusted => Some(Check::problem(
            NAME,
            format!("{word} has GAIA's hooks and does not run them: they are not trusted"),
            "type /hooks in Codex and trust them",
        )),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file of settings, not a folder to be locked"
)]
fn resolved(file: &Path) -> PathBuf {
    file.canonicalize().unwrap_or_else(|_| file.to_owned())
}

/// A hook that is not there, breaks off or is late refuses all writes, or lets
/// all of them pass.
fn not_answered(here: &Here) -> Option<Check> {
    let words = clients::called(&here.text, here.client)?;
    let why = answers::in_time(here.client, &words).err()?;
    let word = here.client.word();
    Some(Check::problem(
        NAME,
        format!("the hook that {word} calls {why}"),
        format!("gaia init --agent {word}"),
    ))
}

fn too_old_to_block(client: Client) -> Option<Check> {
    let (word, version) = (client.word(), too_old(client)?);
    let finding =
        format!("{word} {version} goes on without a hook that fails; 2.1.295 and later do not");
    Some(Check::warning(NAME, finding, "bring the client up to date"))
}

fn unheard(context: &Context, look: Option<&Context>, client: Client) -> Option<Check> {
    if was_heard(context, look, client) != Some(false) {
        return None;
    }
    let remedy = match client {
        Client::Codex => "type /hooks in Codex and trust them; then use it once",
        Client::Claude => "use it once, without --bare and --safe-mode, which run no hooks",
        _ => "use it once: a client that still is not heard of runs without its hooks",
    };
    let finding = format!("{} has GAIA's hooks and was never heard of", client.word());
    Some(Check::warning(NAME, finding, remedy))
}

fn without_server(here: &Here) -> Option<Check> {
    let text = fs::read_to_string(&here.server).unwrap_or_default();
    if clients::names_server(&text, here.client) {
        return None;
    }
    let word = here.client.word();
    Some(Check::warning(
        NAME,
        format!(
            "{word} asks GAIA before it writes, and does not know its MCP server ({})",
            here.server.display()
        ),
        format!("gaia init --agent {word}"),
    ))
}

/// `None`: nobody can tell. A database that is not there is not made for it.
fn was_heard(context: &Context, look: Option<&Context>, client: Client) -> Option<bool> {
    if !context.database_file().ok()?.is_file() {
        return Some(false);
    }
    let service = look?.service().ok()?;
    service.look(|tx| agents::was_heard(tx, client.word())).ok()
}

/// The version of a client that is too old for a hook that fails to block.
pub fn too_old(client: Client) -> Option<String> {
    if client != Client::Claude {
        return None;
    }
    let text = doctor::said(Command::new("claude").arg("--version"))?;
    let version = text.split_whitespace().next()?.to_owned();
    let numbers: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    let is_old = numbers.is_some_and(|numbers| numbers.as_slice() < BLOCKS_FROM.as_slice());
    is_old.then_some(version)
}
