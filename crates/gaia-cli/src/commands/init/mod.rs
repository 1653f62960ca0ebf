//! `gaia init`: what is set up once. First it is shown, then, if that was
//! wanted, done; and it can be undone.
//!
//! # How it works
//! Planners say what is to be changed, in a [`plan::Plan`]; they write nothing.
//! The plan is shown as a difference, and asked for or agreed to with `--yes`.
//! Then it is noted in a journal in GAIA_HOME (`journal`), and made, each file
//! whole or not at all (`write`). `--undo` puts back what the journal knows
//! (`undo`), or what of it is meant (`meant`), byte for byte. What becomes of a
//! file that somebody has changed since is judged in `fate`: from a client's
//! settings and from what git ignores GAIA's own part is taken out, any other
//! file is left alone and named.
//!
//! Run again, a planner finds what it wants there already and plans nothing.
//!
//! # How to add a planner
//! A planner is a function `fn(&Ground, &mut Plan) -> Result<(), Failure>`, and
//! one line in [`PLANNERS`]; its flag is one field of [`InitArgs`].
//! - It reads a file with [`plan::Plan::text`] and sets it with
//!   [`plan::Plan::write`]: the plan knows what the planners before it want, so
//!   several can change one file. `write_with_mode` is for scripts.
//! - What it makes of a text is best a pure function (text, wish) -> text, that
//!   keeps whatever is not its own.
//! - Where nothing is to be done it plans nothing. What it must leave alone it
//!   says with [`plan::Plan::note`]; what cannot be understood is an error, and
//!   then nothing at all is changed.
//! - For each repository it says so with [`plan::Plan::for_repo`], so that
//!   `gaia init REPO --undo` takes back what was done there.

pub mod agent;
mod ask;
mod database;
mod fate;
mod files;
mod git;
mod guard;
mod home;
mod ignore;
mod journal;
mod keep_running;
mod launchd;
mod meant;
mod place;
mod plan;
mod service;
mod set_up;
mod show;
mod systemd;
mod undo;
mod write;

use std::path::PathBuf;

use crate::args;
use crate::context::{Context, here};
use crate::exit::{Ended, Failure};

pub use agent::environment;
use git::Repo;
use plan::Plan;
use service::Kind;

/// What a planner looks at.
pub struct Ground<'a> {
    /// Settings, the database.
    pub context: &'a Context,
    /// What was asked for.
    pub args: &'a InitArgs,
    /// The repositories to be set up.
    pub repos: &'a [Repo],
}

/// Says what is to be changed.
type Planner = fn(&Ground<'_>, &mut Plan) -> Result<(), Failure>;

/// In the order in which they plan, with the name that the journal keeps.
const PLANNERS: &[(&str, Planner)] = &[
    ("home", home::plan),
    ("database", database::plan),
    ("ignore", ignore::plan),
    ("agent", agent::plan),
    ("guard", guard::plan),
];

/// Set up this machine and repositories for GAIA
///
/// Makes the home, the locks directory and the database, writes an example of
/// all settings (.env.example in the home), and has git leave GAIA's marker files out in each REPO.
/// Without REPO the repository of the current folder is meant, if there is one.
///
/// All changes are shown first, and made with --yes or after a y on a terminal.
/// It can be run again: what is there already is left as it is. --undo takes
/// back what init changed, with REPO only what it changed there, with --agent or
/// --guard only that; a file that somebody has changed since is left alone.
///
/// With --service alone it writes a unit for systemd (Linux) or an agent for
/// launchd (macOS) of this user, which runs `gaia up` with this binary and this
/// home.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  gaia init                    # shows it, asks\n  gaia init ~/src/app ~/src/lib --yes\n  gaia init --undo\n  gaia init --service"
)]
pub struct InitArgs {
    /// A folder in a git work tree
    #[arg(value_name = "REPO", value_parser = args::folder())]
    pub repos: Vec<PathBuf>,
    /// Write the ignore pattern into the repository's own info/exclude, which is not committed
    #[arg(long)]
    pub local: bool,
    /// Set up the service: systemd or launchd [default: the one of this system]
    #[arg(long, value_name = "KIND", num_args = 0..=1, require_equals = true, value_enum, conflicts_with_all = ["repos", "local", "agent", "guard"])]
    pub service: Option<Option<Kind>>,
    /// Have these agents ask GAIA before they write, and know its MCP server: claude, codex, gemini, opencode, cursor
    #[arg(long, value_name = "CLIENT,…", value_delimiter = ',', value_parser = ["claude", "codex", "gemini", "opencode", "cursor"])]
    pub agent: Vec<String>,
    /// Write what is Claude's as a plugin into FOLDER, and not into its settings
    #[arg(long, value_name = "FOLDER", requires = "agent", conflicts_with = "project", value_parser = args::folder())]
    pub plugin: Option<PathBuf>,
    /// Write the agents' settings into each REPO and not into yours
    #[arg(long, requires = "agent")]
    pub project: bool,
    /// Guard each REPO: a commit that touches a folder held by another is refused
    #[arg(long)]
    pub guard: bool,
    /// Do it without asking
    #[arg(long, short)]
    pub yes: bool,
    /// Take back what was set up
    #[arg(long)]
    pub undo: bool,
}

/// Shows, asks, does.
pub fn run(context: &Context, args: &InitArgs) -> Ended {
    if let Some(kind) = args.service {
        return keep_running::run(context, args, kind);
    }
    let repos = repos(args)?;
    if args.undo {
        let named = repos.into_iter().map(|repo| repo.top);
        let named: Vec<PathBuf> = named.filter(|_| !args.repos.is_empty()).collect();
        return undo::run(context, args, &named);
    }
    if repos.is_empty() && (args.guard || args.project) {
        let flag = if args.guard { "--guard" } else { "--project" };
        let message = format!("{flag} is for a repository, and there is none here");
        return Err(Failure::usage(message).hint("name it: gaia init REPO"));
    }
    let ground = Ground {
        context,
        args,
        repos: &repos,
    };
    set_up::run(context, args, &ground)
}

/// Those named, each once; without any the one around the current folder.
fn repos(args: &InitArgs) -> Result<Vec<Repo>, Failure> {
    let here = here()?;
    if args.repos.is_empty() {
        return Ok(Repo::of(&here).into_iter().collect());
    }
    let mut repos: Vec<Repo> = Vec::new();
    for folder in &args.repos {
        let repo = Repo::of(&here.join(folder))?;
        if repos.iter().all(|known| known.top != repo.top) {
            repos.push(repo);
        }
    }
    Ok(repos)
}
