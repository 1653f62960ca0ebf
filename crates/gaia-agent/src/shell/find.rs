//! `find` and `fd`: readers, but for what they delete, write or run.

use super::options::{Parsed, Valued};
use super::program;
use super::walk::{Called, Walk};
use super::words::Meaning;

/// Tests with one argument: that is one, whatever it turns out to be.
const TESTS: &[&str] = &[
    "-amin",
    "-anewer",
    "-atime",
    "-cmin",
    "-cnewer",
    "-context",
    "-ctime",
    "-fstype",
    "-gid",
    "-group",
    "-ilname",
    "-iname",
    "-inum",
    "-ipath",
    "-iregex",
    "-iwholename",
    "-links",
    "-lname",
    "-maxdepth",
    "-mindepth",
    "-mmin",
    "-mtime",
    "-name",
    "-newer",
    "-path",
    "-perm",
    "-printf",
    "-regex",
    "-regextype",
    "-samefile",
    "-size",
    "-type",
    "-uid",
    "-used",
    "-user",
    "-wholename",
    "-xtype",
];

/// Where it looks, and what it does there.
pub(super) fn judge(walk: &mut Walk<'_>, words: &[Meaning]) {
    let (places, mut rest) = places(words);
    while let Some((word, behind)) = rest.split_first() {
        rest = behind;
        match word.text() {
            Some("-delete") => places.iter().for_each(|place| walk.writes(place)),
            Some("-fprint" | "-fprint0" | "-fprintf" | "-fls") => {
                behind
                    .first()
                    .into_iter()
                    .for_each(|file| walk.writes(file));
                rest = behind.get(1..).unwrap_or_default();
            }
            Some("-exec" | "-ok") => {
                places.iter().for_each(|place| run(walk, behind, place));
                rest = behind_command(behind);
            }
            Some("-execdir" | "-okdir") => {
                walk.apart(|walk| {
                    // In some folder below.
                    walk.goes_to(None, false);
                    places.iter().for_each(|place| run(walk, behind, place));
                });
                rest = behind_command(behind);
            }
            Some(test) if TESTS.contains(&test) || test.starts_with("-newer") => {
                rest = behind.get(1..).unwrap_or_default();
            }
            // It may be any of those.
            None if word.is_unknown() => walk.unsure_of("find", words),
            _ => {}
        }
    }
}

fn ends_command(word: &Meaning) -> bool {
    matches!(word.text(), Some(";" | "+"))
}

/// What follows the command that is run for what is found.
fn behind_command(words: &[Meaning]) -> &[Meaning] {
    let end = words.iter().position(ends_command);
    end.and_then(|end| words.get(end + 1..)).unwrap_or_default()
}

/// Places stand behind a few options and before the expression.
fn places(words: &[Meaning]) -> (Vec<Meaning>, &[Meaning]) {
    let mut rest = words;
    loop {
        match rest {
            [Meaning::Text(option), Meaning::Text(_), others @ ..] if option == "-D" => {
                rest = others;
            }
            [Meaning::Text(option), others @ ..]
                if matches!(option.as_str(), "-H" | "-L" | "-P" | "--")
                    || option.starts_with("-O") =>
            {
                rest = others;
            }
            _ => break,
        }
    }
    let begins = |word: &Meaning| {
        let text = word.known();
        text.starts_with('-') || matches!(text, "(" | ")" | "!" | ",")
    };
    let until = rest.iter().position(begins).unwrap_or(rest.len());
    let (places, expression) = rest.split_at(until);
    match places {
        [] => (vec![Meaning::Text(".".to_owned())], expression),
        places => (places.to_vec(), expression),
    }
}

/// What is run for what is found: `{}` stands for something in the place.
fn run(walk: &mut Walk<'_>, words: &[Meaning], place: &Meaning) {
    let found = match place {
        Meaning::Text(place) => Meaning::Pattern(format!("{place}/")),
        other => Meaning::begins(other.known()),
    };
    let argv = words
        .iter()
        .take_while(|word| !ends_command(word))
        .map(|word| match word.text() {
            Some("{}") => found.clone(),
            Some(text) if text.contains("{}") => {
                Meaning::begins(text.split("{}").next().unwrap_or_default())
            }
            _ => word.clone(),
        });
    let called = Called {
        argv: argv.collect(),
        ..Called::default()
    };
    let before = walk.notes.doubts();
    walk.apart(|walk| program::judge_program(walk, &called));
    // A script may get the place in a way that is not followed.
    if walk.notes.doubts() != before {
        walk.name(place.known());
    }
}

/// `fd PATTERN PLACE… -x COMMAND`.
pub(super) fn fd(walk: &mut Walk<'_>, words: &[Meaning]) {
    const FD: Valued = Valued {
        short: "deEtSgcjo",
        long: &[
            "max-depth",
            "exclude",
            "extension",
            "type",
            "size",
            "base-directory",
            "search-path",
            "color",
            "threads",
            "owner",
        ],
    };
    let runs =
        |word: &Meaning| matches!(word.text(), Some("-x" | "-X" | "--exec" | "--exec-batch"));
    let Some(at) = words.iter().position(runs) else {
        let hidden = |word: &Meaning| {
            word.text().is_some_and(|text| {
                let cluster = text.starts_with('-') && !text.starts_with("--");
                (cluster && text.ends_with(['x', 'X'])) || text.starts_with("--exec")
            })
        };
        if words.iter().any(hidden) {
            walk.unsure_of("fd", words);
        }
        return;
    };
    let (own, behind) = words.split_at(at);
    let parsed = Parsed::of(own, FD);
    let mut places = parsed.operands.get(1..).unwrap_or_default().to_vec();
    places.extend(parsed.values(&["base-directory", "search-path"]));
    if places.is_empty() {
        places.push(Meaning::Text(".".to_owned()));
    }
    let mut command = behind.get(1..).unwrap_or_default().to_vec();
    if !command.iter().any(|word| word.known().contains('{')) {
        command.push(Meaning::Text("{}".to_owned()));
    }
    for place in &places {
        run(walk, &command, place);
    }
}
