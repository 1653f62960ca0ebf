//! `gaia token`: tokens for programs that use the server.

use std::time::Duration;

use clap::Subcommand;
use gaia_server::accounts::{Role, TokenInfo};
use serde::Serialize;

use crate::accounts::Door;
use crate::args::duration;
use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::output::human::{Style, ago, at, clean};

/// Make, list or revoke tokens for the server
///
/// A program sends its token as `Authorization: Bearer TOKEN`, and gaia itself
/// takes it from GAIA_TOKEN.
#[derive(clap::Args, Debug)]
pub struct TokenArgs {
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Make a token; it is shown once
    #[command(after_help = "Examples:\n  gaia token create ci --role agent --expires 90d")]
    Create {
        /// Who bears it; an agent acts for the sessions NAME and NAME/…
        #[arg(value_name = "NAME")]
        name: String,
        /// What it may do: viewer reads, agent acts for its own sessions, admin does everything
        #[arg(long, value_name = "ROLE", value_parser = role)]
        role: Role,
        /// How long it counts [default: until it is revoked]
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        expires: Option<Duration>,
    },
    /// List the tokens
    List,
    /// Revoke a token
    Revoke {
        /// Its name (all of that name) or its id
        #[arg(value_name = "NAME|ID")]
        which: String,
    },
}

/// Reads a role.
///
/// # Errors
/// What is allowed.
pub fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| format!("{word:?} is no role; viewer, agent or admin is"))
}

#[derive(Serialize)]
struct Created<'a> {
    token: &'a str,
    #[serde(flatten)]
    info: &'a TokenInfo,
}

#[derive(Serialize)]
struct List {
    count: usize,
    tokens: Vec<TokenInfo>,
}

#[derive(Serialize)]
struct Revoked {
    revoked: bool,
    tokens: Vec<TokenInfo>,
}

/// Does it.
pub fn run(context: &Context, args: &TokenArgs) -> Ended {
    let accounts = context.accounts()?;
    match &args.verb {
        Verb::Create {
            name,
            role,
            expires,
        } => create(context, &accounts, name, *role, *expires),
        Verb::List => list(context, &accounts),
        Verb::Revoke { which } => revoke(context, &accounts, which),
    }
}

fn create(
    context: &Context,
    accounts: &Door,
    name: &str,
    role: Role,
    expires: Option<Duration>,
) -> Ended {
    let (info, secret) = accounts.create_token(name, role, expires)?;
    let answer = Created {
        token: secret.reveal(),
        info: &info,
    };
    // The token alone goes to stdout, so that it can be caught in a variable.
    context.out.answer(&answer, |_| answer.token.to_owned())?;
    if !context.out.is_json() {
        crate::tell::note("keep it now: it is not shown again");
    }
    Ok(Status::Done.into())
}

fn list(context: &Context, accounts: &Door) -> Ended {
    let tokens = accounts.tokens()?;
    let answer = List {
        count: tokens.len(),
        tokens,
    };
    context.out.answer(&answer, |style| {
        if answer.tokens.is_empty() {
            return "No tokens. `gaia token create NAME --role ROLE` makes one.".to_owned();
        }
        table(style, &answer.tokens)
    })?;
    Ok(Status::Done.into())
}

fn table(style: &Style, tokens: &[TokenInfo]) -> String {
    let row = |token: &TokenInfo| {
        [
            token.id.to_string(),
            clean(&token.name),
            token.role.to_string(),
            ago(token.created_at),
            token.expires_at.map_or_else(|| "never".to_owned(), at),
            token.last_used_at.map_or_else(|| "never".to_owned(), ago),
        ]
    };
    let heads = ["id", "name", "role", "made", "expires", "used"];
    style.table(heads, tokens.iter().map(row))
}

fn revoke(context: &Context, accounts: &Door, which: &str) -> Ended {
    let tokens = accounts.revoke_token(which)?;
    let answer = Revoked {
        revoked: true,
        tokens,
    };
    context.out.answer(&answer, |style| {
        let names: Vec<String> = answer
            .tokens
            .iter()
            .map(|token| format!("{} (id {})", clean(&token.name), token.id))
            .collect();
        format!("{} {}", style.yellow("revoked"), names.join(", "))
    })?;
    Ok(Status::Done.into())
}
