//! What the hooks add to a turn of the real client: Claude Code writes a file and runs a command,
//! with GAIA's hooks and without, in turn, against a model on loopback.
//!
//!     cargo bench -p gaia-cli --bench turn -- [--turns N] [--gaia PROGRAM]
//!
//! The client comes from npm into `.tools/agents` (`scripts/install agents`).
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench"
)]

#[path = "../tests/agents/mod.rs"]
mod agents;

use std::path::{Path, PathBuf};
use std::time::Instant;

use agents::{Stage, bash, write};
use gaia_agent::hook::Client;
use serde_json::json;

fn main() {
    let (mut turns, mut gaia) = (10, PathBuf::from(env!("CARGO_BIN_EXE_gaia")));
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            // cargo says so to everything it runs here.
            "--bench" => {}
            "--turns" => turns = words.next().unwrap().parse().unwrap(),
            "--gaia" => gaia = PathBuf::from(words.next().unwrap()),
            other => panic!("--turns N --gaia PROGRAM; not {other}"),
        }
    }
    let Some(stage) = Stage::new(Client::Claude) else {
        return;
    };
    stage.hook_is(&gaia, 30);
    let load = load();
    // The first start of a client makes its home ready.
    turn(&stage, false);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        without.push(turn(&stage, false));
        with.push(turn(&stage, true));
    }
    println!(
        "{turns} turns each, in turn; load before {load}, after {}",
        self::load()
    );
    let pairs = with.iter().zip(&without);
    let added: Vec<f64> = pairs.map(|(with, without)| with - without).collect();
    let (without, with) = (told("without hooks", without), told("with hooks", with));
    // Neighbours had the same load beside them.
    told("added, turn by turn", added);
    println!("with hooks {:.2}x", with / without);
}

/// From the client's start to its end; whether its hooks ran is seen by the lock that they took.
fn turn(stage: &Stage, has_hooks: bool) -> f64 {
    stage.has_hooks(has_hooks);
    let before = stage.history("ws/own").len();
    let file = stage.text("ws/own/new.txt");
    let steps = [write(&file, "new"), bash(&format!("echo more >> {file}"))];
    let mut client = stage.ready(&json!({ "": steps }));
    let begun = Instant::now();
    let output = client.output().unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(stage.read("ws/own/new.txt"), "newmore\n");
    assert_eq!(
        stage.history("ws/own").len(),
        before + usize::from(has_hooks)
    );
    std::fs::remove_file(Path::new(&file)).unwrap();
    took
}

/// The median in seconds; the middle half is printed with it.
fn told(what: &str, mut took: Vec<f64>) -> f64 {
    took.sort_by(f64::total_cmp);
    let at = |part: usize| took[(took.len() - 1) * part / 4];
    println!(
        "{what}: median {:.3} s ({:.3} to {:.3})",
        at(2),
        at(1),
        at(3)
    );
    at(2)
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
