//! The processes of a demo: an assigner, a person's `gaia run`, and whatever
//! they start. All of them are ended with it, however it ends.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use gaia_locks::liveness::{Liveness, ProcessIdentity, liveness};
use gaia_locks::os::offspring;
use rustix::process::{Pid, Signal, kill_process};

use super::play::{PERSON, Play};
use super::report::Report;
use super::stage::{MARK, Stage};

/// How long a stopped demo may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// After how many steps of work a task that is passed over stands in line.
const PATIENCE: u64 = 18;

/// What the demo has started.
pub struct Company<'a> {
    stage: &'a Stage,
    assigner: Started,
    person: Option<Started>,
}

impl<'a> Company<'a> {
    /// Starts the assigner; it ends when nothing is left to do.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(stage: &'a Stage, play: &Play) -> io::Result<Self> {
        let patience = format!("{}ms", play.step_ms * PATIENCE);
        let mut command = stage.program("assigner.log")?;
        command.args(["assigner", "--until-idle", "--grace", "1s"]);
        command.args(["--patience", &patience]);
        Ok(Self {
            stage,
            assigner: Started::new(command.spawn()?),
            person: None,
        })
    }

    /// Lets the person ask for a folder and wait in line for it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn let_person_ask(&mut self, play: &Play) -> io::Result<()> {
        let folder = self.stage.repository().join(&play.person.folder);
        let mut command = self.stage.program("person.log")?;
        command
            .args(["run", "--wait", "--session", PERSON])
            .arg(folder);
        command.arg("--").arg(std::env::current_exe()?);
        command.arg("demo-agent").arg(&self.stage.root);
        self.person = Some(Started::new(command.spawn()?));
        Ok(())
    }

    /// Whether the person has asked already.
    pub fn person_asked(&self) -> bool {
        self.person.is_some()
    }

    /// Whether all that was started has ended.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn is_over(&mut self) -> io::Result<bool> {
        let assigner = self.assigner.is_over()?;
        let person = match &mut self.person {
            Some(person) => person.is_over()?,
            None => true,
        };
        Ok(assigner && person)
    }

    /// What went wrong with the assigner or the person.
    pub fn troubles(&self) -> Vec<String> {
        let person = self.person.as_ref();
        let all = [
            ("the assigner", Some(&self.assigner)),
            ("the person's gaia run", person),
        ];
        all.into_iter()
            .filter_map(|(who, started)| Some(format!("{who} {}", started?.trouble()?)))
            .collect()
    }

    /// Stops everything: what runs is told to end, and what does not is ended.
    pub fn stop(&mut self) {
        for started in [Some(&self.assigner), self.person.as_ref()]
            .into_iter()
            .flatten()
        {
            // Two different signals: two of one kind may arrive as one.
            started.signal(Signal::TERM);
            started.signal(Signal::INT);
        }
        let until = now().plus(GRACE);
        while now() < until && !self.is_over().unwrap_or(true) {
            pause();
        }
        for started in [Some(&mut self.assigner), self.person.as_mut()]
            .into_iter()
            .flatten()
        {
            started.end();
        }
    }
}

/// A process that was started.
struct Started {
    child: Child,
    status: Option<ExitStatus>,
}

impl Started {
    fn new(child: Child) -> Self {
        Self {
            child,
            status: None,
        }
    }

    fn is_over(&mut self) -> io::Result<bool> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status.is_some())
    }

    fn trouble(&self) -> Option<String> {
        match self.status {
            Some(status) if status.success() => None,
            Some(status) => Some(format!("ended with {status}")),
            None => Some("has not ended".to_owned()),
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let (Some(pid), None) = (pid, self.status) {
            // Not waited for yet, so the number is its own.
            let _ = kill_process(pid, signal);
        }
    }

    fn end(&mut self) {
        if self.status.is_none() {
            // One that has ended meanwhile needs no end.
            drop(self.child.kill());
            self.status = self.child.wait().ok();
        }
    }
}

/// Kills a stand-in as `kill -9` does; whether it still lived.
pub fn kill(process: &ProcessIdentity) -> bool {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    let pid = pid.filter(|_| liveness(process) == Liveness::Alive);
    pid.is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok())
}

/// What still runs of a demo: whatever bears its mark, and every stand-in that
/// left a report.
///
/// # Errors
/// When the reports cannot be read.
pub fn still_running(stage: &Stage) -> io::Result<Vec<u32>> {
    let me = std::process::id();
    let mut pids = offspring::with_environment(MARK, &stage.root.to_string_lossy());
    let reports = Report::read_all(&stage.reports())?.into_iter();
    let alive = reports.filter(|report| liveness(&report.worker.process) == Liveness::Alive);
    pids.extend(alive.map(|report| report.worker.process.pid));
    pids.retain(|pid| *pid != me);
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

/// Waits until nothing runs any more, or ends it when it does not end.
///
/// # Errors
/// As [`still_running`].
pub fn clear_away(stage: &Stage, patience: Duration) -> io::Result<Vec<u32>> {
    let kill_at = now().plus(patience);
    let give_up_at = kill_at.plus(GRACE);
    let mut killed = Vec::new();
    loop {
        let left = still_running(stage)?;
        if left.is_empty() || now() >= give_up_at {
            return Ok(killed);
        }
        if now() >= kill_at {
            for pid in left {
                kill(&match ProcessIdentity::of(pid)? {
                    Some(process) => process,
                    None => continue,
                });
                killed.push(pid);
            }
        }
        pause();
    }
}

/// The clock that all of a demo go by.
pub fn now() -> Moment {
    SystemClock.now().moment
}

#[expect(
    clippy::disallowed_methods,
    reason = "processes of several generations end, and nothing tells of all of them"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
