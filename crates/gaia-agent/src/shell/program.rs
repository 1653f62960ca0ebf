//! One program and its words.

use super::known::{self, Packages, Targets};
use super::walk::Walk;
use super::words::Meaning;
use super::{git, patch};

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

/// Judges a program by its name and words.
pub(super) fn judge(walk: &mut Walk<'_>, argv: &[Meaning], heredoc: Option<&str>) {
    let Some((name, words)) = argv.split_first() else {
        return;
    };
    let Some(name) = name.text() else {
        return walk.unsure("a program whose name is only known when it runs");
    };
    if walk.is_function(name) {
        return;
    }
    let Some(name) = of_the_system(name) else {
        return walk.unsure("a program that is not the system's own");
    };
    match name {
        "cd" | "pushd" => goes_to(walk, words),
        "popd" => walk.goes_to(None),
        "git" => git::judge(walk, words),
        "gaia" => own_command(walk, words),
        "env" | "sudo" | "doas" | "command" | "builtin" | "exec" | "nice" | "ionice" | "nohup"
        | "time" | "timeout" | "setsid" | "stdbuf" | "chronic" => {
            wrapped(walk, name, words, heredoc)
        }
        "xargs" | "parallel" => piped(walk, words),
        "sh" | "bash" | "dash" | "zsh" | "ksh" => shell(walk, words, heredoc),
        "eval" => evaluated(walk, words),
        "find" | "fd" | "fdfind" => find(walk, words),
        "sed" | "gsed" | "perl" => edits_in_place(walk, name, words),
        "awk" | "gawk" | "mawk" | "nawk" => awk(walk, words),
        "sort" | "yq" | "curl" => with_output(walk, name, words),
        "date" => {}
        "dd" => of_operand(walk, words, "of="),
        "tar" | "bsdtar" => tar(walk, words),
        "apply_patch" | "applypatch" => patched(walk, words, heredoc),
        name if known::only_reads(name) => {}
        name => by_table(walk, name, words),
    }
}

fn by_table(walk: &mut Walk<'_>, name: &str, words: &[Meaning]) {
    if let Some(targets) = known::targets_of(name) {
        return written(walk, name, targets, words);
    }
    let verb = words
        .iter()
        .find_map(|word| word.text().filter(|text| !text.starts_with("--")));
    let verb = verb.or_else(|| words.first().and_then(Meaning::text));
    match known::packages(name, verb) {
        Some(Packages::Reads) => {}
        Some(Packages::Writes) => walk.writes_tree(None),
        _ if only_tells(words) => {}
        Some(Packages::Unsure) | None => walk.unsure(name),
    }
}

/// `--version` and `--help` alone write nothing, whatever the program.
fn only_tells(words: &[Meaning]) -> bool {
    matches!(words, [Meaning::Text(word)] if word == "--version" || word == "--help" || word == "-V")
}

/// A program's words that are no options. After `--` all are.
fn operands<'a>(name: &str, words: &'a [Meaning]) -> Vec<&'a Meaning> {
    let mut found = Vec::new();
    let mut rest = words.iter();
    let mut options = true;
    while let Some(word) = rest.next() {
        match word.text() {
            Some("--") if options => options = false,
            Some(text) if options && text.len() > 1 && text.starts_with('-') => {
                if known::takes_value(name, text) {
                    rest.next();
                }
            }
            _ => found.push(word),
        }
    }
    found
}

/// The value of an option, as the next word or behind `=`.
fn value_of<'a>(words: &'a [Meaning], short: &str, long: &str) -> Option<Meaning> {
    let at = words.iter().position(|word| {
        word.text()
            .is_some_and(|text| text == short || text == long)
    });
    if let Some(at) = at {
        return words.get(at + 1).cloned();
    }
    let joined = |word: &'a Meaning| {
        let text = word.text()?;
        let behind = text.strip_prefix(long)?.strip_prefix('=')?;
        Some(Meaning::Text(behind.to_owned()))
    };
    words.iter().find_map(joined)
}

fn written(walk: &mut Walk<'_>, name: &str, targets: Targets, words: &[Meaning]) {
    let operands = operands(name, words);
    match targets {
        Targets::All => operands.iter().for_each(|word| walk.writes(word)),
        Targets::AllButFirst => operands.iter().skip(1).for_each(|word| walk.writes(word)),
        Targets::First => operands.iter().take(1).for_each(|word| walk.writes(word)),
        Targets::Last => match value_of(words, "-t", "--target-directory") {
            Some(folder) => walk.writes(&folder),
            None => operands
                .last()
                .into_iter()
                .for_each(|word| walk.writes(word)),
        },
        Targets::Tree => walk.writes_tree(None),
    }
}

fn goes_to(walk: &mut Walk<'_>, words: &[Meaning]) {
    let home = walk
        .home()
        .and_then(|home| home.to_str())
        .map(str::to_owned);
    match operands("cd", words).first() {
        None => walk.goes_to(home.as_deref()),
        Some(Meaning::Text(folder)) if folder != "-" => walk.goes_to(Some(folder)),
        Some(_) => walk.goes_to(None),
    }
}

/// GAIA's own verbs write nothing that a lock is on; `run` runs another program.
fn own_command(walk: &mut Walk<'_>, words: &[Meaning]) {
    let behind = words.iter().position(|word| word.text() == Some("--"));
    if let Some(at) = behind {
        judge(walk, words.get(at + 1..).unwrap_or_default(), None);
    }
}

/// A program that runs another: its own options and assignments are left out.
fn wrapped(walk: &mut Walk<'_>, name: &str, words: &[Meaning], heredoc: Option<&str>) {
    if name == "command"
        && words
            .first()
            .and_then(Meaning::text)
            .is_some_and(|word| word == "-v" || word == "-V")
    {
        return;
    }
    let own = |word: &&Meaning| {
        let Some(text) = word.text() else {
            return false;
        };
        let number = text.starts_with(|c: char| c.is_ascii_digit());
        text.starts_with('-') || text.contains('=') || (number && name == "timeout")
    };
    let mut rest = words;
    while let Some((first, others)) = rest.split_first() {
        if !own(&first) {
            break;
        }
        // `-u root`, `-n 10`: such a value is taken for a program, which is
        // then not known, and the command unsure.
        rest = others;
    }
    if rest.is_empty() {
        return;
    }
    judge(walk, rest, heredoc);
}

/// A program that gets words that are only known when it runs.
fn piped(walk: &mut Walk<'_>, words: &[Meaning]) {
    let mut rest = words;
    while let [Meaning::Text(option), others @ ..] = rest {
        if !option.starts_with('-') {
            break;
        }
        let has_value = matches!(
            option.as_str(),
            "-n" | "-I" | "-P" | "-L" | "-d" | "-s" | "-a" | "-E"
        );
        rest = if has_value {
            others.get(1..).unwrap_or_default()
        } else {
            others
        };
    }
    let mut argv = rest.to_vec();
    if !argv.is_empty() {
        argv.push(Meaning::Unknown);
        judge(walk, &argv, None);
    }
}

fn shell(walk: &mut Walk<'_>, words: &[Meaning], heredoc: Option<&str>) {
    let runs = |word: &Meaning| {
        word.text().is_some_and(|text| {
            text.starts_with('-') && !text.starts_with("--") && text.ends_with('c')
        })
    };
    let at = words.iter().position(runs);
    match at.map(|at| words.get(at + 1)) {
        // It goes nowhere for those that follow it.
        Some(Some(Meaning::Text(script))) => walk.apart(|walk| walk.script(script)),
        None if words.is_empty() && heredoc.is_some() => walk.script(heredoc.unwrap_or_default()),
        None if only_tells(words) => {}
        _ => walk.unsure("a script"),
    }
}

fn evaluated(walk: &mut Walk<'_>, words: &[Meaning]) {
    let known: Option<Vec<&str>> = words.iter().map(Meaning::text).collect();
    match known {
        Some(words) => walk.script(&words.join(" ")),
        None => walk.unsure("eval"),
    }
}

fn find(walk: &mut Walk<'_>, words: &[Meaning]) {
    const RUNS: [&str; 8] = [
        "-exec",
        "-execdir",
        "-ok",
        "-okdir",
        "-x",
        "-X",
        "--exec",
        "--exec-batch",
    ];
    let text = |word: &Meaning| word.text().unwrap_or_default().to_owned();
    let deletes = words.iter().any(|word| {
        matches!(
            text(word).as_str(),
            "-delete" | "-fprint" | "-fprintf" | "-fls"
        )
    });
    if deletes {
        let places: Vec<&Meaning> = words.iter().take_while(|word| !word.is_option()).collect();
        if places.is_empty() {
            walk.writes_tree(None);
        }
        places.into_iter().for_each(|place| walk.writes(place));
    }
    for (at, _) in words
        .iter()
        .enumerate()
        .filter(|(_, word)| RUNS.contains(&text(word).as_str()))
    {
        let command = words.iter().skip(at + 1);
        let mut argv: Vec<Meaning> = command
            .take_while(|word| !matches!(word.text(), Some(";" | "+")))
            .map(|word| {
                if word.text() == Some("{}") {
                    Meaning::Unknown
                } else {
                    word.clone()
                }
            })
            .collect();
        argv.push(Meaning::Unknown);
        judge(walk, &argv, None);
    }
}

fn edits_in_place(walk: &mut Walk<'_>, name: &str, words: &[Meaning]) {
    let is_perl = name == "perl";
    let in_place = |text: &str| {
        let short = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        let clustered = short.is_some_and(|rest| match is_perl {
            true => rest
                .chars()
                .take_while(|c| c.is_ascii_alphabetic())
                .any(|c| c == 'i'),
            false => rest
                .chars()
                .take_while(|c| matches!(c, 'n' | 'E' | 'r' | 'i' | 's' | 'u' | 'z'))
                .any(|c| c == 'i'),
        });
        clustered || text.starts_with("--in-place")
    };
    let edits = words.iter().any(|word| word.text().is_some_and(in_place));
    if !edits {
        match is_perl {
            true if !only_tells(words) => walk.unsure("perl"),
            _ if words.iter().any(|word| word.text().is_none()) || writes_by_script(words) => {
                walk.unsure(name)
            }
            _ => {}
        }
        return;
    }
    let scripts = words
        .iter()
        .any(|word| matches!(word.text(), Some("-e" | "-f" | "--expression" | "--file")))
        || words.iter().any(|word| {
            word.text()
                .is_some_and(|text| is_perl && text.starts_with('-') && text.ends_with('e'))
        });
    let mut rest = words.iter();
    let mut skipped = scripts;
    while let Some(word) = rest.next() {
        match word.text() {
            Some("-e" | "-f" | "--expression" | "--file") => {
                rest.next();
            }
            Some(text) if is_perl && text.starts_with('-') && text.ends_with('e') => {
                rest.next();
            }
            Some(text) if text.starts_with('-') => {}
            _ if !skipped => skipped = true, // The script itself.
            _ => walk.writes(word),
        }
    }
}

/// Whether a script of sed may write a file or run a program: `w file`, `e`.
fn writes_by_script(words: &[Meaning]) -> bool {
    let risky = |text: &str| {
        let ends = text.ends_with("/e") || text.ends_with("/ge") || text == "e";
        ends || text
            .split([';', '\n', '}'])
            .any(|part| part.contains("/w ") || part.trim_start().starts_with("w "))
    };
    words.iter().any(|word| word.text().is_some_and(risky))
}

fn awk(walk: &mut Walk<'_>, words: &[Meaning]) {
    let risky = |word: &Meaning| {
        word.text().is_none_or(|text| {
            text.contains('>')
                || text.contains('|')
                || text.contains("system")
                || text.starts_with("-f")
                || text.starts_with("-i")
        })
    };
    if words.iter().any(risky) {
        walk.unsure("awk");
    }
}

/// Programs that read, but for an option that names what they write.
fn with_output(walk: &mut Walk<'_>, name: &str, words: &[Meaning]) {
    let has = |short: &str, long: &str| {
        words.iter().any(|word| {
            word.text().is_some_and(|text| {
                text == long || (text.starts_with(short) && !text.starts_with("--"))
            })
        })
    };
    match name {
        "yq" if has("-i", "--inplace") || has("-i", "--in-place") => {
            operands(name, words)
                .iter()
                .skip(1)
                .for_each(|word| walk.writes(word));
        }
        "curl" if has("-O", "--remote-name") || has("-J", "--remote-header-name") => {
            walk.writes_tree(None)
        }
        "sort" | "curl" => {
            if let Some(file) = value_of(words, "-o", "--output") {
                walk.writes(&file);
            } else if has("-o", "--output") {
                walk.unsure(name);
            }
        }
        _ => {}
    }
}

fn of_operand(walk: &mut Walk<'_>, words: &[Meaning], name: &str) {
    for word in words {
        match word.text() {
            Some(text) => {
                if let Some(path) = text.strip_prefix(name) {
                    walk.writes(&Meaning::Text(path.to_owned()));
                }
            }
            None => walk.unsure("dd"),
        }
    }
}

fn tar(walk: &mut Walk<'_>, words: &[Meaning]) {
    let first = words.first().and_then(Meaning::text).unwrap_or_default();
    if first.trim_start_matches('-').starts_with('t') || first == "--list" {
        return;
    }
    if first.trim_start_matches('-').starts_with('c') && words.len() > 1 {
        return walk.writes(&words[1]);
    }
    match value_of(words, "-C", "--directory") {
        Some(Meaning::Text(folder)) => walk.writes_tree(Some(&folder)),
        Some(_) => walk.unsure("tar"),
        None => walk.writes_tree(None),
    }
}

fn patched(walk: &mut Walk<'_>, words: &[Meaning], heredoc: Option<&str>) {
    let text = heredoc.or_else(|| words.first().and_then(Meaning::text));
    let paths = text.map(patch::paths_of).unwrap_or_default();
    if paths.is_empty() {
        return walk.unsure("a patch that names no file");
    }
    for path in paths {
        walk.writes(&Meaning::Text(path));
    }
}
