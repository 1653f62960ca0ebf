//! Putting tasks into regions.

use gaia_locks::error::Error;
use gaia_locks::folder::{ancestors, descendant_range};
use gaia_locks::ids::TaskId;
use gaia_locks::service::LockTx;
use rusqlite::{Connection as Sqlite, params};

use crate::plan::{Region, is_clean};
use crate::store::sql;
use crate::task::Wants;

/// How many tasks go with the first, at most: others wait for this transaction.
const MOST: i64 = 500;

const THE_OTHERS: &str = "
    UPDATE prompts SET region = ?1 WHERE id IN (
        SELECT id FROM prompts INDEXED BY idx_prompts_regions
            WHERE status = 'pending' AND held IS NULL AND lane IS NOT NULL AND region = ?2";

/// Puts a task that was passed over into a region, and with it others whose
/// folder lies there. Whether anything was moved.
pub(crate) fn enter(tx: &mut LockTx<'_>, task: TaskId, region: &Region) -> Result<bool, Error> {
    sql(tx, |sql| {
        let mut moved = sql
            .prepare_cached("UPDATE prompts SET region = ?2 WHERE id = ?1 AND status = 'pending' AND region <> ?2")?
            .execute(params![task.0, region.word()])?;
        for from in outer(region) {
            moved += move_others(sql, region, &from)?;
        }
        Ok(moved > 0)
    })
}

/// The regions that a region lies in: whoever is there may belong here.
fn outer(region: &Region) -> Vec<Region> {
    let inside = |folder: &str, with_itself: bool| {
        let folders = ancestors(folder).skip(usize::from(!with_itself));
        let folders = folders.map(|folder| Region::In(folder.to_owned()));
        std::iter::once(Region::Anywhere).chain(folders).collect()
    };
    match region {
        Region::Anywhere => Vec::new(),
        Region::At(folder) if is_clean(folder) => inside(folder, true),
        Region::At(_) => Vec::new(),
        Region::In(folder) => inside(folder, false),
    }
}

fn move_others(sql: &Sqlite, region: &Region, from: &Region) -> rusqlite::Result<usize> {
    let (Region::At(folder) | Region::In(folder)) = region else {
        return Ok(0);
    };
    let (word, from) = (region.word(), from.word());
    let mut moved = sql
        .prepare_cached(&format!("{THE_OTHERS} AND path = ?3 LIMIT ?4)"))?
        .execute(params![word, from, folder, MOST])?;
    if matches!(region, Region::In(_)) {
        let (lower, upper) = descendant_range(folder);
        moved += sql
            .prepare_cached(&format!(
                "{THE_OTHERS} AND path >= ?3 AND path < ?4 LIMIT ?5)"
            ))?
            .execute(params![word, from, lower, upper, MOST])?;
    }
    Ok(moved)
}

/// A task's folder, if its letters alone say where it lies: what regions are
/// compared with.
pub(crate) fn path_of(wants: &Wants) -> Option<&str> {
    wants.folder.as_deref().filter(|folder| is_clean(folder))
}

/// The innermost region of others that a new task lies in: most likely what
/// keeps them keeps it too.
pub(crate) fn region_of_new(sql: &Sqlite, wants: &Wants) -> rusqlite::Result<Region> {
    let Some(folder) = path_of(wants) else {
        return Ok(Region::Anywhere);
    };
    let mut known = sql.prepare_cached(
        "SELECT 1 FROM prompts INDEXED BY idx_prompts_regions
             WHERE status = 'pending' AND held IS NULL AND lane IS NOT NULL AND region = ?1 LIMIT 1",
    )?;
    let at = std::iter::once(Region::At(folder.to_owned()));
    let inside = ancestors(folder).map(|folder| Region::In(folder.to_owned()));
    for region in at.chain(inside) {
        if known.exists([region.word()])? {
            return Ok(region);
        }
    }
    Ok(Region::Anywhere)
}
