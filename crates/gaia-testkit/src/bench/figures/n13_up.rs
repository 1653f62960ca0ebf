//! N13: what `gaia up` takes of the machine while it has nothing to do; and,
//! without a goal, with fifty sessions that wait, and with fifty at work.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::super::program::{self, Server};
use super::super::race::Missing;
use super::super::{Figure, Goal, Options, Trouble, clock};
use super::folder_in;

/// What it may take: resident memory in bytes, and of a core.
const MEMORY: f64 = 25e6;
const SHARE: f64 = 0.003;

/// How long tasks may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

const OF_MEMORY: &str = "gaia up, idle, resident : 25 MB";
const OF_SHARE: &str = "gaia up, idle, processor time : 0.3 % of a core";

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let many = if options.quick { 2 } else { 50 };
    let mut figure = Figure::new("N13", "what `gaia up` takes of the machine");
    let Some(gaia) = &options.gaia else {
        let why = "the program gaia was not found beside this one";
        figure.missing.push(Missing::new("GAIA", why));
        return Ok(figure);
    };
    let dir = tempfile::tempdir()?;
    let fleet = Fleet::start(gaia, dir.path())?;
    fleet.add_sessions(0..1)?;
    fleet.gaia(&["send", "true", "--target", "s0", "--wait"])?;
    idle(options, &fleet, &mut figure)?;
    fleet.add_sessions(1..many)?;
    fleet.gaia(&["send", "true", "--target", "s0", "--wait"])?;
    let of_up = |fleet: &Fleet| Ok::<_, Trouble>(vec![resident(fleet.up.id())? / 1e6]);
    figure.sample(
        &format!("{many} sessions that wait, gaia up, MB"),
        "MB",
        of_up(&fleet)?,
    );
    let keepers = fleet.set_to_work(many)?;
    figure.sample(
        &format!("{many} sessions at work, gaia up, MB"),
        "MB",
        of_up(&fleet)?,
    );
    let keepers: Result<Vec<f64>, Trouble> = keepers.into_iter().map(resident).collect();
    let keepers = keepers?.iter().map(|bytes| bytes / 1e6).collect();
    figure.sample(
        &format!("{many} sessions at work, each one's keeper, MB"),
        "MB",
        keepers,
    );
    fleet.send_home()?;
    Ok(figure)
}

fn idle(options: &Options, fleet: &Fleet, figure: &mut Figure) -> Result<(), Trouble> {
    let pid = fleet.up.id();
    figure.sample(OF_MEMORY, "x", vec![resident(pid)? / MEMORY]);
    figure.judge(OF_MEMORY, Goal::AtMost(1.0));
    let time = Duration::from_secs(if options.quick { 3 } else { 30 });
    match share(pid, time) {
        Ok(share) => figure.sample(OF_SHARE, "x", vec![share / SHARE]),
        Err(why) => figure.missing.push(Missing::new(OF_SHARE, why)),
    }
    figure.judge(OF_SHARE, Goal::AtMost(1.0));
    Ok(())
}

/// Resident memory of a process in bytes.
fn resident(pid: u32) -> Result<f64, Trouble> {
    let output = Command::new("ps")
        .args(["-o", "rss=", "-p", &pid.to_string()])
        .output()?;
    let kilobytes: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(kilobytes * 1024.0)
}

/// Which part of a core a process takes, all its threads together.
fn share(pid: u32, time: Duration) -> Result<f64, Trouble> {
    let (start, before) = (clock::now(), processor_time(pid)?);
    pause(time);
    let (end, after) = (clock::now(), processor_time(pid)?);
    Ok((after - before) / (end - start) as f64)
}

/// Nanoseconds; finer than what `ps` knows.
fn processor_time(pid: u32) -> Result<f64, Trouble> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .map_err(|error| format!("only Linux tells it: {error}"))?;
    let mut sum = 0.0;
    for task in tasks {
        // A thread that has just ended took its time with it.
        let text = std::fs::read_to_string(task?.path().join("schedstat"));
        let text = text.unwrap_or_default();
        let first = text.split(' ').next().unwrap_or_default();
        sum += first.parse::<f64>().unwrap_or(0.0);
    }
    Ok(sum)
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long nothing is to happen is what is measured"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A home of its own with `gaia up` at work.
struct Fleet {
    gaia: PathBuf,
    home: PathBuf,
    place: PathBuf,
    up: Server,
}

impl Fleet {
    fn start(gaia: &Path, place: &Path) -> Result<Self, Trouble> {
        let home = folder_in(place, "home")?;
        let mut command = program::gaia(gaia, &home);
        // Where the server listens, once there is one: anywhere.
        command.arg("up").env("GAIA_LISTEN", "127.0.0.1:0");
        Ok(Self {
            gaia: gaia.to_owned(),
            up: Server::start(&mut command)?,
            place: place.to_owned(),
            home,
        })
    }

    fn gaia(&self, words: &[&str]) -> Result<(), Trouble> {
        let mut command = program::gaia(&self.gaia, &self.home);
        program::run(command.args(words).current_dir(&self.place))
    }

    fn add_sessions(&self, which: std::ops::Range<usize>) -> Result<(), Trouble> {
        for at in which {
            let name = format!("s{at}");
            self.gaia(&["session", "add", &name, "--process", "sh -c {prompt}"])?;
        }
        Ok(())
    }

    /// Gives every session something to do that takes longer than the figure;
    /// the processes of their keepers.
    fn set_to_work(&self, many: usize) -> Result<Vec<u32>, Trouble> {
        for at in 0..many {
            let folder = folder_in(&self.place, &format!("w{at}"))?;
            self.gaia(&["send", "exec sleep 600", "--dir", &folder.to_string_lossy()])?;
        }
        let working = self.until_working(many)?;
        Ok(working.into_iter().map(|(_, keeper)| keeper).collect())
    }

    /// Waits until so many are at work.
    fn until_working(&self, many: usize) -> Result<Vec<(i64, u32)>, Trouble> {
        let start = clock::now();
        while clock::since(start) < PATIENCE {
            let working = self.working()?;
            if working.len() == many {
                return Ok(working);
            }
            pause(Duration::from_millis(50));
        }
        Err(format!("not {many} tasks at work after {PATIENCE:?}").into())
    }

    /// Tasks at work, with their keepers.
    fn working(&self) -> Result<Vec<(i64, u32)>, Trouble> {
        let sql = rusqlite::Connection::open(self.home.join("locks/assigner.db"))?;
        let mut rows = sql.prepare(
            "SELECT id, keeper ->> 'pid' FROM prompts WHERE status = 'in_progress' AND keeper IS NOT NULL",
        )?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn send_home(&self) -> Result<(), Trouble> {
        for (task, _) in self.working()? {
            self.gaia(&["task", "cancel", &task.to_string()])?;
        }
        self.until_working(0).map(drop)
    }
}
