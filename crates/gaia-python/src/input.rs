//! What callers pass, checked once, here. Whatever is wrong is a ValueError
//! that names the argument, the value and what would be right; a wrong type is
//! a TypeError as well.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gaia_locks::folder::Folder;
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::Mode;
use gaia_locks::{LockId, RequestId, SessionId, TaskId};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDelta, PyDeltaAccess, PyFloat, PySequence, PyString};

use crate::errors::{InvalidInput, WrongType, raised};
use crate::waiting::Wait;

/// The current folder.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge, where relative folders get their start"
)]
pub fn here() -> std::io::Result<PathBuf> {
    std::env::current_dir()
}

/// A folder: text or something like a path; a relative one counts from the
/// current folder.
pub fn folder(given: &Bound<'_, PyAny>) -> PyResult<Folder> {
    let path = path(given, "folder_path")?;
    let base = match path.is_absolute() {
        true => PathBuf::from("/"),
        false => here().map_err(|error| {
            InvalidInput::new_err(format!(
                "folder_path {path:?} is relative, and the current folder cannot be told: {error}"
            ))
        })?,
    };
    Folder::resolve(&path, &base).map_err(|error| raised(error.into()))
}

/// One folder or several.
pub fn folders(given: &Bound<'_, PyAny>) -> PyResult<Vec<Folder>> {
    // Text is a sequence too, of letters.
    let is_one = given.is_instance_of::<PyString>() || given.is_instance_of::<PyBytes>();
    let several = match given.cast::<PySequence>() {
        Ok(several) if !is_one => several.try_iter()?,
        _ => return Ok(vec![folder(given)?]),
    };
    let folders: Vec<Folder> = several.map(|one| folder(&one?)).collect::<PyResult<_>>()?;
    match folders.is_empty() {
        true => Err(InvalidInput::new_err(
            "folders is empty; name at least one folder",
        )),
        false => Ok(folders),
    }
}

/// A path as Python has it.
pub fn path(given: &Bound<'_, PyAny>, name: &str) -> PyResult<PathBuf> {
    if given.is_instance_of::<PyBytes>() {
        return Err(wrong_type(
            given,
            name,
            "text or a path (os.fsdecode makes one of bytes)",
        ));
    }
    let path: PathBuf = given
        .extract()
        .map_err(|_| wrong_type(given, name, "text or a path"))?;
    match path.as_os_str().is_empty() {
        true => Err(InvalidInput::new_err(format!(
            "{name} is empty; name a folder"
        ))),
        false => Ok(path),
    }
}

/// A session's name.
pub fn session(given: &Bound<'_, PyAny>) -> PyResult<SessionId> {
    let text = text(given, "session_id")?;
    SessionId::new(text).map_err(|error| raised(error.into()))
}

/// A task's number; none is 0.
pub fn task(given: Option<&Bound<'_, PyAny>>) -> PyResult<TaskId> {
    Ok(match given {
        None => TaskId::NONE,
        Some(given) => TaskId(number(given, "task_id", 0)?),
    })
}

/// A lock's id.
pub fn token(given: &Bound<'_, PyAny>, name: &str) -> PyResult<LockId> {
    Ok(LockId(number(given, name, 1)?))
}

/// How many, at most.
pub fn limit(given: &Bound<'_, PyAny>) -> PyResult<u32> {
    let limit = number(given, "limit", 0)?;
    // More than there can be is all of them.
    Ok(u32::try_from(limit).unwrap_or(u32::MAX))
}

/// Something that can be called.
pub fn callback(
    given: Option<Py<PyAny>>,
    py: Python<'_>,
    name: &str,
) -> PyResult<Option<Py<PyAny>>> {
    match given {
        Some(given) if !given.bind(py).is_callable() => Err(wrong_type(
            given.bind(py),
            name,
            "something that can be called",
        )),
        given => Ok(given),
    }
}

/// exclusive or shared.
pub fn mode(given: &Bound<'_, PyAny>) -> PyResult<Mode> {
    match text(given, "mode")?.as_str() {
        "exclusive" => Ok(Mode::Exclusive),
        "shared" => Ok(Mode::Shared),
        other => Err(InvalidInput::new_err(format!(
            "mode {other:?} is unknown; \"exclusive\" or \"shared\" would be right"
        ))),
    }
}

/// A word by which a request is known when it comes again.
pub fn request_id(given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<RequestId>> {
    let make =
        |given| RequestId::new(text(given, "request_id")?).map_err(|error| raised(error.into()));
    given.map(make).transpose()
}

/// A process to bind a lock to.
pub fn process(given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<ProcessIdentity>> {
    given.map(|given| bound_to(given)).transpose()
}

fn bound_to(given: &Bound<'_, PyAny>) -> PyResult<ProcessIdentity> {
    let pid = u32::try_from(number(given, "pid", 1)?)
        .map_err(|_| InvalidInput::new_err(format!("pid {given} is no process id")))?;
    match ProcessIdentity::of(pid) {
        Ok(Some(process)) => Ok(process),
        Ok(None) => Err(InvalidInput::new_err(format!(
            "pid {pid}: there is no such process to bind the lock to"
        ))),
        Err(error) => Err(InvalidInput::new_err(format!(
            "pid {pid}: the process cannot be looked at: {error}"
        ))),
    }
}

/// Seconds, or a timedelta.
pub fn duration(given: &Bound<'_, PyAny>, name: &str) -> PyResult<Duration> {
    let wrong = || wrong_type(given, name, "seconds or a timedelta");
    if given.is_instance_of::<PyBool>() || given.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    let seconds = match given.cast::<PyDelta>() {
        Ok(delta) => {
            f64::from(delta.get_days()) * 86_400.0
                + f64::from(delta.get_seconds())
                + f64::from(delta.get_microseconds()) / 1e6
        }
        Err(_) => given.extract().map_err(|_| wrong())?,
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        InvalidInput::new_err(format!(
            "{name} {seconds} is no length of time; seconds, 0 or more, would be right"
        ))
    })
}

/// How long to wait: None or False is not at all, True without a limit.
pub fn wait(given: Option<&Bound<'_, PyAny>>) -> PyResult<Wait> {
    let Some(given) = given else {
        return Ok(Wait::Never);
    };
    match given.cast::<PyBool>() {
        Ok(word) if word.is_true() => Ok(Wait::AsLongAsItTakes),
        Ok(_) => Ok(Wait::Never),
        // "For ever", as Python writes it.
        Err(_) if is_infinite(given) => Ok(Wait::AsLongAsItTakes),
        Err(_) => Ok(Wait::UpTo(duration(given, "wait")?)),
    }
}

fn is_infinite(given: &Bound<'_, PyAny>) -> bool {
    given
        .cast::<PyFloat>()
        .is_ok_and(|number| number.extract::<f64>().is_ok_and(|n| n == f64::INFINITY))
}

fn number(given: &Bound<'_, PyAny>, name: &str, least: i64) -> PyResult<i64> {
    if given.is_instance_of::<PyBool>() {
        return Err(wrong_type(given, name, "a whole number"));
    }
    match given.extract::<i64>() {
        Ok(number) if number >= least => Ok(number),
        Ok(number) => Err(InvalidInput::new_err(format!(
            "{name} {number} is too small; {least} or more would be right"
        ))),
        Err(error) if error.is_instance_of::<pyo3::exceptions::PyOverflowError>(given.py()) => {
            Err(InvalidInput::new_err(format!(
                "{name} {given} is too large; at most {} would be right",
                i64::MAX
            )))
        }
        Err(_) => Err(wrong_type(given, name, "a whole number")),
    }
}

/// Text.
pub fn text(given: &Bound<'_, PyAny>, name: &str) -> PyResult<String> {
    let text = given
        .cast::<PyString>()
        .map_err(|_| wrong_type(given, name, "text"))?;
    text.extract().map_err(|_| {
        InvalidInput::new_err(format!(
            "{name} holds characters that are no text (lone surrogates)"
        ))
    })
}

fn wrong_type(given: &Bound<'_, PyAny>, name: &str, right: &str) -> PyErr {
    let kind = given
        .get_type()
        .name()
        .map_or_else(|_| "?".to_owned(), |name| name.to_string());
    let shown = given
        .repr()
        .map_or_else(|_| "?".to_owned(), |shown| shown.to_string());
    let shown: String = shown.chars().take(80).collect();
    WrongType::new_err(format!("{name} is {kind} {shown}; {right} would be right"))
}

/// Whether two canonical folders overlap.
pub fn overlaps(folder: &Folder, other: &str) -> bool {
    Folder::resolve(Path::new(other), Path::new("/")).is_ok_and(|other| folder.overlaps(&other))
}
