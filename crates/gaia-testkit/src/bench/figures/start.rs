//! START: how long a task waits once it could run, for process sessions and for
//! tmux sessions. No goal and nothing beside it: a number to know.
//!
//! The agent is this program again and notes the moment as the first thing it
//! does. The other ends of the spans are GAIA's own records: when a task was
//! queued, when its lock was granted, when the lock before it ended. The span
//! holds the start of a process, twice the size of all the rest.

mod pane;

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gaia_locks::clock::{Clock as _, SystemClock, Wall};

use super::super::program::{self, Server};
use super::super::race::Missing;
use super::super::report::permille;
use super::super::{Figure, Options, Trouble};
use super::folder_in;

const NOTES: &str = "GAIA_BENCH_NOTES";

/// What one task's agent noted, and what GAIA recorded of it; nanoseconds.
struct Span {
    /// From its row's moment to its agent's first instruction.
    sent: f64,
    /// From its lock's grant on.
    granted: f64,
    /// From the end of the lock before.
    freed: Option<f64>,
}

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let many = if options.quick { 5 } else { 1000 };
    let title = format!("{many} tasks, one session: until the agent's first instruction");
    let mut figure = Figure::new("START", &title);
    let Some(gaia) = &options.gaia else {
        let why = "the program gaia was not found beside this one";
        figure.missing.push(Missing::new("GAIA", why));
        return Ok(figure);
    };
    let idle = spans(gaia, &folder_in(dir.path(), "idle")?, many, true)?;
    let busy = spans(gaia, &folder_in(dir.path(), "busy")?, many, false)?;
    // Each takes long: what a pane shows has to stand still before and after.
    let typed = pane::spans(gaia, &folder_in(dir.path(), "pane")?, many.div_ceil(10));
    let mut say = |what: &str, mut spans: Vec<f64>| {
        spans.sort_by(f64::total_cmp);
        for (name, at) in [("p50", 500), ("p99", 990)] {
            figure.sample(
                &format!("GAIA, {what}, {name}"),
                "ns",
                vec![permille(&spans, at)],
            );
        }
    };
    say(
        "sent to an idle session",
        idle.iter().map(|span| span.sent).collect(),
    );
    say(
        "granted, idle session",
        idle.iter().map(|span| span.granted).collect(),
    );
    say(
        "folder freed for the next in the queue",
        busy.iter().filter_map(|span| span.freed).collect(),
    );
    match typed {
        Ok(typed) => {
            let (sent, granted) = typed.iter().map(|span| (span.sent, span.granted)).unzip();
            say("sent to an idle tmux session", sent);
            say("granted, idle tmux session", granted);
        }
        Err(missing) => figure.missing.push(missing),
    }
    Ok(figure)
}

/// One after the other to an idle session, or all of them queued at first.
fn spans(gaia: &Path, place: &Path, many: usize, idle: bool) -> Result<Vec<Span>, Trouble> {
    let (home, folder) = (folder_in(place, "home")?, folder_in(place, "work")?);
    let notes = place.join("notes");
    let command = |words: &[&str]| {
        let mut command = program::gaia(gaia, &home);
        command.args(words).current_dir(&folder);
        command
    };
    let agent = gaia.to_string_lossy();
    // Whatever its text is, it only notes when it began.
    program::run(&mut command(&[
        "session",
        "add",
        "one",
        "--process",
        &format!("'{agent}'"),
    ]))?;
    let send = ["send", "note", "--dir", "."];
    if !idle {
        (0..many).try_for_each(|_| program::run(&mut command(&send)))?;
    }
    let _assigner = Server::start(command(&["assigner"]).env(NOTES, &notes))?;
    if idle {
        (0..many)
            .try_for_each(|_| program::run(&mut command(&[&send[..], &["--wait"]].concat())))?;
    } else {
        program::run(&mut command(
            &[&send[..], &["--wait", "--priority", "-1"]].concat(),
        ))?;
    }
    read(&home.join("locks/assigner.db"), &notes)
}

fn read(database: &Path, notes: &Path) -> Result<Vec<Span>, Trouble> {
    let sql = rusqlite::Connection::open(database)?;
    let mut rows = sql.prepare(
        "SELECT h.task_id, p.created_at, h.granted_ns, lag(h.ended_ns) OVER (ORDER BY h.id)
             FROM lock_history h JOIN prompts p ON p.id = h.task_id ORDER BY h.id",
    )?;
    let text = std::fs::read_to_string(notes)?;
    let noted: HashMap<i64, (i64, i64)> = text.lines().filter_map(note).collect();
    let rows = rows.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    let mut spans = Vec::new();
    for row in rows {
        let (task, created, granted, before): (i64, String, i64, Option<i64>) = row?;
        let Some((moment, wall)) = noted.get(&task) else {
            continue;
        };
        let created = Wall::from_sql(&created).map_err(|error| error.to_string())?;
        spans.push(Span {
            sent: (wall - created.0) as f64 * 1000.0,
            granted: (moment - granted) as f64,
            freed: before.map(|before| (moment - before) as f64),
        });
    }
    Ok(spans)
}

fn note(line: &str) -> Option<(i64, (i64, i64))> {
    let mut words = line.split(' ').map(|word| word.parse().ok());
    Some((words.next()??, (words.next()??, words.next()??)))
}

/// The agent of this figure, if this process is one: it was given a task.
#[expect(
    clippy::disallowed_methods,
    reason = "how the figure's own agent is told what it is"
)]
pub(in super::super) fn agent() -> Option<io::Result<ExitCode>> {
    let now = SystemClock.now();
    let notes = PathBuf::from(std::env::var_os(NOTES)?);
    let task = std::env::var("GAIA_TASK").ok()?;
    let line = format!("{task} {} {}\n", now.moment.0, now.wall.0);
    let write = || {
        let mut notes = OpenOptions::new().append(true).create(true).open(&notes)?;
        notes.write_all(line.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    };
    Some(write())
}
