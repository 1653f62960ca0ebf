//! A file that lies on no disk.

use std::fs::File;
use std::io;

/// A file without a name in memory, which no full disk concerns; `None` where the system has no
/// such thing.
///
/// # Errors
/// What the system said.
pub fn file_in_memory(name: &str) -> io::Result<Option<File>> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{MemfdFlags, memfd_create};
        let file = memfd_create(name, MemfdFlags::CLOEXEC)?;
        Ok(Some(file.into()))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = name;
        Ok(None)
    }
}
