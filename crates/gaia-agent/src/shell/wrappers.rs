//! Programs that run another one.

use super::options::{Parsed, Valued};
use super::program;
use super::walk::{Called, Walk};
use super::words::Meaning;

/// A program that runs what its words name.
struct Wrapper {
    names: &'static [&'static str],
    valued: Valued,
    /// How many operands stand before the program.
    before: usize,
    /// Options by which it goes to another folder first.
    goes: &'static [&'static str],
    /// Options whose value it writes.
    writes: &'static [&'static str],
    /// Options by which it only tells.
    tells: &'static [&'static str],
}

const PLAIN: Wrapper = Wrapper {
    names: &[],
    valued: Valued {
        short: "",
        long: &[],
    },
    before: 0,
    goes: &[],
    writes: &[],
    tells: &[],
};

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        names: &[
            "nohup",
            "setsid",
            "chronic",
            "builtin",
            "noglob",
            "nocorrect",
            "busybox",
            "toybox",
            "unbuffer",
        ],
        ..PLAIN
    },
    Wrapper {
        names: &["env"],
        valued: Valued {
            short: "uCS",
            long: &["unset", "chdir", "split-string"],
        },
        goes: &["C", "chdir"],
        ..PLAIN
    },
    Wrapper {
        names: &["sudo"],
        valued: Valued {
            short: "ugpCTUrtDRh",
            long: &[
                "user",
                "group",
                "prompt",
                "close-from",
                "command-timeout",
                "other-user",
                "role",
                "type",
                "chdir",
                "chroot",
                "host",
            ],
        },
        goes: &["D", "chdir"],
        tells: &["l", "list", "v", "validate", "k", "K"],
        ..PLAIN
    },
    Wrapper {
        names: &["doas"],
        valued: Valued {
            short: "uCa",
            long: &[],
        },
        ..PLAIN
    },
    Wrapper {
        names: &["command"],
        tells: &["v", "V"],
        ..PLAIN
    },
    Wrapper {
        names: &["exec"],
        valued: Valued {
            short: "a",
            long: &[],
        },
        ..PLAIN
    },
    Wrapper {
        names: &["nice"],
        valued: Valued {
            short: "n",
            long: &["adjustment"],
        },
        ..PLAIN
    },
    Wrapper {
        names: &["ionice"],
        valued: Valued {
            short: "cn",
            long: &["class", "classdata"],
        },
        tells: &["p", "pid", "P", "u"],
        ..PLAIN
    },
    Wrapper {
        names: &["time", "gtime"],
        valued: Valued {
            short: "fo",
            long: &["format", "output"],
        },
        writes: &["o", "output"],
        ..PLAIN
    },
    Wrapper {
        names: &["timeout", "gtimeout"],
        valued: Valued {
            short: "ks",
            long: &["kill-after", "signal"],
        },
        before: 1,
        ..PLAIN
    },
    Wrapper {
        names: &["stdbuf"],
        valued: Valued {
            short: "ioe",
            long: &["input", "output", "error"],
        },
        ..PLAIN
    },
    Wrapper {
        names: &["caffeinate"],
        valued: Valued {
            short: "tw",
            long: &[],
        },
        ..PLAIN
    },
];

/// Judges a program that runs another; whether it is one.
pub(super) fn judge(
    walk: &mut Walk<'_>,
    name: &str,
    words: &[Meaning],
    input: Option<&String>,
) -> bool {
    let Some(wrapper) = WRAPPERS.iter().find(|known| known.names.contains(&name)) else {
        return false;
    };
    let parsed = Parsed::leading(words, wrapper.valued);
    if parsed.has(wrapper.tells) {
        return true;
    }
    for written in parsed.values(wrapper.writes) {
        walk.writes(&written);
    }
    let called = wrapped(wrapper, name, &parsed, input);
    match parsed.value(wrapper.goes) {
        Some(folder) => walk.apart(|walk| {
            walk.goes_to(folder.text(), true);
            program::judge_program(walk, &called);
        }),
        None if called.argv.is_empty() => {}
        // Those of zsh go before any word of a command.
        None if matches!(name, "noglob" | "nocorrect") => program::judge(walk, &called),
        None => program::judge_program(walk, &called),
    }
    for script in parsed.values(&["S", "split-string"]) {
        if name == "env" {
            walk.apart(|walk| walk.script(&format!("env {}", script.known())));
            if script.text().is_none() {
                walk.unsure_of("env", words);
            }
        }
    }
    true
}

/// The program that is run. Assignments stand before it.
fn wrapped(wrapper: &Wrapper, name: &str, parsed: &Parsed, input: Option<&String>) -> Called {
    let mut called = Called {
        input: input.cloned(),
        ..Called::default()
    };
    let mut rest = parsed.operands.get(wrapper.before..).unwrap_or_default();
    while let ("env" | "sudo" | "doas", [first, others @ ..]) = (name, rest) {
        let Some((variable, value)) = first.known().split_once('=') else {
            break;
        };
        let value = match first {
            Meaning::Text(_) => Meaning::Text(value.to_owned()),
            _ => Meaning::begins(value),
        };
        called.assigned.push((variable.to_owned(), value));
        rest = others;
    }
    // `sudo -e` edits its operands.
    if name == "sudo" && parsed.has(&["e", "edit"]) {
        called.argv.push(Meaning::Text("tee".to_owned()));
    }
    called.argv.extend_from_slice(rest);
    called
}

/// A program that gets words which are only known when it runs: `xargs`.
pub(super) fn piped(walk: &mut Walk<'_>, name: &str, words: &[Meaning]) {
    const XARGS: Valued = Valued {
        short: "nIPLdsaEJRS",
        long: &[
            "max-args",
            "max-procs",
            "delimiter",
            "max-chars",
            "arg-file",
        ],
    };
    const PARALLEL: Valued = Valued {
        short: "jNnLIsaPS",
        long: &[
            "jobs", "max-args", "arg-file", "colsep", "workdir", "wd", "results", "joblog",
            "sshlogin", "delay", "timeout", "retries",
        ],
    };
    let is_xargs = name == "xargs";
    let parsed = Parsed::leading(words, if is_xargs { XARGS } else { PARALLEL });
    for written in parsed.values(&["results", "joblog"]) {
        walk.writes(&written);
    }
    let stand_in = parsed.value(&["I", "J", "replace"]);
    let stand_in = stand_in.as_ref().and_then(Meaning::text).unwrap_or("{}");
    let program = parsed.operands.iter();
    let program = program.take_while(|word| !word.known().starts_with(":::"));
    let mut argv: Vec<Meaning> = program.map(|word| filled(word, stand_in)).collect();
    if argv.is_empty() && is_xargs {
        return; // It runs echo.
    }
    // What takes the place of a part is not put behind the words as well.
    if !is_xargs || !parsed.has(&["I", "J", "i", "replace"]) {
        argv.push(Meaning::nobody_knows());
    }
    let before = walk.notes.doubts();
    let is_script = |word: &Meaning| word.text().is_none_or(|text| text.contains(' '));
    match argv.first() {
        Some(script) if !is_xargs && is_script(script) => {
            let text: Vec<&str> = argv.iter().map(Meaning::known).collect();
            walk.other_shell(&text.join(" "));
            walk.unsure_of(name, words);
        }
        _ => program::judge_program(
            walk,
            &Called {
                argv,
                ..Called::default()
            },
        ),
    }
    if walk.notes.doubts() != before {
        walk.notes.loose();
    }
}

/// A word in which something takes the place of a part when it runs.
fn filled(word: &Meaning, stand_in: &str) -> Meaning {
    match word.known().find(stand_in) {
        Some(at) => Meaning::begins(word.known().get(..at).unwrap_or_default()),
        None => word.clone(),
    }
}

/// A shell: its script, or what it reads.
pub(super) fn shell(walk: &mut Walk<'_>, words: &[Meaning], input: Option<&String>) {
    const SHELL: Valued = Valued {
        short: "oO",
        long: &["rcfile", "init-file"],
    };
    let parsed = Parsed::leading(words, SHELL);
    let first = parsed.operands.first();
    let reads_input = first.is_none() || parsed.has(&["s"]) || is_input(first);
    match (parsed.has(&["c"]), first) {
        (true, Some(Meaning::Text(script))) => walk.other_shell(script),
        (false, _) if reads_input && input.is_some() => {
            walk.other_shell(input.map(String::as_str).unwrap_or_default());
        }
        (false, None) if program::only_tells(words) => {}
        _ => {
            walk.unsure_of("a script", words);
            input.into_iter().for_each(|input| walk.name(input));
            walk.notes.loose();
        }
    }
}

fn is_input(word: Option<&Meaning>) -> bool {
    matches!(word.and_then(Meaning::text), Some("-" | "/dev/stdin"))
}

/// Words that are run as a command.
pub(super) fn evaluated(walk: &mut Walk<'_>, words: &[Meaning]) {
    let known: Option<Vec<&str>> = words.iter().map(Meaning::text).collect();
    match known {
        Some(words) => walk.script(&words.join(" ")),
        None => walk.unsure_of("eval", words),
    }
}
