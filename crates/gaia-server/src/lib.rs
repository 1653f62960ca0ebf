//! The server: what people look at and what programs elsewhere talk to.
//!
//! It decides nothing about locks or tasks: handlers call the same doors as
//! the command line ([`gaia_locks::LockService`], [`gaia_assigner::Tasks`]).
//!
//! # The map
//! ```text
//! router      all routes on one page, and beside each who may use it
//! app         all dependencies in one struct
//! guard auth  what a request meets before its route: Host, Origin, who asks
//! api/        one file for each resource
//! dashboard/  the pages that people look at, live
//! mcp/        the tools for agents, at /mcp
//! error       one table from errors to problem documents
//! feed        what changed, as events       metrics   figures
//! core bell   the blocking core off the async threads; one thread listens for all
//! kept        answers that are given again while they are true
//! together    one look for all who ask the same at once
//! accounts/   users, tokens, signed-in browsers, the trail
//! serve       start, stop, TLS         full      how many at once
//! name        by which it is reached
//! ```

pub mod accounts;
mod api;
mod app;
mod auth;
mod bell;
mod core;
mod dashboard;
mod error;
mod feed;
mod full;
mod guard;
mod kept;
mod mcp;
mod metrics;
mod name;
mod router;
mod serve;
mod together;

pub use accounts::{AccountError, Accounts, Role};
pub use app::{App, Config, Tls};
pub use name::{Name, NoName};
pub use serve::{Running, Stop, can_be_used, serve, start};
