//! In the making.

pub mod duration;
pub mod settings;
