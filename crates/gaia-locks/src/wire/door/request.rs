//! A request for locks on its way to a server.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Named;
use crate::error::Error;
use crate::ids::RequestId;
use crate::liveness::{Liveness, ProcessIdentity, Witness};
use crate::model::{Holder, Mode, Releaser, Turn, WaiterLife};
use crate::service::{Acquire, Line};

/// A request for locks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    folders: Vec<Named>,
    /// For whom.
    pub holder: Holder,
    mode: Mode,
    ttl: Option<Duration>,
    process: Option<ProcessIdentity>,
    own: bool,
    request_id: Option<RequestId>,
    line: Option<Stand>,
}

/// How it stands in line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stand {
    process: Option<ProcessIdentity>,
    limit: Option<Duration>,
}

impl Ask {
    /// As it is sent.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for what is the assigner's alone, which works
    /// on the database.
    pub fn of(request: &Acquire) -> Result<Self, Error> {
        let line = match &request.line {
            Line::Never => None,
            Line::Stand {
                turn: Turn::Reserved,
                ..
            } => return Err(of_the_assigner()),
            Line::Stand { life, limit, .. } => Some(Stand {
                process: match life {
                    WaiterLife::Process(process) => Some(process.clone()),
                    WaiterLife::Heartbeat => None,
                },
                limit: *limit,
            }),
        };
        if request.releaser == Releaser::Assigner {
            return Err(of_the_assigner());
        }
        Ok(Self {
            folders: request.folders.iter().map(Named::of).collect(),
            holder: request.holder.clone(),
            mode: request.mode,
            ttl: request.ttl,
            process: request.process.clone(),
            own: request.own || request.process.is_some(),
            request_id: request.request_id.clone(),
            line,
        })
    }

    /// The same, without taking a place in line.
    #[must_use]
    pub fn without_waiting(self) -> Self {
        Self { line: None, ..self }
    }

    /// The same, with so much patience left; one that does not wait stays so.
    #[must_use]
    pub fn waiting_for(self, limit: Option<Duration>) -> Self {
        let line = self.line.map(|stand| Stand { limit, ..stand });
        Self { line, ..self }
    }

    /// As it is meant. A process counts only where it can be seen to live: one
    /// of another machine, or of another pid namespace, goes by its lease, and
    /// in line by being heard [R11].
    ///
    /// # Errors
    /// When a folder cannot be one.
    pub fn into_acquire(self, witness: &dyn Witness) -> Result<Acquire, Error> {
        let seen = |process: &ProcessIdentity| witness.liveness(process) == Liveness::Alive;
        let folders: Result<Vec<_>, _> = self.folders.into_iter().map(Named::into_folder).collect();
        Ok(Acquire {
            folders: folders?,
            holder: self.holder,
            mode: self.mode,
            ttl: self.ttl,
            process: self.process.filter(seen),
            own: self.own,
            releaser: Releaser::Holder,
            request_id: self.request_id,
            line: self.line.map_or(Line::Never, |stand| Line::Stand {
                life: stand
                    .process
                    .filter(seen)
                    .map_or(WaiterLife::Heartbeat, WaiterLife::Process),
                limit: stand.limit,
                turn: Turn::Granted,
            }),
        })
    }
}

fn of_the_assigner() -> Error {
    Error::InvalidRequest(
        "a lock or a place in line of the assigner's is taken on the database, not through a server"
            .to_owned(),
    )
}
