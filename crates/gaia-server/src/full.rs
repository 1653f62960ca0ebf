//! How many may be connected at once.
//!
//! Each connection takes a file from those that the process may have open, and
//! an assigner may live in the same process: whoever connects again and again
//! must not take the files with which it works. One connection too many is
//! hung up on before anything is read of it.
//!
//! Nobody elsewhere shuts out the others: an address has half of the places at
//! most, but for this machine's own, whose programs share one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use crate::auth::throttle::network;

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
    shares: Arc<Shares>,
    is_full: Arc<AtomicBool>,
}

impl<A> Bounded<A> {
    /// So many, who are then accepted as before.
    pub fn new(inner: A, places: usize) -> Self {
        Self {
            inner,
            places: Arc::new(Semaphore::new(places)),
            shares: Arc::new(Shares::new(places / 2)),
            is_full: Arc::default(),
        }
    }

    fn enter(&self, from: IpAddr) -> io::Result<Place> {
        let place = self.shares.enter(from).and_then(|share| {
            let place = self.places.clone().try_acquire_owned().ok()?;
            Some(Place {
                _place: place,
                _share: share,
            })
        });
        // Told once, until there is room again: the log must not be flooded.
        let was_full = self.is_full.swap(place.is_none(), Ordering::Relaxed);
        place.ok_or_else(|| {
            if !was_full {
                tracing::warn!(%from, "too many connections: further ones are hung up on");
            }
            io::Error::other("too many connections")
        })
    }
}

/// How many are connected from each address, and how many may be.
struct Shares {
    most: usize,
    connected: Mutex<HashMap<IpAddr, usize>>,
}

impl Shares {
    fn new(most: usize) -> Self {
        Self {
            most,
            connected: Mutex::default(),
        }
    }

    /// One more from an address, until dropped; nothing where it has its share.
    fn enter(self: &Arc<Self>, from: IpAddr) -> Option<Share> {
        let is_here = from.to_canonical().is_loopback();
        let from = network(from);
        let mut connected = self.connected();
        let count = connected.entry(from).or_default();
        if *count >= self.most && !is_here {
            return None;
        }
        *count += 1;
        let shares = self.clone();
        Some(Share { shares, from })
    }

    fn connected(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

struct Share {
    shares: Arc<Shares>,
    from: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut connected = self.shares.connected();
        if let Entry::Occupied(mut count) = connected.entry(self.from) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// What a connection takes as long as it is there.
struct Place {
    _place: OwnedSemaphorePermit,
    _share: Share,
}

impl<A, S> Accept<TcpStream, S> for Bounded<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
{
    type Stream = A::Stream;
    type Service = Held<A::Service>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(A::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let entered = stream.peer_addr().and_then(|from| self.enter(from.ip()));
        let place = match entered {
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
    _place: Arc<Place>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_elsewhere_has_its_share_and_leaves_the_rest_to_others() {
        let shares = Arc::new(Shares::new(2));
        let enter = |from: &str| shares.enter(from.parse().unwrap());
        let inside = [enter("10.0.0.1"), enter("10.0.0.1")];
        assert!(inside.iter().all(Option::is_some));
        assert!(enter("10.0.0.1").is_none());
        let others = [
            enter("10.0.0.2"),
            enter("2001:db8::1"),
            enter("2001:db8::2"),
        ];
        assert!(others.iter().all(Option::is_some));
        assert!(enter("2001:db8::3").is_none(), "one network");
        let here: Vec<_> = (0..9).map(|n| enter(["127.0.0.1", "::1"][n % 2])).collect();
        assert!(here.iter().all(Option::is_some));
        drop((inside, others, here));
        assert!(shares.connected().is_empty(), "nothing is kept of them");
        assert!(enter("10.0.0.1").is_some());
    }
}
