//! The worker processes: started, killed, stopped, replaced, awaited.

use std::fs::{self, File};
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use gaia_locks::clock::Moment;

use super::worker::{Orders, seed_of};
use super::{Plan, now, rest};
use crate::checker::journal::{Event, Pen};

/// One worker process.
struct Hand {
    name: String,
    child: Child,
}

/// All worker processes of one run.
pub struct Crew {
    plan: Plan,
    until: Moment,
    hands: Vec<Hand>,
    pen: Pen,
    started: u64,
}

impl Crew {
    /// Starts all workers.
    ///
    /// # Errors
    /// When a process or its files cannot be made.
    pub fn start(plan: &Plan) -> io::Result<Self> {
        fs::create_dir_all(plan.journals())?;
        fs::create_dir_all(plan.proofs())?;
        let mut crew = Self {
            plan: plan.clone(),
            until: now().plus(plan.duration),
            hands: Vec::new(),
            pen: Pen::open(&plan.journals(), "disturber")?,
            started: 0,
        };
        for index in 0..plan.processes {
            let hand = crew.engage(index)?;
            crew.hands.push(hand);
        }
        Ok(crew)
    }

    /// When the workers end by themselves.
    pub fn until(&self) -> Moment {
        self.until
    }

    fn engage(&mut self, index: usize) -> io::Result<Hand> {
        self.started += 1;
        let name = format!("worker-{index:03}-{:05}", self.started);
        let orders = Orders {
            plan: self.plan.clone(),
            name: name.clone(),
            index,
            seed: seed_of(&self.plan, self.started),
            until: self.until,
        };
        let last_words = File::create(self.plan.workshop.join(format!("{name}.stderr")))?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(&self.plan.worker_args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(last_words)
            .spawn()?;
        let mut text = serde_json::to_vec(&orders)?;
        text.push(b'\n');
        if let Some(mut input) = child.stdin.take() {
            input.write_all(&text)?;
        }
        Ok(Hand { name, child })
    }

    /// Kills a worker with SIGKILL; gives the moment before.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self, index: usize) -> io::Result<Moment> {
        let hand = &mut self.hands[index];
        let journal = hand.name.clone();
        let at = self.pen.write(Event::Killing { journal })?;
        hand.child.kill()?;
        Ok(at)
    }

    /// Takes note of a worker that was killed and starts another in its place.
    ///
    /// # Errors
    /// When no process can be started.
    pub fn replace(&mut self, index: usize) -> io::Result<()> {
        self.hands[index].child.wait()?;
        self.hands[index] = self.engage(index)?;
        Ok(())
    }

    /// Stops a worker where it stands.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn stop(&self, index: usize) -> io::Result<()> {
        self.signal(index, Signal::STOP)
    }

    /// Lets a stopped worker go on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resume(&self, index: usize) -> io::Result<()> {
        self.signal(index, Signal::CONT)
    }

    /// The process id of a worker.
    pub fn pid(&self, index: usize) -> u32 {
        self.hands[index].child.id()
    }

    /// It is not reaped before `replace` or `finish`, so its number is its own.
    fn signal(&self, index: usize, signal: Signal) -> io::Result<()> {
        let pid = Pid::from_child(&self.hands[index].child);
        Ok(kill_process(pid, signal)?)
    }

    /// Waits until all have ended by themselves. One that does not is noted
    /// down as hung, and killed; one that fell over is noted down too.
    ///
    /// # Errors
    /// When the system fails.
    pub fn finish(mut self) -> io::Result<()> {
        let end = self.until.max(now()).plus(self.plan.patience);
        let mut hands = std::mem::take(&mut self.hands);
        for hand in &mut hands {
            let journal = hand.name.clone();
            match await_end(&mut hand.child, end)? {
                None => {
                    self.pen.write(Event::Hung { journal })?;
                    hand.child.kill()?;
                    hand.child.wait()?;
                }
                Some(status) if !status.success() && !was_killed(status) => {
                    let what = format!(
                        "{journal} ended with {status}: {}",
                        self.last_words(&journal)
                    );
                    self.pen.write(Event::Failed { what })?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Kills all, so that what they left behind can be judged.
    ///
    /// # Errors
    /// When one cannot be killed.
    pub fn end_at_once(mut self) -> io::Result<()> {
        for index in 0..self.hands.len() {
            self.kill(index)?;
            self.hands[index].child.wait()?;
        }
        Ok(())
    }

    fn last_words(&self, name: &str) -> String {
        fs::read_to_string(self.plan.workshop.join(format!("{name}.stderr"))).unwrap_or_default()
    }
}

/// Only by `kill` above, which noted it down.
fn was_killed(status: std::process::ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(Signal::KILL.as_raw())
}

fn await_end(child: &mut Child, end: Moment) -> io::Result<Option<std::process::ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if now() >= end {
            return Ok(None);
        }
        rest(Duration::from_millis(5));
    }
}

/// Whoever starts processes ends them.
impl Drop for Crew {
    fn drop(&mut self) {
        for hand in &mut self.hands {
            // It may have ended by itself.
            drop(hand.child.kill());
            drop(hand.child.wait());
        }
    }
}
