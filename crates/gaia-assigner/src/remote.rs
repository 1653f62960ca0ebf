//! A task that an agent elsewhere works on: pure.
//!
//! Such an agent asks for its tasks itself and cannot be looked at. Its signs
//! of life renew the lease; when they stay away for its length, the task is
//! lost to it [T6]. It cannot be stopped, only asked to: it has a minute from
//! then on, and after that its lock ends all the same [T4].

use std::time::Duration;

use gaia_locks::clock::Moment;

/// How long one may be silent who named no time.
pub const LEASE: Duration = Duration::from_secs(15 * 60);
/// How long one who was asked to stop has.
pub const STOPPING: Duration = Duration::from_secs(60);

/// How it stands with such a task.
#[derive(Clone, Copy, Debug)]
pub struct Far {
    /// The session's last sign of life.
    pub heard: Moment,
    /// How long it may be silent.
    pub lease: Duration,
    /// When the task's time is up.
    pub deadline: Moment,
    /// Since when it is asked to stop.
    pub asked: Option<Moment>,
    /// Whether the task's lock is active, if it has one.
    pub locked: bool,
}

/// What follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It works.
    Works,
    /// Its time is up: it is asked to stop.
    TimeIsUp,
    /// It did not stop when it was asked to.
    Deaf,
    /// It was not heard for too long.
    Silent,
    /// Its lock was ended under it.
    Lost,
}

/// Judges.
pub fn judge(far: &Far, now: Moment) -> Verdict {
    if far.asked.is_some_and(|since| now >= since.plus(STOPPING)) {
        Verdict::Deaf
    } else if now >= far.heard.plus(far.lease) {
        Verdict::Silent
    } else if !far.locked {
        Verdict::Lost
    } else if far.asked.is_none() && now >= far.deadline {
        Verdict::TimeIsUp
    } else {
        Verdict::Works
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn far() -> Far {
        Far {
            heard: Moment(100 * SECOND),
            lease: Duration::from_secs(900),
            deadline: Moment(500 * SECOND),
            asked: None,
            locked: true,
        }
    }

    #[test]
    fn t04_time_is_up_then_asked_then_deaf_after_a_minute() {
        let at = |far: &Far, second: i64| judge(far, Moment(second * SECOND));
        assert_eq!(at(&far(), 499), Verdict::Works);
        assert_eq!(at(&far(), 500), Verdict::TimeIsUp);
        let asked = Far {
            asked: Some(Moment(500 * SECOND)),
            ..far()
        };
        assert_eq!(at(&asked, 559), Verdict::Works);
        assert_eq!(at(&asked, 560), Verdict::Deaf);
    }

    #[test]
    fn t06_silent_past_its_lease_or_without_its_lock_it_has_lost_its_task() {
        let patient = Far {
            deadline: Moment::MAX,
            ..far()
        };
        assert_eq!(judge(&patient, Moment(999 * SECOND)), Verdict::Works);
        assert_eq!(judge(&patient, Moment(1000 * SECOND)), Verdict::Silent);
        let lost = Far {
            locked: false,
            ..far()
        };
        assert_eq!(judge(&lost, Moment(200 * SECOND)), Verdict::Lost);
    }
}
