//! How it stands with the guard in the repository where one is.

use std::path::Path;

use gaia_agent::guard::{self, Found};
use gaia_assigner::doctor::Check;

/// Nothing outside a repository, and in one that was never guarded.
pub fn check(here: &Path) -> Option<Check> {
    match guard::look(here).ok()? {
        Found::Installed { hook, .. } => {
            let finding = format!("commits are asked for by {}", hook.display());
            Some(Check::ok("guard", finding))
        }
        Found::Missing { why } => {
            let remedy = "gaia guard install";
            why.map(|why| Check::warning("guard", format!("not in force: {why}"), remedy))
        }
    }
}
