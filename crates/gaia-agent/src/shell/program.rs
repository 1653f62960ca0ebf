//! One program and its words.

use super::options::{Parsed, Valued};
use super::walk::{Called, Walk};
use super::words::Meaning;
use super::{archives, editors, find, git, outputs, packages, patch, readers, wrappers, writers};

/// The name of a program as the system has it. `./test` is another one than `test`.
fn of_the_system(name: &str) -> Option<&str> {
    const PLACES: [&str; 7] = [
        "/bin/",
        "/sbin/",
        "/usr/bin/",
        "/usr/sbin/",
        "/usr/local/bin/",
        "/opt/homebrew/bin/",
        "/usr/local/sbin/",
    ];
    let bare = PLACES.iter().find_map(|place| name.strip_prefix(place));
    Some(bare.unwrap_or(name)).filter(|name| !name.contains('/'))
}

/// Judges what a shell runs by this name: a function or an alias goes before
/// the program.
pub(super) fn judge(walk: &mut Walk<'_>, called: &Called) {
    let name = called.argv.first().and_then(Meaning::text);
    if !name.is_some_and(|name| walk.call(name)) {
        judge_program(walk, called);
    }
}

/// Judges a program by its name and words. Other programs know nothing of a
/// shell's functions and aliases.
pub(super) fn judge_program(walk: &mut Walk<'_>, called: &Called) {
    let Some((name, words)) = called.argv.split_first() else {
        return;
    };
    let Some(name) = name.text() else {
        walk.unsure_of("a program whose name is only known when it runs", words);
        walk.notes.loose();
        return;
    };
    let Some(name) = of_the_system(name) else {
        // It may write beside where it lies.
        walk.name(name);
        return not_known(walk, "a program that is not the system's own", called);
    };
    if !is_of_the_shell(walk, name, words)
        && !wrappers::judge(walk, name, words, called.input.as_ref())
        && !is_special(walk, name, called)
        && !readers::only_reads(name)
        && !outputs::judge(walk, name, words)
        && !writers::judge(walk, name, words)
        && !only_tells(words)
    {
        not_known(walk, name, called);
    }
}

/// A program of which it is not known what it writes: anything where it runs,
/// and whatever its words, its variables and what it reads name.
fn not_known(walk: &mut Walk<'_>, what: &str, called: &Called) {
    walk.unsure_of(what, called.argv.get(1..).unwrap_or_default());
    for (_, value) in &called.assigned {
        walk.name(value.known());
    }
    called.input.iter().for_each(|input| walk.name(input));
}

/// `--version` and `--help` alone write nothing, whatever the program.
pub(super) fn only_tells(words: &[Meaning]) -> bool {
    matches!(words, [Meaning::Text(word)] if word == "--version" || word == "--help" || word == "-V")
}

/// What the shell does itself; whether it does.
fn is_of_the_shell(walk: &mut Walk<'_>, name: &str, words: &[Meaning]) -> bool {
    match name {
        "cd" | "pushd" | "chdir" => goes_to(walk, words),
        "popd" => walk.goes_to(None, false),
        "eval" => wrappers::evaluated(walk, words),
        "export" | "declare" | "typeset" | "local" | "readonly" => {
            for word in words {
                if let Some((name, value)) = word.known().split_once('=') {
                    let is_known = word.text().is_some();
                    let value = value.to_owned();
                    walk.set(
                        name,
                        if is_known {
                            Meaning::Text(value)
                        } else {
                            Meaning::begins(&value)
                        },
                    );
                }
            }
        }
        "alias" => {
            for word in words {
                if let Some((name, text)) = word.known().split_once('=') {
                    walk.alias(name, text);
                }
            }
        }
        // It runs later, or never.
        "trap" => match words {
            [Meaning::Text(script), _, ..] if script != "-" => {
                walk.apart(|walk| walk.script(script));
            }
            [Meaning::Text(_), ..] | [] => {}
            _ => walk.unsure_of("trap", words),
        },
        // Called back for each line.
        "mapfile" | "readarray" => {
            let parsed = Parsed::of(
                words,
                Valued {
                    short: "dnOsuCc",
                    long: &[],
                },
            );
            if let Some(script) = parsed.value(&["C"]) {
                walk.unsure_of("mapfile -C", &[script]);
            }
        }
        _ => return false,
    }
    true
}

fn goes_to(walk: &mut Walk<'_>, words: &[Meaning]) {
    let home = walk
        .home()
        .and_then(|home| home.to_str())
        .map(str::to_owned);
    let parsed = Parsed::of(words, Valued::default());
    let physically = parsed.has(&["P"]);
    match parsed.operands.first() {
        None => walk.goes_to(home.as_deref(), physically),
        Some(Meaning::Text(folder)) if folder != "-" => walk.goes_to(Some(folder), physically),
        Some(_) => walk.goes_to(None, physically),
    }
}

/// Programs with a judgement of their own; whether it is one.
fn is_special(walk: &mut Walk<'_>, name: &str, called: &Called) -> bool {
    let words = called.argv.get(1..).unwrap_or_default();
    match name {
        "git" => git::judge(walk, called),
        "gaia" => own_command(walk, words),
        "xargs" | "gxargs" | "parallel" => {
            let name = name.strip_prefix('g').unwrap_or(name);
            wrappers::piped(walk, name, words);
        }
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" => {
            wrappers::shell(walk, words, called.input.as_ref());
        }
        "find" | "gfind" => find::judge(walk, words),
        "fd" | "fdfind" => find::fd(walk, words),
        "sed" | "gsed" => editors::sed(walk, words),
        "perl" => editors::perl(walk, called),
        "awk" | "gawk" | "mawk" | "nawk" => editors::awk(walk, words),
        "tar" | "gtar" | "bsdtar" => archives::tar(walk, words),
        "dd" => archives::dd(walk, words),
        "unzip" | "patch" | "cpio" | "split" | "csplit" => archives::unpack(walk, name, words),
        "apply_patch" | "applypatch" => patched(walk, words, called.input.as_deref()),
        _ => return packages::judge(walk, name, called),
    }
    true
}

/// GAIA's own verbs write nothing that a lock is on; `run` runs another program.
fn own_command(walk: &mut Walk<'_>, words: &[Meaning]) {
    let behind = words.iter().position(|word| word.text() == Some("--"));
    if let Some(at) = behind {
        let argv = words.get(at + 1..).unwrap_or_default().to_vec();
        let called = Called {
            argv,
            ..Called::default()
        };
        judge_program(walk, &called);
    }
}

fn patched(walk: &mut Walk<'_>, words: &[Meaning], input: Option<&str>) {
    let text = input.or_else(|| words.first().and_then(Meaning::text));
    let paths = text.map(patch::paths_of).unwrap_or_default();
    if paths.is_empty() {
        return walk.unsure_of("a patch that names no file", words);
    }
    for path in paths {
        walk.writes(&Meaning::Text(path));
    }
}
