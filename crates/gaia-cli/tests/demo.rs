//! `gaia demo`, from outside: it adds up, it leaves nothing, and when it does
//! not add up it says so.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::os::offspring;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where one test's demos lie: nothing of them may be left there.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    /// A demo in surroundings that would lead astray who heeded them.
    fn gaia(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gaia"));
        command
            .args(words)
            .env("TMPDIR", self.folder.path())
            .env("GAIA_DATABASE_URL", "sqlite:///nowhere/at/all.db")
            .env("GAIA_SESSION", "a-stranger")
            .env("GAIA_TASK", "7")
            .env("GIT_DIR", "/nowhere")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.gaia(words).output().unwrap()
    }

    fn folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn processes(&self) -> Vec<u32> {
        offspring::with_environment("TMPDIR", self.folder.path().to_str().unwrap())
    }

    fn assert_nothing_is_left(&self) {
        assert_eq!(self.processes(), Vec::<u32>::new());
        assert_eq!(self.folders(), Vec::<PathBuf>::new());
    }

    /// A short demo whose home is kept.
    fn kept(&self) -> PathBuf {
        let output = self.run(&["demo", "--fast", "--keep", "--json"]);
        assert!(output.status.success(), "{output:?}");
        self.folders().pop().unwrap()
    }

    /// Judges a kept home again: its exit status and what it says.
    fn judge(&self, home: &Path) -> (i32, Value) {
        let output = self.run(&["demo", "--json", "--judge", home.to_str().unwrap()]);
        let said = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), said)
    }
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// The numbers in `It adds up: 25 grants …, 25 agents …`.
fn sums(said: &str) -> Vec<usize> {
    assert!(said.contains("It adds up: "), "{said}");
    let line = said
        .lines()
        .find(|line| line.contains("It adds up: "))
        .unwrap();
    let words = line.split(' ').filter_map(|word| word.parse().ok());
    words.collect()
}

#[test]
fn heavy_without_a_terminal_it_tells_line_by_line_and_adds_up() {
    let place = Place::new();
    let output = place.run(&["demo", "--fast"]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", text(&output.stderr));
    let sums = sums(&said);
    assert_eq!(sums.len(), 2, "{said}");
    assert_eq!(sums[0], sums[1], "{said}");
    for happened in [
        "kill -9",
        "person waits in line for web",
        "person has its turn in web",
        "will be tried again: it was ended by signal 9",
        "does not exist",
        "goes to gemini-1 in docs to read",
        "waits in line for shop",
        "21 completed, 2 failed, 1 blocked; 2 tried again",
        "Try next",
        "the dashboard: http://127.0.0.1:",
    ] {
        assert!(
            said.contains(happened),
            "{happened:?} is missing in\n{said}"
        );
    }
    assert!(!said.contains('\x1b'), "{said}");
    place.assert_nothing_is_left();
}

#[test]
fn heavy_in_a_terminal_it_draws_in_place_and_within_the_width() {
    let place = Place::new();
    for columns in [80, 40] {
        let (mut terminal, other) = terminal(columns);
        let mut demo = place.gaia(&["demo", "--fast"]);
        demo.env("TERM", "xterm").env_remove("NO_COLOR");
        demo.stdout(other.try_clone().unwrap()).stderr(other);
        let mut child = demo.spawn().unwrap();
        drop(demo);
        let mut seen = Vec::new();
        // A terminal whose other end is closed gives an error on Linux.
        drop(terminal.read_to_end(&mut seen));
        let status = child.wait().unwrap();
        let seen = text(&seen);
        assert!(status.success(), "{seen}");
        let (live, after) = seen.split_once("\x1b[?1049l").unwrap();
        assert!(
            live.contains("\x1b[?1049h") && live.contains("\x1b[?2026h"),
            "{live}"
        );
        assert!(
            live.contains("claude-1") && live.contains("gaia demo"),
            "{live}"
        );
        for line in drawn(live) {
            assert!(
                line.chars().count() <= columns,
                "{columns} columns: {line:?}"
            );
        }
        let sums = sums(&after.replace('\r', ""));
        assert_eq!(sums[0], sums[1]);
        assert!(seen.contains("\x1b[?25h"), "the cursor is not shown again");
        // Whole, or not at all.
        assert_eq!(live.contains("/sign-in/link?once="), columns == 80);
    }
    place.assert_nothing_is_left();
}

#[test]
fn heavy_its_dashboard_shows_its_tasks_while_it_plays() {
    let place = Place::new();
    let mut demo = place.gaia(&["demo", "--fast"]);
    let mut child = demo.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.find_map(|line| {
        line.unwrap()
            .strip_prefix("the dashboard: ")
            .map(str::to_owned)
    });
    let (address, path) = told
        .as_ref()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let signed_in = ask(address, path, "");
    let (_, cookie) = signed_in.split_once("set-cookie: ").unwrap();
    let (cookie, _) = cookie.split_once(';').unwrap();
    let tasks = ask(address, "api/gaia/tasks", cookie);
    assert!(tasks.contains("Close the security hole"), "{tasks}");
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
    place.assert_nothing_is_left();
}

/// The whole answer of a server.
fn ask(address: &str, path: &str, cookie: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let ask = format!(
        "GET /{path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// A terminal of so many columns: the side of those who look, and the other.
fn terminal(columns: usize) -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let mine = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&mine).unwrap();
    unlockpt(&mine).unwrap();
    let name = ptsname(&mine, Vec::new()).unwrap();
    let open = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap());
    let size = rustix::termios::Winsize {
        ws_row: 24,
        ws_col: columns.try_into().unwrap(),
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&mine, size).unwrap();
    (File::from(mine), open.unwrap())
}

/// The lines as they were drawn, without what controls the terminal. Each line
/// begins where the cursor is put.
fn drawn(live: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut parts = live.split('\x1b');
    lines.last_mut().unwrap().push_str(parts.next().unwrap());
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        if part[..=end].ends_with('H') {
            lines.push(String::new());
        }
        lines.last_mut().unwrap().push_str(&part[end + 1..]);
    }
    lines
}

#[test]
fn heavy_ctrl_c_in_the_midst_leaves_no_process_and_no_folder() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new();
        let mut demo = place.gaia(&["demo"]);
        let mut child = demo.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        // Tasks run, and one waits in line.
        let mut lines = said.lines();
        let waits = lines.find(|line| line.as_ref().unwrap().contains("waits in line"));
        assert!(waits.is_some());
        // Where processes can be told by their environment, they are there.
        assert!(!offspring::sees_orphans() || place.processes().len() > 3);
        kill_process(pid(&child), signal).unwrap();
        lines.for_each(drop);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(128 + signal.as_raw()));
        place.assert_nothing_is_left();
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap()).unwrap()
}

#[test]
fn heavy_a_planted_double_booking_is_seen_and_ends_with_1() {
    let place = Place::new();
    let home = place.kept();
    let (status, said) = place.judge(&home);
    assert_eq!((status, &said["adds_up"]), (0, &json!(true)), "{said}");
    let report = home.join("reports/3.jsonl");
    let honest = fs::read_to_string(&report).unwrap();

    // One that was not alone, and says so.
    let plant = r#"{"at":1,"says":"not_alone","found":"a stranger"}"#;
    fs::write(&report, format!("{honest}{plant}\n")).unwrap();
    assert_doubt(&place.judge(&home), "was not alone: a stranger");

    // One that was still there when others had its folder.
    let late = SystemClock.now().moment.plus(Duration::from_secs(60)).0;
    let plant = format!(r#"{{"at":{late},"says":"alone"}}"#);
    fs::write(&report, format!("{honest}{plant}\n")).unwrap();
    let judged = place.judge(&home);
    assert_doubt(&judged, "were at work at the same time");
    assert_doubt(&judged, "worked when lock 3 was not its own");

    // One that nobody heard of.
    fs::remove_file(&report).unwrap();
    assert_doubt(
        &place.judge(&home),
        "lock 3 was granted, and nobody worked by it",
    );

    // One lock by which two say to have worked.
    fs::write(&report, &honest).unwrap();
    let second = home.join("reports/3b.jsonl");
    fs::copy(&report, &second).unwrap();
    assert_doubt(&place.judge(&home), "the two sums differ");
    fs::remove_file(&second).unwrap();

    // One that the history has not heard of.
    let unknown = honest.replacen(r#""token":3,"#, r#""token":3003,"#, 1);
    assert_ne!(unknown, honest);
    fs::write(home.join("reports/3003.jsonl"), unknown).unwrap();
    assert_doubt(&place.judge(&home), "which the history does not know");
}

fn assert_doubt((status, said): &(i32, Value), doubt: &str) {
    assert_eq!(*status, 1, "{said}");
    assert_eq!(said["adds_up"], json!(false), "{said}");
    let doubts = said["doubts"].as_array().unwrap();
    let found = doubts
        .iter()
        .any(|one| one.as_str().unwrap().contains(doubt));
    assert!(found, "{doubt:?} is not among {doubts:#?}");
}

/// What the demo advises is tried, word for word: in a home and a folder of the
/// test's own, and without what never ends by itself.
#[test]
fn heavy_what_it_advises_works() {
    let place = Place::new();
    let output = place.run(&["demo", "--fast", "--keep"]);
    let said = text(&output.stdout);
    let (_, advice) = said.split_once("Try next\n").unwrap();
    let mut tried = 0;
    for line in advice.lines() {
        let (command, _) = line.split_once('#').unwrap();
        if command.contains("--watch") {
            continue;
        }
        // The agent of the advice may be missing here, so nothing is assigned.
        let command = command.replace("gaia up", "gaia up --help");
        let mut shell = place.gaia(&[]);
        shell
            .env("HOME", place.folder.path())
            .current_dir(place.folder.path());
        for name in ["GAIA_DATABASE_URL", "GAIA_TASK"] {
            shell.env_remove(name);
        }
        let output = as_shell(&shell, &command).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        tried += 1;
    }
    assert_eq!(tried, 5, "{advice}");
}

/// A shell in the surroundings of another command.
fn as_shell(like: &Command, command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null());
    shell.current_dir(like.get_current_dir().unwrap());
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// The eyes of the stand-ins: one is sent into a folder without a lock while
/// another is at work above it, beside it, below it.
#[test]
fn heavy_a_stand_in_sees_whoever_is_there_without_asking_any_lock() {
    let place = Place::new();
    let home = place.kept();
    let folders = [
        ("shop", true),
        ("web", true),
        ("web/api/v2", true),
        ("docs", false),
    ];
    for (token, (folder, is_seen)) in (9001..).zip(folders) {
        let folder = match folder {
            "shop" => home.join("shop"),
            below => home.join("shop").join(below),
        };
        let stranger = folder.join(".at-work-1");
        fs::write(&stranger, worker(&folder).to_string()).unwrap();
        send_in(&place, &home, token);
        fs::remove_file(&stranger).unwrap();
        let report = fs::read_to_string(home.join(format!("reports/{token}.jsonl"))).unwrap();
        assert_eq!(
            report.contains("not_alone"),
            is_seen,
            "{}: {report}",
            folder.display()
        );
    }
    let (status, _) = place.judge(&home);
    assert_eq!(status, 1);
}

/// What this very process would say if it worked there.
fn worker(folder: &Path) -> Value {
    json!({
        "token": 9000, "session": "stranger", "task": 0, "folder": folder,
        "mode": "exclusive", "process": ProcessIdentity::current().unwrap(),
    })
}

/// The person's stand-in, which works in `web`.
fn send_in(place: &Place, home: &Path, token: u32) {
    let mut agent = place.gaia(&["demo-agent", home.to_str().unwrap()]);
    agent
        .env("GAIA_TASK", "0")
        .env("GAIA_LOCK_TOKEN", token.to_string());
    let output = agent.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
