//! Runs of process sessions, each under a keeper of its own.
//!
//! One keeper stands ready before it is needed: starting it costs more than
//! all the rest of an assignment, and its process must be known when the lock
//! is taken, because the lock is bound to it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::ids::SessionId;
use gaia_locks::liveness::{Liveness, ProcessIdentity, ProcessWatch, leftovers, liveness};
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, Signal, kill_process};

use super::fds::{do_not_block, wait_for};
use super::{Event, Run, RunId, Tell, word_file};
use crate::keeper::{ACKNOWLEDGED, Said, Spec, Word, read_word};
use crate::task::{Outcome, Running};
use crate::worktree::WorkTree;

/// How long an orphan may take to end once it was asked to.
const ORPHAN_GRACE: Duration = Duration::from_secs(15);

/// How long a keeper without a task may take to end.
const IDLE_GRACE: Duration = Duration::from_secs(2);

/// How long one may take whose worker has to end first.
const LEAVING: Duration = Duration::from_secs(15);

/// How long a keeper may take to read what it is given. The assigner does
/// nothing else meanwhile.
const TAKING: Duration = Duration::from_secs(2);

/// How long a keeper may take beyond the agent's grace before it is killed.
const KEEPER_GRACE: Duration = Duration::from_secs(10);

/// What is started as a keeper.
#[derive(Clone, Debug)]
pub struct KeeperProgram {
    /// The program: the binary itself.
    pub program: PathBuf,
    /// Its hidden command.
    pub arguments: Vec<OsString>,
    /// Variables that lead it to the same database.
    pub environment: Vec<(OsString, OsString)>,
}

/// A keeper that waits for a spec. It serves one task after the other: between
/// two of them nothing is left of the first.
pub struct Spare {
    line: Line,
    identity: ProcessIdentity,
    /// The session whose worker runs under it: it serves no other.
    pub(crate) serves: Option<SessionId>,
}

/// The way to a keeper that this assigner started.
struct Line {
    stdin: ChildStdin,
    heard: Arc<Heard>,
}

/// What the thread that hears a keeper knows.
struct Heard {
    /// The run that it works on now.
    run: Mutex<Option<RunId>>,
    ended: Mutex<bool>,
    rings: Condvar,
}

impl Heard {
    fn set(&self, run: Option<RunId>) -> Option<RunId> {
        let mut now = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, run)
    }

    fn note_end(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rings.notify_all();
    }

    /// Whether it has ended, at the latest after so long.
    fn ends_within(&self, patience: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .rings
            .wait_timeout_while(ended, patience, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn now(&self) -> Option<RunId> {
        *self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spare {
    /// Starts one. From now on it tells by itself.
    ///
    /// # Errors
    /// What the system said.
    pub fn start(program: &KeeperProgram, tell: Tell) -> io::Result<Self> {
        let mut child = Command::new(&program.program)
            .args(&program.arguments)
            .envs(program.environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let identity = ProcessIdentity::of(child.id())?;
        let (Some(stdin), Some(stdout), Some(identity)) =
            (child.stdin.take(), child.stdout.take(), identity)
        else {
            child.wait()?;
            let why = "the keeper ended as soon as it was started";
            return Err(io::Error::other(why));
        };
        do_not_block(stdin.as_fd())?;
        let heard = Arc::new(Heard {
            run: Mutex::new(None),
            ended: Mutex::new(false),
            rings: Condvar::new(),
        });
        let hears = heard.clone();
        thread::Builder::new()
            .name("keeper".to_owned())
            .spawn(move || hear(child, stdout, &hears, &tell))?;
        Ok(Self {
            line: Line { stdin, heard },
            identity,
            serves: None,
        })
    }

    /// The same, for a session's worker alone.
    pub(crate) fn serving(self, session: Option<SessionId>) -> Self {
        Self {
            serves: session,
            ..self
        }
    }

    /// Its process: what a task's lock is bound to.
    pub fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    /// Whether it still waits.
    pub fn is_alive(&self) -> bool {
        !self.line.heard.ends_within(Duration::ZERO)
    }

    /// Sends it away; it ends because nobody gives it a spec. One that does not
    /// (somebody stopped it) is killed: it has no task.
    pub fn dismiss(self) {
        let Line { stdin, heard } = self.line;
        drop(stdin);
        let patience = match self.serves {
            Some(_) => LEAVING,
            None => IDLE_GRACE,
        };
        if !heard.ends_within(patience) {
            signal(&self.identity, Signal::KILL);
            kill_leftovers(&self.identity);
        }
    }

    /// Gives it a spec.
    ///
    /// # Errors
    /// When it has ended, or does not take it (somebody stopped it): then it is
    /// killed.
    pub fn run(mut self, spec: &Spec, run: RunId) -> io::Result<ProcessRun> {
        let mut line = serde_json::to_vec(spec)?;
        line.push(b'\n');
        self.line.heard.set(Some(run));
        if let Err(error) = write_within(&mut self.line.stdin, &line, TAKING) {
            // Whoever hears of this error needs no second word about it.
            self.line.heard.set(None);
            signal(&self.identity, Signal::KILL);
            return Err(error);
        }
        Ok(ProcessRun {
            keeper: self.identity,
            serves: self.serves,
            line: Some(self.line),
            _watch: None,
        })
    }
}

/// Writes all of it, unless the reader does not take it for so long.
fn write_within(to: &mut ChildStdin, mut bytes: &[u8], patience: Duration) -> io::Result<()> {
    let until = SystemClock.now().moment.plus(patience);
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = SystemClock.now().moment.until(until);
                if left.is_zero() {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "it does not read"));
                }
                wait_for(&mut [PollFd::new(&*to, PollFlags::OUT)], left)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Passes on what a keeper says until it has ended.
fn hear(mut child: Child, stdout: ChildStdout, heard: &Heard, tell: &Tell) {
    for line in BufReader::new(stdout).lines() {
        let word: Option<Word> = line.ok().and_then(|line| serde_json::from_str(&line).ok());
        match word {
            Some(Word {
                said: Said::Started { pid },
                ..
            }) => {
                if let Some(run) = heard.now() {
                    tell.tell(Event::Started { run, pid });
                }
            }
            Some(word) => {
                if let Some(run) = heard.set(None) {
                    over(tell, run, outcome(&word), word.work_tree);
                }
            }
            None => break,
        }
    }
    // A child that cannot be waited for has been.
    let _ = child.wait();
    heard.note_end();
    if let Some(run) = heard.set(None) {
        tell.tell(Event::Over {
            run,
            outcome: Outcome::Lost,
        });
    }
}

fn over(tell: &Tell, run: RunId, outcome: Outcome, tree: Option<WorkTree>) {
    if let Some(tree) = tree {
        tell.tell(Event::Left { run, tree });
    }
    tell.tell(Event::Over { run, outcome });
}

fn outcome(word: &Word) -> Outcome {
    match &word.said {
        Said::Ended(exit) if word.is_late => Outcome::Late(*exit),
        Said::Ended(exit) if word.is_stopped => Outcome::Stopped(*exit),
        Said::Ended(exit) => Outcome::Exit(*exit),
        Said::Uncommitted(why) => Outcome::Uncommitted(why.clone()),
        Said::Refused(why) => Outcome::NotStarted(why.clone()),
        Said::TooLong(why) => Outcome::NotTaken(why.clone()),
        Said::Unrenewed => Outcome::Unrenewed,
        Said::LeaseLost(how) => Outcome::LeaseLost(how.clone()),
        Said::Started { .. } => Outcome::Lost,
    }
}

/// A running task's keeper, as its assigner holds it.
pub struct ProcessRun {
    keeper: ProcessIdentity,
    serves: Option<SessionId>,
    /// None for one that another assigner started.
    line: Option<Line>,
    _watch: Option<ProcessWatch>,
}

impl ProcessRun {
    /// Takes over a keeper whose assigner is gone. It says nothing any more;
    /// when it ends, its word lies in a file.
    ///
    /// # Errors
    /// When it cannot be watched.
    pub fn adopt(
        keeper: ProcessIdentity,
        word: PathBuf,
        run: RunId,
        tell: Tell,
    ) -> io::Result<Self> {
        let watch = ProcessWatch::start(vec![keeper.clone()], move |_| {
            let (outcome, tree) = left_behind(&word);
            over(&tell, run, outcome, tree);
        })?;
        Ok(Self {
            keeper,
            serves: None,
            line: None,
            _watch: Some(watch),
        })
    }
}

impl Run for ProcessRun {
    /// The agent is told to end, and killed after a grace.
    fn stop(&mut self) {
        signal(&self.keeper, Signal::TERM);
    }

    fn patience(&self, grace: Duration) -> Duration {
        grace + KEEPER_GRACE
    }

    /// Ends the keeper itself, which does not do its work.
    fn kill(&mut self) {
        signal(&self.keeper, Signal::KILL);
    }

    /// The keeper may serve another task, if it is this assigner's and still
    /// lives.
    fn acknowledge(self: Box<Self>) -> Option<Spare> {
        let mut line = self.line?;
        line.stdin.write_all(ACKNOWLEDGED.as_bytes()).ok()?;
        let spare = Spare {
            line,
            identity: self.keeper,
            serves: self.serves,
        };
        Some(spare).filter(Spare::is_alive)
    }
}

/// What a keeper without an assigner left behind.
pub(crate) fn left_behind(word: &Path) -> (Outcome, Option<WorkTree>) {
    match read_word(word) {
        Some(word) => (outcome(&word), word.work_tree),
        None => (Outcome::Lost, None),
    }
}

/// Takes away the word of a task's keeper, once the task's end is recorded.
pub(crate) fn forget_word(running: &Running) {
    if let (Some((log, _)), Some(keeper)) = (&running.log, &running.keeper) {
        // Most keepers leave none, and one that stays behind harms nobody: no
        // other keeper's is looked for under its name.
        let _ = fs::remove_file(word_file(Path::new(log), keeper));
    }
}

fn signal(process: &ProcessIdentity, signal: Signal) {
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid.filter(|_| liveness(process) == Liveness::Alive) {
        // It may have ended since: that is what was wanted.
        let _ = kill_process(pid, signal);
    }
}

/// Ends what a keeper that was killed has left, as far as it can be told.
pub(crate) fn kill_leftovers(keeper: &ProcessIdentity) {
    signal(keeper, Signal::KILL);
    let until = SystemClock.now().moment.plus(ORPHAN_GRACE);
    loop {
        let left = leftovers(keeper);
        for pid in left
            .iter()
            .filter_map(|pid| i32::try_from(*pid).ok().and_then(Pid::from_raw))
        {
            // It may have ended since: that is what was wanted.
            let _ = kill_process(pid, Signal::KILL);
        }
        if left.is_empty() || SystemClock.now().moment >= until {
            return;
        }
        pause();
    }
}

/// Stops what runs under a keeper that no assigner holds any more; comes back
/// when it is gone.
pub fn end_orphan(keeper: &ProcessIdentity) {
    let until = SystemClock.now().moment.plus(ORPHAN_GRACE);
    signal(keeper, Signal::TERM);
    while liveness(keeper) == Liveness::Alive {
        if SystemClock.now().moment >= until {
            signal(keeper, Signal::KILL);
        }
        pause();
    }
    kill_leftovers(keeper);
}

#[expect(
    clippy::disallowed_methods,
    reason = "somebody else's children tell nobody of their end"
)]
fn pause() {
    thread::sleep(Duration::from_millis(10));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// More than a pipe holds.
    #[test]
    fn t04_a_keeper_that_does_not_read_what_it_is_given_is_killed_and_holds_nobody_up() {
        let program = KeeperProgram {
            program: "sleep".into(),
            arguments: vec!["300".into()],
            environment: Vec::new(),
        };
        let tell = Tell {
            words: mpsc::channel().0,
            ring: Arc::new(|| {}),
        };
        let spare = Spare::start(&program, tell).unwrap();
        let (heard, keeper) = (spare.line.heard.clone(), spare.identity.clone());
        let spec = Spec {
            argv: Vec::new(),
            input: Some("x".repeat(1 << 20)),
            folder: PathBuf::from("/"),
            environment: Vec::new(),
            log: PathBuf::new(),
            word: PathBuf::new(),
            grace_ms: 0,
            is_worker: false,
            lease: None,
            deadline: None,
            stash: None,
        };
        let error = spare.run(&spec, 1).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(heard.ends_within(Duration::from_secs(10)));
        assert_eq!(liveness(&keeper), Liveness::Gone);
    }
}
