//! A task's output, as it was printed.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use gaia_locks::ids::TaskId;

use super::TaskService;
use crate::error::TaskError;
use crate::wire::TaskInfo;

/// So much is given at once.
const PIECE: u64 = 256 * 1024;

/// A piece of a task's output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// The file where it is, on the assigner's machine.
    pub log_file: String,
    /// The bytes as they are: output may be binary. Empty: no more yet.
    pub bytes: Vec<u8>,
}

impl TaskService {
    /// Where a task's output is.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`]; [`TaskError::NoOutput`] when it has none yet.
    pub fn log(&self, id: TaskId) -> Result<PathBuf, TaskError> {
        path(&self.show(id)?)
    }

    /// A piece of a task's output, from a byte on.
    ///
    /// # Errors
    /// As [`TaskService::log`]; [`TaskError::Log`] when it cannot be read.
    pub fn output(&self, id: TaskId, from: u64) -> Result<Output, TaskError> {
        let task = self.show(id)?;
        let path = path(&task)?;
        let bytes = match piece(&path, from) {
            // An agent that was not started yet has no file yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !task.status.is_over() => {
                Vec::new()
            }
            read => read.map_err(|source| TaskError::Log {
                path: path.display().to_string(),
                source,
            })?,
        };
        Ok(Output {
            log_file: path.display().to_string(),
            bytes,
        })
    }
}

fn path(task: &TaskInfo) -> Result<PathBuf, TaskError> {
    let none = || TaskError::NoOutput {
        id: task.id,
        status: task.status.word(),
    };
    task.log_file.as_deref().map(PathBuf::from).ok_or_else(none)
}

fn piece(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(PIECE).read_to_end(&mut bytes)?;
    Ok(bytes)
}
