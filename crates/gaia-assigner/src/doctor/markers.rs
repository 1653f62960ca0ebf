//! Marker files whose lock is over: they mislead only people, the database
//! rules.

use std::collections::HashSet;
use std::path::Path;

use gaia_locks::wire::Status;

use super::Check;

/// Markers in the locks directory and in the folders that they name.
pub fn stale(locks_dir: &Path, status: &Status) -> Check {
    let active: HashSet<i64> = status.locks.iter().map(|held| held.lock.id.0).collect();
    let tokens = tokens(locks_dir);
    let stale = tokens
        .iter()
        .filter(|token| !active.contains(token))
        .count();
    match stale {
        0 => Check::ok("marker files", "none is stale"),
        stale => Check::warning(
            "marker files",
            format!("{stale} of {} speak of locks that have ended", tokens.len()),
            "`gaia cleanup` removes them",
        ),
    }
}

/// The tokens in all marker files there.
fn tokens(dir: &Path) -> Vec<i64> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let markers = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_marker = name.starts_with(".gaia_") && name.ends_with(".lock");
        is_marker.then(|| entry.path())
    });
    markers.filter_map(|path| token(&path)).collect()
}

fn token(path: &Path) -> Option<i64> {
    let text = std::fs::read_to_string(path).ok()?;
    let marker: serde_json::Value = serde_json::from_str(&text).ok()?;
    marker.get("token")?.as_i64()
}
