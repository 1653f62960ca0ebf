//! `gaia run` whose server falls silent: nothing is refused, nothing answered.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::served::Served;
use crate::home::{Guard, signal, until};

/// A wire to the server that can lose what is asked.
struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Requests with this in them do not arrive.
    lost: Option<String>,
    count: usize,
    /// How long each piece of an answer is held back.
    slow: Duration,
}

impl Wire {
    fn to(served: &Served) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (server, state) = (served.listen.clone(), Arc::<Mutex<State>>::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(&server).unwrap();
                pass(&server, &client, shared.clone(), false);
                pass(&client, &server, shared.clone(), true);
            }
        });
        Self { address, state }
    }

    fn lose(&self, what: &str) {
        self.state.lock().unwrap().lost = Some(what.to_owned());
    }

    fn fall_silent(&self) {
        self.lose("");
    }

    fn has_lost(&self, count: usize) -> bool {
        self.state.lock().unwrap().count >= count
    }

    /// A command that says when it has begun and when it is told to stop.
    fn run(&self, served: &Served, words: &[&str]) -> Guard {
        let script =
            "trap 'touch ../told; exit 7' TERM; touch ../began; while :; do sleep 0.02; done";
        let run = ["run", "a", "--session", "ann"];
        let command = ["--", "sh", "-c", script];
        let mut gaia: Command = served.gaia(&[&run[..], words, &command].concat());
        gaia.env("GAIA_SERVER", format!("http://{}", self.address));
        Guard(gaia.spawn().unwrap())
    }
}

fn pass(from: &TcpStream, to: &TcpStream, state: Arc<Mutex<State>>, is_request: bool) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut bytes = [0_u8; 4096];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..read]);
            let mut now = state.lock().unwrap();
            let slow = now.slow;
            if is_request && now.lost.as_ref().is_some_and(|lost| text.contains(lost)) {
                now.count += 1;
                drop(now);
                std::thread::park();
            } else {
                drop(now);
            }
            if !is_request {
                std::thread::sleep(slow);
            }
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        // Whoever has gone already needs not be told.
        drop(to.shutdown(std::net::Shutdown::Both));
    });
}

fn begun(served: &Served) {
    until("the command has begun", || {
        served.home.path("began").exists()
    });
}

fn is_told(served: &Served) -> bool {
    served.home.path("told").exists()
}

#[test]
fn alone_r01_a_command_is_stopped_in_time_although_the_server_falls_silent_at_its_start() {
    let served = Served::start();
    let wire = Wire::to(&served);
    let run = wire.run(&served, &["--ttl", "4s"]);
    begun(&served);
    wire.fall_silent();
    stopped_in_time(&served, run);
}

#[test]
fn alone_r01_a_command_that_had_to_wait_is_stopped_in_time_as_well() {
    let served = Served::start();
    let wire = Wire::to(&served);
    assert_eq!(served.status(&["acquire", "a", "--session", "ben"]), 0);
    let run = wire.run(&served, &["--ttl", "4s", "--wait"]);
    until("it waits", || served.places().len() == 1);
    // Longer than its lease: since it asked, the lease would be over.
    let waits = Instant::now();
    until("it has waited", || waits.elapsed() > Duration::from_secs(4));
    assert_eq!(served.status(&["release", "a", "--session", "ben"]), 0);
    begun(&served);
    wire.fall_silent();
    stopped_in_time(&served, run);
}

#[test]
fn r01_a_command_does_not_begin_when_its_lease_was_over_before_it_was_told_of_it() {
    let served = Served::start();
    let wire = Wire::to(&served);
    wire.state.lock().unwrap().slow = Duration::from_millis(1500);
    let run = wire.run(&served, &["--ttl", "1s"]);
    let (status, _, err) = run.end();
    assert_eq!(status, 3, "{err}");
    assert!(err.contains("before the command could begin"), "{err}");
    assert!(!served.home.path("began").exists());
    assert_eq!(served.locks().len(), 0);
}

fn stopped_in_time(served: &Served, run: Guard) {
    let asked = Instant::now();
    let left = served.locks()[0]["expires_in"].as_f64().unwrap();
    until("the command is told to stop", || is_told(served));
    let told = asked.elapsed().as_secs_f64();
    // To be told takes a moment on a machine that has much to do; who waits for
    // an answer first, or counts its lease from when it began, is late by more.
    assert!(told < left + 0.5, "told after {told}, lease over in {left}");
    let (status, _, err) = run.end();
    assert_eq!(status, 4, "{err}");
    let ended = asked.elapsed().as_secs_f64();
    assert!(ended < told + 2.0, "told after {told}, ended after {ended}");
}

#[test]
fn alone_a_signal_reaches_the_command_and_gaia_ends_soon_although_the_server_is_silent() {
    let served = Served::start();
    let wire = Wire::to(&served);
    let run = wire.run(&served, &["b"]);
    begun(&served);
    wire.fall_silent();
    until("the lease is looked at", || wire.has_lost(2));
    told_soon(&served, &run);
    let told = Instant::now();
    let (status, _, err) = run.end();
    assert_eq!(status, 7, "{err}");
    for lock in ["lock 1", "lock 2"] {
        let said = format!("the {lock} could not be released");
        assert!(err.contains(&said), "{err}");
    }
    assert!(
        told.elapsed() < Duration::from_secs(6),
        "{:?}",
        told.elapsed()
    );
}

#[test]
fn alone_a_signal_reaches_the_command_while_it_is_asked_who_waits() {
    let served = Served::start();
    let wire = Wire::to(&served);
    let run = wire.run(&served, &[]);
    begun(&served);
    wire.lose("\"status\"");
    let waiting = served.waiting("ben", 1);
    until("it is asked who waits", || wire.has_lost(1));
    told_soon(&served, &run);
    assert_eq!(run.end().0, 7);
    assert_eq!(waiting.end().0, 0);
}

#[test]
fn alone_a_hook_that_refuses_nothing_does_not_wait_for_a_silent_server() {
    let served = Served::start();
    let wire = Wire::to(&served);
    wire.fall_silent();
    let call = serde_json::json!({"session": "s", "cwd": served.home.path("work")});
    for event in ["before_tool", "after_tool"] {
        let mut call = call.clone();
        call["event"] = event.into();
        let mut gaia = served.gaia(&["hook", "generic"]);
        gaia.env("GAIA_SERVER", format!("http://{}", wire.address));
        let asked = Instant::now();
        let mut hook = Guard(gaia.stdin(Stdio::piped()).spawn().unwrap());
        let mut input = hook.0.stdin.take().unwrap();
        writeln!(input, "{call}").unwrap();
        drop(input);
        let (status, _, err) = hook.end();
        let took = asked.elapsed();
        assert_eq!(status, 0, "{event}: {err}");
        assert!(err.contains("was not heard"), "{event}: {err}");
        assert!(took < Duration::from_secs(5), "{event}: {took:?}");
    }
}

fn told_soon(served: &Served, run: &Guard) {
    let sent = Instant::now();
    signal(run.pid(), "TERM");
    until("the command is told", || is_told(served));
    assert!(
        sent.elapsed() < Duration::from_secs(3),
        "{:?}",
        sent.elapsed()
    );
}
