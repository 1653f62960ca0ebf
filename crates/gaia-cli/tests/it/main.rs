//! The command line as a user meets it: every test has a home of its own and
//! an empty environment.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod client_mode;
mod doctor;
mod doctor_agents;
mod each;
mod home;
mod init;
mod init_agents;
mod init_undo;
mod interrupt;
mod log;
mod lost_database;
mod mcp;
mod migrate;
mod night;
mod run;
mod scopes;
mod serve;
mod service;
mod snapshots;
mod snapshots_fleet;
mod terminal;
mod told;
mod top;
mod unprotected;
mod untold;
mod up;
mod watch;
mod why;
