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

/// How many, where nobody says.
const USUAL_PAGE: u32 = 100;
/// The most tasks of one page.
const LARGEST_PAGE: u32 = 10_000;

/// At most so many.
///
/// # Errors
/// 400 for none at all, and for more than a page has.
pub fn limit(wanted: Option<u32>) -> Answer<u32> {
    match wanted.unwrap_or(USUAL_PAGE) {
        limit if (1..=LARGEST_PAGE).contains(&limit) => Ok(limit),
        limit => Err(Problem::invalid(format!(
            "limit is {limit}; it lies between 1 and {LARGEST_PAGE}"
        ))),
    }
}

/// A page of them: at most so many, without the first so many.
///
/// # Errors
/// Bad input, or a store that cannot be used.
pub fn list(
    tasks: &TaskService,
    filter: Filter,
    folder: Option<&str>,
    (skip, limit): (u64, u32),
) -> Answer<Page> {
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
    // One more tells whether there is a next page; which tasks lie in a folder
    // is told here.
    let seen = limit.saturating_add(skip).saturating_add(1);
    let wanted = Filter {
        limit: folder.is_none().then_some(seen),
        ..filter
    };
    let mut listed = tasks.list(&wanted)?.tasks;
    listed.retain(|task| folder.as_ref().is_none_or(|folder| lies_in(task, folder)));
    Ok(Page::of(listed, skip as usize, limit as usize))
}

fn lies_in(task: &TaskInfo, folder: &Folder) -> bool {
    let path = task.working_dir.as_deref().map(Path::new);
    let own = path.map(|path| Folder::resolve(path, Path::new("/")));
    own.is_some_and(|own| own.is_ok_and(|own| own.overlaps(folder)))
}

impl Page {
    fn of(mut tasks: Vec<TaskInfo>, skip: usize, limit: usize) -> Self {
        tasks.drain(..skip.min(tasks.len()));
        let more = tasks.len() > limit;
        tasks.truncate(limit);
        Self {
            count: tasks.len(),
            next: more.then_some(skip.saturating_add(tasks.len())),
            tasks,
        }
    }
}
