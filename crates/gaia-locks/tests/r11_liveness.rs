//! Who is alive, told of real processes.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use gaia_locks::clock::BootId;
use gaia_locks::liveness::{Liveness, ProcessIdentity, ProcessWatch, liveness};
use gaia_locks::os::portable::PollingWatch;

const LONG: Duration = Duration::from_secs(30);

fn sleeper() -> (Child, ProcessIdentity) {
    let child = Command::new("sleep").arg("1000").spawn().unwrap();
    let identity = ProcessIdentity::of(child.id()).unwrap().unwrap();
    (child, identity)
}

/// Ends a process and waits until it is a zombie, without reaping it.
fn make_zombie(child: &mut Child, identity: &ProcessIdentity) {
    let (told, ended) = mpsc::channel();
    let watch = ProcessWatch::start(vec![identity.clone()], move |_| told.send(()).unwrap());
    child.kill().unwrap();
    ended.recv_timeout(LONG).unwrap();
    drop(watch);
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was left out"
)]
fn loudly(text: &str) {
    eprintln!("\n!!! NOT TESTED: {text}\n");
}

#[test]
fn r11_a_process_lives_until_it_is_killed() {
    let (mut child, identity) = sleeper();
    assert_eq!(liveness(&identity), Liveness::Alive);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(liveness(&identity), Liveness::Gone);
    assert_eq!(ProcessIdentity::of(identity.pid).unwrap(), None);
}

#[test]
fn r11_a_zombie_is_gone_though_nobody_reaped_it() {
    let (mut child, identity) = sleeper();
    make_zombie(&mut child, &identity);
    assert_eq!(liveness(&identity), Liveness::Gone);
    assert_eq!(ProcessIdentity::of(identity.pid).unwrap(), None);
    child.wait().unwrap();
}

#[test]
fn r11_a_stopped_process_lives() {
    let (mut child, identity) = sleeper();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    assert_eq!(liveness(&identity), Liveness::Alive);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn r11_a_pid_used_again_is_not_the_process_that_had_it() {
    let (mut child, mut identity) = sleeper();
    identity.start_time -= 1;
    assert_eq!(liveness(&identity), Liveness::Gone);
    identity.boot = BootId("an earlier one".into());
    assert_eq!(liveness(&identity), Liveness::Gone);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn r11_identities_survive_being_stored() {
    let current = ProcessIdentity::current().unwrap();
    let text = serde_json::to_string(&current).unwrap();
    assert_eq!(
        serde_json::from_str::<ProcessIdentity>(&text).unwrap(),
        current
    );
}

#[test]
#[cfg(target_os = "linux")]
fn r11_a_forked_child_is_another_process() {
    let parent = ProcessIdentity::current().unwrap();
    // SAFETY: the child reads /proc and ends at once by _exit.
    let forked = unsafe { libc::fork() };
    if forked == 0 {
        let own = ProcessIdentity::current()
            .is_ok_and(|own| own.pid == std::process::id() && own != parent);
        // SAFETY: ends this process without running the parent's exit handlers.
        unsafe { libc::_exit(if own { 7 } else { 1 }) };
    }
    let pid = rustix::process::Pid::from_raw(forked);
    let ended = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()).unwrap();
    assert_eq!(ended.unwrap().1.exit_status(), Some(7));
}

/// Role of a child: judges the process that it is given, says so, tells who it is, and stays.
#[test]
fn child_that_judges() {
    let Ok(other) = std::env::var("GAIA_TEST_JUDGE") else {
        return;
    };
    let other: ProcessIdentity = serde_json::from_str(&other).unwrap();
    let own = serde_json::to_string(&ProcessIdentity::current().unwrap()).unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "\njudged {:?}\nown {own}", liveness(&other)).unwrap();
    out.flush().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// What a child in other namespaces thinks of `other`, and what is thought here of the child.
fn judged_from(unshare: &[&str], other: &ProcessIdentity) -> Option<(String, Liveness)> {
    let allowed = Command::new("unshare").args(unshare).arg("true").output();
    if !allowed.is_ok_and(|done| done.status.success()) {
        loudly(&format!("unshare {unshare:?} is not allowed here"));
        return None;
    }
    let mut child = Command::new("unshare")
        .args(unshare)
        .arg(std::env::current_exe().unwrap())
        .args(["child_that_judges", "--exact", "--nocapture"])
        .env("GAIA_TEST_JUDGE", serde_json::to_string(other).unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let judged = lines
        .find_map(|line| line.strip_prefix("judged ").map(str::to_owned))
        .unwrap();
    let own = lines
        .find_map(|line| line.strip_prefix("own ").map(str::to_owned))
        .unwrap();
    let of_child = liveness(&serde_json::from_str(&own).unwrap());
    drop(child.stdin.take());
    lines.for_each(drop);
    child.wait().unwrap();
    Some((judged, of_child))
}

#[test]
#[cfg(target_os = "linux")]
fn r11_a_process_in_another_pid_namespace_cannot_be_told() {
    let own = ProcessIdentity::current().unwrap();
    let (mut child, sleeper) = sleeper();
    for process in [&own, &sleeper] {
        for with in [
            &["--pid", "--fork", "--mount-proc"][..],
            &["--pid", "--fork"],
        ] {
            if let Some((judged, of_child)) = judged_from(with, process) {
                assert_eq!(
                    (judged.as_str(), of_child),
                    ("CannotTell", Liveness::CannotTell)
                );
            }
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn r11_a_shifted_clock_proves_no_death() {
    let own = ProcessIdentity::current().unwrap();
    let with = ["--time", "--boottime", "100000", "--fork"];
    if let Some((judged, of_child)) = judged_from(&with, &own) {
        assert_eq!(
            (judged.as_str(), of_child),
            ("CannotTell", Liveness::CannotTell)
        );
    }
}

type Start = fn(Vec<ProcessIdentity>, mpsc::Sender<ProcessIdentity>) -> Box<dyn std::any::Any>;

fn kernel(
    processes: Vec<ProcessIdentity>,
    told: mpsc::Sender<ProcessIdentity>,
) -> Box<dyn std::any::Any> {
    Box::new(ProcessWatch::start(processes, move |ended| drop(told.send(ended.clone()))).unwrap())
}

fn polling(
    processes: Vec<ProcessIdentity>,
    told: mpsc::Sender<ProcessIdentity>,
) -> Box<dyn std::any::Any> {
    Box::new(PollingWatch::start(processes, move |ended| drop(told.send(ended.clone()))).unwrap())
}

fn tells_of_each_end(start: Start) {
    let mut running: Vec<_> = (0..3).map(|_| sleeper()).collect();
    let mut dead = running[0].1.clone();
    dead.start_time -= 1;
    let watched = running
        .iter()
        .map(|(_, identity)| identity.clone())
        .chain([dead.clone()]);
    let (told, ended) = mpsc::channel();
    let watch = start(watched.collect(), told);
    assert_eq!(
        ended.recv_timeout(LONG).unwrap(),
        dead,
        "gone before the watch began"
    );
    for (child, identity) in &mut running {
        assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));
        child.kill().unwrap();
        assert_eq!(ended.recv_timeout(LONG).as_ref(), Ok(&*identity));
        child.wait().unwrap();
    }
    // All have ended, so the thread has too, and with it the sender.
    assert_eq!(
        ended.recv_timeout(LONG),
        Err(mpsc::RecvTimeoutError::Disconnected)
    );
    drop(watch);
}

fn ends_its_thread_when_dropped(start: Start) {
    let (mut child, identity) = sleeper();
    let (told, ended) = mpsc::channel();
    let watch = start(vec![identity], told);
    drop(watch);
    assert_eq!(
        ended.recv_timeout(LONG),
        Err(mpsc::RecvTimeoutError::Disconnected)
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn r11_the_end_of_a_process_is_told() {
    tells_of_each_end(kernel);
}

#[test]
fn r11_the_end_of_a_process_is_told_by_the_portable_way() {
    tells_of_each_end(polling);
}

#[test]
fn a_dropped_watch_leaves_no_thread() {
    ends_its_thread_when_dropped(kernel);
    ends_its_thread_when_dropped(polling);
}
