//! How long resolving a clean existing path takes, beside the system's canonicalize.
//! Run it with: cargo run --release --example resolve_speed [PATH]

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example for a terminal"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use gaia_locks::clock::{Clock, SystemClock};
use gaia_locks::folder::Folder;

const ROUNDS: u32 = 20_000;

fn main() -> std::io::Result<()> {
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let path = given
        .map_or_else(std::env::current_dir, Ok)?
        .canonicalize()?;
    for _ in 0..3 {
        let ours = median(|| drop(black_box(Folder::resolve(&path, Path::new("/")))));
        let theirs = median(|| drop(black_box(path.canonicalize())));
        let now = median(|| {
            black_box(SystemClock.now());
        });
        let ratio = ours as f64 / theirs as f64;
        println!(
            "resolve {ours} ns, canonicalize {theirs} ns ({ratio:.2}x), clocks {now} ns: {}",
            path.display()
        );
    }
    Ok(())
}

fn median(mut work: impl FnMut()) -> u128 {
    let mut times: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let before = SystemClock.now().moment;
            work();
            SystemClock.now().moment.since(before).as_nanos()
        })
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
