//! How many files a process may have open.
//!
//! A reader of live events is an open file, so a server allows itself all that
//! the system lets it. What it starts gets the limit that was there before:
//! some programs look through all files that they may have, or cannot use one
//! whose number is high.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Allows this process as many as it may have; gives the limit until now.
pub fn allow_all() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    set(limit.maximum, limit.maximum);
    limit.current
}

/// Allows this process so many.
pub fn allow(files: u64) {
    set(Some(files), getrlimit(Resource::Nofile).maximum);
}

/// Where it is refused, things go on with what there is.
fn set(current: Option<u64>, maximum: Option<u64>) {
    let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum });
}
