//! What can be typed: the commands and the flags that all of them know.

use std::ffi::OsString;
use std::num::{IntErrorKind, ParseIntError};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use gaia_locks::duration::DurationError;
use gaia_locks::settings::{Flag, help};

use crate::argv;
use crate::commands;
use crate::exit::{self, Failure, Status};
use crate::output::Output;

/// What a stranger types first.
const TO_BEGIN_WITH: &str = "\
To begin with:
  gaia demo            watch a small fleet at work
  gaia run . -- make   run a command, alone in this folder
  gaia status          see who holds what and who waits
  gaia run --help      each command explains itself";

/// Lets a fleet of coding-agent sessions work side by side, no two of them
/// ever in the same folder.
///
/// A lock is a lease on a folder for one session. Whoever asks for a folder
/// that overlaps a locked one is refused, told who holds it and until when, or
/// waits in line for it. `gaia run FOLDER -- COMMAND` holds a lock exactly as
/// long as a command runs. A task is queued with `gaia send`, and `gaia up`
/// gives it to a session together with the lock on its folder.
#[derive(Parser)]
#[command(
    name = "gaia",
    version,
    max_term_width = 100,
    subcommand_required = true,
    disable_help_subcommand = true,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands",
    after_help = TO_BEGIN_WITH
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command knows.
#[derive(Args, Clone, Debug, Default)]
pub struct Global {
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// Where state, logs and configuration are kept [GAIA_HOME]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Settings")]
    pub home: Option<OsString>,
    /// The locks directory [GAIA_LOCKS_DIR]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Settings")]
    pub locks_dir: Option<OsString>,
    /// The database, as a URL [GAIA_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL", help_heading = "Settings")]
    pub database: Option<OsString>,
    /// Where the server listens, from the command that serves.
    #[arg(skip)]
    pub listen: Option<OsString>,
    /// Where marker files are kept: on, locks, off [GAIA_MARKERS]
    #[arg(long, global = true, value_name = "WHERE", help_heading = "Settings")]
    pub markers: Option<OsString>,
}

impl Global {
    /// The flags that are settings.
    pub fn settings(&self) -> Vec<Flag> {
        let table = [
            ("GAIA_HOME", "--home", &self.home),
            ("GAIA_LOCKS_DIR", "--locks-dir", &self.locks_dir),
            ("GAIA_DATABASE_URL", "--database", &self.database),
            ("GAIA_MARKERS", "--markers", &self.markers),
            ("GAIA_LISTEN", "--listen", &self.listen),
        ];
        let given = |(setting, word, value): (&'static str, &str, &Option<OsString>)| {
            let value = value.as_ref()?;
            Some(Flag::new(setting, word, value.clone()))
        };
        table.into_iter().filter_map(given).collect()
    }
}

/// The commands, in the order in which help shows them.
#[derive(Subcommand)]
pub enum Command {
    Run(commands::run::RunArgs),
    Acquire(commands::acquire::AcquireArgs),
    Release(commands::release::ReleaseArgs),
    Renew(commands::renew::RenewArgs),
    Verify(commands::verify::VerifyArgs),
    Status(commands::status::StatusArgs),
    Why(commands::why::WhyArgs),
    History(commands::history::HistoryArgs),
    Pause(commands::pause::PauseArgs),
    Resume(commands::resume::ResumeArgs),
    Send(commands::send::SendArgs),
    Tasks(commands::tasks::TasksArgs),
    Task(commands::task::TaskArgs),
    Sessions(commands::sessions::SessionsArgs),
    Session(commands::session::SessionArgs),
    Up(commands::up::UpArgs),
    Assigner(commands::assigner::AssignerArgs),
    Serve(commands::serve::ServeArgs),
    Top(commands::top::TopArgs),
    User(commands::user::UserArgs),
    Token(commands::token::TokenArgs),
    Audit(commands::audit::AuditArgs),
    #[command(hide = true)]
    Keeper(commands::assigner::KeeperArgs),
    Demo(commands::demo::DemoArgs),
    #[command(hide = true)]
    DemoAgent(commands::demo::agent::AgentArgs),
    ForceRelease(commands::force_release::ForceReleaseArgs),
    Cleanup(commands::cleanup::CleanupArgs),
    Prune(commands::prune::PruneArgs),
    Backup(commands::backup::BackupArgs),
    Restore(commands::restore::RestoreArgs),
    Init(commands::init::InitArgs),
    Migrate(commands::migrate::MigrateArgs),
    Hook(commands::hook::HookArgs),
    Mcp(commands::mcp::McpArgs),
    Guard(commands::guard::GuardArgs),
    Doctor(commands::doctor::DoctorArgs),
    Bench(commands::bench::BenchArgs),
    Check(commands::check::CheckArgs),
    #[command(hide = true)]
    CheckWorker(commands::check::CheckWorkerArgs),
    Completions(commands::completions::CompletionsArgs),
    Man(commands::man::ManArgs),
}

impl Command {
    /// Whether `.env` of the current folder counts: only where a person starts
    /// the main job there, since an agent's repository must not choose the
    /// database.
    pub fn reads_dot_env_here(&self) -> bool {
        matches!(
            self,
            Command::Up(_) | Command::Assigner(_) | Command::Serve(_) | Command::Keeper(_)
        )
    }

    /// Where a server is to listen, if that was said.
    pub fn listen(&self) -> Option<OsString> {
        match self {
            Command::Serve(args) => args.reached.listen.clone(),
            Command::Up(args) => args.reached.listen.clone(),
            _ => None,
        }
    }
}

/// The whole command line as the parser knows it.
pub fn command() -> clap::Command {
    let settings = format!(
        "{TO_BEGIN_WITH}\n\nSettings, from the environment, {} or {}; \
         `gaia doctor` shows them as they are:\n{}",
        "$GAIA_HOME/.env",
        "$GAIA_HOME/gaia.toml",
        help()
    );
    Cli::command().after_long_help(settings)
}

/// Reads the command line.
///
/// # Errors
/// What clap says; that is also how it asks for help and the version.
pub fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    if let Some(cli) = parse_frequent(words) {
        return Ok(cli);
    }
    match Cli::command().try_get_matches_from(words) {
        Ok(matches) => Cli::from_arg_matches(&matches),
        // Only whoever asks for help pays for the table of settings.
        Err(unread) if !unread.use_stderr() => command()
            .try_get_matches_from(words)
            .map_or_else(Err, |matches| Cli::from_arg_matches(&matches)),
        Err(unread) => Err(unread),
    }
}

/// The commands that programs run again and again, each described to the parser
/// alone: all the others would cost a fifth of their time. What cannot be read
/// this way is read by the whole description, which says what is wrong.
fn parse_frequent(words: &[OsString]) -> Option<Cli> {
    match words.get(1)?.to_str()? {
        "run" => parse_alone("run", words, Command::Run),
        "hook" => parse_alone("hook", words, Command::Hook),
        "acquire" => parse_alone("acquire", words, Command::Acquire),
        "release" => parse_alone("release", words, Command::Release),
        "renew" => parse_alone("renew", words, Command::Renew),
        "verify" => parse_alone("verify", words, Command::Verify),
        "status" => parse_alone("status", words, Command::Status),
        "send" => parse_alone("send", words, Command::Send),
        _ => None,
    }
}

fn parse_alone<A: Args>(
    verb: &'static str,
    words: &[OsString],
    command: fn(A) -> Command,
) -> Option<Cli> {
    let alone = A::augment_args(clap::Command::new(verb)).disable_help_flag(true);
    let gaia = Global::augment_args(clap::Command::new("gaia")).subcommand(alone);
    let matches = gaia.try_get_matches_from(words).ok()?;
    let args = A::from_arg_matches(matches.subcommand()?.1).ok()?;
    Some(Cli {
        global: Global::from_arg_matches(&matches).ok()?,
        command: command(args),
    })
}

/// Says what could not be read, or prints the help that was asked for.
pub fn tell_unread(unread: &clap::Error, words: &[OsString]) -> ExitCode {
    if !unread.use_stderr() || !argv::wants_json(words) {
        // A closed pipe is no reason to complain about.
        drop(unread.print());
        let status = if unread.use_stderr() {
            Status::Usage
        } else {
            Status::Done
        };
        return status.into();
    }
    let text = match is_missing_a_command(unread) {
        true => missing(words),
        false => unread.render().to_string(),
    };
    let message = text.trim_start_matches("error: ");
    let message = message.split("\n\nUsage:").next().unwrap_or(message);
    let message = message.split("\n\nFor more").next().unwrap_or(message);
    let failure = Failure::new("usage", Status::Usage, message.trim())
        .hint("run the command with --help to see how it is used");
    exit::fail(&Output::json(), &failure)
}

fn is_missing_a_command(unread: &clap::Error) -> bool {
    use clap::error::ErrorKind::{DisplayHelpOnMissingArgumentOrSubcommand, MissingSubcommand};
    matches!(
        unread.kind(),
        MissingSubcommand | DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// The commands that could have followed: those that help shows.
fn missing(words: &[OsString]) -> String {
    let mut command = Cli::command();
    for word in words.iter().skip(1) {
        if let Some(found) = command.find_subcommand(word) {
            command = found.clone();
        }
    }
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let names: Vec<&str> = shown.map(clap::Command::get_name).collect();
    format!("a command is missing; there are {}", names.join(", "))
}

/// How long to wait in line.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct WaitLimit {
    /// Wait in line when it is not free; a duration after it is the limit
    /// [30s, 1h30m; a bare number is seconds]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = duration)]
    wait: Option<Option<Duration>>,
}

impl WaitLimit {
    /// Not at all, without a limit, or so long.
    pub fn limit(self) -> crate::waiting::Limit {
        self.wait
    }
}

/// Reads a folder as typed, an empty one too: what is wrong with it is said
/// where folders are understood.
pub fn folder() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Reads a whole number.
///
/// # Errors
/// What is wrong with it and what is one.
pub fn number<N: std::str::FromStr<Err = ParseIntError>>(text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|error: ParseIntError| match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
                format!("`{text}` is too far from 0")
            }
            _ => format!("`{text}` is no whole number; write for example 7"),
        })
}

/// Reads a name that may not be empty.
///
/// # Errors
/// When it is.
pub fn name(text: &str) -> Result<String, String> {
    match text {
        "" => Err("it is empty; give a name, or leave the flag out".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// Reads a duration as people write it.
///
/// # Errors
/// What is wrong with it and how it is written.
pub fn duration(text: &str) -> Result<Duration, DurationError> {
    gaia_locks::duration::parse(text)
}
