//! Waking a waiter in another process: each doorbell, with real processes.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gaia_locks::os::doorbell::sockets::SocketDoorbell;
use gaia_locks::os::{Doorbell, LocalDoorbell, Wake, open_doorbell};

const LONG: Duration = Duration::from_secs(30);
const AT_ONCE: Duration = Duration::ZERO;
const KINDS: [&str; 2] = ["best", "sockets"];

fn open(kind: &str, base: &Path) -> Arc<dyn Doorbell> {
    match kind {
        "best" => open_doorbell(base).unwrap(),
        _ => Arc::new(SocketDoorbell::open(base).unwrap()),
    }
}

struct Place {
    there: tempfile::TempDir,
    base: PathBuf,
}

fn place() -> Place {
    let there = tempfile::tempdir().unwrap();
    let base = there.path().join("locks.db");
    Place { there, base }
}

/// Role of a child: listens, says so, waits, says why it woke.
#[test]
fn child_that_listens() {
    let Ok(kind) = std::env::var("GAIA_TEST_KIND") else {
        return;
    };
    let base = PathBuf::from(std::env::var_os("GAIA_TEST_BASE").unwrap());
    let listener = open(&kind, &base).listen(7).unwrap();
    say("listening");
    if std::env::var_os("GAIA_TEST_LATE").is_some() {
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }
    say(&format!("{:?}", listener.wait(LONG)));
}

fn say(text: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\nchild: {text}").unwrap();
    out.flush().unwrap();
}

struct Listening {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Listening {
    fn start(kind: &str, base: &Path, late: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["child_that_listens", "--exact", "--nocapture"]);
        command
            .env("GAIA_TEST_KIND", kind)
            .env("GAIA_TEST_BASE", base);
        if late {
            command.env("GAIA_TEST_LATE", "1");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut lines =
            Box::new(lines.filter_map(|line| line.strip_prefix("child: ").map(str::to_owned)));
        assert_eq!(lines.next().as_deref(), Some("listening"));
        Self { child, lines }
    }

    fn woke_by(mut self) -> String {
        let why = self.lines.next().unwrap();
        self.child.wait().unwrap();
        why
    }
}

#[test]
fn r08_a_waiter_in_another_process_is_woken() {
    for kind in KINDS {
        let place = place();
        let child = Listening::start(kind, &place.base, false);
        open(kind, &place.base).ring(7);
        assert_eq!(child.woke_by(), "Rung", "{kind}");
    }
}

#[test]
fn r08_a_ring_between_listening_and_waiting_is_not_lost() {
    for kind in KINDS {
        let place = place();
        let mut child = Listening::start(kind, &place.base, true);
        open(kind, &place.base).ring(7);
        writeln!(child.child.stdin.take().unwrap(), "go on").unwrap();
        assert_eq!(child.woke_by(), "Rung", "{kind}");
    }
}

#[test]
fn r08_two_waiters_of_one_slot_are_both_woken() {
    for kind in KINDS {
        let place = place();
        let children = [0, 1].map(|_| Listening::start(kind, &place.base, false));
        open(kind, &place.base).ring(7);
        for child in children {
            assert_eq!(child.woke_by(), "Rung", "{kind}");
        }
    }
}

#[test]
fn r08_a_killed_waiter_harms_nobody() {
    for kind in KINDS {
        let place = place();
        let mut killed = Listening::start(kind, &place.base, false);
        killed.child.kill().unwrap();
        killed.child.wait().unwrap();
        let bell = open(kind, &place.base);
        bell.ring(7);
        let child = Listening::start(kind, &place.base, false);
        bell.ring(7);
        assert_eq!(child.woke_by(), "Rung", "{kind}");
    }
}

#[test]
fn sockets_of_the_dead_are_swept_away() {
    let place = place();
    let bell = SocketDoorbell::open(&place.base).unwrap();
    let count = || fs::read_dir(bell.directory()).unwrap().count();
    let mut killed = Listening::start("sockets", &place.base, false);
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    assert_eq!(count(), 1);
    bell.ring(8);
    assert_eq!(count(), 1, "another slot's socket is not looked at");
    bell.ring(7);
    assert_eq!(count(), 0);
    let listener = bell.listen(7).unwrap();
    assert_eq!(count(), 1);
    drop(listener);
    assert_eq!(count(), 0);
}

fn bells(place: &Place) -> [Arc<dyn Doorbell>; 3] {
    [
        open("best", &place.base),
        open("sockets", &place.base),
        Arc::new(LocalDoorbell::new()),
    ]
}

#[test]
fn r08_rings_are_kept_from_listening_on_and_no_longer() {
    let place = place();
    for bell in bells(&place) {
        bell.ring(3);
        let listener = bell.listen(3).unwrap();
        assert_eq!(listener.wait(AT_ONCE), Wake::TimedOut, "before it listened");
        bell.ring(4);
        assert_eq!(listener.wait(AT_ONCE), Wake::TimedOut, "another slot");
        bell.ring(3);
        bell.ring(3);
        assert_eq!(listener.wait(LONG), Wake::Rung);
        assert_eq!(
            listener.wait(Duration::from_millis(5)),
            Wake::TimedOut,
            "both were heard"
        );
        bell.ring(3);
        assert_eq!(listener.wait(AT_ONCE), Wake::Rung, "between two waits");
    }
}

#[test]
fn r08_a_handle_wakes_its_listener_from_inside() {
    let place = place();
    for bell in bells(&place) {
        let listener = bell.listen(5).unwrap();
        let handle = listener.handle();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| listener.wait(LONG));
            handle();
            assert_eq!(waiting.join().unwrap(), Wake::Rung);
        });
        drop(listener);
        handle(); // Nobody is there any more; it does no harm.
    }
}

#[test]
fn r08_no_ring_is_lost_in_a_long_exchange() {
    let place = place();
    for bell in bells(&place) {
        let (ping, pong) = (bell.listen(1).unwrap(), bell.listen(2).unwrap());
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..2000 {
                    assert_eq!(ping.wait(LONG), Wake::Rung);
                    bell.ring(2);
                }
            });
            for _ in 0..2000 {
                bell.ring(1);
                assert_eq!(pong.wait(LONG), Wake::Rung);
            }
        });
    }
}

#[test]
fn r08_processes_that_open_it_at_once_share_one() {
    for _ in 0..20 {
        let place = place();
        thread::scope(|scope| {
            let opened: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| open("best", &place.base)))
                .collect();
            let bells: Vec<_> = opened
                .into_iter()
                .map(|opened| opened.join().unwrap())
                .collect();
            let listeners: Vec<_> = bells.iter().map(|bell| bell.listen(9).unwrap()).collect();
            bells[0].ring(9);
            assert!(
                listeners
                    .iter()
                    .all(|listener| listener.wait(AT_ONCE) == Wake::Rung)
            );
        });
        let left = fs::read_dir(place.there.path()).unwrap().count();
        assert_eq!(left, 1, "nothing half-made is left");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn r08_a_file_that_was_cut_off_or_replaced_kills_nobody() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    let path = place.base.with_extension("db.bell");
    let bell = open("best", &place.base);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(100)
        .unwrap();
    let second = open("best", &place.base);
    let listener = bell.listen(9).unwrap();
    second.ring(9);
    assert_eq!(listener.wait(AT_ONCE), Wake::Rung);
    fs::remove_file(&path).unwrap();
    let listener = bell.listen(9).unwrap();
    open("best", &place.base).ring(9);
    assert_eq!(
        listener.wait(AT_ONCE),
        Wake::Rung,
        "the new file is the one that counts"
    );
}

/// Cut off while a process sleeps on it and others ring: nobody is killed, and
/// who sleeps is woken by the next ring.
#[test]
#[cfg(target_os = "linux")]
fn r08_a_file_cut_off_under_a_sleeper_kills_nobody_and_the_sleeper_is_woken() {
    let place = place();
    let path = place.base.with_extension("db.bell");
    let bell = open("best", &place.base);
    for length in [0, 1, 30] {
        let child = Listening::start("best", &place.base, false);
        until_asleep(child.child.id());
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(length).unwrap();
        bell.ring(7);
        assert_eq!(child.woke_by(), "Rung", "cut off to {length}");
        assert_eq!(fs::metadata(&path).unwrap().len(), 32 * 1024);
    }
    let listener = bell.listen(7).unwrap();
    fs::write(&path, "").unwrap();
    assert_eq!(
        listener.wait(AT_ONCE),
        Wake::Rung,
        "what was counted is lost"
    );
    bell.ring(7);
    assert_eq!(listener.wait(AT_ONCE), Wake::Rung, "and it rings again");
}

#[cfg(target_os = "linux")]
fn until_asleep(pid: u32) {
    let state = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        let behind_name = stat.rsplit_once(") ").map(|(_, behind)| behind.to_owned());
        behind_name.and_then(|behind| behind.chars().next())
    };
    let asleep = || {
        let mut threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        threads.all(|thread| state(thread.unwrap()) == Some('S'))
    };
    let end = std::time::Instant::now() + LONG;
    while !asleep() && std::time::Instant::now() < end {
        thread::yield_now();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_doorbell_is_never_a_link_or_another_file() {
    let place = place();
    let path = place.base.with_extension("db.bell");
    let target = place.there.path().join("precious");
    fs::write(&target, "x".repeat(100_000)).unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    assert!(open_doorbell(&place.base).is_err());
    fs::remove_file(&path).unwrap();
    fs::rename(&target, &path).unwrap();
    assert!(open_doorbell(&place.base).is_err());
    assert_eq!(fs::metadata(&path).unwrap().len(), 100_000);
}

#[test]
fn sockets_find_a_short_directory_where_the_path_is_long() {
    let place = place();
    let base = place.there.path().join("long".repeat(40)).join("locks.db");
    fs::create_dir(base.parent().unwrap()).unwrap();
    let bell = SocketDoorbell::open(&base).unwrap();
    assert!(bell.directory().starts_with("/tmp") && bell.directory().as_os_str().len() < 70);
    let listener = bell.listen(u32::MAX).unwrap();
    SocketDoorbell::open(&base).unwrap().ring(u32::MAX);
    assert_eq!(listener.wait(AT_ONCE), Wake::Rung);
    fs::set_permissions(
        bell.directory(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    assert!(SocketDoorbell::open(&base).is_err(), "others could look in");
    drop(listener);
    fs::remove_dir(bell.directory()).unwrap();
}
