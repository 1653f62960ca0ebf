//! What would be done to a file, without touching it.

use std::path::Path;

use rusqlite::{Connection as Sqlite, ErrorCode, OpenFlags};

use super::{Earlier, Takeover, extend};
use crate::clock::SystemClock;
use crate::error::StoreError;
use crate::store::sqlite::copy;
use crate::store::sqlite::migrate;
use crate::store::sqlite::open::of_sqlite;

/// Does to a copy in memory what opening the file would do to it. `None`: there
/// is nothing to do, because there is no such file or it is GAIA's own.
///
/// # Errors
/// As opening it: when it is another program's, or something stands in the way.
pub fn survey(path: &Path, earlier: &Earlier) -> Result<Option<Takeover>, StoreError> {
    if path.metadata().map_or(true, |found| found.len() == 0) {
        return Ok(None);
    }
    let failed = |error: rusqlite::Error| of_sqlite(path, &error);
    crate::store::sqlite::vfs::replace_calls();
    let file = opened(path).map_err(failed)?;
    if migrate::is_ours(&file).map_err(failed)? {
        return Ok(None);
    }
    let mut copied = Sqlite::open_in_memory().map_err(failed)?;
    migrate::enforce_no_foreign_keys(&copied).map_err(failed)?;
    copy::step_through(&file, &mut copied).map_err(failed)?;
    let done = extend::extend(&copied, earlier, &SystemClock);
    done.map(Some).map_err(|refused| refused.of(path))
}

/// For reading, where that will do. A program that was killed in the midst of a
/// change leaves a journal that SQLite must roll back before anybody can read:
/// that is the file's own state, and no change of ours.
fn opened(path: &Path) -> rusqlite::Result<Sqlite> {
    let open = |access| Sqlite::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_EXRESCODE);
    let file = open(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match file.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => {
            open(OpenFlags::SQLITE_OPEN_READ_WRITE)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(file),
    }
}
