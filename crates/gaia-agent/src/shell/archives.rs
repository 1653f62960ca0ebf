//! Programs that unpack, split or copy whole files.

use super::options::{Parsed, Valued};
use super::walk::Walk;
use super::words::Meaning;

/// `tar`: lists, unpacks, or writes an archive.
pub(super) fn tar(walk: &mut Walk<'_>, words: &[Meaning]) {
    let words = with_dash(words);
    let parsed = Parsed::of(&words, TAR);
    let runs = [
        "to-command",
        "checkpoint-action",
        "use-compress-program",
        "I",
        "info-script",
        "F",
        "rsh-command",
    ];
    if parsed.has(&runs) {
        walk.unsure_of("tar", &words);
    }
    let lists = parsed.has(&["t", "list", "d", "diff", "compare"]);
    let unpacks = parsed.has(&["x", "extract", "get"]);
    let packs = parsed.has(&["c", "create", "r", "append", "u", "update", "A", "delete"]);
    if parsed.has(&["remove-files"]) {
        parsed.operands.iter().for_each(|word| walk.writes(word));
    }
    let to_output = parsed.has(&["O", "to-stdout"]);
    if unpacks && !to_output {
        match parsed.values(&["C", "directory", "cd"]).as_slice() {
            [] => walk.writes_tree(),
            folders => folders.iter().for_each(|folder| walk.writes(folder)),
        }
    }
    if packs {
        let archive = parsed.value(&["f", "file"]);
        archive
            .filter(|archive| archive.text() != Some("-"))
            .iter()
            .for_each(|archive| walk.writes(archive));
    }
    if !lists && !unpacks && !packs && !super::program::only_tells(&words) {
        walk.unsure_of("tar", &words);
    }
    for written in parsed.values(&["index-file", "listed-incremental", "g"]) {
        walk.writes(&written);
    }
}

const TAR: Valued = Valued {
    short: "fCbTXgIFKNVLH",
    long: &[
        "file",
        "directory",
        "cd",
        "exclude",
        "exclude-from",
        "files-from",
        "transform",
        "xform",
        "strip-components",
        "owner",
        "group",
        "mode",
        "mtime",
        "format",
        "use-compress-program",
        "to-command",
        "index-file",
        "listed-incremental",
        "blocking-factor",
        "suffix",
        "checkpoint-action",
        "starting-file",
        "newer",
        "label",
        "info-script",
        "rsh-command",
    ],
};

/// `tar cf x.tar y`: the first word may be letters without a dash, whose values
/// stand behind it in order.
fn with_dash(words: &[Meaning]) -> Vec<Meaning> {
    let Some((Meaning::Text(first), rest)) = words.split_first() else {
        return words.to_vec();
    };
    if first.starts_with('-') || first.is_empty() {
        return words.to_vec();
    }
    let mut rest = rest.iter();
    let mut spread = Vec::with_capacity(words.len() + first.len());
    for letter in first.chars() {
        spread.push(Meaning::Text(format!("-{letter}")));
        if TAR.short.contains(letter) {
            spread.extend(rest.next().cloned());
        }
    }
    spread.extend(rest.cloned());
    spread
}

/// `dd of=FILE`.
pub(super) fn dd(walk: &mut Walk<'_>, words: &[Meaning]) {
    for word in words {
        match (word.known().strip_prefix("of="), word) {
            (Some(path), Meaning::Text(_)) => walk.writes(&Meaning::Text(path.to_owned())),
            (Some(path), Meaning::Pattern(_)) => walk.writes(&Meaning::Pattern(path.to_owned())),
            (Some(path), Meaning::Unknown { .. }) => walk.writes(&Meaning::begins(path)),
            (None, Meaning::Unknown { start, .. }) if start.contains('=') => {}
            (None, Meaning::Unknown { .. }) => walk.unsure_of("dd", words),
            (None, _) => {}
        }
    }
}

/// Programs that write many files into one folder.
pub(super) fn unpack(walk: &mut Walk<'_>, name: &str, words: &[Meaning]) {
    let (valued, folder, files): (Valued, &[&str], &[&str]) = match name {
        "unzip" => (UNZIP, &["d"], &[]),
        "patch" => (
            PATCH,
            &["d", "directory"],
            &["o", "output", "r", "reject-file"],
        ),
        "cpio" => (CPIO, &["D", "directory"], &["O"]),
        "csplit" => (CSPLIT, &[], &["f", "prefix"]),
        _ => (SPLIT, &[], &[]),
    };
    let parsed = Parsed::of(words, valued);
    let tells = match name {
        "unzip" => parsed.has(&["l", "t", "v", "p", "c", "Z", "z"]),
        "patch" => parsed.has(&["dry-run"]),
        "cpio" => parsed.has(&["t", "list"]),
        _ => false,
    };
    if tells {
        return;
    }
    if parsed.has(&["filter"]) {
        walk.unsure_of(name, words);
    }
    for written in parsed.values(files) {
        walk.writes(&written);
    }
    let operands = parsed.operands.as_slice();
    match (name, operands) {
        ("patch", [file, ..]) => walk.writes(file),
        ("cpio", [folder, ..]) => walk.writes(folder),
        ("split", [_, prefix, ..]) => return walk.writes(prefix),
        _ => {}
    }
    match parsed.values(folder).as_slice() {
        [] => walk.writes_tree(),
        folders => folders.iter().for_each(|folder| walk.writes(folder)),
    }
}

const UNZIP: Valued = Valued {
    short: "dP",
    long: &[],
};
const PATCH: Valued = Valued {
    short: "pdiorBYzFDgV",
    long: &[
        "strip",
        "directory",
        "input",
        "output",
        "reject-file",
        "prefix",
        "suffix",
        "fuzz",
        "get",
    ],
};
const CPIO: Valued = Valued {
    short: "DFIOHCEMR",
    long: &["directory", "file", "format", "owner"],
};
const SPLIT: Valued = Valued {
    short: "abClnt",
    long: &[
        "suffix-length",
        "bytes",
        "line-bytes",
        "lines",
        "number",
        "additional-suffix",
        "separator",
        "filter",
    ],
};
const CSPLIT: Valued = Valued {
    short: "bfn",
    long: &["suffix-format", "prefix", "digits"],
};
