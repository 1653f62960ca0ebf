//! Which changes an undoing means: all, those of some repositories, those of
//! some clients or of the guard.

use std::path::PathBuf;

use super::InitArgs;
use super::plan::Change;

/// What was named.
pub struct Meant<'a> {
    args: &'a InitArgs,
    /// The work trees that were named.
    repos: &'a [PathBuf],
}

impl<'a> Meant<'a> {
    /// As it was asked for.
    pub fn new(args: &'a InitArgs, repos: &'a [PathBuf]) -> Self {
        Self { args, repos }
    }

    /// For each change whether it is meant.
    pub fn of(&self, changes: &[Change]) -> Vec<bool> {
        let meant: Vec<bool> = changes.iter().map(|change| self.is_meant(change)).collect();
        let files = changes.iter().zip(&meant);
        let files: Vec<_> = files.filter(|(_, meant)| **meant).collect();
        // A folder was made for what lies in it.
        let holds_one = |folder: &Change| {
            let mut files = files.iter();
            folder.what.is_folder() && files.any(|(file, _)| file.path.starts_with(&folder.path))
        };
        let of_agent = |change: &Change| self.names_some() && change.planner == "agent";
        let all = changes.iter().zip(&meant);
        all.map(|(change, meant)| *meant || of_agent(change) && holds_one(change))
            .collect()
    }

    fn is_meant(&self, change: &Change) -> bool {
        let repo = change.repo.as_ref();
        let here = self.repos.is_empty() || repo.is_some_and(|repo| self.repos.contains(repo));
        let of_project = !self.args.project || repo.is_some();
        here && of_project && (!self.names_some() || self.is_named(change))
    }

    fn names_some(&self) -> bool {
        self.args.guard || !self.args.agent.is_empty()
    }

    fn is_named(&self, change: &Change) -> bool {
        let names = |client: &str| self.args.agent.iter().any(|named| named == client);
        match (change.planner.as_str(), &change.of) {
            ("guard", _) => self.args.guard,
            ("agent", Some(of)) => names(&of.client),
            // The plugin is Claude's.
            ("agent", None) => names("claude") && !change.what.is_folder(),
            _ => false,
        }
    }
}
