//! Waiting in line [R8]: the place is told meanwhile, calling off leaves it,
//! and a request id finds it again.

use std::pin::pin;
use std::time::Duration;

use gaia_locks::ids::LockId;
use gaia_locks::wire::{Answer, Queued};
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::{Peer, RoleServer};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use super::doors::{Doors, Opened, Stands};
use super::said::{self, Done};
use super::tools::Call;
use super::{Said, args, locks, words};

/// How often is told at most that nothing has changed.
pub(super) const QUIET: Duration = Duration::from_secs(2);

/// Waits for locks.
pub(super) async fn wait<D: Doors>(call: &Call<'_, D>, asked: args::Wait) -> Result<Done, Said> {
    let limit = asked.limit.map(|args::Length(limit)| limit);
    let asked = asked.acquire();
    let scope = asked.scope.clone();
    let request = locks::request(call, asked).await?;
    let (looks, seen) = unbounded_channel();
    let stands = Stands {
        request: request.clone(),
        scope: scope.clone(),
        limit,
        looks,
        ends: call.ends.clone(),
    };
    let mut progress = Progress::new(call, seen);
    let came = {
        let mut waits = pin!(call.doors.wait(&call.caller, stands));
        loop {
            tokio::select! {
                biased;
                came = &mut waits => break came?,
                () = progress.tell() => {}
            }
        }
    };
    if let (Answer::Granted(granted), true) = (&came.answer, call.ends.nobody_hears()) {
        // Its turn came in the moment in which nobody listened any more.
        let granted = granted.clone();
        let back = move |doors: &Opened| Ok(locks::give_back(doors, &request, &granted));
        if call.doors.call(&call.caller, scope, back).await? {
            return Ok(said::given_back());
        }
    }
    Ok(locks::answered(call, &came.answer, came.waited))
}

/// What is news: the place in line, and the lock in the way.
type News = (usize, Option<LockId>);

fn news(queued: &Queued) -> News {
    let first = queued.refusal.conflicts.first();
    let lock = first.and_then(|conflict| Some(conflict.lock.as_ref()?.id));
    (queued.place, lock)
}

/// Tells a client that wants to know how it stands with its wait.
struct Progress<'a> {
    peer: &'a Peer<RoleServer>,
    token: Option<ProgressToken>,
    seen: UnboundedReceiver<Queued>,
    count: f64,
    told: Option<(News, Instant)>,
}

impl<'a> Progress<'a> {
    fn new<D: Doors>(call: &Call<'a, D>, mut seen: UnboundedReceiver<Queued>) -> Self {
        let token = call.context.meta.get_progress_token();
        if token.is_none() {
            // Nobody need look for whom nothing is told.
            seen.close();
        }
        Self {
            peer: &call.context.peer,
            token,
            seen,
            count: 0.0,
            told: None,
        }
    }

    /// Waits for something to tell, and tells it. It may be dropped at any
    /// moment: what was not told is told by the next look.
    async fn tell(&mut self) {
        let (Some(queued), Some(token)) = (self.seen.recv().await, self.token.clone()) else {
            return match self.token {
                // Drained, so that looks do not heap up.
                None if !self.seen.is_closed() => {}
                _ => std::future::pending().await,
            };
        };
        let news = news(&queued);
        let known = self.told.as_ref();
        if known.is_some_and(|(told, at)| *told == news && at.elapsed() < QUIET) {
            return;
        }
        // Each more than the one before, whatever becomes of it.
        self.count += 1.0;
        self.told = Some((news, Instant::now()));
        let text = words::waiting(&queued);
        let told = ProgressNotificationParam::new(token, self.count).with_message(text);
        // A client that is gone is told nothing.
        drop(self.peer.notify_progress(told).await);
    }
}
