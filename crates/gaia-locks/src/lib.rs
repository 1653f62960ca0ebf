//! In the making.

pub mod clock;
pub mod folder;
pub mod liveness;
pub mod os;
