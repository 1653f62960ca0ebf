//! `gaia run` whose server falls silent: nothing is refused, nothing answered.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
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
                pass(&server, &client, None);
                pass(&client, &server, Some(shared.clone()));
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
        let run = Guard(gaia.spawn().unwrap());
        until("the command has begun", || {
            served.home.path("began").exists()
        });
        run
    }
}

fn pass(from: &TcpStream, to: &TcpStream, lossy: Option<Arc<Mutex<State>>>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut bytes = [0_u8; 4096];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..read]);
            if let Some(state) = &lossy {
                let mut state = state.lock().unwrap();
                if state.lost.as_ref().is_some_and(|lost| text.contains(lost)) {
                    state.count += 1;
                    drop(state);
                    std::thread::park();
                }
            }
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        // Whoever has gone already needs not be told.
        drop(to.shutdown(std::net::Shutdown::Both));
    });
}

fn is_told(served: &Served) -> bool {
    served.home.path("told").exists()
}

#[test]
fn alone_r01_a_command_is_stopped_in_time_although_the_server_falls_silent_at_its_start() {
    let served = Served::start();
    let wire = Wire::to(&served);
    let run = wire.run(&served, &["--ttl", "3s"]);
    wire.fall_silent();
    let asked = Instant::now();
    let left = served.locks()[0]["expires_in"].as_f64().unwrap();
    until("the command is told to stop", || is_told(&served));
    let told = asked.elapsed().as_secs_f64();
    // To be told takes a moment on a machine that has much to do; one that
    // waits for an answer first is late by more.
    assert!(told < left + 1.0, "told after {told}, lease over in {left}");
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
    wire.lose("\"status\"");
    let waiting = served.waiting("ben", 1);
    until("it is asked who waits", || wire.has_lost(1));
    told_soon(&served, &run);
    assert_eq!(run.end().0, 7);
    assert_eq!(waiting.end().0, 0);
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
