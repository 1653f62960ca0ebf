//! Tools that install packages or change a project.

use super::options::{Parsed, Valued};
use super::walk::{Called, Walk};
use super::words::Meaning;

/// Tools that install packages or change a project: what they only tell, and
/// what surely writes. The rest runs scripts.
const PACKAGE_TOOLS: &[(&[&str], &[&str], &[&str])] = &[
    (
        &["npm", "pnpm", "yarn", "bun", "cnpm"],
        &[
            "ls",
            "list",
            "view",
            "info",
            "outdated",
            "why",
            "explain",
            "search",
            "help",
            "root",
            "bin",
            "prefix",
            "whoami",
            "ping",
            "fund",
            "doctor",
            "-v",
            "--version",
            "-h",
            "--help",
        ],
        &[
            "install",
            "i",
            "ci",
            "add",
            "remove",
            "rm",
            "uninstall",
            "un",
            "update",
            "up",
            "upgrade",
            "link",
            "unlink",
            "dedupe",
            "prune",
            "rebuild",
            "init",
            "create",
            "version",
            "shrinkwrap",
            "import",
            "pack",
            "set",
            "pkg",
        ],
    ),
    (
        &["cargo"],
        &[
            "metadata",
            "tree",
            "search",
            "info",
            "locate-project",
            "pkgid",
            "read-manifest",
            "verify-project",
            "help",
            "--list",
            "-V",
            "--version",
            "-h",
            "--help",
        ],
        &[
            "add",
            "remove",
            "rm",
            "install",
            "uninstall",
            "update",
            "fmt",
            "fix",
            "new",
            "init",
            "clean",
            "vendor",
            "generate-lockfile",
            "package",
            "publish",
        ],
    ),
    (
        &["pip", "pip3", "uv", "poetry", "pipenv", "conda", "mamba"],
        &[
            "list",
            "show",
            "freeze",
            "check",
            "search",
            "help",
            "env",
            "info",
            "tree",
            "-V",
            "--version",
            "-h",
            "--help",
        ],
        &[
            "install",
            "uninstall",
            "add",
            "remove",
            "sync",
            "lock",
            "update",
            "upgrade",
            "init",
            "new",
            "download",
            "wheel",
            "venv",
            "pip",
            "create",
        ],
    ),
    (
        &["go"],
        &["version", "env", "list", "doc", "help", "vet"],
        &[
            "get", "mod", "fmt", "fix", "generate", "install", "work", "clean",
        ],
    ),
    (
        &["gem", "bundle", "bundler", "composer", "mix", "hex"],
        &[
            "list",
            "show",
            "info",
            "search",
            "outdated",
            "help",
            "--version",
            "-v",
        ],
        &[
            "install",
            "update",
            "add",
            "remove",
            "uninstall",
            "lock",
            "init",
            "new",
            "require",
            "clean",
            "deps.get",
            "format",
        ],
    ),
];

/// Options that stand before the verb and have a value, which may be the folder
/// of the project.
const VALUED: Valued = Valued {
    short: "C",
    long: &[
        "prefix",
        "cwd",
        "dir",
        "directory",
        "project",
        "manifest-path",
        "filter",
        "workspace",
        "registry",
        "config",
        "color",
        "working-dir",
        "gemfile",
        "target-dir",
        "root",
        "modules-folder",
        "python",
        "cache-dir",
        "log-level",
        "package",
        "name",
        "target",
        "dest",
        "src",
        "install-dir",
    ],
};

/// Options whose values are only read.
const READ: &[&str] = &[
    "r",
    "requirement",
    "c",
    "constraint",
    "config",
    "filter",
    "registry",
    "python",
    "path",
    "color",
    "log-level",
];

/// Judges a package tool; whether it is one.
pub(super) fn judge(walk: &mut Walk<'_>, name: &str, called: &Called) -> bool {
    let Some((_, reads, writes)) = PACKAGE_TOOLS
        .iter()
        .find(|(names, ..)| names.contains(&name))
    else {
        return false;
    };
    let words = called.argv.get(1..).unwrap_or_default();
    let is_toolchain = |word: &&Meaning| word.known().starts_with('+');
    let own = words.iter().filter(|word| !is_toolchain(word)).cloned();
    let own: Vec<Meaning> = own.collect();
    let mut verb = verb(&own);
    if (name, verb.as_deref()) == ("uv", Some("pip")) {
        verb = own
            .iter()
            .filter_map(Meaning::text)
            .nth(1)
            .map(str::to_owned);
    }
    match verb.as_deref() {
        Some(verb) if reads.contains(&verb) => {}
        Some(verb) if writes.contains(&verb) => installs(walk, &own),
        // `yarn` alone installs.
        None if name == "yarn" => installs(walk, &own),
        None if only_switches(&own) => {}
        _ => return false,
    }
    true
}

/// The first word that is no option nor the value of one; where there is none,
/// the first option: `cargo --list`.
fn verb(words: &[Meaning]) -> Option<String> {
    let parsed = Parsed::of(words, VALUED);
    let verb = parsed.operands.first().map(|word| word.known().to_owned());
    let first = || words.iter().find_map(Meaning::text).map(str::to_owned);
    verb.or_else(|| first().filter(|word| parsed.options.len() == 1 && word.starts_with('-')))
}

fn only_switches(words: &[Meaning]) -> bool {
    words.iter().all(|word| word.text().is_some())
}

/// It changes the tree that it runs in, and whatever its words name.
fn installs(walk: &mut Walk<'_>, words: &[Meaning]) {
    walk.writes_tree();
    let mut valued = VALUED;
    valued.short = "Crctd";
    let parsed = Parsed::of(words, valued);
    for (name, value) in &parsed.options {
        let is_path = |value: &&Meaning| value.known().contains('/') || value.text().is_none();
        let value = value.as_ref().filter(is_path);
        if let (Some(value), false) = (value, READ.contains(&name.as_str())) {
            walk.writes(value);
        }
    }
    // What is installed may be another folder, which is only read; a program
    // for which it is not so says where it writes by an option.
    for word in &parsed.operands {
        walk.name(word.known());
    }
}
