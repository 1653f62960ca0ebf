//! In the making.

pub mod bench;
//! The workshop: what tests of several rooms share, and what shows on a real
//! machine that the locks hold.

pub mod checker;
pub mod faults;
pub mod hammer;
