//! Time, as locks need it.
//!
//! Wall clocks jump: by hand, by NTP, by a virtual machine that wakes up. So a lease is never
//! measured on one [R13]. There are two kinds of time here, and the types keep them apart:
//!
//! * [`Moment`] counts on a clock that never jumps and goes on while the machine sleeps. Leases
//!   are measured on it. It means something only within one [`BootId`].
//! * [`Wall`] is what a person reads. It is shown and stored for people; nothing is decided by it.
//!
//! A process in a time namespace of its own sees the boot clock shifted. That is deliberate: the
//! clock is taken as the process sees it, so entering such a namespace looks to it like a sleep
//! of that length, and the test of suspend does just that.
//!
//! Rules never read a clock: [`Now`] is handed to them. The trait [`Clock`] is what a store asks,
//! and [`ManualClock`] is the one that tests turn by hand.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::os;

/// A point on the clock that does not jump and goes on in sleep, in nanoseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// The last moment there is; no lease ends after it.
    pub const MAX: Self = Self(i64::MAX);

    /// The moment that lies `duration` later, at the latest [`Moment::MAX`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(duration)))
    }

    /// The moment that lies `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanoseconds(duration)))
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let passed = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(u64::try_from(passed).unwrap_or(0))
    }

    /// How long it is until `later`; zero if that is not later.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        later.since(self)
    }
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A point in civil time, in microseconds since 1970-01-01 00:00 UTC. For people and for SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wall(pub i64);

/// A text that should have been a point in time and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a point in time: {0:?} (wanted: 2026-11-23 07:40:00, or 2026-11-23T07:40:00Z, with or without a fraction)"
)]
pub struct InvalidTime(pub String);

impl Wall {
    /// What is stored: `YYYY-MM-DD HH:MM:SS.ffffff`, UTC. SQLite's date functions and Python read
    /// it, and such texts sort like the times they name.
    #[must_use]
    pub fn to_sql(self) -> String {
        self.timestamp()
            .strftime("%Y-%m-%d %H:%M:%S.%6f")
            .to_string()
    }

    /// Reads what [`Wall::to_sql`] writes, and what people and other programs write: with or
    /// without a fraction, with `T`, with an offset. Without an offset it is UTC.
    pub fn from_sql(text: &str) -> Result<Self, InvalidTime> {
        let text = text.trim();
        let with_offset = text.parse::<Timestamp>();
        let timestamp = with_offset.or_else(|_| {
            let civil = text.parse::<civil::DateTime>()?;
            civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp())
        });
        timestamp
            .map(Self::from)
            .map_err(|_| InvalidTime(text.to_owned()))
    }

    /// As [`Wall::from_sql`], but a time with `T` and without an offset is this machine's local
    /// time: so Python's `datetime.now().isoformat()` writes it. Of the two times that an hour
    /// has which is set back it is the later one, so that a lock rather lasts too long.
    pub fn from_local(text: &str) -> Result<Self, InvalidTime> {
        let text = text.trim();
        let civil = match text.parse::<civil::DateTime>() {
            Ok(civil) if text.contains('T') && text.parse::<Timestamp>().is_err() => civil,
            _ => return Self::from_sql(text),
        };
        let zoned = TimeZone::system().to_ambiguous_zoned(civil).later();
        zoned
            .map(|zoned| Self::from(zoned.timestamp()))
            .map_err(|_| InvalidTime(text.to_owned()))
    }

    /// A number of seconds since 1970, as Python's `time.time()` gives it; none when it is no
    /// time at all.
    #[must_use]
    pub fn from_unix(seconds: f64) -> Option<Self> {
        let since = Duration::try_from_secs_f64(seconds).ok()?;
        Some(Self(0).plus(since))
    }

    /// RFC 3339 in UTC, as in `2026-11-23T07:40:00.123456Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        format!("{:.6}", self.timestamp())
    }

    /// The point that lies `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// The time that much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }

    /// How long ago `earlier` was; zero if it is not earlier. For showing only: walls jump.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let passed = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(passed).unwrap_or(0))
    }

    // What lies outside the years that can be written is shown as the nearest that can be.
    fn timestamp(self) -> Timestamp {
        let nearest = if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        Timestamp::from_microsecond(self.0).unwrap_or(nearest)
    }
}

impl From<Timestamp> for Wall {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }
}

impl std::fmt::Display for Wall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for Wall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_sql(&text).map_err(D::Error::custom)
    }
}

/// Which run of the machine a [`Moment`] or a process belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub String);

impl BootId {
    /// The boot that this process runs in. Asked of the system once per process: it cannot change
    /// while the process lives.
    #[must_use]
    pub fn current() -> Self {
        static BOOT: os::PerProcess<Option<BootId>> = os::PerProcess::new();
        BOOT.with(|boot| boot.get_or_insert_with(|| Self(os::boot_id())).clone())
    }

    /// Whether the two are known to be different. A sandbox that hides the boot's id from one
    /// process must not make it believe that the machine was restarted: that would end the locks
    /// of processes that live.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        !self.0.is_empty() && !other.0.is_empty() && self != other
    }
}

impl std::fmt::Display for BootId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Both kinds of time, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Now {
    /// What is decided by.
    pub moment: Moment,
    /// What is shown.
    pub wall: Wall,
}

impl Now {
    /// The wall time of `moment`, judged from here: what `expires_at` shows. It is computed when
    /// asked, so that a step of the wall clock moves the shown time and not the lease.
    #[must_use]
    pub fn wall_of(&self, moment: Moment) -> Wall {
        let ahead = moment.0.saturating_sub(self.moment.0) / 1000;
        Wall(self.wall.0.saturating_add(ahead))
    }
}

/// Where a store gets its time from.
pub trait Clock: Send + Sync {
    /// Both kinds of time, now.
    fn now(&self) -> Now;
    /// The boot that the moments belong to.
    fn boot(&self) -> BootId;
}

/// The system's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now {
            moment: os::moment(),
            wall: os::wall(),
        }
    }

    fn boot(&self) -> BootId {
        BootId::current()
    }
}

/// A clock that stands still until it is turned. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    state: Arc<Mutex<ManualState>>,
}

#[derive(Debug, Clone)]
struct ManualState {
    now: Now,
    boots: u32,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualClock {
    /// A clock in its first boot: an hour after it, on 2026-11-23 at 07:40 UTC.
    #[must_use]
    pub fn new() -> Self {
        let now = Now {
            moment: Moment(3_600_000_000_000),
            wall: Wall(1_795_419_600_000_000),
        };
        let state = ManualState { now, boots: 1 };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Time passes: both clocks move.
    pub fn advance(&self, duration: Duration) {
        self.change(|state| {
            state.now.moment = state.now.moment.plus(duration);
            state.now.wall = state.now.wall.plus(duration);
        });
    }

    /// Somebody sets the wall clock, forward or back; no time passes.
    pub fn step_wall(&self, seconds: i64) {
        self.change(|state| {
            let micros = seconds.saturating_mul(1_000_000);
            state.now.wall.0 = state.now.wall.0.saturating_add(micros);
        });
    }

    /// The machine starts anew: another boot, whose clock has just begun. The wall goes on.
    pub fn reboot(&self) {
        self.change(|state| {
            state.boots += 1;
            state.now.moment = Moment(1_000_000_000);
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut ManualState) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        self.change(|state| state.now)
    }

    fn boot(&self) -> BootId {
        self.change(|state| BootId(format!("manual-boot-{}", state.boots)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_times_are_stored_and_shown_to_the_microsecond() {
        let wall = Wall(1_795_419_600_123_456);
        assert_eq!(wall.to_sql(), "2026-11-23 07:40:00.123456");
        assert_eq!(wall.to_rfc3339(), "2026-11-23T07:40:00.123456Z");
        assert_eq!(
            serde_json::to_string(&wall).unwrap(),
            "\"2026-11-23T07:40:00.123456Z\""
        );
        assert_eq!(Wall(0).to_sql(), "1970-01-01 00:00:00.000000");
    }

    #[test]
    fn wall_times_are_read_in_the_forms_that_programs_write() {
        let whole = Wall(1_795_419_600_000_000);
        for text in [
            "2026-11-23 07:40:00",
            "2026-11-23T07:40:00",
            "2026-11-23T07:40:00Z",
            "2026-11-23 07:40:00.000000",
            "2026-11-23 09:40:00+02:00",
            " 2026-11-23T02:40:00-05:00 ",
        ] {
            assert_eq!(Wall::from_sql(text), Ok(whole), "{text}");
        }
        assert_eq!(
            Wall::from_sql("2026-11-23 07:40:00.5"),
            Ok(Wall(whole.0 + 500_000))
        );
        for text in ["", "yesterday", "2026-13-01 00:00:00", "1795419600"] {
            assert!(Wall::from_sql(text).is_err(), "{text}");
        }
    }

    #[test]
    fn walls_outside_the_calendar_do_not_panic() {
        assert!(Wall(i64::MAX).to_sql().starts_with("9999-12-3"));
        assert!(Wall(i64::MIN).to_rfc3339().starts_with('-'));
    }

    #[test]
    fn moments_saturate() {
        assert_eq!(Moment::MAX.plus(Duration::MAX), Moment::MAX);
        assert_eq!(Moment(5).since(Moment(9)), Duration::ZERO);
        assert_eq!(Moment(5).until(Moment(9)), Duration::from_nanos(4));
    }

    #[test]
    fn system_clock_moves_and_stays_in_its_boot() {
        let before = SystemClock.now();
        let after = SystemClock.now();
        assert!(after.moment >= before.moment);
        assert!(before.moment.0 > 0);
        assert_eq!(SystemClock.boot(), SystemClock.boot());
        assert!(!SystemClock.boot().0.is_empty());
    }

    #[test]
    fn r13_a_step_of_the_wall_moves_what_is_shown_and_no_moment() {
        let clock = ManualClock::new();
        let lease_end = clock.now().moment.plus(Duration::from_secs(7200));
        clock.step_wall(-86_400);
        assert_eq!(
            clock.now().moment.until(lease_end),
            Duration::from_secs(7200)
        );
        assert_eq!(
            clock.now().wall_of(lease_end).to_sql(),
            "2026-11-22 09:40:00.000000"
        );
    }

    #[test]
    fn manual_clock_reboots() {
        let clock = ManualClock::new();
        let (boot, before) = (clock.boot(), clock.now());
        clock.clone().reboot();
        assert_ne!(clock.boot(), boot);
        assert!(clock.now().moment < before.moment);
        assert_eq!(clock.now().wall, before.wall);
    }
}
