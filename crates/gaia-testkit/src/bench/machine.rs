//! What the figures were taken on, and how busy it was: the same code is up to
//! eight times slower to wake where cores are idle, and slower everywhere
//! where others compute.

use serde::Serialize;

/// The machine and its load.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The operating system.
    pub os: &'static str,
    /// The processor's kind.
    pub arch: &'static str,
    /// Cores that this process may use.
    pub cores: usize,
    /// Processes that wanted to run, on average over the last minute, when the
    /// run began.
    pub load_before: Option<f64>,
    /// The same when it ended; the run itself is in it.
    pub load_after: Option<f64>,
}

impl Machine {
    pub(super) fn at_the_start() -> Self {
        Self {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load_before: load(),
            load_after: None,
        }
    }

    pub(super) fn look_again(&mut self) {
        self.load_after = load();
    }
}

fn load() -> Option<f64> {
    let mut averages = [0_f64; 1];
    // SAFETY: writes at most as many numbers as it is told there is room for.
    let filled = unsafe { libc::getloadavg(averages.as_mut_ptr(), 1) };
    (filled == 1).then_some(averages[0])
}
