//! The binary `gaia`.
fn main() {}
