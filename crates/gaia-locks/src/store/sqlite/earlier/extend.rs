//! Adds to an earlier assigner's file what GAIA needs in it.

use rusqlite::Connection as Sqlite;

use super::template::{Column, Thing, columns, template, things};
use super::{Earlier, Refused, Rows, Takeover, files, history, probe};
use crate::clock::Clock;
use crate::store::sqlite::{migrate, tokens};

/// Tables that both write, and the columns without which they are not the ones
/// that are meant. The first is the key.
const SHARED: [(&str, &[&str]); 4] = [
    ("prompts", &["id", "content", "status"]),
    ("sessions", &["name"]),
    ("assignment_history", &[]),
    ("lock_history", &["id", "folder_path", "session_id"]),
];

/// Extends the file within the transaction that the connection is in.
pub(super) fn extend(
    file: &Sqlite,
    earlier: &Earlier,
    clock: &dyn Clock,
) -> Result<Takeover, Refused> {
    let there = things(file)?;
    refuse_what_is_not_an_assigners(&there)?;
    let template = template()?;
    let mut done = Takeover::default();
    for (table, wanted) in SHARED {
        if let Some(thing) = there.iter().find(|thing| is_named(thing, table)) {
            understand(file, thing, wanted)?;
            done.rows.push(rows(file, table)?);
            add_columns(file, &template, table, &mut done)?;
        }
    }
    let wanted = things(&template)?;
    note_others(&there, &wanted, &mut done);
    for thing in &wanted {
        add(file, &template, &there, thing, &mut done)?;
    }
    make_names_unique(file, &mut done)?;
    copy_state(file, &template)?;
    probe::probe(file)?;
    history::take_over(file, earlier, clock, &mut done)?;
    files::take_over(file, earlier, clock, &mut done)?;
    sign(file)?;
    Ok(done)
}

/// SQLite takes names in any case for the same.
fn is_named(thing: &Thing, name: &str) -> bool {
    thing.name.eq_ignore_ascii_case(name)
}

fn refuse_what_is_not_an_assigners(there: &[Thing]) -> Result<(), Refused> {
    let is_known = |thing: &Thing| is_named(thing, "prompts") || is_named(thing, "lock_history");
    if there.iter().any(is_known) {
        return Ok(());
    }
    let tables = there.iter().filter(|thing| thing.kind == "table");
    let names: Vec<&str> = tables.take(5).map(|thing| thing.name.as_str()).collect();
    Err(Refused::Obstacle(format!(
        "another program's tables are in it ({}); name another file",
        names.join(", ")
    )))
}

/// Whether a table is what its name says.
fn understand(file: &Sqlite, thing: &Thing, wanted: &[&str]) -> Result<(), Refused> {
    let table = &thing.name;
    if thing.kind != "table" {
        let why = format!("{table} is a {} there, and must be a table", thing.kind);
        return Err(Refused::Obstacle(why));
    }
    let found = columns(file, table)?;
    for name in wanted {
        let Some(column) = found
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
        else {
            let why = format!("its table {table} has no column {name}: another program made it");
            return Err(Refused::Obstacle(why));
        };
        if *name == "id" && !is_row_id(column, &found) {
            let why = format!("the column id of its table {table} is no INTEGER PRIMARY KEY");
            return Err(Refused::Obstacle(why));
        }
    }
    Ok(())
}

fn is_row_id(column: &Column, all: &[Column]) -> bool {
    let keys = all.iter().filter(|column| column.key > 0).count();
    column.key == 1 && keys == 1 && column.kind.eq_ignore_ascii_case("INTEGER")
}

fn rows(file: &Sqlite, table: &str) -> rusqlite::Result<Rows> {
    let count = format!("SELECT count(*) FROM {table}");
    Ok(Rows {
        table: table.to_owned(),
        rows: file.query_row(&count, [], |row| row.get(0))?,
    })
}

fn add_columns(
    file: &Sqlite,
    template: &Sqlite,
    table: &str,
    done: &mut Takeover,
) -> Result<(), Refused> {
    let there = columns(file, table)?;
    let is_there = |name: &str| {
        there
            .iter()
            .any(|column| column.name.eq_ignore_ascii_case(name))
    };
    for column in columns(template, table)? {
        if !is_there(&column.name) {
            file.execute_batch(&format!(
                "ALTER TABLE {table} ADD COLUMN {}",
                column.added()
            ))?;
            done.columns.push(format!("{table}.{}", column.name));
        }
    }
    Ok(())
}

fn note_others(there: &[Thing], wanted: &[Thing], done: &mut Takeover) {
    let is_ours = |thing: &Thing| wanted.iter().any(|ours| is_named(thing, &ours.name));
    let others = there
        .iter()
        .filter(|thing| !is_ours(thing) && thing.kind != "index");
    done.others = others
        .map(|thing| format!("{} {}", thing.kind, thing.name))
        .collect();
}

/// Makes a table or an index, unless it is there.
fn add(
    file: &Sqlite,
    template: &Sqlite,
    there: &[Thing],
    thing: &Thing,
    done: &mut Takeover,
) -> Result<(), Refused> {
    if let Some(found) = there.iter().find(|found| is_named(found, &thing.name)) {
        let is_shared = SHARED.iter().any(|(table, _)| is_named(found, table));
        return match is_shared || is_same_index(file, template, found, thing)? {
            true => Ok(()),
            false => Err(Refused::Obstacle(format!(
                "its {} {} is another program's, and GAIA needs that name; rename it",
                found.kind, found.name
            ))),
        };
    }
    file.execute_batch(&thing.sql)?;
    let made = match thing.kind.as_str() {
        "table" => &mut done.tables,
        _ => &mut done.indexes,
    };
    made.push(thing.name.clone());
    Ok(())
}

/// People make the indexes of section 4 by hand, and how they write that is
/// theirs: what SQLite understood is compared. Of a condition it tells nothing,
/// so that one is compared as it is written.
fn is_same_index(
    file: &Sqlite,
    template: &Sqlite,
    found: &Thing,
    ours: &Thing,
) -> rusqlite::Result<bool> {
    let same_table = found.table.eq_ignore_ascii_case(&ours.table);
    if found.kind != "index" || ours.kind != "index" || !same_table {
        return Ok(false);
    }
    let same_columns = columns_of(file, &found.name)? == columns_of(template, &ours.name)?;
    Ok(same_columns && condition(&found.sql) == condition(&ours.sql))
}

/// What stands behind the columns, without what can be written one way or another.
fn condition(sql: &str) -> Option<String> {
    let sql = sql.to_lowercase();
    let at = sql.split_whitespace().position(|word| word == "where")?;
    let words = sql.split_whitespace().skip(at);
    let letters = words.flat_map(str::chars);
    Some(
        letters
            .filter(|letter| !"\"`[]".contains(*letter))
            .collect(),
    )
}

/// What an index is of: whether it is unique, whether it has a condition, and its
/// columns, each with its order and its way to compare.
fn columns_of(file: &Sqlite, index: &str) -> rusqlite::Result<String> {
    file.query_row(
        "SELECT l.\"unique\" || l.partial || '|' || (SELECT group_concat(
                    coalesce(i.name, '()') || ' ' || i.\"desc\" || ' ' || i.coll, ',')
                    FROM pragma_index_xinfo(l.name) i WHERE i.key)
           FROM sqlite_schema s, pragma_index_list(s.tbl_name) l
          WHERE s.type = 'index' AND s.name = ?1 AND l.name = s.name",
        [index],
        |row| row.get(0),
    )
}

/// A session is known by its name; an earlier file need not have said so.
fn make_names_unique(file: &Sqlite, done: &mut Takeover) -> Result<(), Refused> {
    let is_unique: bool = file.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_table_xinfo('sessions') WHERE name = 'name' AND pk = 1
             AND (SELECT count(*) FROM pragma_table_xinfo('sessions') WHERE pk > 0) = 1)
          OR EXISTS (SELECT 1 FROM pragma_index_list('sessions') l WHERE l.\"unique\" AND NOT l.partial
             AND (SELECT group_concat(i.name) FROM pragma_index_info(l.name) i) = 'name')",
        [],
        |row| row.get(0),
    )?;
    if is_unique {
        return Ok(());
    }
    let twice: Option<String> = file.query_row(
        "SELECT min(name) FROM (SELECT name FROM sessions GROUP BY name HAVING count(*) > 1)",
        [],
        |row| row.get(0),
    )?;
    if let Some(name) = twice {
        let why = format!("its table sessions has several rows of the name {name:?}");
        return Err(Refused::Obstacle(why));
    }
    const INDEX: &str = "idx_sessions_name";
    file.execute_batch(&format!("CREATE UNIQUE INDEX {INDEX} ON sessions (name)"))?;
    done.indexes.push(INDEX.to_owned());
    Ok(())
}

/// The one row that says how the file is used.
fn copy_state(file: &Sqlite, template: &Sqlite) -> rusqlite::Result<()> {
    let names: Vec<String> = columns(template, "gaia_state")?
        .into_iter()
        .map(|column| column.name)
        .collect();
    let marks = vec!["?"; names.len()].join(",");
    let names = names.join(",");
    let read = format!("SELECT {names} FROM gaia_state");
    let count = marks.split(',').count();
    let values: Vec<rusqlite::types::Value> =
        template.query_row(&read, [], |row| (0..count).map(|at| row.get(at)).collect())?;
    let write = format!("INSERT INTO gaia_state ({names}) VALUES ({marks})");
    file.execute(&write, rusqlite::params_from_iter(values))?;
    file.execute("UPDATE gaia_state SET adopted = ?1", [migrate::KNOWN])
        .map(drop)
}

/// From here on it is GAIA's, with tokens above all ids that it ever gave.
fn sign(file: &Sqlite) -> rusqlite::Result<()> {
    let has_sequences: bool = file.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence')",
        [],
        |row| row.get(0),
    )?;
    if has_sequences {
        file.execute(
            "UPDATE gaia_state SET token_floor = max(token_floor,
                 coalesce((SELECT max(seq) + 1 FROM sqlite_sequence WHERE name = 'lock_history'), 0))",
            [],
        )?;
    }
    tokens::raise(file)?;
    migrate::sign(file)
}
