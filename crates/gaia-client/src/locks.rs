//! The door to the locks.

use std::sync::PoisonError;
use std::time::Duration;

use gaia_locks::clock::Wall;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, Scope, WaiterId};
use gaia_locks::model::{EndReason, Waiter};
use gaia_locks::os::{Listener, machine};
use gaia_locks::service::{
    Acquire, Look, Patience, Release, Released, Renew, Topic, Touch, Touched,
};
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::door::{
    Ask, Call, LARGEST_PAGE, LOCKS_PATH, MOST_TOUCHED, Named, Past, Request, Waited,
};
use gaia_locks::wire::{Answer, LockInfo, PauseInfo, Queued, Refusal, Status, Verified};
use gaia_locks::{Error, Locks};
use serde::de::DeserializeOwned;

use crate::http::How;
use crate::problem::Fault;
use crate::wait::{Left, OUTAGE, unless_cancelled};
use crate::{Client, listen, request_id};

/// How long one call stands for somebody who looks on.
const SHOWN: Duration = Duration::from_secs(2);
/// How long one call stands otherwise.
const QUIET: Duration = Duration::from_secs(20);
/// How long leaving the line is tried: the place ends by itself soon after.
const LEAVING: Duration = Duration::from_secs(2);

impl Client {
    /// A verb on locks; gives also whether it was sent more than once.
    pub(crate) fn locks_call<A: DeserializeOwned>(&self, call: Call, how: &How) -> Called<A> {
        let scope = self.my_scope(how).map_err(CallFault::Here)?;
        let request = Request { scope, call };
        let called = self.inner.http.call(LOCKS_PATH, &request, how);
        called.map_err(CallFault::There)
    }

    fn ask<A: DeserializeOwned>(&self, call: Call) -> Result<A, Error> {
        Ok(self.locks_call(call, &How::soon())?.0)
    }

    /// As [`Self::ask`], for what changes something.
    fn change<A: DeserializeOwned>(&self, call: Call) -> Result<A, Error> {
        let called = self.locks_call(call, &How::soon());
        Ok(called.map_err(CallFault::of_a_change)?.0)
    }

    fn ask_once<A: DeserializeOwned>(&self, call: Call) -> Result<A, Error> {
        Ok(self.locks_call(call, &How::once())?.0)
    }

    /// As [`Self::ask_once`], for what lasts.
    fn ask_long<A: DeserializeOwned>(&self, call: Call) -> Result<A, Error> {
        Ok(self.locks_call(call, &How::once().lasting())?.0)
    }

    /// Gives back a place in line, or what was granted there.
    fn give_up(&self, waiter: WaiterId) -> Result<Answer, Error> {
        let call = Call::Wait {
            waiter,
            period: Duration::ZERO,
            leave: true,
        };
        match self.locks_call::<Waited>(call, &How::soon().for_at_most(LEAVING)) {
            Ok((Waited::Over(answer), _)) => Ok(answer),
            Ok((Waited::Still(_), _)) => Ok(Answer::Refused(Refusal::default())),
            // The place dies by itself: nobody lets it be heard any more.
            Err(fault) if fault.is_unreachable() => Ok(Answer::Refused(Refusal::default())),
            Err(fault) => Err(fault.into()),
        }
    }

    /// The place is gone, and the server could not be reached meanwhile. An
    /// answer that was lost may have been the grant: the request id finds it. Or
    /// nobody could hear the place for so long that it was taken for dead: then
    /// the same request stands in line anew, at its end.
    fn once_more(&self, waiter: WaiterId, left: &Left, gone: Error) -> Result<Answer, Error> {
        let Some(ask) = self.asked(waiter) else {
            return Err(gone);
        };
        let again = match left.is_over() {
            true => ask.without_waiting(),
            false => ask.waiting_for(left.rest()),
        };
        match self.ask::<Answer>(Call::Acquire(Box::new(again.clone())))? {
            Answer::Queued(queued) => {
                self.remember(&queued, again);
                Ok(Answer::Queued(queued))
            }
            Answer::Granted(granted) => Ok(Answer::Granted(granted)),
            Answer::Refused(_) => Err(gone),
        }
    }

    fn remember(&self, queued: &Queued, ask: Ask) {
        let asked = self.inner.asked.lock();
        let mut asked = asked.unwrap_or_else(PoisonError::into_inner);
        asked.insert(queued.waiter, ask);
    }

    fn let_go(&self, request: &Release, how: How) -> Result<Released, Error> {
        let call = Call::Release {
            folder: request.folder.as_ref().map(Named::of),
            session: request.session.clone(),
            task: request.task,
            token: request.token,
        };
        let called = self.locks_call(call, &how);
        match (called.map_err(CallFault::of_a_change)?, request.token) {
            // The first may have done it, and its answer was lost.
            ((Released::NotHeld, true), Some(token)) => {
                let lock = self.verify(token)?.lock;
                let ours = lock.filter(|lock| {
                    lock.end_reason == Some(EndReason::Released)
                        && lock.session_id == request.session
                });
                Ok(ours.map_or(Released::NotHeld, |lock| Released::Ended(vec![lock])))
            }
            ((released, _), _) => Ok(released),
        }
    }

    fn asked(&self, waiter: WaiterId) -> Option<Ask> {
        let asked = self.inner.asked.lock();
        let mut asked = asked.unwrap_or_else(PoisonError::into_inner);
        asked.remove(&waiter)
    }

    fn stand(
        &self,
        waiter: WaiterId,
        patience: &Patience<'_>,
        left: &Left,
    ) -> Result<Option<Called<Waited>>, Error> {
        let period = match patience.on_look {
            Some(_) => SHOWN,
            None => QUIET,
        };
        unless_cancelled(self, &patience.cancel, left, move |client, abandoned| {
            let call = Call::Wait {
                waiter,
                period,
                leave: false,
            };
            let how = How::standing(period, OUTAGE, abandoned);
            client.locks_call::<Waited>(call, &how)
        })
    }
}

/// Asked again, a folder may be held by a later lock of the same session: only
/// a token names the one that was meant [R6].
fn release_how(request: &Release) -> How {
    match request.token {
        Some(_) => How::soon(),
        None => How::once(),
    }
}

/// A place that is not heard lives longer than this: one that was gone before
/// it was first seen had its patience run out.
fn is_short(limit: Option<Duration>) -> bool {
    limit.is_some_and(|limit| limit < Waiter::SILENCE)
}

/// An answer, and whether it was asked for more than once.
pub(crate) type Called<A> = Result<(A, bool), CallFault>;

/// Why a verb came to nothing: for want of something here, or there.
#[derive(Debug)]
pub(crate) enum CallFault {
    Here(Error),
    There(Fault),
}

impl CallFault {
    pub(crate) fn of_a_change(self) -> Self {
        match self {
            CallFault::Here(_) => self,
            CallFault::There(fault) => CallFault::There(fault.of_a_change()),
        }
    }

    fn is_unreachable(&self) -> bool {
        match self {
            CallFault::Here(error) => matches!(
                error,
                Error::Server(gaia_locks::ServerError::Unreachable { .. })
            ),
            CallFault::There(fault) => fault.is_unreachable(),
        }
    }
}

impl From<CallFault> for Error {
    fn from(fault: CallFault) -> Self {
        match fault {
            CallFault::Here(error) => error,
            CallFault::There(fault) => fault.into(),
        }
    }
}

impl From<CallFault> for gaia_assigner::TaskError {
    fn from(fault: CallFault) -> Self {
        match fault {
            CallFault::Here(error) => error.into(),
            CallFault::There(fault) => fault.into(),
        }
    }
}

impl Locks for Client {
    fn acquire(&self, request: &Acquire) -> Result<Answer, Error> {
        let mut request = request.clone();
        request.ttl = request.ttl.or(self.inner.ttl);
        if request.request_id.is_none() {
            request.request_id = Some(request_id()?);
        }
        let ask = Ask::of(&request)?;
        let answer = self.change(Call::Acquire(Box::new(ask.clone())))?;
        if let Answer::Queued(queued) = &answer {
            self.remember(queued, ask);
        }
        Ok(answer)
    }

    fn wait(&self, waiter: WaiterId, patience: &mut Patience<'_>) -> Result<Answer, Error> {
        let left = Left::new(patience.limit);
        let (mut refusal, mut was_seen) = (Refusal::default(), false);
        let mut waiter = waiter;
        let answer = loop {
            match self.stand(waiter, patience, &left)? {
                None => break self.give_up(waiter),
                Some(Ok((Waited::Over(answer), _))) => break Ok(answer),
                Some(Ok((Waited::Still(queued), _))) => {
                    was_seen = true;
                    refusal.clone_from(&queued.refusal);
                    if let Some(on_look) = patience.on_look.as_mut() {
                        on_look(&Look { queued });
                    }
                }
                Some(Err(CallFault::There(fault)))
                    if (fault.repeated || fault.after_outage) && fault.is("not_in_line") =>
                {
                    match self.once_more(waiter, &left, fault.into()) {
                        Ok(Answer::Queued(queued)) => {
                            waiter = queued.waiter;
                            refusal.clone_from(&queued.refusal);
                            if let Some(on_look) = patience.on_look.as_mut() {
                                on_look(&Look { queued });
                            }
                        }
                        answer => break answer,
                    }
                }
                // Cleared away between two calls, or before the first, its patience
                // being over.
                Some(Err(CallFault::There(fault)))
                    if fault.is("not_in_line")
                        && (left.is_over() || (!was_seen && is_short(patience.limit))) =>
                {
                    break Ok(Answer::Refused(refusal));
                }
                Some(Err(fault)) => break Err(fault.into()),
            }
        };
        self.asked(waiter);
        answer
    }

    fn leave(&self, waiter: WaiterId) -> Result<(), Error> {
        self.asked(waiter);
        match self.ask::<()>(Call::Leave { waiter }) {
            // Who has left has left.
            Err(Error::NotInLine(_)) => Ok(()),
            left => left,
        }
    }

    fn renew(&self, request: &Renew) -> Result<LockInfo, Error> {
        self.change(Call::Renew {
            token: request.token,
            session: request.session.clone(),
            task: request.task,
            folder: request.folder.as_ref().map(Named::of),
            ttl: request.ttl,
        })
    }

    fn release(&self, request: &Release) -> Result<Released, Error> {
        self.let_go(request, release_how(request))
    }

    fn release_within(&self, request: &Release, at_most: Duration) -> Result<Released, Error> {
        self.let_go(request, release_how(request).twice_within(at_most))
    }

    fn verify(&self, token: LockId) -> Result<Verified, Error> {
        self.ask(Call::Verify { token })
    }

    fn waiting_for(&self, token: LockId) -> Result<usize, Error> {
        self.ask(Call::WaitingFor { token })
    }

    fn status(&self, folder: Option<&Folder>) -> Result<Status, Error> {
        let folder = folder.map(Named::of);
        let status: Status = self.ask(Call::Status { folder })?;
        Ok(Status {
            database: self.database(),
            ..status
        })
    }

    fn touched(&self, touch: &Touch) -> Result<Vec<Touched>, Error> {
        let mut found: Vec<Touched> = Vec::new();
        for (number, files) in touch.files.chunks(MOST_TOUCHED).enumerate() {
            let page: Vec<Touched> = self.ask(Call::Touched {
                tree: Named::of(&touch.tree),
                linked: touch.linked,
                files: files.iter().map(Named::of).collect(),
                holder: touch.holder.clone(),
            })?;
            for touched in page {
                let file = number * MOST_TOUCHED + touched.file;
                if !found.iter().any(|known| known.lock.id == touched.lock.id) {
                    found.push(Touched { file, ..touched });
                }
            }
        }
        Ok(found)
    }

    fn history(&self, filter: &HistoryFilter) -> Result<Vec<LockInfo>, Error> {
        let mut rows: Vec<LockInfo> = Vec::new();
        let mut past = Past::of(filter);
        loop {
            let have = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            let left = filter.limit.map(|limit| limit.saturating_sub(have));
            let most = left.unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
            past.limit = Some(most);
            let page: Vec<LockInfo> = self.ask(Call::History(past.clone()))?;
            let is_last = page.len() < most as usize;
            past.before = page.last().map(|lock| lock.id);
            rows.extend(page);
            let is_enough = filter
                .limit
                .is_some_and(|limit| rows.len() >= limit as usize);
            if is_last || is_enough {
                return Ok(rows);
            }
        }
    }

    fn force_release(&self, id: LockId, _: &str, reason: &str) -> Result<LockInfo, Error> {
        let reason = reason.to_owned();
        self.ask_long(Call::ForceRelease { id, reason })
    }

    fn cleanup(&self) -> Result<u64, Error> {
        self.ask_long(Call::Cleanup)
    }

    fn prune(&self, before: Wall) -> Result<u64, Error> {
        self.ask_long(Call::Prune { before })
    }

    fn pause(&self, folder: &Folder, _: &str, reason: &str) -> Result<PauseInfo, Error> {
        let (folder, reason) = (Named::of(folder), reason.to_owned());
        self.change(Call::Pause { folder, reason })
    }

    fn resume(&self, folder: &Folder) -> Result<bool, Error> {
        let folder = Named::of(folder);
        self.ask_once(Call::Resume { folder })
    }

    fn listen(&self, topic: Topic) -> Result<Box<dyn Listener>, Error> {
        listen::listen(self, topic)
    }

    fn scope(&self) -> Scope {
        let known = self.my_scope(&How::soon()).ok();
        known.or_else(machine::scope).unwrap_or_else(Scope::local)
    }

    fn default_ttl(&self) -> Duration {
        const USUAL: Duration = Duration::from_secs(2 * 3600);
        let theirs = || self.hello().map_or(USUAL, |hello| hello.ttl);
        self.inner.ttl.unwrap_or_else(theirs)
    }

    fn database(&self) -> String {
        self.inner.http.server.clone()
    }
}
