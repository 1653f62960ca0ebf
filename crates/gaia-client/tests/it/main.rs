//! The client against real servers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod conformance;
mod gateway;
mod proxy;
mod server;
mod silent;
mod tls;
mod wire;
