//! `sed`, `perl` and `awk`: what they edit in place, and what their scripts
//! write.

use super::options::{Parsed, Valued};
use super::program::only_tells;
use super::sed_script::{self, Deed};
use super::walk::{Called, Walk};
use super::words::Meaning;

const SED: Valued = Valued {
    short: "efl",
    long: &["expression", "file", "line-length"],
};

/// `sed`: its scripts, and its files where it edits them in place.
pub(super) fn sed(walk: &mut Walk<'_>, words: &[Meaning]) {
    let parsed = Parsed::with_optional(words, SED, "i");
    let long = |begin: &str| {
        let is = |(name, _): &&(String, Option<Meaning>)| name.len() > 1 && name.starts_with(begin);
        parsed.options.iter().filter(is).collect::<Vec<_>>()
    };
    let in_place = parsed.has(&["i"]) || !long("i").is_empty();
    let mut scripts = parsed.values(&["e"]);
    scripts.extend(long("e").iter().filter_map(|(_, value)| value.clone()));
    let mut operands = parsed.operands.as_slice();
    // BSD's `-i ''` has the suffix as the next word.
    if let ([Meaning::Text(empty), rest @ ..], true) = (operands, in_place) {
        operands = if empty.is_empty() { rest } else { operands };
    }
    let by_file = parsed.has(&["f"]) || !long("f").is_empty();
    if let ([script, rest @ ..], true) = (operands, scripts.is_empty() && !by_file) {
        scripts.push(script.clone());
        operands = rest;
    }
    if by_file {
        walk.unsure_of("a script of sed", words);
    }
    for script in &scripts {
        judge_script(walk, script, words);
    }
    if in_place {
        operands.iter().for_each(|word| walk.writes(word));
    }
}

fn judge_script(walk: &mut Walk<'_>, script: &Meaning, words: &[Meaning]) {
    let filled = match script {
        Meaning::Text(text) => Some(text),
        Meaning::Unknown { filled, .. } => Some(filled),
        Meaning::Pattern(_) => None,
    };
    let Some(deeds) = filled.and_then(|script| sed_script::deeds(script)) else {
        return walk.unsure_of("a script of sed", words);
    };
    // Where it writes is not known either.
    if script.is_unknown() && !deeds.is_empty() {
        return walk.unsure_of("a script of sed", words);
    }
    for deed in deeds {
        match deed {
            Deed::Writes(file) => walk.writes(&Meaning::Text(file)),
            Deed::Runs => walk.unsure_of("a script of sed", words),
        }
    }
}

/// `perl`: only its usual one line over files is followed.
pub(super) fn perl(walk: &mut Walk<'_>, called: &Called) {
    let words = called.argv.get(1..).unwrap_or_default();
    if only_tells(words) || matches!(words, [Meaning::Text(word)] if word == "-v") {
        return;
    }
    let switches = Switches::of(words);
    let harmless = switches.in_place && !switches.code.iter().any(|code| does_more(code));
    if !harmless {
        walk.unsure_of("perl", words);
        called.input.iter().for_each(|input| walk.name(input));
    }
    if switches.in_place {
        switches.files.iter().for_each(|word| walk.writes(word));
    }
}

/// What a line of perl says.
#[derive(Default)]
struct Switches {
    in_place: bool,
    code: Vec<String>,
    files: Vec<Meaning>,
}

impl Switches {
    fn of(words: &[Meaning]) -> Self {
        let mut found = Self::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match word.text().and_then(|text| text.strip_prefix('-')) {
                Some("-") => found.files.extend(rest.by_ref().cloned()),
                Some(letters) => found.letters(letters, &mut rest),
                None => found.files.push(word.clone()),
            }
        }
        if found.code.is_empty() && !found.files.is_empty() {
            // The first is a script, of which nothing is known.
            found.files.remove(0);
            found.code.push("system".to_owned());
        }
        found
    }

    fn letters<'a>(&mut self, letters: &str, rest: &mut impl Iterator<Item = &'a Meaning>) {
        for (at, letter) in letters.char_indices() {
            let behind = letters.get(at + letter.len_utf8()..).unwrap_or_default();
            match letter {
                'i' => self.in_place = true,
                'e' | 'E' => {
                    let code = match behind.is_empty() {
                        true => rest.next().and_then(Meaning::text).map(str::to_owned),
                        false => Some(behind.to_owned()),
                    };
                    self.code.push(code.unwrap_or_else(|| "system".to_owned()));
                    return;
                }
                'M' | 'm' | 'I' | 'x' | 'C' | 'D' | 'V' => return,
                'F' if !behind.is_empty() => return,
                // A suffix may follow `-i`: its letters are none of these.
                '.' => return,
                _ => {}
            }
        }
    }
}

/// Whether code may do other things to files than change their lines.
fn does_more(code: &str) -> bool {
    const WORDS: [&str; 14] = [
        "system", "exec", "open", "unlink", "rename", "mkdir", "rmdir", "qx", "`", "File::",
        "truncate", "link", "chmod", "eval",
    ];
    WORDS.iter().any(|word| code.contains(word)) || code.ends_with("/e") || code.contains("/e;")
}

/// `awk`: a script that redirects, or runs something, is not followed.
pub(super) fn awk(walk: &mut Walk<'_>, words: &[Meaning]) {
    let risky = |word: &Meaning| {
        word.text().is_none_or(|text| {
            const OPTIONS: [&str; 15] = [
                "-f",
                "-i",
                "-E",
                "-l",
                "-o",
                "-p",
                "-d",
                "-D",
                "--file",
                "--include",
                "--exec",
                "--load",
                "--pretty",
                "--profile",
                "--dump",
            ];
            text.contains('>')
                || text.contains('|')
                || text.contains("system")
                || OPTIONS.iter().any(|option| text.starts_with(option))
        })
    };
    if words.iter().any(risky) {
        walk.unsure_of("awk", words);
    }
}
