//! One call: what it would write and where, then whether it may.

use std::path::PathBuf;

use gaia_assigner::hearing::{HookCall, Terms, Told};
use gaia_assigner::{TaskError, Tasks};
use gaia_locks::folder::{Folder, InvalidFolder};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::settings::Hooks;

use super::event::{Action, Heard};
use super::places::{Judge, Place};
use super::{Client, Surroundings};
use crate::shell::{self, Judged};

type Wanted = gaia_assigner::hearing::Wanted<Folder>;

/// Hears one call.
pub(super) fn hear(
    client: Client,
    door: &dyn Tasks,
    hooks: &Hooks,
    heard: &Heard,
    around: &Surroundings,
) -> Result<Told, TaskError> {
    door.hear(&HookCall {
        client: client.word().to_owned(),
        shows_session: matches!(client, Client::Claude | Client::Codex),
        session: heard.session.clone(),
        agent: heard.agent.clone(),
        folder: heard.folder.to_string_lossy().into_owned(),
        event: heard.event.clone().cut(),
        wanted: wanted(hooks, heard, around).map_err(gaia_locks::Error::from)?,
        task: around.task.clone(),
        pane: around.pane.clone(),
        mark: around.mark.clone(),
        process: process(heard, around),
        terms: Terms::from(hooks),
        account: None,
    })
}

/// The client's process, where it can be told.
fn process(heard: &Heard, around: &Surroundings) -> Option<ProcessIdentity> {
    let pid = heard.pid.or(around.client_pid)?;
    ProcessIdentity::of(pid).ok().flatten()
}

fn wanted(hooks: &Hooks, heard: &Heard, around: &Surroundings) -> Result<Wanted, InvalidFolder> {
    let judge = Judge::new(hooks.locks, around);
    match &heard.action {
        Action::Free => Ok(Wanted::default()),
        Action::Writes(paths) => {
            let writes = paths.iter().map(|path| judge.path(path, &heard.folder));
            Ok(Wanted {
                writes: writes.collect::<Result<_, _>>()?,
                ..Wanted::default()
            })
        }
        Action::Unsure { what, names } => Ok(Wanted {
            unsure: vec![(what.clone(), judge.tree(&heard.folder)?)],
            named: named(
                &judge,
                names
                    .iter()
                    .map(|name| shell::path_of_text(&heard.folder, name, around.home.as_deref())),
            ),
            ..Wanted::default()
        }),
        Action::Runs { command, folder } => {
            let folder = heard.runs_in(folder.as_ref());
            let judged = shell::judge(command, &folder, around.home.as_deref());
            of_command(&judge, &judged)
        }
    }
}

fn of_command(judge: &Judge<'_>, judged: &Judged) -> Result<Wanted, InvalidFolder> {
    let writes = judged.writes.iter().map(|written| judge.written(written));
    let unsure = judged
        .unsure
        .iter()
        .map(|unsure| Ok((unsure.what.clone(), judge.tree(&unsure.folder)?)));
    Ok(Wanted {
        writes: writes.collect::<Result<_, _>>()?,
        unsure: unsure.collect::<Result<_, InvalidFolder>>()?,
        named: named(judge, judged.named.iter().cloned()),
    })
}

/// Places that are named by what cannot be judged. What can be no path is none.
fn named(judge: &Judge<'_>, paths: impl Iterator<Item = PathBuf>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for place in paths.filter_map(|path| judge.named(&path)) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}
