//! `gaia user`: accounts of the server.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Subcommand;
use gaia_server::accounts::{Role, UserInfo};
use serde::Serialize;

use super::token::role;
use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, ago, clean};
use crate::{system, tell};

/// Add, remove or list accounts of the server, or set a password
#[derive(clap::Args, Debug)]
pub struct UserArgs {
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Add an account; its password is asked for, or read from stdin
    #[command(after_help = "Examples:\n  gaia user add ann --role admin")]
    Add {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// What it may do: viewer reads, agent acts for its own sessions, admin does everything
        #[arg(long, value_name = "ROLE", value_parser = role, default_value = "viewer")]
        role: Role,
    },
    /// Remove an account; whoever is signed in with it is signed out
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Set a password, asked for or read from stdin; signs out who is signed in
    Password {
        /// The account's name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List the accounts
    List,
}

#[derive(Serialize)]
struct OneUser {
    user: UserInfo,
}

#[derive(Serialize)]
struct List {
    count: usize,
    users: Vec<UserInfo>,
}

#[derive(Serialize)]
struct Removed<'a> {
    removed: bool,
    name: &'a str,
}

/// Does it.
pub fn run(context: &Context, args: &UserArgs) -> Ended {
    let accounts = context.accounts()?;
    match &args.verb {
        Verb::Add { name, role } => {
            let password = ask_password()?;
            let user = accounts.add_user(name, *role, &password)?;
            say(context, user, "added")
        }
        Verb::Password { name } => {
            let user = accounts.set_password(name, &ask_password()?)?;
            say(context, user, "changed the password of")
        }
        Verb::Remove { name } => {
            accounts.remove_user(name)?;
            let answer = Removed {
                removed: true,
                name,
            };
            context.out.answer(&answer, |style| {
                format!("{} {}", style.yellow("removed"), clean(name))
            })?;
            Ok(Status::Done.into())
        }
        Verb::List => list(context, accounts.users()?),
    }
}

fn say(context: &Context, user: UserInfo, done: &str) -> Ended {
    let answer = OneUser { user };
    context.out.answer(&answer, |style| {
        let (name, role) = (clean(&answer.user.name), answer.user.role);
        format!("{} {name} ({role})", style.green(done))
    })?;
    Ok(Status::Done.into())
}

fn list(context: &Context, users: Vec<UserInfo>) -> Ended {
    let answer = List {
        count: users.len(),
        users,
    };
    context.out.answer(&answer, |style| {
        if answer.users.is_empty() {
            return "No accounts. `gaia user add NAME --role ROLE` adds one.".to_owned();
        }
        table(style, &answer.users)
    })?;
    Ok(Status::Done.into())
}

fn table(style: &Style, users: &[UserInfo]) -> String {
    let row = |user: &UserInfo| {
        [
            clean(&user.name),
            user.role.to_string(),
            if user.has_password { "yes" } else { "no" }.to_owned(),
            ago(user.created_at),
            user.last_seen_at.map_or_else(|| "never".to_owned(), ago),
        ]
    };
    let heads = ["name", "role", "password", "added", "seen"];
    style.table(heads, users.iter().map(row))
}

/// From a terminal it is asked for without being shown, else the first line of
/// stdin is taken.
fn ask_password() -> Result<String, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let mut line = String::new();
        stdin.lock().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\n', '\r']).to_owned());
    }
    tell::note("password (not shown):");
    let password = system::secret_line()?;
    tell::note("once more:");
    if system::secret_line()? != password {
        return Err(Failure::usage("the two passwords differ"));
    }
    Ok(password)
}
