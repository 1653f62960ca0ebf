//! A request for locks, from a call's arguments.

use gaia_locks::folder::Folder;
use gaia_locks::model::{Holder, Releaser};
use gaia_locks::service::{Acquire, Line};
use pyo3::prelude::*;

use crate::input;

/// An argument that may be left out.
pub type Given<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// What a call says besides the folder.
pub struct Asked<'a, 'py> {
    /// `session_id`.
    pub session: &'a Bound<'py, PyAny>,
    /// `task_id`.
    pub task: Given<'a, 'py>,
    /// `mode`.
    pub mode: Given<'a, 'py>,
    /// `ttl`.
    pub ttl: Given<'a, 'py>,
    /// `pid`.
    pub pid: Given<'a, 'py>,
    /// `request_id`.
    pub request_id: Given<'a, 'py>,
}

impl Asked<'_, '_> {
    /// The request for these folders.
    pub fn request(&self, folders: Vec<Folder>) -> PyResult<Acquire> {
        let process = input::process(self.pid)?;
        Ok(Acquire {
            folders,
            holder: Holder::new(input::session(self.session)?, input::task(self.task)?),
            mode: self.mode.map(input::mode).transpose()?.unwrap_or_default(),
            ttl: self
                .ttl
                .map(|ttl| input::duration(ttl, "ttl"))
                .transpose()?,
            own: process.is_some(),
            process,
            releaser: Releaser::Holder,
            request_id: input::request_id(self.request_id)?,
            line: Line::Never,
        })
    }
}
