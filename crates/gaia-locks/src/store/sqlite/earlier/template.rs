//! The schema as the migrations make it, read from an empty database in memory.

use rusqlite::Connection as Sqlite;

use crate::store::sqlite::migrate;

/// A table, an index.
pub(super) struct Thing {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) table: String,
    pub(super) sql: String,
}

/// A column of a table.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) not_null: bool,
    pub(super) default: Option<String>,
    pub(super) key: i64,
}

/// An empty database of this release.
pub(super) fn template() -> rusqlite::Result<Sqlite> {
    let mut sqlite = Sqlite::open_in_memory()?;
    migrate::migrate(&mut sqlite, &mut |_| Ok(()))?;
    Ok(sqlite)
}

/// All that a schema holds, tables first.
pub(super) fn things(sqlite: &Sqlite) -> rusqlite::Result<Vec<Thing>> {
    let mut statement = sqlite.prepare(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master
             WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type = 'table' DESC, rowid",
    )?;
    let thing = |row: &rusqlite::Row<'_>| {
        Ok(Thing {
            kind: row.get(0)?,
            name: row.get(1)?,
            table: row.get(2)?,
            sql: row.get(3)?,
        })
    };
    statement.query_map([], thing)?.collect()
}

/// A table's columns.
pub(super) fn columns(sqlite: &Sqlite, table: &str) -> rusqlite::Result<Vec<Column>> {
    let mut statement = sqlite
        .prepare("SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo(?1)")?;
    let column = |row: &rusqlite::Row<'_>| {
        Ok(Column {
            name: row.get(0)?,
            kind: row.get(1)?,
            not_null: row.get(2)?,
            default: row.get(3)?,
            key: row.get(4)?,
        })
    };
    statement.query_map([table], column)?.collect()
}

impl Column {
    /// How it is added to a table that has rows: SQLite computes no default for
    /// those.
    pub(super) fn added(&self) -> String {
        let is_computed = |default: &&String| default.to_ascii_uppercase().starts_with("CURRENT_");
        let default = self
            .default
            .as_ref()
            .filter(|default| !is_computed(default));
        let default = default.map_or_else(String::new, |default| format!(" DEFAULT {default}"));
        let not_null = match self.not_null {
            true => " NOT NULL",
            false => "",
        };
        format!("\"{}\" {}{not_null}{default}", self.name, self.kind)
    }
}
