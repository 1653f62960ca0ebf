//! Programs that read, but for an option that names what they write; and those
//! that write unless an option says not to.

use super::options::{Parsed, Valued};
use super::walk::Walk;
use super::words::Meaning;

/// What an option of a program that reads makes of it.
struct Output {
    names: &'static [&'static str],
    valued: Valued,
    /// Options whose value is written.
    files: &'static [&'static str],
    /// Options by which it writes where it runs.
    here: &'static [&'static str],
    /// Options by which it writes each operand.
    all: &'static [&'static str],
    /// Options by which it runs something else, or reads more options.
    runs: &'static [&'static str],
}

const PLAIN: Output = Output {
    names: &[],
    valued: Valued {
        short: "",
        long: &[],
    },
    files: &[],
    here: &[],
    all: &[],
    runs: &[],
};

const OUTPUTS: &[Output] = &[
    Output {
        names: &["sort", "gsort"],
        valued: Valued {
            short: "kSTto",
            long: &[
                "key",
                "buffer-size",
                "field-separator",
                "temporary-directory",
                "output",
                "compress-program",
                "batch-size",
                "parallel",
                "random-source",
                "files0-from",
            ],
        },
        files: &["o", "output"],
        runs: &["compress-program"],
        ..PLAIN
    },
    Output {
        names: &["curl"],
        valued: Valued {
            short: "AbcCdDeEFhHKmoPQrtTuUwxXyYz",
            long: &[
                "output",
                "output-dir",
                "dump-header",
                "cookie-jar",
                "trace",
                "trace-ascii",
                "stderr",
                "etag-save",
                "hsts",
                "libcurl",
                "config",
                "data",
                "data-raw",
                "data-binary",
                "header",
                "request",
                "user",
                "user-agent",
                "url",
                "cookie",
                "form",
                "upload-file",
                "max-time",
                "connect-timeout",
                "retry",
                "proxy",
                "write-out",
                "referer",
                "cacert",
                "cert",
                "key",
                "data-urlencode",
                "json",
                "range",
                "resolve",
                "etag-compare",
                "alt-svc",
            ],
        },
        files: &[
            "o",
            "output",
            "output-dir",
            "D",
            "dump-header",
            "c",
            "cookie-jar",
            "trace",
            "trace-ascii",
            "stderr",
            "etag-save",
            "hsts",
            "alt-svc",
            "libcurl",
        ],
        here: &[
            "O",
            "J",
            "remote-name",
            "remote-name-all",
            "remote-header-name",
        ],
        runs: &["K", "config"],
        ..PLAIN
    },
    Output {
        names: &["yq"],
        valued: Valued {
            short: "sopI",
            long: &[
                "split-exp",
                "output-format",
                "input-format",
                "indent",
                "from-file",
            ],
        },
        here: &["s", "split-exp"],
        all: &["i", "inplace", "in-place"],
        ..PLAIN
    },
    Output {
        names: &["tree"],
        valued: Valued {
            short: "LPIoHT",
            long: &["filelimit", "charset", "timefmt", "sort"],
        },
        files: &["o"],
        ..PLAIN
    },
    Output {
        names: &["history"],
        all: &["w", "a"],
        ..PLAIN
    },
    Output {
        names: &["less", "more"],
        valued: Valued {
            short: "opPtTxykbhjzO",
            long: &["log-file", "LOG-FILE"],
        },
        files: &["o", "O", "log-file", "LOG-FILE"],
        ..PLAIN
    },
    Output {
        names: &["man", "bat", "ag", "ack"],
        valued: Valued {
            short: "P",
            long: &["pager"],
        },
        runs: &["P", "pager"],
        ..PLAIN
    },
    Output {
        names: &["rg"],
        valued: Valued {
            short: "",
            long: &["pre", "hostname-bin"],
        },
        runs: &["pre", "hostname-bin", "search-zip"],
        ..PLAIN
    },
    Output {
        names: &["cloc"],
        valued: Valued {
            short: "",
            long: &["out", "report-file", "sql", "counted", "ignored", "found"],
        },
        files: &["out", "report-file", "sql", "counted", "ignored", "found"],
        ..PLAIN
    },
    Output {
        names: &["file"],
        here: &["C", "compile"],
        ..PLAIN
    },
    Output {
        names: &["ss"],
        valued: Valued {
            short: "DF",
            long: &["diag", "filter"],
        },
        files: &["D", "diag"],
        ..PLAIN
    },
    Output {
        names: &["date", "gdate"],
        ..PLAIN
    },
    Output {
        names: &["gofmt", "goimports"],
        valued: Valued {
            short: "r",
            long: &[],
        },
        all: &["w"],
        ..PLAIN
    },
    Output {
        names: &["prettier"],
        valued: Valued {
            short: "",
            long: &[
                "config",
                "ignore-path",
                "parser",
                "plugin",
                "log-level",
                "stdin-filepath",
            ],
        },
        all: &["w", "write"],
        ..PLAIN
    },
    Output {
        names: &["clang-format"],
        all: &["i"],
        ..PLAIN
    },
];

/// Judges a program of this kind; whether it is one.
pub(super) fn judge(walk: &mut Walk<'_>, name: &str, words: &[Meaning]) -> bool {
    match name {
        "wget" => wget(walk, words),
        "mktemp" => makes_temporary(walk, words),
        "black" | "rustfmt" | "isort" => formats(walk, words),
        _ => {
            let Some(output) = OUTPUTS.iter().find(|known| known.names.contains(&name)) else {
                return false;
            };
            output.judge(walk, name, words);
        }
    }
    true
}

impl Output {
    fn judge(&self, walk: &mut Walk<'_>, name: &str, words: &[Meaning]) {
        let parsed = Parsed::of(words, self.valued);
        for written in parsed.values(self.files) {
            if written.text() != Some("-") {
                walk.writes(&written);
            }
        }
        if parsed.has(self.here) {
            walk.writes_tree();
        }
        if parsed.has(self.all) {
            writes_all(walk, &parsed);
        }
        // A word that is only known when it runs may be such an option.
        let hides = words
            .iter()
            .any(|word| word.is_unknown() && word.known().is_empty());
        let may = !self.files.is_empty() || !self.here.is_empty() || !self.all.is_empty();
        if parsed.has(self.runs) || (hides && may && name == "curl") {
            walk.unsure_of(name, words);
        }
    }
}

fn writes_all(walk: &mut Walk<'_>, parsed: &Parsed) {
    match parsed.operands.as_slice() {
        [] => walk.writes_tree(),
        operands => operands.iter().for_each(|word| walk.writes(word)),
    }
}

const WGET: Valued = Valued {
    short: "OPoaiUeQtTwBDIXR",
    long: &[
        "output-document",
        "directory-prefix",
        "output-file",
        "append-output",
        "input-file",
        "user-agent",
        "header",
        "post-data",
        "post-file",
        "timeout",
        "tries",
        "quota",
        "wait",
        "limit-rate",
        "user",
        "password",
        "referer",
        "execute",
        "save-cookies",
        "load-cookies",
    ],
};

fn wget(walk: &mut Walk<'_>, words: &[Meaning]) {
    let parsed = Parsed::of(words, WGET);
    let logs = [
        "o",
        "output-file",
        "a",
        "append-output",
        "save-cookies",
        "rejected-log",
    ];
    for log in parsed.values(&logs) {
        walk.writes(&log);
    }
    if parsed.has(&["e", "execute"]) {
        walk.unsure_of("wget", words);
    }
    let documents = parsed.values(&["O", "output-document"]);
    let folders = parsed.values(&["P", "directory-prefix"]);
    match (documents.as_slice(), folders.as_slice()) {
        _ if parsed.has(&["spider"]) => {}
        ([], []) => walk.writes_tree(),
        (documents, folders) => {
            let written = documents.iter().chain(folders);
            written
                .filter(|word| word.text() != Some("-"))
                .for_each(|word| walk.writes(word));
        }
    }
}

/// Without a name of its own it makes one where temporary files are.
fn makes_temporary(walk: &mut Walk<'_>, words: &[Meaning]) {
    let parsed = Parsed::of(
        words,
        Valued {
            short: "p",
            long: &["suffix"],
        },
    );
    let folder = parsed.value(&["p", "tmpdir"]);
    match folder {
        Some(folder) => walk.writes(&folder),
        None if parsed.has(&["t", "tmpdir"]) => {}
        None => parsed.operands.iter().for_each(|word| walk.writes(word)),
    }
}

/// Formatters write unless they are told only to look.
fn formats(walk: &mut Walk<'_>, words: &[Meaning]) {
    let parsed = Parsed::of(
        words,
        Valued {
            short: "lt",
            long: &[
                "config",
                "config-path",
                "edition",
                "line-length",
                "target-version",
                "profile",
            ],
        },
    );
    if !parsed.has(&["check", "diff", "check-only", "c", "version", "help", "V"]) {
        writes_all(walk, &parsed);
    }
}
