//! N9: how long a task waits for its assignment, beside a hundred tasks that
//! cannot be assigned and beside a hundred thousand: a quarter of them in one
//! locked folder, a quarter in folders of their own below it, a quarter for a
//! session that is at work, a quarter behind a task that has not completed.
//!
//! This crate does not know the assigner, so the tasks that wait are written
//! as another program writes them (GAIA finds such rows by itself), and what
//! is measured is the program itself: from the row of a task that is sent to
//! the row of its assignment, by the times that GAIA notes in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

use super::super::program::Server;
use super::super::race::{Missing, Race, Subject};
use super::super::{Figure, Goal, Options, Trouble, clock, program};
use super::folder_in;

/// Tasks whose assignment is measured in each round.
const SENT: i64 = 20;

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let many = if options.quick { 2_000 } else { 100_000 };
    let names = [100, many].map(|count| format!("GAIA, {count} tasks wait"));
    let mut race = Race::default();
    for (name, count) in names.iter().zip([100, many]) {
        let home = dir.path().join(count.to_string());
        race.enter_if_there(beside(options, &home, name, count));
    }
    let mut figure = Figure::new("N9", &format!("a task is assigned while {many} wait"))
        .of_race(race.run(options)?);
    figure.beside(&names[1], &names[0], Some(Goal::AtMost(2.0)));
    Ok(figure)
}

fn beside(
    options: &Options,
    home: &Path,
    name: &str,
    count: usize,
) -> Result<Subject<'static>, Missing> {
    let missing = |why: Trouble| Missing::new(name, why);
    let fleet = Fleet::new(options, home, count).map_err(missing)?;
    Ok(Subject::by_round(name, move |_| fleet.time_to_assign()))
}

/// A free session and one at work, a locked folder, and tasks that wait.
struct Fleet {
    gaia: PathBuf,
    home: PathBuf,
    free: PathBuf,
    /// Ended with the figure.
    _at_work: Server,
}

impl Fleet {
    fn new(options: &Options, home: &Path, count: usize) -> Result<Self, Trouble> {
        let gaia = options.gaia.clone();
        let gaia = gaia.ok_or("the program gaia was not found beside this one")?;
        let place = folder_in(home, "home")?;
        let (free, locked) = (folder_in(home, "free")?, folder_in(home, "locked")?);
        let run = |words: &[&str]| {
            program::run(program::gaia(&gaia, &place).current_dir(&free).args(words))
        };
        run(&["session", "add", "free", "--process", "true {prompt}"])?;
        run(&["session", "add", "busy", "--process", "sleep {prompt}"])?;
        let words = locked
            .to_str()
            .ok_or("a temporary folder with an odd name")?;
        run(&["acquire", words, "--session", "person"])?;
        run(&["send", "600", "--target", "busy"])?;
        wait_in_line(&place, &locked, count)?;
        let assigner = Server::start(program::gaia(&gaia, &place).arg("assigner"))?;
        let fleet = Self {
            gaia,
            home: place,
            free,
            _at_work: assigner,
        };
        fleet.settle()?;
        Ok(fleet)
    }

    fn database(&self) -> Result<Connection, Trouble> {
        open(&self.home)
    }

    /// Until each row has been put where it belongs.
    fn settle(&self) -> Result<(), Trouble> {
        let database = self.database()?;
        let begun = clock::now();
        loop {
            let new: i64 = database.query_row(
                "SELECT count(*) FROM prompts WHERE status = 'pending' AND lane IS NULL",
                [],
                |row| row.get(0),
            )?;
            if new == 0 {
                return Ok(());
            }
            if clock::since(begun) > Duration::from_secs(120) {
                return Err(format!("{new} tasks were not looked at within two minutes").into());
            }
            clock::sleep_until(clock::now() + 50_000_000);
        }
    }

    fn send(&self) -> Command {
        let mut command = program::gaia(&self.gaia, &self.home);
        command
            .current_dir(&self.free)
            .args(["send", "now", "--target", "free", "--wait", "--dir"])
            .arg(&self.free);
        command
    }

    /// The median of some, in nanoseconds.
    fn time_to_assign(&self) -> Result<f64, Trouble> {
        (0..SENT).try_for_each(|_| program::run(&mut self.send()))?;
        let database = self.database()?;
        let mut statement = database.prepare(
            "SELECT created_at, assigned_at FROM prompts WHERE assigned_session = 'free' ORDER BY id DESC LIMIT ?1",
        )?;
        let rows = statement.query_map([SENT], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut times = Vec::new();
        for row in rows {
            let (sent, assigned): (String, String) = row?;
            times.push(nanos_of_day(&assigned)? - nanos_of_day(&sent)?);
        }
        times.sort_by(f64::total_cmp);
        Ok(times
            .get(times.len() / 2)
            .copied()
            .ok_or("nothing was assigned")?)
    }
}

/// `2026-01-02 03:04:05.678901` is so far into its day.
fn nanos_of_day(text: &str) -> Result<f64, Trouble> {
    let time = text.split_once(' ').ok_or("a time without a day")?.1;
    let mut seconds = 0.0;
    for part in time.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>()?;
    }
    Ok(seconds * 1e9)
}

fn open(home: &Path) -> Result<Connection, Trouble> {
    let database = Connection::open(home.join("locks").join("assigner.db"))?;
    database.busy_timeout(Duration::from_secs(30))?;
    Ok(database)
}

/// Tasks that cannot be assigned, written as another program writes them. The
/// first task of all is the one that never completes.
fn wait_in_line(home: &Path, locked: &Path, count: usize) -> Result<(), Trouble> {
    let mut database = open(home)?;
    let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for at in 0..count {
        let below = locked.join(at.to_string());
        let (folder, target, held) = match at % 4 {
            0 => (locked, None, None),
            1 => (below.as_path(), None, None),
            2 => (below.as_path(), Some("busy"), None),
            _ => (below.as_path(), None, Some("after")),
        };
        if at % 4 == 1 {
            std::fs::create_dir_all(folder)?;
        }
        tx.prepare_cached(
            "INSERT INTO prompts (content, working_dir, target_session, held) VALUES ('wait', ?1, ?2, ?3)",
        )?
        .execute(params![folder.to_str(), target, held])?;
        if held.is_some() {
            tx.execute(
                "INSERT INTO task_needs (task_id, needs_id) VALUES (last_insert_rowid(), 1)",
                [],
            )?;
        }
    }
    Ok(tx.commit()?)
}
