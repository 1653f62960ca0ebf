//! What commands said: stdout, stderr and exit status, with what differs from
//! run to run blotted out.

use std::io::Write as _;
use std::process::Stdio;

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
    let mut child = home.gaia(words).stdin(Stdio::piped()).spawn().unwrap();
    // Who reads nothing may be gone before all of it is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let shown = words.iter().map(|word| shortened(word)).collect::<Vec<_>>();
    let mut text = format!("$ gaia {}\n", shown.join(" "));
    if !input.is_empty() {
        text += &format!("< {}\n", shortened(input.trim_end()));
    }
    text += &String::from_utf8(output.stdout).unwrap();
    for line in String::from_utf8(output.stderr).unwrap().lines() {
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
    let user = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let user = format!(r"\b{}\b", String::from_utf8(user.stdout).unwrap().trim());
    let root = home.path("");
    let root = root.to_str().unwrap().trim_end_matches('/').to_owned();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, shown) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[TIME]"),
        (r"\b\d\d:\d\d:\d\d\b", "[TIME]"),
        (r#""expires_in":[0-9.]+"#, r#""expires_in":[SECONDS]"#),
        (r"just now|\d+s ago", "[AGO]"),
        (r" \d+(ms|s)  ", " [HELD]  "),
        (r"\b(1h59m|1 h 59 min|2h)\b", "[2h]"),
        (r"pid=\d+", "pid=[PID]"),
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
    let told = told.replace(&root, "[TMP]");
    settings.bind(|| insta::assert_snapshot!(name, told));
}
