//! An agent that says what it saw, for tests: `agent ROOT NOTES`.
//!
//! In its folder, somewhere below ROOT, it makes a marker that must not be
//! there yet, looks whether anybody else's lies above or below it, works a
//! little, and appends one line to NOTES: task, folder, start, end, and whether
//! it was alone.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use gaia_locks::clock::{Clock as _, SystemClock};

const MARKER: &str = ".busy";

#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own: its command line, its environment, its folder, and its work is to take time"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [root, notes] = &words[..] else {
        return Err("wanted: ROOT NOTES".into());
    };
    let task = std::env::var("GAIA_TASK")?;
    let folder = std::env::current_dir()?;
    let start = SystemClock.now().moment.0;
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(folder.join(MARKER));
    let alone_above = folder
        .ancestors()
        .skip(1)
        .take_while(|above| above.starts_with(root))
        .all(|above| !above.join(MARKER).is_file());
    let alone = made.is_ok() && alone_above && nobody_below(&folder);
    std::thread::sleep(std::time::Duration::from_millis(3));
    if made.is_ok() {
        fs::remove_file(folder.join(MARKER))?;
    }
    let end = SystemClock.now().moment.0;
    let line = format!("{task} {} {start} {end} {alone}\n", folder.display());
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(notes)?
        .write_all(line.as_bytes())?;
    Ok(())
}

fn nobody_below(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return true;
    };
    let below = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    below
        .into_iter()
        .all(|path| !path.join(MARKER).is_file() && nobody_below(&path))
}
