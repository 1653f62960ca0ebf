//! `gaia migrate`.

use std::path::{Path, PathBuf};

use gaia_locks::open;
use gaia_locks::store::sqlite::{Takeover, survey};
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, clean};

/// Extend a database that an earlier assigner wrote
///
/// Any command does this by itself when it first opens such a file; here it can
/// be seen before, and done when nobody works. Columns, tables and indexes are
/// added in one transaction, active locks go on, nothing is taken away: the
/// earlier program can go on using the file. Before that a copy is made beside
/// it. What stands in the way is named, and then nothing is changed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  gaia migrate --dry-run\n  gaia migrate")]
pub struct MigrateArgs {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    /// Whether it was done, now.
    migrated: bool,
    database: &'a Path,
    /// Nothing: it is GAIA's own already, or not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a Takeover>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy: Option<PathBuf>,
}

/// Looks, and does it.
pub fn run(context: &Context, args: &MigrateArgs) -> Ended {
    let file = context.database_file()?;
    let earlier = open::earlier(context.settings()?);
    if matches!(file.try_exists(), Ok(false)) {
        let text = format!("there is no database at {}", clean(&file.to_string_lossy()));
        return Err(Failure::new("no_database", Status::NoDatabase, text));
    }
    let found = survey(file, &earlier).map_err(Failure::from)?;
    let wanted = found.is_some() && !args.dry_run;
    let before = copies(file);
    if wanted {
        context.service()?;
    }
    let answer = Answer {
        migrated: wanted,
        database: file,
        changes: found.as_ref(),
        copy: copies(file).into_iter().find(|copy| !before.contains(copy)),
    };
    context
        .out
        .answer(&answer, |style| in_words(style, &answer))?;
    Ok(Status::Done.into())
}

/// Those that lie beside it.
fn copies(file: &Path) -> Vec<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let begin = format!("{name}.before-gaia.");
    let is_copy = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&begin) && !name.ends_with(".unfinished")
    };
    let entries = file
        .parent()
        .and_then(|folder| std::fs::read_dir(folder).ok());
    let paths = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    paths.filter(is_copy).collect()
}

fn in_words(style: &Style, answer: &Answer<'_>) -> String {
    let file = style.bold(&clean(&answer.database.to_string_lossy()));
    let Some(changes) = answer.changes else {
        return format!("{file} needs no migration");
    };
    let head = match answer.migrated {
        true => format!("{} {file}", style.green("extended")),
        false => format!(
            "{} {file} would be extended:",
            style.yellow("nothing was changed:")
        ),
    };
    let mut lines = vec![head];
    let copy = answer
        .copy
        .as_ref()
        .map(|copy| copy.to_string_lossy().into_owned());
    lines.extend(copy.map(|copy| line(style, "copy", &copy)));
    for rows in &changes.rows {
        let text = format!("{}, {} rows", rows.table, rows.rows);
        lines.push(line(style, "kept", &text));
    }
    let lists = [
        ("column", &changes.columns),
        ("table", &changes.tables),
        ("index", &changes.indexes),
        ("lock", &changes.locks),
        ("lapsed", &changes.lapsed),
        ("others", &changes.others),
        ("left", &changes.left),
    ];
    for (word, things) in lists {
        lines.extend(things.iter().map(|thing| line(style, word, thing)));
    }
    lines.join("\n")
}

fn line(style: &Style, word: &str, text: &str) -> String {
    format!("  {} {}", style.dim(&format!("{word:8}")), clean(text))
}
