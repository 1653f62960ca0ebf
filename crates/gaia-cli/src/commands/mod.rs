//! One file for each verb; the same verb has the same file name on every
//! floor of the house.

pub mod acquire;
pub mod assigner;
pub mod audit;
pub mod backup;
pub mod bench;
pub mod check;
pub mod cleanup;
pub mod completions;
pub mod demo;
pub mod doctor;
pub mod force_release;
pub mod guard;
pub mod history;
pub mod hook;
pub mod init;
pub mod man;
pub mod mcp;
pub mod migrate;
pub mod pause;
pub mod prune;
pub mod release;
pub mod renew;
pub mod restore;
pub mod resume;
pub mod run;
pub mod send;
pub mod serve;
pub mod session;
pub mod sessions;
pub mod status;
pub mod task;
pub mod tasks;
pub mod token;
pub mod top;
pub mod up;
pub mod user;
pub mod verify;
pub mod why;

use crate::args::Command;
use crate::context::Context;
use crate::exit::Ended;

/// Runs a command to its exit status.
///
/// # Errors
/// What keeps it from answering; said by the caller.
pub fn run(context: &Context, command: Command) -> Ended {
    match command {
        Command::Run(args) => run::run(context, args),
        Command::Acquire(args) => acquire::run(context, args),
        Command::Release(args) => release::run(context, &args),
        Command::Renew(args) => renew::run(context, &args),
        Command::Verify(args) => verify::run(context, &args),
        Command::Status(args) => status::run(context, &args),
        Command::Why(args) => why::run(context, &args),
        Command::History(args) => history::run(context, &args),
        Command::Pause(args) => pause::run(context, &args),
        Command::Resume(args) => resume::run(context, &args),
        Command::Send(args) => send::run(context, args),
        Command::Tasks(args) => tasks::run(context, args),
        Command::Task(args) => task::run(context, &args),
        Command::Sessions(args) => sessions::run(context, &args),
        Command::Session(args) => session::run(context, args),
        Command::Up(args) => up::run(context, &args),
        Command::Assigner(args) => assigner::run(context, &args),
        Command::Serve(args) => serve::run(context, &args),
        Command::Top(args) => top::run(context, &args),
        Command::User(args) => user::run(context, &args),
        Command::Audit(args) => audit::run(context, &args),
        Command::Token(args) => token::run(context, &args),
        Command::Keeper(_) => assigner::keep(context),
        Command::Demo(args) => demo::run(context, &args),
        Command::DemoAgent(args) => demo::agent::run(context, &args),
        Command::ForceRelease(args) => force_release::run(context, &args),
        Command::Cleanup(args) => cleanup::run(context, &args),
        Command::Prune(args) => prune::run(context, &args),
        Command::Backup(args) => backup::run(context, &args),
        Command::Restore(args) => restore::run(context, &args),
        Command::Init(args) => init::run(context, &args),
        Command::Migrate(args) => migrate::run(context, &args),
        Command::Hook(args) => hook::run(context, &args),
        Command::Mcp(args) => mcp::run(context, &args),
        Command::Guard(args) => guard::run(context, &args),
        Command::Doctor(args) => doctor::run(context, &args),
        Command::Bench(args) => bench::run(context, args),
        Command::Check(args) => check::run(context, &args),
        Command::CheckWorker(_) => check::work(),
        Command::Completions(args) => completions::run(context, &args),
        Command::Man(args) => man::run(context, &args),
    }
}
