//! One look for all who ask the same at the same time.
//!
//! Whoever asks gets what was looked at after they asked, and never what was
//! there before: while a look is at work, those who come share the next one. So
//! nothing is kept, nothing grows old, and a crowd that asks the same costs
//! little more than one.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::Instrument as _;

/// Those who ask for one thing, each by a key that says all of the question.
pub struct Together<K, T> {
    looks: Arc<Mutex<HashMap<K, Next<T>>>>,
}

/// Who waits for the look after the one that is at work.
type Next<T> = Option<watch::Sender<Option<T>>>;

impl<K, T> Default for Together<K, T> {
    fn default() -> Self {
        Self {
            looks: Arc::default(),
        }
    }
}

impl<K, T> Together<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// What a look says that begins from now on. `None`: it panicked.
    pub async fn ask<F>(&self, key: K, look: impl Fn(K) -> F + Send + 'static) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut answer = self.join(key, look);
        let came = answer.wait_for(Option::is_some).await;
        came.ok()?.clone()
    }

    fn join<F>(&self, key: K, look: impl Fn(K) -> F + Send + 'static) -> watch::Receiver<Option<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut looks = lock(&self.looks);
        if let Some(next) = looks.get_mut(&key) {
            let next = next.get_or_insert_with(|| watch::Sender::new(None));
            return next.subscribe();
        }
        looks.insert(key.clone(), None);
        let (first, answer) = watch::channel(None);
        let at_work = AtWork {
            looks: self.looks.clone(),
            key,
        };
        // It goes on although the one who came first has left.
        tokio::spawn(
            at_work
                .look_until_nobody_asks(first, look)
                .in_current_span(),
        );
        answer
    }
}

/// The looks at one thing, while there are any.
struct AtWork<K: Eq + Hash, T> {
    looks: Arc<Mutex<HashMap<K, Next<T>>>>,
    key: K,
}

impl<K: Clone + Eq + Hash, T: Clone> AtWork<K, T> {
    async fn look_until_nobody_asks<F: Future<Output = T>>(
        self,
        first: watch::Sender<Option<T>>,
        look: impl Fn(K) -> F,
    ) {
        let mut asked = Some(first);
        while let Some(who) = asked {
            who.send_replace(Some(look(self.key.clone()).await));
            let mut looks = lock(&self.looks);
            asked = looks.get_mut(&self.key).and_then(Option::take);
            if asked.is_none() {
                // Under the same lock: whoever comes now begins anew.
                looks.remove(&self.key);
            }
        }
    }
}

/// Also when a look panicked: those who wait are told, and others begin anew.
impl<K: Eq + Hash, T> Drop for AtWork<K, T> {
    fn drop(&mut self) {
        // After a usual end another may be at work already.
        if std::thread::panicking() {
            lock(&self.looks).remove(&self.key);
        }
    }
}

fn lock<T>(looks: &Mutex<T>) -> MutexGuard<'_, T> {
    looks.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    /// Looks that end when they are let, and say which one they are.
    #[derive(Default)]
    struct Looks {
        begun: AtomicU32,
        let_go: Option<Arc<Semaphore>>,
    }

    impl Looks {
        async fn one(self: Arc<Self>) -> u32 {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(let_go) = &self.let_go {
                let_go.acquire().await.unwrap().forget();
            }
            number
        }
    }

    #[tokio::test]
    async fn who_asks_during_a_look_shares_the_next_and_gets_nothing_older() {
        let let_go = Arc::new(Semaphore::new(0));
        let looks = Arc::new(Looks {
            let_go: Some(let_go.clone()),
            ..Looks::default()
        });
        let together = Arc::new(Together::<u8, u32>::default());
        let ask = || {
            let looks = looks.clone();
            let mut answer = together.join(1, move |_| looks.clone().one());
            tokio::spawn(async move { *answer.wait_for(Option::is_some).await.unwrap() })
        };
        let first = ask();
        while looks.begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let crowd: Vec<_> = (0..50).map(|_| ask()).collect();
        let_go.add_permits(2);
        assert_eq!(first.await.unwrap(), Some(1));
        for one in crowd {
            assert_eq!(one.await.unwrap(), Some(2));
        }
        let_go.add_permits(1);
        assert_eq!(ask().await.unwrap(), Some(3), "nothing is kept");
        assert!(lock(&together.looks).is_empty());
    }

    #[tokio::test]
    async fn a_look_that_panics_tells_those_who_wait_and_harms_no_other() {
        let together = Together::<u8, u32>::default();
        let panics = |_| async { panic!("on purpose") };
        assert_eq!(together.ask(1, panics).await, None);
        assert_eq!(together.ask(1, |_| async { 5 }).await, Some(5));
    }
}
