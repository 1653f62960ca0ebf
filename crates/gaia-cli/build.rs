//! Links the program at a fixed address: docs/adr/0019-a-fixed-address.md.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script by variables alone"
)]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
