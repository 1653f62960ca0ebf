//! One file for each verb; the same verb has the same file name on every
//! floor of the house.

pub mod acquire;
pub mod release;
pub mod run;
pub mod status;

use crate::args::Command;
use crate::context::Context;
use crate::exit::Ended;

/// Runs a command to its exit status.
///
/// # Errors
/// What keeps it from answering; said by the caller.
pub fn run(context: &Context, command: Command) -> Ended {
    match command {
        Command::Acquire(args) => acquire::run(context, args),
        Command::Release(args) => release::run(context, &args),
        Command::Run(args) => run::run(context, args),
        Command::Status(args) => status::run(context, &args),
    }
}
