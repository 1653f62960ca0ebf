//! In the making.

pub mod bench;
