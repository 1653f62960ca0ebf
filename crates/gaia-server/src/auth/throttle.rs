//! Sign-ins that fail are slowed down: soon for one account from one address,
//! late for all from one address and for one account from everywhere.
//!
//! Who guesses one account's password meets the first limit, and keeps nobody
//! else out: others sign in from the same address (a proxy's, this machine's),
//! and the account's owner from another. Who spreads guesses over accounts or
//! over addresses meets the others. The owner of an account that is under attack
//! from everywhere still gets in by a token or a one-time link, which are not
//! guessed at.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gaia_locks::ids::SessionId;
use tokio::time::Instant;

/// So many tries may fail for one account from one address …
const TRIES: usize = 10;
/// … and so many from one address, or for one account …
const TRIES_IN_ALL: usize = 50;
/// … within so long.
const WITHIN: Duration = Duration::from_secs(300);
/// Names remembered at most: what an attacker makes us keep is bounded.
const MOST: usize = 10_000;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    AccountFrom(String, IpAddr),
    Account(String),
    Address(IpAddr),
}

impl Who {
    /// All that a try is counted for.
    fn of(account: &str, address: IpAddr) -> [Self; 3] {
        let (account, address) = (account.to_owned(), network(address));
        [
            Self::AccountFrom(account.clone(), address),
            Self::Account(account),
            Self::Address(address),
        ]
    }

    fn tries(&self) -> usize {
        match self {
            Self::AccountFrom(..) => TRIES,
            Self::Account(_) | Self::Address(_) => TRIES_IN_ALL,
        }
    }
}

/// Why a try is not even looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// No account has a name that long.
    NobodysName,
    /// There were too many; this long no more are looked at.
    Wait(Duration),
}

/// Who failed when.
#[derive(Default)]
pub struct Throttle {
    failed: Mutex<HashMap<Who, Vec<Instant>>>,
}

impl Throttle {
    /// Counts a try, before it is looked at: so many at once are counted too.
    /// A try that is refused leaves nothing behind: whoever is refused anyway
    /// could otherwise fill the memory with names.
    ///
    /// # Errors
    /// A name that nobody can have; how long to wait, when there were too many.
    pub fn enter(&self, account: &str, address: IpAddr) -> Result<(), Refused> {
        if account.len() > SessionId::LONGEST {
            return Err(Refused::NobodysName);
        }
        let now = Instant::now();
        let mut failed = self.failed();
        let whos = Who::of(account, address);
        for who in &whos {
            if let Some(tries) = failed.get_mut(who) {
                let wait = too_many(tries, who.tries(), now);
                wait.map_or(Ok(()), |wait| Err(Refused::Wait(wait)))?;
            }
        }
        make_room(&mut failed, &whos, now)?;
        for who in whos {
            failed.entry(who).or_default().push(now);
        }
        Ok(())
    }

    /// A try succeeded: for the account from there all before it count no more,
    /// otherwise only this one, or whoever has one account could go on guessing
    /// at others.
    pub fn succeeded(&self, account: &str, address: IpAddr) {
        let mut failed = self.failed();
        let [here, account, address] = Who::of(account, address);
        failed.remove(&here);
        for who in [account, address] {
            if let Some(tries) = failed.get_mut(&who) {
                tries.pop();
            }
        }
    }

    fn failed(&self) -> MutexGuard<'_, HashMap<Who, Vec<Instant>>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets tries that count no more; how long to wait, when too many still do.
fn too_many(tries: &mut Vec<Instant>, most: usize, now: Instant) -> Option<Duration> {
    tries.retain(|at| now.duration_since(*at) < WITHIN);
    let oldest = tries.first().filter(|_| tries.len() >= most)?;
    Some(WITHIN.saturating_sub(now.duration_since(*oldest)))
}

/// Forgets what counts no more when the memory is full; whoever is new waits
/// when it stays full.
fn make_room(
    failed: &mut HashMap<Who, Vec<Instant>>,
    whos: &[Who],
    now: Instant,
) -> Result<(), Refused> {
    let new = whos.iter().filter(|who| !failed.contains_key(who)).count();
    if failed.len() + new <= MOST {
        return Ok(());
    }
    // Those who ask stay known, so that the count of new ones stays right.
    failed.retain(|who, tries| {
        whos.contains(who) || tries.iter().any(|at| now.duration_since(*at) < WITHIN)
    });
    match failed.len() + new <= MOST {
        true => Ok(()),
        false => Err(Refused::Wait(WITHIN)),
    }
}

/// Whoever has one IPv6 address has 2^64 of them: these count as one.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            let bits = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn host(n: usize) -> IpAddr {
        IpAddr::from([10, 0, 1, u8::try_from(n).unwrap()])
    }

    #[tokio::test]
    async fn who_guesses_at_one_account_keeps_nobody_else_out() {
        let throttle = Throttle::default();
        for _ in 0..TRIES {
            assert!(throttle.enter("ann", HOME).is_ok());
        }
        assert!(throttle.enter("ann", HOME).is_err());
        assert!(throttle.enter("bob", HOME).is_ok());
        assert!(throttle.enter("ann", host(1)).is_ok());
    }

    #[tokio::test]
    async fn many_addresses_do_not_help_against_one_account() {
        let throttle = Throttle::default();
        let from = |n: usize| throttle.enter("ann", host(n));
        assert!((0..TRIES_IN_ALL).all(|n| from(n).is_ok()));
        assert!(from(TRIES_IN_ALL).is_err());
        assert!(throttle.enter("bob", host(0)).is_ok());
    }

    #[tokio::test]
    async fn many_accounts_do_not_help_against_one_address() {
        let throttle = Throttle::default();
        let try_as = |n: usize| throttle.enter(&format!("user{n}"), HOME);
        assert!((0..TRIES_IN_ALL).all(|n| try_as(n).is_ok()));
        assert!(try_as(TRIES_IN_ALL).is_err());
    }

    #[tokio::test]
    async fn who_has_an_account_guesses_at_no_more_of_others() {
        let throttle = Throttle::default();
        let outcomes = (0..=TRIES_IN_ALL).map(|n| {
            let own = throttle.enter("own", HOME);
            throttle.succeeded("own", HOME);
            own.and(throttle.enter(&format!("user{n}"), HOME))
        });
        assert!(outcomes.last().unwrap().is_err());
    }

    #[tokio::test]
    async fn a_network_of_addresses_is_one() {
        let throttle = Throttle::default();
        let from = |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]);
        let results = (0..=TRIES).map(|n| throttle.enter("ann", from(u16::try_from(n).unwrap())));
        assert!(results.last().unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn it_passes() {
        let throttle = Throttle::default();
        for _ in 0..TRIES {
            throttle.enter("ann", HOME).unwrap();
        }
        let Refused::Wait(wait) = throttle.enter("ann", HOME).unwrap_err() else {
            panic!("ann is a name");
        };
        tokio::time::advance(wait).await;
        assert!(throttle.enter("ann", HOME).is_ok());
    }

    #[tokio::test]
    async fn who_is_refused_leaves_nothing_behind() {
        let throttle = Throttle::default();
        let long = "x".repeat(SessionId::LONGEST + 1);
        assert_eq!(throttle.enter(&long, HOME), Err(Refused::NobodysName));
        assert_eq!(throttle.failed().len(), 0);
        for n in 0..TRIES_IN_ALL + 1000 {
            let _ = throttle.enter(&format!("user{n}"), HOME);
        }
        assert_eq!(throttle.failed().len(), 2 * TRIES_IN_ALL + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded_and_makes_room_again() {
        let throttle = Throttle::default();
        let enter = |n: u32| throttle.enter(&format!("user{n}"), IpAddr::from(n.to_be_bytes()));
        let full = u32::try_from(MOST / 3).unwrap();
        assert!((0..full).all(|n| enter(n).is_ok()));
        assert_eq!(enter(full), Err(Refused::Wait(WITHIN)));
        // Whoever is known already adds nothing.
        assert_eq!(enter(0), Ok(()));
        assert_eq!(throttle.failed().len(), 3 * (MOST / 3));
        tokio::time::advance(WITHIN).await;
        assert_eq!(enter(full), Ok(()));
    }
}
