//! Pages of tasks. Their order changes while they are worked on, so a page is
//! told by how many come before it.

use std::path::Path;

use gaia_assigner::TaskService;
use gaia_assigner::service::Filter;
use gaia_assigner::wire::TaskInfo;
use gaia_locks::folder::Folder;
use gaia_locks::ids::SessionId;
use serde::Serialize;

use super::folders;
use crate::error::{Answer, Problem};

/// Some tasks.
#[derive(Serialize)]
pub struct Page {
    count: usize,
    tasks: Vec<TaskInfo>,
    /// `skip` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<usize>,
}

/// At most so many.
///
/// # Errors
/// 400 for none at all, and for a number that no list has.
pub fn limit(wanted: Option<u64>) -> Answer<Option<u32>> {
    match wanted {
        Some(limit) if limit == 0 || i64::try_from(limit).is_err() => Err(Problem::invalid(
            format!("limit is {limit}; it is at least 1, and no list is so long"),
        )),
        limit => Ok(limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX))),
    }
}

/// A page of them.
///
/// # Errors
/// Bad input, or a store that cannot be used.
pub fn list(tasks: &TaskService, filter: Filter, folder: Option<&str>, skip: u64) -> Answer<Page> {
    if let Some(session) = &filter.session {
        SessionId::new(session.clone())?;
    }
    if i64::try_from(skip).is_err() {
        return Err(Problem::invalid(format!(
            "skip is {skip}; no list is so long"
        )));
    }
    let skip = u32::try_from(skip).unwrap_or(u32::MAX);
    let folder = folder.map(|path| folders::folder(tasks.locks(), None, path));
    let folder = folder.transpose()?;
    let limit = filter.limit.map(|limit| limit as usize);
    let wanted = Filter {
        // One more tells whether there is a next page; which tasks lie in a
        // folder is told here.
        limit: filter
            .limit
            .filter(|_| folder.is_none())
            .map(|limit| limit.saturating_add(skip).saturating_add(1)),
        ..filter
    };
    let mut listed = tasks.list(&wanted)?.tasks;
    listed.retain(|task| folder.as_ref().is_none_or(|folder| lies_in(task, folder)));
    Ok(Page::of(listed, skip as usize, limit))
}

fn lies_in(task: &TaskInfo, folder: &Folder) -> bool {
    let path = task.working_dir.as_deref().map(Path::new);
    let own = path.map(|path| Folder::resolve(path, Path::new("/")));
    own.is_some_and(|own| own.is_ok_and(|own| own.overlaps(folder)))
}

impl Page {
    fn of(mut tasks: Vec<TaskInfo>, skip: usize, limit: Option<usize>) -> Self {
        tasks.drain(..skip.min(tasks.len()));
        let more = limit.is_some_and(|limit| tasks.len() > limit);
        tasks.truncate(limit.unwrap_or(usize::MAX));
        Self {
            count: tasks.len(),
            next: more.then_some(skip.saturating_add(tasks.len())),
            tasks,
        }
    }
}
