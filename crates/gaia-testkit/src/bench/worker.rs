//! Several processes that work beside each other.
//!
//! Each worker is this program again. It opens what it works on, says that it
//! is ready, and is then told windows of time by the clock that all of them
//! share: nobody starts before the others because its pipe was written first.
//! Its lines bear a mark, since the program may be one that prints something
//! before it comes here.

use std::fs::File;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use gaia_locks::service::Config;

use super::gaia::{self, Caller};
use super::program::Server;
use super::{Options, Trouble, clock, flock};

const VARIABLE: &str = "GAIA_BENCH_WORKER";
const MARK: &str = "@bench ";
/// Until all workers have read when they start.
const MUSTER: Duration = Duration::from_millis(20);

/// What a worker does in a window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Job {
    /// Takes a folder and gives it back, as fast as it can.
    Cycles {
        database: PathBuf,
        folder: PathBuf,
        session: String,
    },
    /// Waits for its turn in a folder and holds it for a while.
    Turns {
        database: PathBuf,
        folder: PathBuf,
        session: String,
        hold: Duration,
    },
    /// The same with the kernel's lock on a file.
    FlockTurns { file: PathBuf, hold: Duration },
}

/// One turn: asked, granted, released, by the clock of all.
pub(super) type Turn = (i64, i64, i64);

/// What a worker did in a window.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Done {
    /// Cycles or turns that ended within it.
    pub(super) count: u64,
    /// Where the job is about turns.
    pub(super) turns: Vec<Turn>,
}

/// From when to when workers work.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Window {
    start: i64,
    end: i64,
}

/// Some workers, ready to work.
pub(super) struct Crew {
    workers: Vec<Server>,
}

impl Crew {
    /// Starts a worker for each job; they are ready when this returns.
    pub(super) fn hire(options: &Options, jobs: &[Job]) -> Result<Self, Trouble> {
        let mut workers = Vec::with_capacity(jobs.len());
        for job in jobs {
            let mut command = Command::new(std::env::current_exe()?);
            command
                .args(&options.worker_words)
                .env(VARIABLE, serde_json::to_string(job)?);
            workers.push(Server::start(&mut command)?);
        }
        for worker in &mut workers {
            worker.hear(&format!("{MARK}ready"))?;
        }
        Ok(Self { workers })
    }

    /// Lets the first `many` work for so long, all at once.
    pub(super) fn work(&mut self, many: usize, length: Duration) -> Result<Vec<Done>, Trouble> {
        let start = clock::now() + clock::nanos(MUSTER);
        let end = start + clock::nanos(length);
        let window = serde_json::to_string(&Window { start, end })?;
        let workers = self.workers.get_mut(..many).unwrap_or_default();
        for worker in workers.iter_mut() {
            worker.tell(&window)?;
        }
        let mut done = Vec::with_capacity(many);
        for worker in workers {
            let answer: Result<Done, String> = serde_json::from_str(&worker.hear(MARK)?)?;
            done.push(answer?);
        }
        Ok(done)
    }
}

/// To be called first in `main`: where this process was started as a worker
/// it works, and gives the status to end with.
#[expect(
    clippy::disallowed_methods,
    reason = "how this program is told that it is a worker; no setting of GAIA"
)]
pub fn worker_main() -> Option<ExitCode> {
    if let Some(agent) = super::figures::agent() {
        return Some(agent.unwrap_or(ExitCode::FAILURE));
    }
    let job = std::env::var(VARIABLE).ok()?;
    Some(match serve(&job) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            // Whoever started it hears of it, or is gone.
            drop(say(&Err::<Done, _>(trouble.to_string())));
            ExitCode::FAILURE
        }
    })
}

fn serve(job: &str) -> Result<(), Trouble> {
    let mut work = worker(serde_json::from_str(job)?)?;
    // A line of its own, whatever was printed before.
    say_line("ready")?;
    for line in std::io::stdin().lock().lines() {
        let window: Window = serde_json::from_str(&line?)?;
        clock::sleep_until(window.start);
        say(&Ok(work(window)?))?;
    }
    Ok(())
}

fn say(answer: &Result<Done, String>) -> Result<(), Trouble> {
    say_line(&serde_json::to_string(answer)?)
}

fn say_line(text: &str) -> Result<(), Trouble> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{MARK}{text}")?;
    Ok(out.flush()?)
}

type Work = Box<dyn FnMut(Window) -> Result<Done, Trouble>>;

fn worker(job: Job) -> Result<Work, Trouble> {
    Ok(match job {
        Job::Cycles {
            database,
            folder,
            session,
        } => {
            let worker = on_gaia(&database, &folder, &session)?;
            Box::new(move |window| cycles(&worker, window))
        }
        Job::Turns {
            database,
            folder,
            session,
            hold,
        } => {
            let worker = on_gaia(&database, &folder, &session)?;
            Box::new(move |window| turns(window, || turn(&worker, hold)))
        }
        Job::FlockTurns { file, hold } => {
            let file = File::create(file)?;
            Box::new(move |window| turns(window, || flock_turn(&file, hold)))
        }
    })
}

fn on_gaia(database: &Path, folder: &Path, session: &str) -> Result<Caller, Trouble> {
    Caller::new(gaia::open(database, Config::default())?, session, folder)
}

fn cycles(worker: &Caller, window: Window) -> Result<Done, Trouble> {
    let mut done = Done::default();
    while clock::now() < window.end {
        worker.cycle()?;
        done.count += 1;
    }
    Ok(done)
}

fn turns(window: Window, mut turn: impl FnMut() -> Result<Turn, Trouble>) -> Result<Done, Trouble> {
    let mut done = Done::default();
    while clock::now() < window.end {
        done.turns.push(turn()?);
    }
    done.count = done.turns.len() as u64;
    Ok(done)
}

fn turn(worker: &Caller, hold: Duration) -> Result<Turn, Trouble> {
    let asked = clock::now();
    let token = worker.wait_for_turn()?;
    let granted = clock::now();
    clock::work_for(hold);
    let released = clock::now();
    worker.release(token)?;
    Ok((asked, granted, released))
}

fn flock_turn(file: &File, hold: Duration) -> Result<Turn, Trouble> {
    let asked = clock::now();
    let granted = flock::lock(file)?;
    clock::work_for(hold);
    let released = clock::now();
    flock::unlock(file)?;
    Ok((asked, granted, released))
}
