//! The server's tables. Every verb runs inside a transaction of the lock store
//! and on its connection, as the assigner's do; nobody else touches them.

use gaia_locks::clock::Wall;
use gaia_locks::error::{Error, StoreError};
use gaia_locks::service::LockTx;
use gaia_locks::store::sqlite::SqliteTx;
use rusqlite::{Connection as Sqlite, OptionalExtension as _, Row, params};

use super::secret::Hash;
use super::{Role, TokenInfo, UserInfo};

fn sql<T>(
    tx: &mut LockTx<'_>,
    work: impl FnOnce(&Sqlite) -> rusqlite::Result<T>,
) -> Result<T, Error> {
    let joined = tx.store().join().downcast_ref::<SqliteTx>();
    let failed = |why: String| Error::Store(StoreError::Failed(why));
    let Some(joined) = joined else {
        return Err(failed("this store keeps no accounts".to_owned()));
    };
    work(joined.connection()).map_err(|error| failed(error.to_string()))
}

/// A row that nobody but an editor could have written counts as the least.
fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    let word: String = row.get(column)?;
    Ok(Role::from_word(&word).unwrap_or(Role::Viewer))
}

fn wall(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Wall>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.and_then(|text| Wall::from_sql(&text).ok()))
}

/// An account with what is kept of its password.
pub(super) struct User {
    pub role: Role,
    pub password: Option<String>,
}

pub(super) fn user(tx: &mut LockTx<'_>, name: &str) -> Result<Option<User>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached("SELECT role, password FROM gaia_users WHERE name = ?1")?
            .query_row([name], |row| {
                Ok(User {
                    role: role(row, 0)?,
                    password: row.get(1)?,
                })
            })
            .optional()
    })
}

/// Adds an account; whether its name was free.
pub(super) fn add_user(
    tx: &mut LockTx<'_>,
    name: &str,
    role: Role,
    password: Option<&str>,
) -> Result<bool, Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        let added = sql.execute(
            "INSERT OR IGNORE INTO gaia_users (name, role, password, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![name, role.word(), password, now],
        )?;
        Ok(added > 0)
    })
}

pub(super) fn set_password(tx: &mut LockTx<'_>, name: &str, hash: &str) -> Result<bool, Error> {
    sql(tx, |sql| {
        let changed = sql.execute(
            "UPDATE gaia_users SET password = ?2 WHERE name = ?1",
            [name, hash],
        )?;
        Ok(changed > 0)
    })
}

pub(super) fn remove_user(tx: &mut LockTx<'_>, name: &str) -> Result<bool, Error> {
    sql(tx, |sql| {
        Ok(sql.execute("DELETE FROM gaia_users WHERE name = ?1", [name])? > 0)
    })
}

/// Revokes all tokens that act for a name; gives them.
pub(super) fn remove_tokens_of(tx: &mut LockTx<'_>, name: &str) -> Result<Vec<TokenInfo>, Error> {
    let mut theirs = tokens(tx)?;
    let of_name = |token: &TokenInfo| {
        let rest = token.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    theirs.retain(of_name);
    for token in &theirs {
        remove_token(tx, token.id)?;
    }
    Ok(theirs)
}

pub(super) fn users(tx: &mut LockTx<'_>) -> Result<Vec<UserInfo>, Error> {
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(
            "SELECT name, role, password IS NOT NULL, created_at,
                 (SELECT max(last_seen_at) FROM gaia_web_sessions WHERE user_name = name)
             FROM gaia_users ORDER BY name",
        )?;
        let info = |row: &Row<'_>| {
            Ok(UserInfo {
                name: row.get(0)?,
                role: role(row, 1)?,
                has_password: row.get(2)?,
                created_at: wall(row, 3)?.unwrap_or_default(),
                last_seen_at: wall(row, 4)?,
            })
        };
        statement.query_map([], info)?.collect()
    })
}

/// A token that is about to be made.
pub(super) struct NewToken<'a> {
    pub name: &'a str,
    pub role: Role,
    pub hash: &'a Hash,
    pub expires_at: Option<Wall>,
}

pub(super) fn add_token(tx: &mut LockTx<'_>, new: &NewToken<'_>) -> Result<i64, Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.execute(
            "INSERT INTO gaia_api_tokens (name, role, hash, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![new.name, new.role.word(), new.hash, now, new.expires_at.map(Wall::to_sql)],
        )?;
        Ok(sql.last_insert_rowid())
    })
}

const TOKEN: &str =
    "SELECT id, name, role, created_at, expires_at, last_used_at FROM gaia_api_tokens";

fn token_info(row: &Row<'_>) -> rusqlite::Result<TokenInfo> {
    Ok(TokenInfo {
        id: row.get(0)?,
        name: row.get(1)?,
        role: role(row, 2)?,
        created_at: wall(row, 3)?.unwrap_or_default(),
        expires_at: wall(row, 4)?,
        last_used_at: wall(row, 5)?,
    })
}

pub(super) fn tokens(tx: &mut LockTx<'_>) -> Result<Vec<TokenInfo>, Error> {
    sql(tx, |sql| {
        let query = format!("{TOKEN} ORDER BY name, id");
        sql.prepare_cached(&query)?
            .query_map([], token_info)?
            .collect()
    })
}

pub(super) fn token(tx: &mut LockTx<'_>, hash: &Hash) -> Result<Option<TokenInfo>, Error> {
    sql(tx, |sql| {
        let query = format!("{TOKEN} WHERE hash = ?1");
        sql.prepare_cached(&query)?
            .query_row([hash], token_info)
            .optional()
    })
}

pub(super) fn token_used(tx: &mut LockTx<'_>, id: i64) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.execute(
            "UPDATE gaia_api_tokens SET last_used_at = ?2 WHERE id = ?1",
            params![id, now],
        )
        .map(drop)
    })
}

pub(super) fn remove_token(tx: &mut LockTx<'_>, id: i64) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.execute("DELETE FROM gaia_api_tokens WHERE id = ?1", [id])
            .map(drop)
    })
}

/// A signed-in browser.
pub(super) struct WebSession {
    pub user: String,
    pub role: Role,
    pub created_at: Wall,
    pub last_seen_at: Wall,
}

pub(super) fn add_session(tx: &mut LockTx<'_>, hash: &Hash, user: &str) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.execute(
            "INSERT INTO gaia_web_sessions (hash, user_name, created_at, last_seen_at) VALUES (?1, ?2, ?3, ?3)",
            params![hash, user, now],
        )
        .map(drop)
    })
}

/// One whose account is there still.
pub(super) fn session(tx: &mut LockTx<'_>, hash: &Hash) -> Result<Option<WebSession>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT user_name, role, gaia_web_sessions.created_at, last_seen_at
                 FROM gaia_web_sessions JOIN gaia_users ON name = user_name WHERE hash = ?1",
        )?
        .query_row([hash], |row| {
            Ok(WebSession {
                user: row.get(0)?,
                role: role(row, 1)?,
                created_at: wall(row, 2)?.unwrap_or_default(),
                last_seen_at: wall(row, 3)?.unwrap_or_default(),
            })
        })
        .optional()
    })
}

pub(super) fn session_seen(tx: &mut LockTx<'_>, hash: &Hash) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.execute(
            "UPDATE gaia_web_sessions SET last_seen_at = ?2 WHERE hash = ?1",
            params![hash, now],
        )
        .map(drop)
    })
}

pub(super) fn end_session(tx: &mut LockTx<'_>, hash: &Hash) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.execute("DELETE FROM gaia_web_sessions WHERE hash = ?1", [hash])
            .map(drop)
    })
}

/// Ends all sessions of an account but one.
pub(super) fn end_sessions(
    tx: &mut LockTx<'_>,
    user: &str,
    but: Option<&Hash>,
) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.execute(
            "DELETE FROM gaia_web_sessions WHERE user_name = ?1 AND hash IS NOT ?2",
            params![user, but],
        )
        .map(drop)
    })
}

/// Forgets sessions that nobody used since, or that began before.
pub(super) fn forget_sessions(
    tx: &mut LockTx<'_>,
    seen_before: Wall,
    begun_before: Wall,
) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.execute(
            "DELETE FROM gaia_web_sessions WHERE last_seen_at < ?1 OR created_at < ?2",
            [seen_before.to_sql(), begun_before.to_sql()],
        )
        .map(drop)
    })
}

pub(super) fn note(tx: &mut LockTx<'_>, who: &str, act: &str, details: &str) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.execute(
            "INSERT INTO gaia_audit (at, who, act, details) VALUES (?1, ?2, ?3, ?4)",
            params![now, who, act, details],
        )
        .map(drop)
    })
}

pub(super) fn audit(
    tx: &mut LockTx<'_>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<super::AuditEntry>, Error> {
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(
            "SELECT id, at, who, act, details FROM gaia_audit
             WHERE id < coalesce(?1, 9223372036854775807) ORDER BY id DESC LIMIT ?2",
        )?;
        let entry = |row: &Row<'_>| {
            Ok(super::AuditEntry {
                id: row.get(0)?,
                at: wall(row, 1)?.unwrap_or_default(),
                who: row.get(2)?,
                act: row.get(3)?,
                details: row.get(4)?,
            })
        };
        statement
            .query_map(params![before, limit], entry)?
            .collect()
    })
}
