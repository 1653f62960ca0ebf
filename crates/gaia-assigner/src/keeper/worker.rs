//! A worker: an agent that takes one text after the other on its stdin, and
//! says on its stdout what came of each (`claude -p --input-format stream-json`).
//!
//! It goes on from one task to the next while they are its session's and in one
//! folder; for another folder it is started anew, because an agent may write
//! where it was started. What it prints goes through this process, which looks
//! for the end of a turn in it, into the log of the task that it works on.
//!
//! What a task has started in it is ended with the task [T3]: everything below
//! the worker that was not there when it took the text. Where the system does
//! not tell what is below a process, the worker itself is ended; so is one that
//! may go on by itself, because it was asked to be woken or runs something in
//! the background.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::process::ChildStdin;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::os::offspring;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::agent::{Agent, log_file};
use super::family::Family;
use super::lease::now;
use super::{Audience, Event, Keeper, Said, Spec, Word, refusal, stashed, talk, watch_agent};
use super::{Exit, watch::Watch};
use crate::output::goes_on_by_itself;

/// How long a worker may take to end once nobody gives it texts any more.
const LEAVING: Duration = Duration::from_secs(5);
/// How long what a worker wrote may take into the log once it is gone. Only
/// where strays are not seen one of them may hold the pipes for longer.
const WRITING: Duration = Duration::from_secs(5);

/// A worker that runs.
pub(super) struct Worker {
    agent: Agent,
    stdin: ChildStdin,
    /// What it was started with.
    spec: Spec,
    sink: Arc<Mutex<Sink>>,
    /// Whether it was given a text before.
    has_worked: bool,
    /// Disconnected once all that it wrote is in the log.
    is_written: Receiver<()>,
}

/// Where its output goes, and what is looked for in it.
struct Sink {
    log: File,
    /// The text that it was given and has not answered, by its id.
    wanted: Option<String>,
    /// Whether it took that.
    is_taken: bool,
    /// What was below it before it worked on that: a fresh one starts its
    /// servers with its first text, and says when they are there.
    before: Option<HashSet<ProcessIdentity>>,
    /// Whether it may go on by itself after its answer.
    goes_on: bool,
}

impl Worker {
    fn start(spec: &Spec, tell: &Sender<Event>) -> io::Result<Self> {
        let log = log_file(&spec.log)?;
        let (agent, pipes) = Agent::start_piped(spec)?;
        let sink = Arc::new(Mutex::new(Sink {
            log,
            wanted: None,
            is_taken: false,
            before: None,
            goes_on: false,
        }));
        let (pid, to, told) = (agent.pid(), sink.clone(), tell.clone());
        let stdout = pipes.stdout;
        let (writing, is_written) = mpsc::channel::<()>();
        let also = writing.clone();
        spawn(move || {
            follow(stdout, &to, |sink, line| heard(sink, line, pid, &told));
            drop(writing);
        })?;
        let (to, stderr) = (sink.clone(), pipes.stderr);
        spawn(move || {
            follow(stderr, &to, |_, _| {});
            drop(also);
        })?;
        watch_agent(agent.group(), tell.clone())?;
        Ok(Self {
            agent,
            stdin: pipes.stdin,
            spec: spec.clone(),
            sink,
            has_worked: false,
            is_written,
        })
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is what a task wants to be done by.
    fn fits(&self, spec: &Spec) -> bool {
        let own = &self.spec;
        (&own.argv, &own.folder, &own.environment) == (&spec.argv, &spec.folder, &spec.environment)
    }

    /// Gives it a text.
    fn give(&mut self, spec: &Spec, log: File) -> io::Result<()> {
        let id = text_id();
        let before = self.has_worked.then(|| below(self.agent.pid()));
        self.has_worked = true;
        *self.sink() = Sink {
            log,
            wanted: Some(id.clone()),
            is_taken: false,
            before,
            goes_on: false,
        };
        let text = spec.input.as_deref().unwrap_or_default();
        let line =
            json!({"type": "user", "uuid": id, "message": {"role": "user", "content": text}});
        self.stdin.write_all(format!("{line}\n").as_bytes())?;
        self.stdin.flush()
    }

    /// Ends what its task started; `false` where that cannot be told.
    fn clear_below(&self, grace: Duration, at_latest: Moment) -> bool {
        let before = self.sink().before.take();
        let Some(before) = before.filter(|_| offspring::sees_orphans()) else {
            return false;
        };
        let kill_at = now().plus(grace).min(at_latest);
        loop {
            let mut left = below(self.agent.pid());
            left.retain(|process| !before.contains(process));
            left.extend(self.strays());
            if left.is_empty() {
                return true;
            }
            let signal = if now() < kill_at {
                Signal::TERM
            } else {
                Signal::KILL
            };
            for process in &left {
                send(process.pid, signal);
            }
            pause();
        }
    }

    /// What left the worker and is this process's child now. One that has ended
    /// is taken note of.
    fn strays(&self) -> Vec<ProcessIdentity> {
        let own = self.agent.pid();
        let others = offspring::children().into_iter().filter(|pid| *pid != own);
        let living = others.filter_map(|pid| {
            let raw = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
            let options = rustix::process::WaitOptions::NOHANG;
            match rustix::process::waitpid(Some(raw), options) {
                Ok(None) => ProcessIdentity::of(pid).ok().flatten(),
                _ => None,
            }
        });
        living.collect()
    }
}

/// An id as clients know them; no two of one keeper are the same.
fn text_id() -> String {
    let (time, own) = (now().0, std::process::id());
    let (high, low) = (time >> 32, time & 0xffff_ffff);
    format!(
        "{low:08x}-{:04x}-4000-8000-{own:08x}{:04x}",
        high & 0xffff,
        (high >> 16) & 0xffff
    )
}

/// A line of the worker's: what it says of the text that it was given.
fn heard(sink: &mut Sink, line: &[u8], pid: u32, tell: &Sender<Event>) {
    let Ok(line) = serde_json::from_slice::<Value>(line) else {
        return;
    };
    let Some(wanted) = sink.wanted.as_deref() else {
        return;
    };
    match line["type"].as_str() {
        Some("system") if line["subtype"] == "init" => {
            sink.before.get_or_insert_with(|| below(pid));
        }
        Some("user") if line["uuid"] == wanted => {
            sink.is_taken = true;
            sink.before.get_or_insert_with(|| below(pid));
        }
        // A result before it took the text is of something else.
        Some("result") if sink.is_taken => {
            sink.wanted = None;
            // Without a receiver the keeper is at its end already.
            let _ = tell.send(Event::Answered);
        }
        Some("assistant") => sink.goes_on |= goes_on_by_itself(&line),
        _ => {}
    }
}

/// Passes on what the worker writes, line by line.
fn follow(from: impl Read, to: &Mutex<Sink>, heard: impl Fn(&mut Sink, &[u8])) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let mut sink = to.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk costs the log, not the task.
        let _ = sink.log.write_all(&line);
        heard(&mut sink, &line);
        line.clear();
    }
}

fn below(pid: u32) -> HashSet<ProcessIdentity> {
    let below = offspring::below(pid).into_iter();
    below
        .filter_map(|pid| ProcessIdentity::of(pid).ok().flatten())
        .collect()
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended since: that is what was wanted.
        let _ = kill_process(pid, signal);
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name("worker".to_owned());
    thread.spawn(work).map(drop)
}

#[expect(
    clippy::disallowed_methods,
    reason = "somebody else's children tell nobody of their end"
)]
fn pause() {
    thread::sleep(Duration::from_millis(10));
}

impl Keeper {
    /// One task of a worker's, from its text to its answer.
    pub(super) fn serve_by_worker(&mut self, spec: &Spec) -> io::Result<(Word, Audience)> {
        if let Err(said) = stashed(spec) {
            return Ok((said.into(), Audience::Assigner));
        }
        let log = match log_file(&spec.log) {
            Ok(log) => log,
            Err(error) => return Ok((refusal(spec, &error).into(), Audience::Assigner)),
        };
        let mut worker = match self.worker_for(spec)? {
            Ok(worker) => worker,
            Err(said) => return Ok((said.into(), Audience::Assigner)),
        };
        let pid = worker.agent.pid();
        talk::say(&Said::Started { pid }.into());
        let was_there = worker.has_worked;
        // One that cannot be given it has ended, which is heard below.
        let _ = worker.give(spec, log);
        let mut watch = Watch::new(spec, &worker.agent, &self.tell);
        while !watch.turn(self) {}
        let audience = watch.audience;
        if !watch.is_answered {
            return worker_ended(worker, watch, was_there);
        }
        let at_latest = watch.kill_strays_at();
        let is_clear = worker.clear_below(watch.family.grace(), at_latest);
        let goes_on = worker.sink().goes_on;
        if audience == Audience::Assigner && is_clear && !goes_on {
            self.worker = Some(worker);
        } else {
            self.end_worker(worker, at_latest)?;
        }
        Ok((watch.word(Exit::Code(0)), audience))
    }

    fn worker_for(&mut self, spec: &Spec) -> io::Result<Result<Worker, Said>> {
        let is_stopped = match self.worker.take() {
            Some(worker) if worker.fits(spec) => return Ok(Ok(worker)),
            Some(other) => self.end_worker(other, Moment::MAX)?,
            None => false,
        };
        if is_stopped {
            let why = "it was stopped before it began";
            return Ok(Err(Said::Refused(why.to_owned())));
        }
        Ok(Worker::start(spec, &self.tell).map_err(|error| refusal(spec, &error)))
    }

    /// The worker ended between two tasks.
    pub(super) fn bury_worker(&mut self) -> io::Result<()> {
        let Some(worker) = self.worker.take() else {
            return Ok(());
        };
        let family = Family::of(&worker.agent, Duration::ZERO);
        worker.agent.reap()?;
        family.clear_away(now());
        Ok(())
    }

    /// Sends the worker home: it ends because nobody gives it texts any more,
    /// or is ended. Says whether somebody wants the task stopped that is there
    /// meanwhile; what else is told meanwhile is heard later.
    pub(super) fn end_worker(&mut self, worker: Worker, at_latest: Moment) -> io::Result<bool> {
        let grace = Duration::from_millis(worker.spec.grace_ms);
        let family = Family::of(&worker.agent, grace);
        drop(worker.stdin);
        let (mut later, mut is_asked, mut is_stopped) = (Vec::new(), false, false);
        let mut until = now().plus(LEAVING).min(at_latest);
        loop {
            match self.events.recv_timeout(now().until(until)) {
                Ok(Event::AgentEnded) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(Event::Stop) => {
                    is_stopped = true;
                    // Somebody waits for the end.
                    until = if is_asked { until } else { now() };
                }
                Ok(other) => later.push(other),
                Err(RecvTimeoutError::Timeout) => {
                    if is_asked || now() >= at_latest {
                        family.kill();
                    } else {
                        family.terminate();
                    }
                    is_asked = true;
                    let soon = now().plus(Duration::from_millis(100));
                    until = now().plus(grace).min(at_latest).max(soon);
                }
            }
        }
        worker.agent.reap()?;
        family.clear_away(now().plus(grace));
        for event in later {
            // This is the receiver.
            let _ = self.tell.send(event);
        }
        Ok(is_stopped)
    }
}

/// What is said of a task whose worker ended: one that had answered is judged
/// by that, and one that was there before and did not take the text was not
/// given it [T2].
fn worker_ended(worker: Worker, watch: Watch, was_there: bool) -> io::Result<(Word, Audience)> {
    let Worker {
        agent,
        sink,
        is_written,
        ..
    } = worker;
    let exit = agent.reap()?;
    watch.family.clear_away(watch.kill_strays_at());
    // What it wrote last decides. Disconnected is what this is then.
    let _ = is_written.recv_timeout(WRITING);
    let (is_taken, is_answered) = {
        let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing that is read later is an answer to the next text.
        let is_answered = sink.wanted.take().is_none();
        (sink.is_taken, is_answered)
    };
    let audience = watch.audience;
    let word = match exit {
        _ if watch.is_stopped() => watch.word(exit),
        _ if is_answered => watch.word(Exit::Code(0)),
        _ if was_there && !is_taken => Said::Refused(format!(
            "its worker ended before it took the text: {}",
            exit.words()
        ))
        .into(),
        _ => watch.word(exit),
    };
    Ok((word, audience))
}
