//! What is known of programs by their name.

/// Programs that write no file, whatever their words.
const READERS: &[&str] = &[
    ":", "[", "ack", "ag", "alias", "apropos", "arch", "basename", "bat", "bc", "break", "cal", "cat", "cksum",
    "clear", "cloc", "cmp", "column", "comm", "continue", "cut", "df", "diff", "diff3", "dig", "dirname", "dirs",
    "du", "echo", "egrep", "exa", "exit", "expand", "export", "expr", "eza", "false", "fgrep", "file", "fmt", "fold",
    "free", "getconf", "getent", "getopts", "grep", "groups", "hash", "head", "help", "hexdump", "history", "host",
    "hostname", "id", "iostat", "jobs", "join", "jq", "kill", "killall", "less", "let", "local", "locale", "ls",
    "lsblk", "lscpu", "lsof", "man", "md5sum", "more", "nl", "nproc", "nslookup", "numfmt", "od", "paste", "pgrep",
    "ping", "pkill", "pr", "printenv", "printf", "ps", "pstree", "pwd", "read", "readarray", "mapfile", "readlink",
    "readonly", "realpath", "return", "rev", "rg", "seq", "set", "sha1sum", "sha224sum", "sha256sum", "sha384sum",
    "sha512sum", "shasum", "shift", "shopt", "sleep", "ss", "netstat", "stat", "strings", "sum", "tac", "tail",
    "test", "tldr", "tokei", "top", "tput", "tr", "tree", "true", "tsort", "tty", "type", "typeset", "declare",
    "ulimit", "umask", "unalias", "unexpand", "uname", "uniq", "unset", "uptime", "users", "vmstat", "w", "wait",
    "wc", "whatis", "whereis", "which", "who", "whoami", "xxd", "zcat", "bzcat", "xzcat", "zstdcat", "zgrep",
];

/// Whether a program writes no file, whatever its words.
pub(super) fn only_reads(name: &str) -> bool {
    READERS.contains(&name)
}

/// Which of a program's words are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Targets {
    /// Each word that is no option.
    All,
    /// The same but for the first, which is a mode or an owner.
    AllButFirst,
    /// The last word that is no option, or the value of `-t`.
    Last,
    /// The first word that is no option.
    First,
    /// The work tree where it runs.
    Tree,
}

/// Programs that write what their words name.
const WRITERS: &[(&str, Targets)] = &[
    ("rm", Targets::All),
    ("rmdir", Targets::All),
    ("unlink", Targets::All),
    ("shred", Targets::All),
    ("mv", Targets::All),
    ("tee", Targets::All),
    ("touch", Targets::All),
    ("mkdir", Targets::All),
    ("mkfifo", Targets::All),
    ("mknod", Targets::First),
    ("truncate", Targets::All),
    ("trash", Targets::All),
    ("gzip", Targets::All),
    ("gunzip", Targets::All),
    ("bzip2", Targets::All),
    ("bunzip2", Targets::All),
    ("xz", Targets::All),
    ("unxz", Targets::All),
    ("zstd", Targets::All),
    ("dos2unix", Targets::All),
    ("unix2dos", Targets::All),
    ("sponge", Targets::All),
    ("chmod", Targets::AllButFirst),
    ("chown", Targets::AllButFirst),
    ("chgrp", Targets::AllButFirst),
    ("setfacl", Targets::AllButFirst),
    ("cp", Targets::Last),
    ("ln", Targets::Last),
    ("install", Targets::Last),
    ("rsync", Targets::Last),
    ("scp", Targets::Last),
    ("zip", Targets::First),
    ("patch", Targets::Tree),
    ("unzip", Targets::Tree),
    ("cpio", Targets::Tree),
    ("split", Targets::Tree),
    ("csplit", Targets::Tree),
    ("wget", Targets::Tree),
    ("prettier", Targets::Tree),
    ("black", Targets::Tree),
    ("rustfmt", Targets::Tree),
    ("gofmt", Targets::Tree),
    ("isort", Targets::Tree),
];

/// What a program writes, if that is known.
pub(super) fn targets_of(name: &str) -> Option<Targets> {
    WRITERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, targets)| *targets)
}

/// Options of a writer that have a value as the next word.
pub(super) fn takes_value(name: &str, option: &str) -> bool {
    let options: &[&str] = match name {
        "cp" | "mv" | "ln" | "install" => &["-S", "--suffix", "-m", "-o", "-g"],
        "truncate" => &["-s", "--size", "-r", "--reference"],
        "touch" => &["-d", "--date", "-r", "--reference", "-t"],
        "mkdir" | "mkfifo" | "mknod" => &["-m", "--mode"],
        "shred" => &["-n", "-s"],
        "rsync" => &["-e", "--exclude", "--include", "--filter"],
        "scp" => &["-P", "-i", "-o", "-l", "-F", "-J"],
        _ => &[],
    };
    options.contains(&option)
}

/// What a package tool does by its first word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Packages {
    /// It only tells.
    Reads,
    /// It changes the tree that it runs in.
    Writes,
    /// It runs something else.
    Unsure,
}

/// Tools that install packages or change a project: what they only tell, and
/// what surely writes. The rest runs scripts.
const PACKAGE_TOOLS: &[(&[&str], &[&str], &[&str])] = &[
    (
        &["npm", "pnpm", "yarn", "bun", "cnpm"],
        &["ls", "list", "view", "info", "outdated", "why", "explain", "search", "help", "root", "bin", "prefix", "whoami", "ping", "fund", "doctor", "-v", "--version", "-h", "--help"],
        &["install", "i", "ci", "add", "remove", "rm", "uninstall", "un", "update", "up", "upgrade", "link", "unlink", "dedupe", "prune", "rebuild", "init", "create", "version", "shrinkwrap", "import", "pack", "set", "pkg"],
    ),
    (
        &["cargo"],
        &["metadata", "tree", "search", "info", "locate-project", "pkgid", "read-manifest", "verify-project", "help", "--list", "-V", "--version", "-h", "--help"],
        &["add", "remove", "rm", "install", "uninstall", "update", "fmt", "fix", "new", "init", "clean", "vendor", "generate-lockfile", "package", "publish"],
    ),
    (
        &["pip", "pip3", "uv", "poetry", "pipenv", "conda", "mamba"],
        &["list", "show", "freeze", "check", "search", "help", "env", "info", "tree", "-V", "--version", "-h", "--help"],
        &["install", "uninstall", "add", "remove", "sync", "lock", "update", "upgrade", "init", "new", "download", "wheel", "venv", "pip", "create"],
    ),
    (
        &["go"],
        &["version", "env", "list", "doc", "help", "vet"],
        &["get", "mod", "fmt", "fix", "generate", "install", "work", "clean"],
    ),
    (
        &["gem", "bundle", "bundler", "composer", "mix", "hex"],
        &["list", "show", "info", "search", "outdated", "help", "--version", "-v"],
        &["install", "update", "add", "remove", "uninstall", "lock", "init", "new", "require", "clean", "deps.get", "format"],
    ),
];

/// What a package tool does; `None`: it is none.
pub(super) fn packages(name: &str, verb: Option<&str>) -> Option<Packages> {
    let (_, reads, writes) = PACKAGE_TOOLS.iter().find(|(names, ..)| names.contains(&name))?;
    Some(match verb {
        Some(verb) if reads.contains(&verb) => Packages::Reads,
        Some(verb) if writes.contains(&verb) => Packages::Writes,
        // `yarn` alone installs.
        None if name == "yarn" => Packages::Writes,
        None => Packages::Reads,
        Some(_) => Packages::Unsure,
    })
}
