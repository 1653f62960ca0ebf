//! How many may be connected at once.
//!
//! Each connection takes a file from those that the process may have open, and
//! an assigner may live in the same process: whoever connects again and again
//! must not take the files with which it works. One connection too many is
//! hung up on before anything is read of it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

/// No server has more, whatever the system allows.
const MOST: usize = 16_384;
/// Each server has so many.
const LEAST: usize = 16;

/// Half of what the process may have open.
pub fn usual() -> usize {
    let files = getrlimit(Resource::Nofile).current;
    let files = files.and_then(|files| usize::try_from(files).ok());
    files.map_or(MOST, |files| (files / 2).clamp(LEAST, MOST))
}

/// Lets in as many as there are places for.
#[derive(Clone)]
pub struct Bounded<A> {
    inner: A,
    places: Arc<Semaphore>,
    is_full: Arc<AtomicBool>,
}

impl<A> Bounded<A> {
    /// So many, who are then accepted as before.
    pub fn new(inner: A, places: usize) -> Self {
        Self {
            inner,
            places: Arc::new(Semaphore::new(places)),
            is_full: Arc::default(),
        }
    }

    fn enter(&self) -> io::Result<OwnedSemaphorePermit> {
        let entered = self.places.clone().try_acquire_owned();
        // Told once, until there is room again: the log must not be flooded.
        let was_full = self.is_full.swap(entered.is_err(), Ordering::Relaxed);
        entered.map_err(|_| {
            if !was_full {
                tracing::warn!("too many connections: further ones are hung up on");
            }
            io::Error::other("too many connections")
        })
    }
}

impl<A, I, S> Accept<I, S> for Bounded<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = A::Stream;
    type Service = Held<A::Service>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(A::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let place = match self.enter() {
            Ok(place) => Arc::new(place),
            Err(full) => return Box::pin(async move { Err(full) }),
        };
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            let held = Held {
                service,
                _place: place,
            };
            Ok((stream, held))
        })
    }
}

/// A connection's service, which has a place as long as it is there.
#[derive(Clone)]
pub struct Held<S> {
    service: S,
    _place: Arc<OwnedSemaphorePermit>,
}

impl<S: Service<R>, R> Service<R> for Held<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.service.call(request)
    }
}
