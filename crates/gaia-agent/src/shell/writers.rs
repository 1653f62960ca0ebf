//! Programs of which it is known what they write.

use super::options::{Parsed, Valued};
use super::walk::Walk;
use super::words::Meaning;

/// Which of a program's words are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Targets {
    /// Each operand.
    All,
    /// The same but for the first, which is a mode or an owner.
    AllButFirst,
    /// The last operand, or the value of `-t`; one alone: where it runs.
    Last,
    /// The first operand.
    First,
    /// The second operand, if there is one.
    Second,
}

/// A program that writes what its words name.
struct Writer {
    names: &'static [&'static str],
    targets: Targets,
    valued: Valued,
    /// Options whose values it only reads, or that are no paths; a path in the
    /// value of another counts as written.
    reads: &'static [&'static str],
    /// Options by which it writes nothing.
    frees: &'static [&'static str],
    /// Options by which it writes each operand.
    all: &'static [&'static str],
}

const PLAIN: Writer = Writer {
    names: &[],
    targets: Targets::All,
    valued: Valued {
        short: "",
        long: &[],
    },
    reads: &[],
    frees: &[],
    all: &[],
};

const WRITERS: &[Writer] = &[
    Writer {
        names: &[
            "rm", "rmdir", "unlink", "tee", "trash", "sponge", "dos2unix", "unix2dos",
        ],
        ..PLAIN
    },
    Writer {
        names: &["mv"],
        valued: Valued {
            short: "tS",
            long: &["target-directory", "suffix"],
        },
        ..PLAIN
    },
    Writer {
        names: &["shred"],
        valued: Valued {
            short: "ns",
            long: &["iterations", "size", "random-source"],
        },
        reads: &["random-source"],
        ..PLAIN
    },
    Writer {
        names: &["touch"],
        valued: Valued {
            short: "drt",
            long: &["date", "reference", "time"],
        },
        reads: &["d", "r", "t", "date", "reference"],
        ..PLAIN
    },
    Writer {
        names: &["truncate"],
        valued: Valued {
            short: "sr",
            long: &["size", "reference"],
        },
        reads: &["r", "reference"],
        ..PLAIN
    },
    Writer {
        names: &["mkdir", "mkfifo"],
        valued: Valued {
            short: "m",
            long: &["mode"],
        },
        ..PLAIN
    },
    Writer {
        names: &["mknod"],
        targets: Targets::First,
        valued: Valued {
            short: "m",
            long: &["mode"],
        },
        ..PLAIN
    },
    Writer {
        names: &[
            "gzip", "gunzip", "bzip2", "bunzip2", "xz", "unxz", "lzma", "unlzma", "zstd", "unzstd",
        ],
        valued: Valued {
            short: "SoDMT",
            long: &["suffix", "output-dir-flat", "output-dir-mirror"],
        },
        reads: &["D"],
        frees: &["c", "stdout", "to-stdout", "l", "list", "t", "test"],
        ..PLAIN
    },
    Writer {
        names: &["chown", "chgrp"],
        targets: Targets::AllButFirst,
        valued: Valued {
            short: "",
            long: &["from"],
        },
        reads: &["reference"],
        all: &["reference"],
        ..PLAIN
    },
    Writer {
        names: &["setfacl"],
        valued: Valued {
            short: "mxMX",
            long: &["modify", "remove", "modify-file", "remove-file"],
        },
        reads: &["M", "X", "modify-file", "remove-file"],
        ..PLAIN
    },
    Writer {
        names: &["cp", "gcp"],
        targets: Targets::Last,
        valued: Valued {
            short: "tS",
            long: &["target-directory", "suffix"],
        },
        ..PLAIN
    },
    Writer {
        names: &["ln", "gln"],
        targets: Targets::Last,
        valued: Valued {
            short: "tS",
            long: &["target-directory", "suffix"],
        },
        ..PLAIN
    },
    Writer {
        names: &["install", "ginstall"],
        targets: Targets::Last,
        valued: Valued {
            short: "gmoSt",
            long: &["group", "mode", "owner", "suffix", "target-directory"],
        },
        all: &["d", "directory"],
        ..PLAIN
    },
    Writer {
        names: &["rsync"],
        targets: Targets::Last,
        valued: Valued {
            short: "efBTM",
            long: &[
                "exclude",
                "include",
                "filter",
                "rsh",
                "log-file",
                "backup-dir",
                "temp-dir",
                "suffix",
                "bwlimit",
                "timeout",
                "port",
                "out-format",
                "chmod",
                "chown",
                "exclude-from",
                "include-from",
                "files-from",
                "partial-dir",
                "write-batch",
                "rsync-path",
                "password-file",
                "link-dest",
                "copy-dest",
                "compare-dest",
            ],
        },
        reads: &[
            "e",
            "f",
            "B",
            "M",
            "exclude",
            "include",
            "filter",
            "rsh",
            "exclude-from",
            "include-from",
            "files-from",
            "rsync-path",
            "password-file",
            "link-dest",
            "copy-dest",
            "compare-dest",
            "out-format",
        ],
        frees: &["n", "dry-run", "list-only"],
        all: &["remove-source-files", "remove-sent-files"],
    },
    Writer {
        names: &["scp"],
        targets: Targets::Last,
        valued: Valued {
            short: "PiolFJcSDX",
            long: &[],
        },
        reads: &["P", "i", "o", "l", "F", "J", "c", "S", "D", "X"],
        ..PLAIN
    },
    Writer {
        names: &["zip"],
        targets: Targets::First,
        valued: Valued {
            short: "bPntO",
            long: &["out", "output-file", "password", "temp-path", "suffixes"],
        },
        reads: &["P", "password"],
        frees: &["sf", "show-files"],
        all: &["m", "move"],
    },
    Writer {
        names: &["uniq"],
        targets: Targets::Second,
        valued: Valued {
            short: "fsw",
            long: &["skip-fields", "skip-chars", "check-chars"],
        },
        ..PLAIN
    },
    Writer {
        names: &["xxd"],
        targets: Targets::Second,
        valued: Valued {
            short: "cglosnR",
            long: &[],
        },
        ..PLAIN
    },
];

/// Judges a program of this table; whether it is one.
pub(super) fn judge(walk: &mut Walk<'_>, name: &str, words: &[Meaning]) -> bool {
    if name == "chmod" {
        chmod(walk, words);
        return true;
    }
    let Some(writer) = WRITERS.iter().find(|known| known.names.contains(&name)) else {
        return false;
    };
    let parsed = Parsed::of(words, writer.valued);
    if !parsed.has(writer.frees) {
        writer.writes(walk, &parsed);
    }
    true
}

impl Writer {
    fn writes(&self, walk: &mut Walk<'_>, parsed: &Parsed) {
        for (name, value) in &parsed.options {
            let is_path = |value: &&Meaning| value.known().contains('/') || value.text().is_none();
            let value = value.as_ref().filter(is_path);
            if let (Some(value), false) = (value, self.reads.contains(&name.as_str())) {
                walk.writes(value);
            }
        }
        let operands = parsed.operands.as_slice();
        match self.targets {
            _ if parsed.has(self.all) => each(walk, operands),
            Targets::All => each(walk, operands),
            Targets::AllButFirst => each(walk, operands.get(1..).unwrap_or_default()),
            Targets::First => each(walk, operands.get(..1).unwrap_or_default()),
            Targets::Second => each(walk, operands.get(1..2).unwrap_or_default()),
            Targets::Last => last(walk, parsed),
        }
    }
}

fn each(walk: &mut Walk<'_>, words: &[Meaning]) {
    words.iter().for_each(|word| walk.writes(word));
}

fn last(walk: &mut Walk<'_>, parsed: &Parsed) {
    match (
        parsed.value(&["t", "target-directory"]),
        parsed.operands.as_slice(),
    ) {
        (Some(folder), _) => walk.writes(&folder),
        // `ln -s /x/y` makes ./y.
        (None, [_]) => walk.writes(&Meaning::Pattern(String::new())),
        (None, operands) => operands
            .last()
            .into_iter()
            .for_each(|word| walk.writes(word)),
    }
}

/// A mode may look like an option: `chmod -x file`.
fn chmod(walk: &mut Walk<'_>, words: &[Meaning]) {
    let is_switch = |word: &Meaning| {
        word.text().is_some_and(|text| {
            let letters = text.strip_prefix('-').unwrap_or_default();
            let short = !letters.is_empty() && letters.chars().all(|c| "RvcfHLPh".contains(c));
            short || text.starts_with("--")
        })
    };
    let has_reference = words
        .iter()
        .any(|word| word.known().starts_with("--reference"));
    let operands: Vec<Meaning> = words
        .iter()
        .filter(|word| !is_switch(word))
        .cloned()
        .collect();
    let first = usize::from(!has_reference);
    each(walk, operands.get(first..).unwrap_or_default());
}
