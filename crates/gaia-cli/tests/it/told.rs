//! What commands said: stdout, stderr and exit status, with what differs from
//! run to run blotted out.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Output, Stdio};
use std::thread::JoinHandle;

use crate::home::Home;

/// Compares what several commands in one home say with what they said.
pub fn check(name: &str, home: &Home, commands: &[&[&str]]) {
    let told: Vec<String> = commands.iter().map(|words| one(home, words, "")).collect();
    compare(name, home, &told.join("\n"));
}

/// The same for people and, in another home, for programs.
pub fn check_both(name: &str, commands: &[&[&str]]) {
    check(name, &Home::new(), commands);
    let json: Vec<Vec<&str>> = commands
        .iter()
        .map(|words| [&["--json"], *words].concat())
        .collect();
    let json: Vec<&[&str]> = json.iter().map(Vec::as_slice).collect();
    check(&format!("{name}_as_json"), &Home::new(), &json);
}

/// The same for commands that read something.
pub fn check_reading(name: &str, home: &Home, commands: &[(&[&str], &str)]) {
    let told: Vec<String> = commands
        .iter()
        .map(|(words, input)| one(home, words, input))
        .collect();
    compare(name, home, &told.join("\n"));
}

fn one(home: &Home, words: &[&str], input: &str) -> String {
    shown(words, input, &said(home, words, input))
}

/// What a command says to what it reads.
pub fn said(home: &Home, words: &[&str], input: &str) -> Output {
    let mut child = home.gaia(words).stdin(Stdio::piped()).spawn().unwrap();
    // Who reads nothing may be gone before all of it is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What a command says that goes on until it is told to end, which it is as
/// soon as it has said something with this word.
pub fn said_until(home: &Home, words: &[&str], ready: &str) -> Output {
    let mut child = home.spawn(words);
    let stdout = all_of(child.0.stdout.take().unwrap());
    let stderr = child.0.stderr.take().unwrap();
    let mut stderr = BufReader::new(stderr);
    let mut begun = Vec::new();
    while !String::from_utf8_lossy(&begun).contains(ready) {
        let read = stderr.read_until(b'\n', &mut begun).unwrap();
        assert!(
            read > 0,
            "{ready:?} was never said: {}",
            String::from_utf8_lossy(&begun)
        );
    }
    child.signal("TERM");
    stderr.read_to_end(&mut begun).unwrap();
    Output {
        status: child.0.wait().unwrap(),
        stdout: stdout.join().unwrap(),
        stderr: begun,
    }
}

fn all_of(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        all
    })
}

/// A command with what it read and said, as a snapshot has it.
pub fn shown(words: &[&str], input: &str, output: &Output) -> String {
    let words = words.iter().map(|word| shortened(word)).collect::<Vec<_>>();
    let mut text = format!("$ gaia {}\n", words.join(" "));
    if !input.is_empty() {
        text += &format!("< {}\n", shortened(input.trim_end()));
    }
    text += std::str::from_utf8(&output.stdout).unwrap();
    for line in std::str::from_utf8(&output.stderr).unwrap().lines() {
        text += &format!("2> {line}\n");
    }
    text + &format!("=> {}\n", output.status.code().unwrap())
}

fn shortened(word: &str) -> String {
    match word.len() {
        0 => "''".to_owned(),
        1..=200 => word.replace('\n', "\\n"),
        long => format!("({long} letters)"),
    }
}

fn compare(name: &str, home: &Home, told: &str) {
    compare_in("snapshots", name, &placed(home, told));
}

/// The same without the home's own path, which another run does not have.
pub fn placed(home: &Home, told: &str) -> String {
    told.replace(&root(home), "[TMP]")
}

/// Words in which `[TMP]` stands for the home.
pub fn in_home(home: &Home, words: &str) -> String {
    words.replace("[TMP]", &root(home))
}

fn root(home: &Home) -> String {
    let root = home.path("");
    root.to_str().unwrap().trim_end_matches('/').to_owned()
}

/// Compares with what was said, in a folder of snapshots.
pub fn compare_in(folder: &str, name: &str, told: &str) {
    let user = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let user = format!(r"\b{}\b", String::from_utf8(user.stdout).unwrap().trim());
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path(folder);
    for (pattern, shown) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[TIME]"),
        (r"\b\d\d:\d\d:\d\d\b", "[TIME]"),
        (r#""expires_in":[0-9.]+"#, r#""expires_in":[SECONDS]"#),
        (r"just now|\d+s ago", "[AGO]"),
        (r" \d+(ms|s)  ", " [HELD]  "),
        (r"\b(1h59m|1 h 59 min|2h)\b", "[2h]"),
        (r"pid=\d+", "pid=[PID]"),
        (r#""pid":\d+"#, r#""pid":[PID]"#),
        (r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:[PORT]"),
        (r"once=[0-9a-f]+", "once=[SECRET]"),
        (r"gaia_[0-9a-f]{64}", "gaia_[SECRET]"),
        (user.as_str(), "[USER]"),
        (r" {2,}", "  "),
        (r"[\d,]+ (bytes|KiB)", "[SIZE]"),
        (r"\d+ MiB free", "[SIZE] free"),
        (r"file system: [^,\n]+, local", "file system: [FS], local"),
        (r#""finding":"[^"]+, local""#, r#""finding":"[FS], local""#),
        (r"tmux: [^\n]+", "tmux: [TMUX]"),
        (
            r#""tmux","state":"ok","finding":"[^"]+""#,
            r#""tmux","state":"ok","finding":"[TMUX]""#,
        ),
    ] {
        settings.add_filter(pattern, shown);
    }
    settings.bind(|| insta::assert_snapshot!(name, told));
}
