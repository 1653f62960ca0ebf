//! The workshop: what tests of several rooms share, and what shows on a real
//! machine that the locks hold and how fast they are.

pub mod bench;
pub mod checker;
pub mod conformance;
pub mod faults;
pub mod faulty;
pub mod hammer;
