//! From the core's errors to Python's.
//!
//! The classes are written in Python (`errors.py`), where one class can have
//! two parents. What is wrong with the input is a ValueError; a refusal is
//! raised only where an answer of True or False would hide it.

use gaia_locks::open::OpenError;
use gaia_locks::wire::Refusal;
use gaia_locks::{Error, ServerError};
use pyo3::prelude::*;

use crate::answers;

macro_rules! classes {
    ($($name:ident)*) => {
        $(pyo3::import_exception!(gaia_lock_manager.errors, $name);)*
    };
}

classes! {
    AlreadyEnded Deadlock GaiaError Held InvalidInput InvalidSetting LockLost NotAllowed NotHeld
    OtherDatabase StoreUnavailable UnknownLock WaitTimedOut WrongType
}

/// What a call to the door answered when it failed.
pub fn raised(error: Error) -> PyErr {
    let said = error.to_string();
    match error {
        Error::InvalidFolder(_)
        | Error::InvalidName(_)
        | Error::InvalidRequest(_)
        | Error::RequestIdReused { .. } => InvalidInput::new_err(said),
        Error::NotHeld(_) | Error::NotInLine(_) => NotHeld::new_err(said),
        Error::NotAllowed(_) => NotAllowed::new_err(said),
        Error::UnknownLock(_) => UnknownLock::new_err(said),
        Error::AlreadyEnded { .. } => AlreadyEnded::new_err(said),
        Error::OtherDatabase { .. } => OtherDatabase::new_err(said),
        // What a server said is a plain failure; all else is no way to one.
        Error::Server(ServerError::Said { .. }) => GaiaError::new_err(said),
        Error::Store(_) | Error::Server(_) => StoreUnavailable::new_err(said),
        _ => GaiaError::new_err(said),
    }
}

/// Why no door was opened.
pub fn of_opening(_py: Python<'_>, error: &OpenError) -> PyErr {
    match error {
        OpenError::Locks(Error::InvalidName(_)) => InvalidSetting::new_err(error.to_string()),
        OpenError::Locks(Error::OtherDatabase { .. }) => OtherDatabase::new_err(error.to_string()),
        _ => StoreUnavailable::new_err(error.to_string()),
    }
}

/// A refusal as an exception: a circle, a wait that ran out, or a folder that is
/// held; each bears the whole answer.
pub fn refused(py: Python<'_>, refusal: &Refusal, waited: bool) -> PyErr {
    let answer = match answers::refused(py, refusal) {
        Ok(answer) => answer.unbind(),
        Err(error) => return error,
    };
    let said = crate::report::refusal(refusal, waited);
    match (&refusal.cycle, waited) {
        (Some(_), _) => Deadlock::new_err((said, answer)),
        (None, true) => WaitTimedOut::new_err((said, answer)),
        (None, false) => Held::new_err((said, answer)),
    }
}
