//! What git itself writes.

use super::walk::Walk;
use super::words::Meaning;

/// Verbs that change neither files nor what a branch means.
const READS: &[&str] = &[
    "annotate",
    "blame",
    "cat-file",
    "check-attr",
    "check-ignore",
    "cherry",
    "count-objects",
    "describe",
    "diff",
    "diff-files",
    "diff-index",
    "diff-tree",
    "fetch",
    "for-each-ref",
    "fsck",
    "grep",
    "help",
    "log",
    "ls-files",
    "ls-remote",
    "ls-tree",
    "merge-base",
    "name-rev",
    "push",
    "range-diff",
    "rev-list",
    "rev-parse",
    "shortlog",
    "show",
    "show-branch",
    "show-ref",
    "status",
    "var",
    "verify-commit",
    "verify-tag",
    "version",
    "whatchanged",
];

/// Verbs that change the work tree or what is committed in it.
const WRITES: &[&str] = &[
    "add",
    "am",
    "apply",
    "bisect",
    "checkout",
    "checkout-index",
    "cherry-pick",
    "clean",
    "commit",
    "commit-tree",
    "filter-branch",
    "gc",
    "lfs",
    "merge",
    "mergetool",
    "mv",
    "pull",
    "read-tree",
    "rebase",
    "replace",
    "reset",
    "restore",
    "revert",
    "rm",
    "sparse-checkout",
    "stash",
    "submodule",
    "switch",
    "symbolic-ref",
    "update-index",
    "update-ref",
    "write-tree",
    "notes",
    "rerere",
    "init",
];

/// Verbs that only tell with one of these words (or none at all).
const BOTH: &[(&str, &[&str])] = &[
    (
        "branch",
        &[
            "-a",
            "-r",
            "-v",
            "-vv",
            "-l",
            "--list",
            "--all",
            "--show-current",
            "--remotes",
            "--contains",
            "--merged",
            "--no-merged",
        ],
    ),
    (
        "tag",
        &[
            "-l",
            "--list",
            "-n",
            "--contains",
            "--points-at",
            "--merged",
        ],
    ),
    ("remote", &["-v", "--verbose", "show", "get-url"]),
    (
        "config",
        &[
            "--get",
            "--get-all",
            "--get-regexp",
            "--list",
            "-l",
            "get",
            "list",
        ],
    ),
    ("stash", &["list", "show"]),
    ("submodule", &["status", "summary"]),
    ("reflog", &["show", "exists"]),
    ("bisect", &["log", "view", "visualize"]),
    ("notes", &["list", "show"]),
    ("lfs", &["ls-files", "status", "env"]),
    ("symbolic-ref", &["--short", "-q", "HEAD"]),
    ("sparse-checkout", &["list"]),
    ("rerere", &["status", "diff"]),
];

/// Judges git's words.
pub(super) fn judge(walk: &mut Walk<'_>, words: &[Meaning]) {
    let Some(mut call) = Call::read(words) else {
        return walk.unsure("git in a place that is only known when it runs");
    };
    let Some((verb, rest)) = call.rest.split_first() else {
        return;
    };
    let Some(verb) = verb.text() else {
        return walk.unsure("git with a verb that is only known when it runs");
    };
    call.rest = rest;
    match verb {
        "clone" | "worktree" => call.makes_a_tree(walk, verb),
        _ if call.only_tells(verb) => {}
        verb if WRITES.contains(&verb) || BOTH.iter().any(|(known, _)| *known == verb) => {
            call.writes(walk);
        }
        // An alias, or a verb that is not known.
        verb => walk.unsure(&format!("git {verb}")),
    }
}

struct Call<'a> {
    /// Where it acts, when it says so.
    folder: Option<String>,
    rest: &'a [Meaning],
}

impl<'a> Call<'a> {
    /// Reads git's own options. `None`: a place that cannot be told.
    fn read(words: &'a [Meaning]) -> Option<Self> {
        let mut folder: Option<String> = None;
        let mut rest = words;
        while let [Meaning::Text(option), others @ ..] = rest {
            if !option.starts_with('-') {
                break;
            }
            let (name, joined) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (option.as_str(), None),
            };
            let with_value = matches!(
                name,
                "-C" | "-c" | "--git-dir" | "--work-tree" | "--namespace" | "--exec-path"
            );
            let value = joined.or_else(|| others.first().and_then(Meaning::text));
            if matches!(name, "-C" | "--work-tree" | "--git-dir") {
                let value = value?;
                let value = value.strip_suffix("/.git").unwrap_or(value);
                folder = Some(match &folder {
                    Some(base) => format!("{base}/{value}").replace("//", "/"),
                    None => value.to_owned(),
                });
                if value.starts_with('/') {
                    folder = Some(value.to_owned());
                }
            }
            let skip = usize::from(with_value && joined.is_none());
            rest = others.get(skip..)?;
        }
        Some(Self { folder, rest })
    }

    fn word(&self, at: usize) -> Option<&str> {
        self.rest.get(at).and_then(Meaning::text)
    }

    fn only_tells(&self, verb: &str) -> bool {
        if READS.contains(&verb) {
            let writes =
                |word: &Meaning| word.text().is_none_or(|text| text.starts_with("--output"));
            return verb == "push"
                || verb == "fetch"
                || !self
                    .rest
                    .iter()
                    .any(|word| word.text().is_some() && writes(word));
        }
        let Some((_, tells)) = BOTH.iter().find(|(known, _)| *known == verb) else {
            return false;
        };
        match self.word(0) {
            // `git stash` alone stashes.
            None => self.rest.is_empty() && !matches!(verb, "stash" | "lfs"),
            Some(first) => tells.contains(&first),
        }
    }

    fn writes(&self, walk: &mut Walk<'_>) {
        walk.writes_tree(self.folder.as_deref());
    }

    /// A new work tree is a folder of its own; the one it comes from stays as
    /// it is.
    fn makes_a_tree(&self, walk: &mut Walk<'_>, verb: &str) {
        let operands: Vec<&Meaning> = self.rest.iter().filter(|word| !word.is_option()).collect();
        let removes = matches!(self.word(0), Some("remove" | "move"));
        match (verb, operands.as_slice()) {
            ("worktree", [_, tree, ..]) if removes => walk.writes(tree),
            ("worktree", _) => {}
            (_, [_, tree]) => walk.writes(tree),
            _ => walk.writes(&Meaning::Text(
                self.folder.clone().unwrap_or_else(|| ".".to_owned()),
            )),
        }
    }
}
