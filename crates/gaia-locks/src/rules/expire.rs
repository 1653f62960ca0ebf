//! What time and death do to a lock or a waiter [R3, R8, R11].

use std::time::Duration;

use crate::clock::{Moment, Now};
use crate::liveness::{Liveness, ProcessIdentity, Witness};
use crate::model::{
    AgentBinding, Binding, End, EndReason, Lock, Releaser, Waiter, WaiterLife, WaiterState,
};
use crate::wire::wall_at;

/// What is to be done with a lock that somebody came across.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// It stands as it is.
    Stands,
    /// Its lease has another end from now on: it is over but its process
    /// provably lives, or its process has ended and its release is on its way
    /// [R11].
    GoesOn(Moment),
    /// It is over.
    Over(End),
}

/// Judges one active lock.
///
/// A claim (a grant that its waiter has not taken up) ends with the waiter's
/// process, but that process's life extends nothing: the lease was asked for
/// by somebody who may only be slow.
///
/// A task's lock lasts as long as anything of the task [T3]: the process that it
/// is bound to is to see to that, and when it was killed itself, what it left is
/// asked after.
pub fn judge(lock: &Lock, now: Now, witness: &dyn Witness) -> Verdict {
    let lapsed = now.moment >= lock.expires;
    let life = match &lock.binding {
        Binding::Lease => Liveness::CannotTell,
        Binding::Process(process) if lock.releaser == Releaser::Assigner => {
            with_leftovers(process, witness)
        }
        Binding::Process(process) | Binding::Claim(process) => witness.liveness(process),
        Binding::Agent(agent) => of_agent(agent, witness),
    };
    match (&lock.binding, life) {
        (_, Liveness::Gone) => Verdict::Over(died(lock, now)),
        (Binding::Agent(agent), Liveness::Alive) if lapsed && agent.in_call => {
            Verdict::GoesOn(now.moment.plus(lock.ttl))
        }
        (Binding::Process(_), Liveness::Alive) if lapsed => {
            Verdict::GoesOn(now.moment.plus(lock.ttl))
        }
        _ if lapsed => Verdict::Over(lapse(lock, now)),
        _ => Verdict::Stands,
    }
}

/// How long whoever started a process has to release its lock.
const A_MOMENT: Duration = Duration::from_secs(1);

/// As [`judge`], by somebody who waits in line anyway, or sweeps: where the
/// process has ended and whoever started it lives, that one is about to release
/// the lock, and has a moment for it. Or the history would say of a command that
/// ended as it should that its holder died, whenever somebody else was quicker.
pub fn judge_patiently(lock: &Lock, now: Now, witness: &dyn Witness) -> Verdict {
    match judge(lock, now, witness) {
        Verdict::Over(_) if now.moment < lock.expires && is_being_released(lock, witness) => {
            let until = now.moment.plus(A_MOMENT);
            match lock.expires <= until {
                true => Verdict::Stands,
                false => Verdict::GoesOn(until),
            }
        }
        verdict => verdict,
    }
}

fn is_being_released(lock: &Lock, witness: &dyn Witness) -> bool {
    let Binding::Process(process) = &lock.binding else {
        return false;
    };
    let other = process.released_by.as_deref();
    other.is_some_and(|other| witness.liveness(other) == Liveness::Alive)
}

fn with_leftovers(keeper: &ProcessIdentity, witness: &dyn Witness) -> Liveness {
    match witness.liveness(keeper) {
        Liveness::Gone if witness.has_leftovers(keeper) => Liveness::Alive,
        life => life,
    }
}

/// An agent that was killed leaves what its tools had started at work: as long
/// as any of that lives, the folder is not free.
fn of_agent(agent: &AgentBinding, witness: &dyn Witness) -> Liveness {
    let Some(process) = &agent.process else {
        return Liveness::CannotTell;
    };
    let left = |(name, value): &(String, String)| witness.has_marked(name, value);
    match witness.liveness(process) {
        Liveness::Gone if agent.mark.as_ref().is_some_and(left) => Liveness::Alive,
        life => life,
    }
}

/// A dead process frees its lock when that is noticed, or when its lease
/// ended, whichever came first.
fn died(lock: &Lock, now: Now) -> End {
    let moment = now.moment.min(lock.expires);
    End {
        reason: EndReason::Died,
        by: "process".to_owned(),
        note: None,
        moment,
        wall: wall_at(moment, now),
    }
}

/// A lease ends when it ends, not when somebody notices [R3].
fn lapse(lock: &Lock, now: Now) -> End {
    End {
        reason: EndReason::Lapsed,
        by: "lease".to_owned(),
        note: None,
        moment: lock.expires,
        wall: wall_at(lock.expires, now),
    }
}

/// Whether a waiter still stands in line [R8]: it was not told off by its own
/// patience, and it lives. A granted one is judged by its locks instead.
pub fn is_waiting(waiter: &Waiter, now: Now, witness: &dyn Witness) -> bool {
    if waiter.state != WaiterState::Waiting {
        return false;
    }
    let patient = waiter.until.is_none_or(|until| now.moment < until);
    patient && lives(waiter, now, witness)
}

/// Whether a waiter gives signs of life.
pub fn lives(waiter: &Waiter, now: Now, witness: &dyn Witness) -> bool {
    let heard = now.moment.since(waiter.heard) <= Waiter::SILENCE;
    match &waiter.life {
        WaiterLife::Heartbeat => heard,
        WaiterLife::Process(process) => match witness.liveness(process) {
            Liveness::Alive => true,
            Liveness::Gone => false,
            Liveness::CannotTell => heard,
        },
    }
}
