//! A clock whose wall jumps while its moments stay true: what a person or NTP
//! does to a machine, done to one worker only.

use std::sync::{Mutex, PoisonError};

use gaia_locks::clock::{BootId, Clock, Moment, Now, SystemClock, Wall};

use super::Draw;

const DAY_MICROS: u64 = 86_400_000_000;

/// A worker's clock.
pub(super) struct HammerClock {
    jumps: Option<Mutex<Jumps>>,
    /// The planted fault: moments follow the wall.
    moments_jump: bool,
}

struct Jumps {
    draw: Draw,
    micros: i64,
}

impl HammerClock {
    /// The system's clock.
    pub(super) fn still() -> Self {
        Self {
            jumps: None,
            moments_jump: false,
        }
    }

    /// One whose wall jumps by up to a day, now and then.
    pub(super) fn jumping(seed: u64, moments_jump: bool) -> Self {
        let draw = Draw::new(seed);
        Self {
            jumps: Some(Mutex::new(Jumps { draw, micros: 0 })),
            moments_jump,
        }
    }

    fn off_by(&self) -> i64 {
        let Some(jumps) = &self.jumps else {
            return 0;
        };
        let mut jumps = jumps.lock().unwrap_or_else(PoisonError::into_inner);
        if jumps.draw.chance(5) {
            let step = jumps.draw.below(2 * DAY_MICROS);
            jumps.micros = i64::try_from(step).unwrap_or(0) - DAY_MICROS as i64;
        }
        jumps.micros
    }
}

impl Clock for HammerClock {
    fn now(&self) -> Now {
        let now = SystemClock.now();
        let off = self.off_by();
        let shift = if self.moments_jump { off * 1000 } else { 0 };
        Now {
            moment: Moment(now.moment.0.saturating_add(shift)),
            wall: Wall(now.wall.0.saturating_add(off)),
        }
    }

    fn boot(&self) -> BootId {
        SystemClock.boot()
    }
}
