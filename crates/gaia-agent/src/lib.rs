//! What agents and git meet of GAIA: the hooks of agent clients, the guard
//! before a commit, and the tools of an MCP server.
//!
//! A lock that an agent can forget is no lock. So the agent is not asked to
//! remember it: its client calls [`hook`] before each write, and git calls
//! [`guard`] before each commit.
//!
//! # The map
//! ```text
//! shell/    what a shell command would write                     no I/O but a look whether a folder is there
//! hook/     wire -> event -> decision -> the client's own answer
//! clients/  what stands in each client's own settings for that
//! guard/    the hook that git calls before a commit
//! mcp/      the tools of the MCP server, on the doors to locks and tasks
//! ```

pub mod clients;
pub mod guard;
pub mod hook;
pub mod mcp;
pub mod shell;
