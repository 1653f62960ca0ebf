//! Changes as people and programs see them.

use std::path::Path;

use serde::Serialize;
use similar::TextDiff;

use super::fate::Fate;
use super::plan::{Change, Text, What};
use crate::output::human::{Style, clean};

/// So many lines of one difference are shown to people.
const MOST: usize = 24;

/// A change as it is shown.
#[derive(Serialize)]
pub struct Shown<'a> {
    planner: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    repo: Option<&'a Path>,
    path: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a Path>,
    action: Action,
    why: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

/// What is done with a place.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Make,
    Write,
    Change,
    /// To another name beside it.
    Move,
    Remove,
    Restore,
    /// Left as it is: undoing it would take away what others did.
    Keep,
}

impl<'a> Shown<'a> {
    /// A change that is to be made.
    pub fn planned(change: &'a Change) -> Self {
        let action = match &change.what {
            What::Folder | What::PrivateFolder | What::Database => Action::Make,
            What::Moved { .. } => Action::Move,
            What::File { before: None, .. } => Action::Write,
            What::File { after: None, .. } => Action::Remove,
            What::File { .. } => Action::Change,
        };
        let diff = match &change.what {
            What::File { before, after } => Some(diff(before.as_ref(), after.as_ref())),
            _ => None,
        };
        Self::new(change, action, &change.why, diff)
    }

    /// A change that is to be undone, or cannot be.
    pub fn undone(change: &'a Change, fate: &'a Fate) -> Self {
        let diff = match &change.what {
            // What init had done, for whoever takes it back by hand.
            What::File { before, after } if fate.action == Action::Keep => {
                Some(diff(before.as_ref(), after.as_ref()))
            }
            What::File { .. } => Some(diff(fate.now.as_ref(), fate.then.as_ref())),
            _ => None,
        };
        Self::new(change, fate.action, &fate.why, diff)
    }

    fn new(change: &'a Change, action: Action, why: &'a str, diff: Option<String>) -> Self {
        Self {
            planner: &change.planner,
            repo: change.repo.as_deref(),
            path: &change.path,
            to: match &change.what {
                What::Moved { to } => Some(to),
                _ => None,
            },
            action,
            why,
            diff,
        }
    }

    /// Whether it is a file that was left to whoever changed it since.
    pub fn is_left(&self) -> bool {
        self.action == Action::Keep && (self.diff.is_some() || self.to.is_some())
    }

    /// For people: one line, the difference under it.
    pub fn in_words(&self, style: &Style) -> String {
        let verb = match self.action {
            Action::Make => style.green("make   "),
            Action::Write => style.green("write  "),
            Action::Change => style.green("change "),
            Action::Move => style.green("move   "),
            Action::Restore => style.green("restore"),
            Action::Remove => style.yellow("remove "),
            Action::Keep => style.yellow("keep   "),
        };
        let path = style.bold(&clean(&self.path.to_string_lossy()));
        let to = self.to.map_or_else(String::new, |to| {
            format!(" to {}", style.bold(&clean(&to.to_string_lossy())))
        });
        let line = format!("{verb}  {path}{to}  {}", style.dim(&clean(self.why)));
        match &self.diff {
            Some(diff) if !diff.is_empty() => format!("{line}\n{}", coloured(style, diff)),
            _ => line,
        }
    }
}

fn diff(before: Option<&Text>, after: Option<&Text>) -> String {
    let text = |text: Option<&Text>| text.map_or_else(String::new, |text| text.text.clone());
    let mode = |text: Option<&Text>| text.map(|text| text.mode);
    let (old, new) = (text(before), text(after));
    let mut diff = TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(2)
        .to_string();
    if let (Some(old), Some(new)) = (mode(before), mode(after))
        && old != new
    {
        diff.insert_str(0, &format!("mode {old:o} -> {new:o}\n"));
    }
    diff
}

/// With the control characters of the files shown escaped.
fn coloured(style: &Style, diff: &str) -> String {
    let line = |line: &str| {
        let line = clean(line);
        let painted = match line.chars().next() {
            Some('+') => style.green(&line),
            Some('-') => style.red(&line),
            Some('@') => style.dim(&line),
            _ => line,
        };
        format!("    {painted}").trim_end().to_owned()
    };
    let mut lines: Vec<String> = diff.lines().take(MOST).map(line).collect();
    match diff.lines().count().saturating_sub(MOST) {
        0 => {}
        more => lines.push(style.dim(&format!("    … {more} more lines; --json shows all"))),
    }
    lines.join("\n")
}
