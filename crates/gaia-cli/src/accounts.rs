//! The server's accounts: on its database, or through the server.

use std::time::Duration;

use gaia_client::{Client, piece};
use gaia_server::accounts::secret::Secret;
use gaia_server::accounts::{AccountError, Accounts, AuditEntry, Role, TokenInfo, UserInfo};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::system;

/// The most lines of the trail that a server gives at once.
const PAGE: u32 = 1000;

/// Where they are. Through a server it is the bearer of the token who does
/// what is done; on the database the system user.
pub enum Door {
    /// On the database.
    Here(Accounts),
    /// Through this server.
    There(Client),
}

#[derive(Deserialize)]
struct OneUser {
    user: UserInfo,
}

#[derive(Deserialize)]
struct Users {
    users: Vec<UserInfo>,
}

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<TokenInfo>,
}

#[derive(Deserialize)]
struct Made {
    token: String,
    #[serde(flatten)]
    info: TokenInfo,
}

#[derive(Deserialize)]
struct Trail {
    entries: Vec<AuditEntry>,
}

impl Door {
    /// Adds an account.
    ///
    /// # Errors
    /// When the name is taken, or name or password cannot be used.
    pub fn add_user(&self, name: &str, role: Role, password: &str) -> Result<UserInfo, Failure> {
        match self {
            Self::Here(accounts) => {
                Ok(accounts.add_user(name, role, Some(password), &system::user())?)
            }
            Self::There(client) => {
                let new = json!({"name": name, "role": role, "password": password});
                let added: OneUser = client.api_post("/api/gaia/users", &new)?;
                Ok(added.user)
            }
        }
    }

    /// Sets an account's password.
    ///
    /// # Errors
    /// When nobody has that name, or the password cannot be used.
    pub fn set_password(&self, name: &str, password: &str) -> Result<UserInfo, Failure> {
        match self {
            Self::Here(accounts) => {
                Ok(accounts.set_password(name, password, &system::user(), None)?)
            }
            Self::There(client) => {
                let path = format!("/api/gaia/users/{}/password", piece(name));
                let set: OneUser = client.api_post(&path, &json!({"password": password}))?;
                Ok(set.user)
            }
        }
    }

    /// Removes an account.
    ///
    /// # Errors
    /// When nobody has that name.
    pub fn remove_user(&self, name: &str) -> Result<(), Failure> {
        match self {
            Self::Here(accounts) => Ok(accounts.remove_user(name, &system::user())?),
            Self::There(client) => {
                let path = format!("/api/gaia/users/{}", piece(name));
                client.api_delete::<Value>(&path)?;
                Ok(())
            }
        }
    }

    /// All accounts.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn users(&self) -> Result<Vec<UserInfo>, Failure> {
        match self {
            Self::Here(accounts) => Ok(accounts.users()?),
            Self::There(client) => Ok(client.api_get::<Users>("/api/gaia/users")?.users),
        }
    }

    /// Makes a token.
    ///
    /// # Errors
    /// When the name cannot be used.
    pub fn create_token(
        &self,
        name: &str,
        role: Role,
        expires: Option<Duration>,
    ) -> Result<(TokenInfo, Secret), Failure> {
        match self {
            Self::Here(accounts) => {
                Ok(accounts.create_token(name, role, expires, &system::user())?)
            }
            Self::There(client) => {
                let seconds = expires.map(|time| time.as_secs_f64());
                let new = json!({"name": name, "role": role, "expires": seconds});
                let made: Made = client.api_post("/api/gaia/tokens", &new)?;
                Ok((made.info, Secret::shown(&made.token)))
            }
        }
    }

    /// All tokens.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn tokens(&self) -> Result<Vec<TokenInfo>, Failure> {
        match self {
            Self::Here(accounts) => Ok(accounts.tokens()?),
            Self::There(client) => Ok(client.api_get::<Tokens>("/api/gaia/tokens")?.tokens),
        }
    }

    /// Revokes the token with this id; where none has it, all with this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn revoke_token(&self, which: &str) -> Result<Vec<TokenInfo>, Failure> {
        match self {
            Self::Here(accounts) => Ok(accounts.revoke_token(which, &system::user())?),
            Self::There(client) => {
                let mut revoked = self.tokens()?;
                let has_it = |token: &TokenInfo| token.id.to_string() == which;
                match revoked.iter().any(has_it) {
                    true => revoked.retain(has_it),
                    false => revoked.retain(|token| token.name == which),
                }
                for token in &revoked {
                    let path = format!("/api/gaia/tokens/{}", token.id);
                    client.api_delete::<Value>(&path)?;
                }
                match revoked.is_empty() {
                    true => Err(AccountError::UnknownToken(which.to_owned()).into()),
                    false => Ok(revoked),
                }
            }
        }
    }

    /// The trail, newest first, at most so many lines.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, Failure> {
        let client = match self {
            Self::Here(accounts) => return Ok(accounts.audit(before, limit)?),
            Self::There(client) => client,
        };
        let (mut all, mut before, mut left) = (Vec::new(), before, limit);
        while left > 0 {
            let wanted = left.min(PAGE);
            let below = before.map_or_else(String::new, |id| format!("&before={id}"));
            let page: Trail = client.api_get(&format!("/api/gaia/audit?limit={wanted}{below}"))?;
            let got = u32::try_from(page.entries.len()).unwrap_or(u32::MAX);
            before = page.entries.last().map(|entry| entry.id);
            all.extend(page.entries);
            if got < wanted {
                break;
            }
            left = left.saturating_sub(got);
        }
        Ok(all)
    }
}
