//! Folders without a file system.
