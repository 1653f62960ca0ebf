//! Tokens that are never given twice, power cuts included [R4, R14].
//!
//! A token is the id of its row in the history: one more than the highest. A
//! power cut may roll that history back, so tokens are given only from a block
//! whose upper end is on disk already; after a reboot the next token lies
//! above that end. A block costs one synced commit for [`BLOCK`] grants.

use rusqlite::Connection as Sqlite;

/// How many tokens are reserved at once.
pub(super) const BLOCK: i64 = 4096;

/// Reserves the next block; on disk when this returns.
pub(super) fn reserve(sqlite: &Sqlite) -> rusqlite::Result<()> {
    let before: i64 = sqlite.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    sqlite.execute_batch("PRAGMA synchronous=FULL")?;
    let reserved = raise(sqlite);
    sqlite.pragma_update(None, "synchronous", before)?;
    reserved
}

/// The same within a transaction that is synced when it is committed.
pub(super) fn raise(sqlite: &Sqlite) -> rusqlite::Result<()> {
    sqlite
        .execute(
            "UPDATE gaia_state SET tokens_reserved =
             max(tokens_reserved, token_floor, (SELECT coalesce(max(id), 0) FROM lock_history)) + ?1",
            [BLOCK],
        )
        .map(drop)
}
