//! Answers that are given again while they are still true.
//!
//! Looking costs more than answering: locks are read, folders looked at on disk,
//! all of it written as JSON, on another thread. So an answer is kept, and given
//! to those who ask later, as long as
//!
//! - nobody has changed anything in the database since it was looked at, in
//!   whichever process: that is asked anew for each who asks;
//! - nothing in it has come to its end, as a lease does by itself;
//! - it is no older than [`AGE`]: what is told of the world outside the database
//!   (time left, whether a process lives, whether a folder is there) goes on.
//!
//! Where one of these is not so all who ask share the next look: see
//! [`crate::together`].

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gaia_locks::LockService;
use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use gaia_locks::store::Version;

use crate::error::{Answer, Problem};
use crate::together::Together;

/// No answer is older.
pub const AGE: Duration = Duration::from_millis(10);
/// Different answers at a time; further ones are not kept.
const MOST: usize = 16;

/// What a look found, and for how long it is true if nobody changes anything.
#[derive(Clone)]
pub struct Found<T> {
    /// The answer.
    pub answer: T,
    /// How long.
    pub lasts: Duration,
}

/// Answers, each by a key that says all of the question.
pub struct Kept<K, T> {
    locks: LockService,
    answers: Arc<Mutex<HashMap<K, One<T>>>>,
    looks: Together<K, Answer<T>>,
}

/// An answer that is kept.
struct One<T> {
    answer: T,
    version: Version,
    until: Moment,
}

impl<K, T> Kept<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Nothing yet, of the database of a lock service.
    pub fn new(locks: LockService) -> Self {
        Self {
            locks,
            answers: Arc::default(),
            looks: Together::default(),
        }
    }

    /// What is true now, or a look says that begins from now on.
    ///
    /// # Errors
    /// What the look answers; that is not kept.
    pub async fn ask<F>(&self, key: K, look: impl Fn(K) -> F + Send + Sync + 'static) -> Answer<T>
    where
        F: Future<Output = Answer<Found<T>>> + Send + 'static,
    {
        let version = self.locks.store().version();
        if let Some(answer) = version.and_then(|version| self.still(&key, version)) {
            return Ok(answer);
        }
        let (locks, answers, look) = (self.locks.clone(), self.answers.clone(), Arc::new(look));
        let looks = move |key: K| {
            let (locks, answers, look) = (locks.clone(), answers.clone(), look.clone());
            async move {
                // Before the look: what is changed during it makes it old.
                let (version, began) = (locks.store().version(), now());
                let found = look(key.clone()).await?;
                if let Some(version) = version {
                    keep(&answers, key, &found, version, began);
                }
                Ok(found.answer)
            }
        };
        let answer = self.looks.ask(key, looks).await;
        answer.unwrap_or_else(|| Err(Problem::failed()))
    }

    fn still(&self, key: &K, version: Version) -> Option<T> {
        let answers = lock(&self.answers);
        let one = answers.get(key).filter(|one| one.version == version)?;
        (now() < one.until).then(|| one.answer.clone())
    }
}

fn keep<K: Eq + Hash, T: Clone>(
    answers: &Mutex<HashMap<K, One<T>>>,
    key: K,
    found: &Found<T>,
    version: Version,
    began: Moment,
) {
    let mut answers = lock(answers);
    let now = now();
    answers.retain(|_, one| one.version == version && now < one.until);
    if answers.len() < MOST || answers.contains_key(&key) {
        let one = One {
            answer: found.answer.clone(),
            version,
            until: began.plus(found.lasts.min(AGE)),
        };
        answers.insert(key, one);
    }
}

/// On the clock of leases, which goes on while the machine sleeps.
fn now() -> Moment {
    SystemClock.now().moment
}

fn lock<T>(answers: &Mutex<T>) -> MutexGuard<'_, T> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}
