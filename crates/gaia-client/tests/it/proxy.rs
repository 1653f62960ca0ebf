//! A proxy between a client and its server that cuts, slows and falls silent.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Passes bytes on to a server, until it is told to do worse.
pub struct Proxy {
    address: SocketAddr,
    /// Of how many bytes of the next answer or request a connection is cut.
    pub cut: Arc<Cut>,
}

#[derive(Default)]
pub struct Cut {
    /// Bytes that still pass to the client, and to the server.
    answers: AtomicU64,
    requests: AtomicU64,
    /// Cuts that are still to be made.
    times: AtomicUsize,
    /// What is cut stays open: nobody is told that nothing comes any more.
    quietly: AtomicBool,
    /// Nothing passes, nothing is cut.
    silent: Mutex<bool>,
    /// Pieces of requests that did not pass for that.
    pub unheard: AtomicUsize,
    /// How long each piece of an answer is held back, in milliseconds.
    pub slow: AtomicU64,
}

impl Proxy {
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let cut = Arc::new(Cut::default());
        let shared = cut.clone();
        std::thread::spawn(move || {
            for from in listener.incoming().flatten() {
                let Ok(to) = TcpStream::connect(server) else {
                    continue;
                };
                pass(&from, &to, shared.clone(), true);
                pass(&to, &from, shared.clone(), false);
            }
        });
        Self { address, cut }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next connection that comes so far is cut there.
    pub fn cut_after(&self, requests: u64, answers: u64) {
        self.cut.requests.store(requests, Ordering::SeqCst);
        self.cut.answers.store(answers, Ordering::SeqCst);
        self.cut.times.store(1, Ordering::SeqCst);
    }

    /// The same, and the connection stays as it was.
    pub fn lose_after(&self, requests: u64, answers: u64) {
        self.cut.quietly.store(true, Ordering::SeqCst);
        self.cut_after(requests, answers);
    }

    pub fn was_cut(&self) -> bool {
        self.cut.times.load(Ordering::SeqCst) == 0
    }

    pub fn fall_silent(&self) {
        *self.cut.silent.lock().unwrap() = true;
    }
}

fn pass(from: &TcpStream, to: &TcpStream, cut: Arc<Cut>, is_request: bool) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut passed = 0;
        let mut bytes = [0_u8; 4096];
        loop {
            let read = from.read(&mut bytes).unwrap_or(0);
            if *cut.silent.lock().unwrap() {
                cut.unheard.fetch_add(is_request.into(), Ordering::SeqCst);
                std::thread::park();
            }
            let slow = Duration::from_millis(cut.slow.load(Ordering::SeqCst));
            if !is_request && !slow.is_zero() {
                let never = std::sync::mpsc::channel::<()>();
                let _ = never.1.recv_timeout(slow);
            }
            let limit = match is_request {
                true => &cut.requests,
                false => &cut.answers,
            };
            let limit = limit.load(Ordering::SeqCst);
            let ends = passed + read as u64 > limit;
            if ends && read > 0 && take(&cut.times) {
                let left = usize::try_from(limit.saturating_sub(passed)).unwrap();
                let _ = to.write_all(&bytes[..left]);
                if cut.quietly.load(Ordering::SeqCst) {
                    std::thread::park();
                }
                shut(&from);
                return shut(&to);
            }
            if read == 0 || to.write_all(&bytes[..read]).is_err() {
                shut(&from);
                return shut(&to);
            }
            passed += read as u64;
        }
    });
}

fn take(times: &AtomicUsize) -> bool {
    let less = |times: usize| times.checked_sub(1);
    times
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
        .is_ok()
}

fn shut(stream: &TcpStream) {
    let _ = stream.shutdown(std::net::Shutdown::Both);
}
