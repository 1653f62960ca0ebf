//! The Python module `gaia_lock_manager`: the same door to the locks that every
//! way in uses, in Python's words.
//!
//! This room parses, calls and answers; it decides nothing. What stands here is
//! what only Python has:
//!
//! - The global interpreter lock is let go of whenever the database is worked
//!   with or waited for.
//! - A wait on the main thread looks for signals, so that Ctrl-C ends it
//!   (`waiting`).
//! - A forked child never uses what it inherited (`door`, `lock`).
//! - Errors are classes of a tree in Python itself (`errors.py`), so that one
//!   can be a ValueError or a TimeoutError too (`errors`).
//!
//! What can be written in Python as well stands in `python/gaia_lock_manager`:
//! the asyncio variant and `python -m gaia_lock_manager`.

mod answers;
mod door;
mod errors;
mod input;
mod lock;
mod manager;
mod report;
mod request;
mod waiting;

use pyo3::prelude::*;

/// The compiled part of `gaia_lock_manager`; import that instead.
#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::lock::Lock;
    #[pymodule_export]
    use crate::manager::GaiaLockManager;
    #[pymodule_export]
    use crate::waiting::Cancel;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // Any thread of a Python program may fork while others are at work.
        gaia_locks::store::sqlite::quiesce_forks();
        let build = if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        };
        module.add("__build__", build)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
