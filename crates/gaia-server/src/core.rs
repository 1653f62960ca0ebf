//! The blocking core, called off the async threads.
//!
//! A call takes microseconds to milliseconds; the few that wait for something
//! in the world (a task that is stopped before its lock ends) have places of
//! their own, so that they cannot keep the others out. Pages are drawn and
//! packed in here too: a large one takes milliseconds of a processor. Nothing
//! that waits for its turn at a folder is ever in here: see [`crate::bell`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::api::wait::stopping;
use crate::error::{Answer, Problem};
use crate::metrics::Metrics;

/// Calls at once: the database writes one at a time anyway.
const QUICK: usize = 16;
/// Calls at once that wait for something in the world.
const SLOW: usize = 32;
/// Password hashes at once: each takes a core and 19 MiB.
const HASHES: usize = 2;
/// Pages drawn at once: each takes a core.
const PAGES: usize = 4;
/// Threads for all of them.
pub const THREADS: usize = QUICK + SLOW + HASHES + PAGES + 8;
/// How long a request stands before a full house.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where blocking calls go.
#[derive(Clone)]
pub struct Core {
    metrics: Arc<Metrics>,
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    hashes: Arc<Semaphore>,
    pages: Arc<Semaphore>,
}

impl Core {
    /// Counts its calls there.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            quick: Arc::new(Semaphore::new(QUICK)),
            slow: Arc::new(Semaphore::new(SLOW)),
            hashes: Arc::new(Semaphore::new(HASHES)),
            pages: Arc::new(Semaphore::new(PAGES)),
        }
    }

    /// A usual call.
    ///
    /// # Errors
    /// What the call answers; 503 when too many are waiting.
    pub async fn call<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Answer<T>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let metrics = self.metrics.clone();
        let timed = move || {
            let began = tokio::time::Instant::now();
            let done = work();
            metrics.store.add(began.elapsed());
            done
        };
        run(&self.quick, timed).await
    }

    /// A call that may wait for something in the world.
    ///
    /// # Errors
    /// As [`Core::call`].
    pub async fn slow<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Answer<T>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        run(&self.slow, work).await
    }

    /// A call that hashes a password.
    ///
    /// # Errors
    /// As [`Core::call`].
    pub async fn hash<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Answer<T>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        run(&self.hashes, work).await
    }

    /// Draws a page, or packs it: nothing is asked of the store.
    ///
    /// # Errors
    /// 503 when too many are waiting.
    pub async fn draw<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Answer<T> {
        run(&self.pages, move || Ok::<_, Problem>(work())).await
    }
}

/// The permit goes with the work: a client that leaves does not stop it.
async fn run<T, E>(
    house: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Answer<T>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    let enter = tokio::time::timeout(PATIENCE, house.clone().acquire_owned());
    let Ok(Ok(permit)) = enter.await else {
        return Err(Problem::busy(
            "server_busy",
            "the server is busy; try again soon",
        ));
    };
    // What is logged there bears the request's number too.
    let request = tracing::Span::current();
    let done = spawn_blocking(move || {
        let _permit = permit;
        request.in_scope(work).map_err(Into::into)
    });
    done.await.unwrap_or_else(|error| {
        // It had not begun when the server's threads ended.
        if error.is_cancelled() {
            return Err(stopping());
        }
        tracing::error!(%error, "a call of the core panicked");
        Err(Problem::failed())
    })
}

#[cfg(test)]
mod tests {
    use tracing::Instrument as _;

    use super::*;

    #[tokio::test]
    async fn what_is_logged_in_here_bears_the_request_s_number() {
        let written = tempfile::NamedTempFile::new().unwrap();
        let lines = tracing_subscriber::fmt().with_writer(Arc::new(written.reopen().unwrap()));
        tracing::subscriber::set_global_default(lines.with_ansi(false).finish()).unwrap();
        let core = Core::new(Arc::default());
        let work = || {
            tracing::warn!("the disk is slow");
            Ok::<_, Problem>(())
        };
        let request = tracing::info_span!("request", id = 7);
        core.call(work).instrument(request).await.unwrap();
        let text = std::fs::read_to_string(written.path()).unwrap();
        let line = text.lines().find(|line| line.contains("the disk is slow"));
        assert!(
            line.is_some_and(|line| line.contains("request{id=7}")),
            "{text}"
        );
    }
}
