//! What git itself writes.

use super::options::{Parsed, Valued};
use super::walk::{Called, Walk};
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
    "branch",
    "tag",
    "remote",
    "config",
    "reflog",
];

/// Verbs that only tell when this is their first word.
const TELLS: &[(&str, &[&str])] = &[
    ("remote", &["-v", "--verbose", "show", "get-url"]),
    ("stash", &["list", "show"]),
    ("submodule", &["status", "summary"]),
    ("bisect", &["log", "view", "visualize"]),
    ("notes", &["list", "show"]),
    ("lfs", &["ls-files", "status", "env"]),
    ("sparse-checkout", &["list"]),
    ("rerere", &["status", "diff"]),
    ("worktree", &["list"]),
    ("apply", &["--stat", "--numstat", "--summary", "--check"]),
];

/// Judges git's words.
pub(super) fn judge(walk: &mut Walk<'_>, called: &Called) {
    let words = called.argv.get(1..).unwrap_or_default();
    let Some(call) = Call::read(walk, called) else {
        walk.unsure_of("git in a place that is only known when it runs", words);
        walk.notes.loose();
        return;
    };
    let Some((verb, rest)) = call.rest.split_first() else {
        return;
    };
    let Some(verb) = verb.text() else {
        walk.unsure_of("git with a verb that is only known when it runs", words);
        return;
    };
    for file in outputs(verb, rest) {
        call.at(walk, |walk| walk.writes(&file));
    }
    match verb {
        "clone" => call.clones(walk, rest),
        "worktree" if !only_tells(verb, rest) => call.moves_trees(walk, rest),
        _ if only_tells(verb, rest) => {}
        verb if WRITES.contains(&verb) => {
            call.writes(walk);
            if runs_others(verb, rest) {
                call.at(walk, |walk| walk.unsure_of("what git runs", rest));
            }
        }
        // An alias, or a verb that is not known.
        verb => {
            let verb = format!("git {verb}");
            call.at(walk, |walk| walk.unsure_of(&verb, rest));
        }
    }
}

/// One call of git.
struct Call<'a> {
    /// Where it acts, when it says so: each of these.
    folders: Vec<String>,
    /// From where its words count.
    base: Option<String>,
    rest: &'a [Meaning],
}

impl<'a> Call<'a> {
    /// Reads git's own options. `None`: a place that cannot be told.
    fn read(walk: &Walk<'_>, called: &'a Called) -> Option<Self> {
        const OWN: Valued = Valued {
            short: "Cc",
            long: &[
                "git-dir",
                "work-tree",
                "namespace",
                "exec-path",
                "super-prefix",
                "config-env",
                "attr-source",
            ],
        };
        let words = called.argv.get(1..).unwrap_or_default();
        let parsed = Parsed::leading(words, OWN);
        let at = words.len() - parsed.operands.len();
        let mut base: Option<String> = None;
        for folder in parsed.values(&["C"]) {
            base = Some(joined(base.as_deref(), folder.text()?));
        }
        let mut folders = Vec::new();
        let kinds = [("git-dir", "GIT_DIR"), ("work-tree", "GIT_WORK_TREE")];
        let mut told = 0;
        for (option, variable) in kinds {
            let set = walk.git_places.iter().chain(&called.assigned);
            let set = set.filter(|(name, _)| name == variable);
            let mut places = parsed.values(&[option]);
            places.extend(set.map(|(_, value)| value.clone()));
            told += usize::from(!places.is_empty());
            for place in &places {
                let place = place.text()?;
                let place = place.strip_suffix("/.git").unwrap_or(place);
                folders.push(joined(base.as_deref(), place));
            }
        }
        // Without the one the files are those where it runs, without the other the repository.
        match base.as_deref() {
            Some(base) if told < 2 => folders.push(base.to_owned()),
            None if told == 1 => folders.push(".".to_owned()),
            _ => {}
        }
        Some(Self {
            folders,
            base,
            rest: words.get(at..)?,
        })
    }

    fn writes(&self, walk: &mut Walk<'_>) {
        if self.folders.is_empty() {
            return walk.writes_tree();
        }
        for folder in &self.folders {
            walk.notes.writes_tree(folder, &walk.here);
        }
    }

    /// Does something where its words count from.
    fn at(&self, walk: &mut Walk<'_>, run: impl FnOnce(&mut Walk<'_>)) {
        walk.apart(|walk| {
            if let Some(base) = &self.base {
                walk.goes_to(Some(base), true);
            }
            run(walk);
        });
    }

    fn clones(&self, walk: &mut Walk<'_>, rest: &[Meaning]) {
        const CLONE: Valued = Valued {
            short: "bocuj",
            long: &[
                "branch",
                "depth",
                "origin",
                "config",
                "upload-pack",
                "jobs",
                "reference",
                "reference-if-able",
                "separate-git-dir",
                "template",
                "filter",
                "shallow-since",
                "shallow-exclude",
                "server-option",
                "bundle-uri",
            ],
        };
        let parsed = Parsed::of(rest, CLONE);
        self.at(walk, |walk| {
            for folder in parsed.values(&["separate-git-dir"]) {
                walk.writes(&folder);
            }
            match parsed.operands.as_slice() {
                [_, tree, ..] => walk.writes(tree),
                _ => walk.writes(&Meaning::Text(".".to_owned())),
            }
        });
    }

    /// A new work tree is a folder of its own; the one it comes from stays as
    /// it is.
    fn moves_trees(&self, walk: &mut Walk<'_>, rest: &[Meaning]) {
        const WORKTREE: Valued = Valued {
            short: "bB",
            long: &["reason", "expire"],
        };
        let parsed = Parsed::of(rest, WORKTREE);
        let operands = parsed.operands.as_slice();
        self.at(walk, |walk| match operands {
            [Meaning::Text(verb), trees @ ..] if matches!(verb.as_str(), "remove" | "move") => {
                trees.iter().for_each(|tree| walk.writes(tree));
            }
            [Meaning::Text(verb), tree, ..] if verb == "add" => {
                walk.notes.makes_tree(tree, &walk.here);
            }
            [Meaning::Text(_), ..] => {}
            _ => walk.unsure_of("git worktree", rest),
        });
    }
}

fn joined(base: Option<&str>, place: &str) -> String {
    match base {
        Some(base) if !place.starts_with('/') => format!("{base}/{place}"),
        _ => place.to_owned(),
    }
}

/// What a verb that tells writes all the same: `git diff --output=x`.
fn outputs(verb: &str, rest: &[Meaning]) -> Vec<Meaning> {
    const OUTPUT: Valued = Valued {
        short: "",
        long: &["output"],
    };
    match READS.contains(&verb) && verb != "push" && verb != "grep" {
        true => Parsed::of(rest, OUTPUT).values(&["output"]),
        false => Vec::new(),
    }
}

const CLEAN: Valued = Valued {
    short: "e",
    long: &["exclude"],
};

/// `git config`: it reads with one of the options or verbs for that, or where
/// it is given a name and no value; never with an option that is not known.
fn config_tells(rest: &[Meaning]) -> bool {
    const CONFIG: Valued = Valued {
        short: "f",
        long: &["file", "blob", "type", "default", "value", "url"],
    };
    const GETS: &[&str] = &[
        "get",
        "get-all",
        "get-regexp",
        "get-urlmatch",
        "get-color",
        "get-colorbool",
        "list",
        "l",
    ];
    const HOW: &[&str] = &[
        "global",
        "system",
        "local",
        "worktree",
        "file",
        "f",
        "blob",
        "type",
        "no-type",
        "bool",
        "int",
        "bool-or-int",
        "bool-or-str",
        "path",
        "expiry-date",
        "null",
        "z",
        "name-only",
        "show-names",
        "show-origin",
        "show-scope",
        "includes",
        "no-includes",
        "default",
        "all",
        "regexp",
        "value",
        "fixed-value",
        "url",
    ];
    let parsed = Parsed::of(rest, CONFIG);
    let mut options = parsed.options.iter().map(|(name, _)| name.as_str());
    if !options.all(|name| GETS.contains(&name) || HOW.contains(&name)) {
        return false;
    }
    match parsed.operands.as_slice() {
        [] => parsed.has(GETS),
        [verb, ..] if matches!(verb.text(), Some("get" | "list")) => true,
        [name] => name.text() != Some("edit") || parsed.has(GETS),
        _ => parsed.has(GETS),
    }
}

fn only_tells(verb: &str, rest: &[Meaning]) -> bool {
    let has = |words: &[&str]| {
        rest.iter()
            .any(|word| word.text().is_some_and(|text| words.contains(&text)))
    };
    let operands = rest.iter().filter(|word| !word.is_option()).count();
    let first = rest.first().and_then(Meaning::text);
    match verb {
        "grep" => !rest
            .iter()
            .any(|word| word.known().starts_with("-O") || word.known().starts_with("--open-files")),
        verb if READS.contains(&verb) => true,
        "branch" | "tag" => {
            let lists = [
                "-l",
                "--list",
                "-n",
                "--contains",
                "--no-contains",
                "--merged",
                "--no-merged",
                "--points-at",
            ];
            let changes = rest.iter().any(|word| {
                let text = word.known();
                let long = [
                    "--delete",
                    "--move",
                    "--copy",
                    "--force",
                    "--set-up",
                    "--unset-up",
                    "--edit",
                ];
                let cluster = text.starts_with('-') && !text.starts_with("--");
                (cluster && text.contains(['d', 'D', 'm', 'M', 'c', 'C', 'f', 'u', 's', 'F']))
                    || long.iter().any(|begin| text.starts_with(begin))
            });
            !changes && (operands == 0 || has(&lists))
        }
        "config" => config_tells(rest),
        // Without one of those verbs it shows what is named.
        "reflog" => {
            !has(&["expire", "delete", "drop", "write"]) && !rest.iter().any(Meaning::is_unknown)
        }
        "clean" => {
            let parsed = Parsed::of(rest, CLEAN);
            parsed.has(&["n", "dry-run"]) && !parsed.has(&["i", "interactive"])
        }
        "symbolic-ref" => operands <= 1 && !has(&["-d", "--delete"]),
        // `git stash` alone stashes.
        "stash" | "lfs" | "bisect" if rest.is_empty() => false,
        verb => {
            let tells = TELLS.iter().find(|(known, _)| *known == verb);
            tells.is_some_and(|(_, words)| match first {
                None => rest.is_empty() && verb != "apply",
                Some(first) if first == "-v" || first == "--verbose" => operands == 0,
                Some(first) => words.contains(&first),
            })
        }
    }
}

/// Whether git runs something that its words name.
fn runs_others(verb: &str, rest: &[Meaning]) -> bool {
    let first = rest.first().and_then(Meaning::text);
    match verb {
        "submodule" => first == Some("foreach"),
        "bisect" => first == Some("run"),
        "filter-branch" => true,
        "rebase" => rest
            .iter()
            .any(|word| word.known().starts_with("-x") || word.known().starts_with("--exec")),
        _ => false,
    }
}
