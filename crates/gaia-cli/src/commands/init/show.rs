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
    /// It is as it was before already.
    Nothing,
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
            What::File { before, after } => Some(diff(change, before.as_ref(), after.as_ref())),
            _ => None,
        };
        Self::new(change, action, &change.why, diff)
    }

    /// A change that is to be undone, or cannot be.
    pub fn undone(change: &'a Change, fate: &'a Fate) -> Self {
        let diff = match &change.what {
            _ if fate.action == Action::Nothing => None,
            // What init had done, for whoever takes it back by hand.
            What::File { before, after } if fate.action == Action::Keep => {
                Some(diff(change, before.as_ref(), after.as_ref()))
            }
            What::File { .. } => Some(diff(change, fate.now.as_ref(), fate.then.as_ref())),
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
            Action::Nothing => style.dim("nothing"),
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

/// Of a client's settings only what is GAIA's is shown: beside it may stand keys
/// and tokens, and this may end in a log.
fn diff(change: &Change, before: Option<&Text>, after: Option<&Text>) -> String {
    let is_discreet = change.of.is_some();
    let text = |text: Option<&Text>| text.map_or_else(String::new, |text| text.text.clone());
    let mode = |text: Option<&Text>| text.map(|text| text.mode);
    let (old, new) = (text(before), text(after));
    let mut diff = TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(if is_discreet { 0 } else { 2 })
        .to_string();
    if is_discreet {
        diff = without_others(&diff, &old, &new);
    }
    if let (Some(old), Some(new)) = (mode(before), mode(after))
        && old != new
    {
        diff.insert_str(0, &format!("mode {old:o} -> {new:o}\n"));
    }
    diff
}

/// With the lines left out that stand on both sides, however they are broken
/// and whatever commas and brackets they got or lost.
fn without_others(diff: &str, old: &str, new: &str) -> String {
    let packed = |text: &str| text.split_whitespace().collect::<String>();
    let (old, new) = (packed(old), packed(new));
    let is_others = |line: &str| {
        let text = packed(line.get(1..).unwrap_or_default());
        let text = text.trim_matches(|c| "{}[],".contains(c));
        let is_changed = line.starts_with(['+', '-']);
        is_changed && !text.is_empty() && old.contains(text) && new.contains(text)
    };
    let shown = |line: &str| match is_others(line) {
        true => format!("{}  …\n", &line[..1]),
        false if line.starts_with(['+', '-']) => {
            format!("{}{}\n", &line[..1], without_words(&line[1..], &old, &new))
        }
        false => format!("{line}\n"),
    };
    diff.lines().map(shown).collect()
}

/// With the words left out that stand on both sides: all settings may stand in
/// one line, ours in the midst of it. The names of settings are no secrets.
fn without_words(line: &str, old: &str, new: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (word, after) = rest.split_at(length_of_word(rest, first));
        let is_name = first == '"' && after.trim_start().starts_with(':');
        let packed = word.split_whitespace().collect::<String>();
        let bare = packed.trim_matches('"');
        let is_others = !bare.is_empty() && old.contains(bare) && new.contains(bare);
        let is_word = packed.chars().any(char::is_alphanumeric);
        shown += match is_word && !is_name && is_others {
            true => "…",
            false => word,
        };
        rest = after;
    }
    shown
}

/// A quoted text, a run of what no setting is divided by, or one other letter.
fn length_of_word(text: &str, first: char) -> usize {
    if first == '"' {
        let mut is_escaped = false;
        let end = text.char_indices().skip(1).find(|(_, letter)| {
            let ends = *letter == first && !is_escaped;
            is_escaped = *letter == '\\' && !is_escaped;
            ends
        });
        return end.map_or(first.len_utf8(), |(at, letter)| at + letter.len_utf8());
    }
    let divides = |letter: char| letter.is_whitespace() || "{}[],:=\"'".contains(letter);
    match divides(first) {
        true => first.len_utf8(),
        false => text.find(divides).unwrap_or(text.len()),
    }
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

#[cfg(test)]
mod tests {
    use super::without_words;

    #[test]
    fn words_of_both_sides_are_left_out_and_names_and_ours_are_shown() {
        let old = r#"{"env":{"KEY":"sk-1\"2"},"hooks":{},"x":[sk-3,true]}"#;
        let new = r#"{"env":{"KEY":"sk-1\"2"},"hooks":{"Pre":["gaia hook"]},"x":[sk-3,true]}"#;
        let (old, new): (String, String) = (packed(old), packed(new));
        let line = r#"{"env":{"KEY":"sk-1\"2"},"hooks":{"Pre":["gaia hook"]},"x":[sk-3,true]}"#;
        let shown = r#"{"env":{"KEY":…},"hooks":{"Pre":["gaia hook"]},"x":[…,…]}"#;
        assert_eq!(without_words(line, &old, &new), shown);
        // One that never ends, and one in a comment.
        assert_eq!(without_words("\"sk-3 // # sk-3", &old, &new), "\"… // # …");
    }

    fn packed(text: &str) -> String {
        text.split_whitespace().collect()
    }
}
