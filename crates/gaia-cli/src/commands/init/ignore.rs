//! The planner that has git leave marker files out: committed, they would
//! travel to other machines, where they lie.

use super::Ground;
use super::plan::Plan;
use crate::exit::Failure;

const PATTERN: &str = ".gaia*";

/// Adds the pattern to each repository that does not ignore markers yet: to
/// `.gitignore`, which all who work on it share, or with --local to its own
/// exclude file.
pub fn plan(ground: &Ground<'_>, plan: &mut Plan) -> Result<(), Failure> {
    for repo in ground.repos {
        plan.for_repo(&repo.top);
        if repo.ignores_markers() {
            continue;
        }
        let file = match ground.args.local {
            true => repo.exclude.clone(),
            false => repo.top.join(".gitignore"),
        };
        let before = plan.text(&file)?.unwrap_or_default();
        if before.lines().any(|line| line.trim_end() == PATTERN) {
            // Else planned already, for another work tree of the same repository.
            if !plan.is_planned(&file) {
                plan.note(format!(
                    "{PATTERN} stands in {}, and git does not go by it: another pattern overrules it, or the file is a link",
                    file.display()
                ));
            }
            continue;
        }
        plan.write(&file, &with_pattern(&before), "git leaves marker files out")?;
    }
    Ok(())
}

/// A file that others have changed since, without the line of ours; none when
/// it is not in it.
pub fn without(now: &str) -> Option<String> {
    let is_ours = |line: &str| line.trim_end() == PATTERN;
    let left = now.split_inclusive('\n').filter(|line| !is_ours(line));
    now.lines().any(is_ours).then(|| left.collect())
}

/// With the line ends that the file has.
fn with_pattern(before: &str) -> String {
    let end = match before.contains("\r\n") {
        true => "\r\n",
        false => "\n",
    };
    let between = match before.is_empty() || before.ends_with('\n') {
        true => "",
        false => end,
    };
    format!("{before}{between}{PATTERN}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_that_is_the_pattern_goes() {
        assert_eq!(without("a\n.gaia*\nb"), Some("a\nb".to_owned()));
        assert_eq!(without("a\r\n.gaia*\r\n"), Some("a\r\n".to_owned()));
        assert_eq!(without(".gaia*"), Some(String::new()));
        assert_eq!(without("# .gaia*\n!.gaia*\n"), None);
    }

    #[test]
    fn the_pattern_stands_in_a_line_of_its_own() {
        assert_eq!(with_pattern(""), ".gaia*\n");
        assert_eq!(with_pattern("a\n"), "a\n.gaia*\n");
        assert_eq!(with_pattern("a"), "a\n.gaia*\n");
        assert_eq!(with_pattern("a\r\nb"), "a\r\nb\r\n.gaia*\r\n");
    }
}
