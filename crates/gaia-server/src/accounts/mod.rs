//! Accounts, tokens, signed-in browsers, and the trail of what admins did.
//!
//! # What is kept
//! Nothing that could be used: passwords as argon2id, tokens and cookies as
//! hashes. A token is shown when it is made and never again.
//!
//! # How a sign-in ends
//! By signing out, by a change of the password (all browsers of the account
//! but the one that changed it), by removing the account, after [`IDLE`]
//! without a request, after [`LONGEST_SESSION`] in any case. All of this is
//! looked up at every request, so that it counts from that instant, and over
//! several servers on one database.

pub mod password;
mod role;
pub mod secret;
mod sign_in;
mod store;

use std::time::Duration;

use gaia_locks::clock::Wall;
use gaia_locks::error::InvalidName;
use gaia_locks::ids::SessionId;
use gaia_locks::service::LockService;
use serde::{Deserialize, Serialize};

pub use role::Role;
use secret::{Hash, Secret};

/// Without a request for so long a browser is signed out.
pub const IDLE: Duration = Duration::from_secs(12 * 3600);
/// No browser stays signed in longer.
pub const LONGEST_SESSION: Duration = Duration::from_secs(30 * 24 * 3600);

/// Why something about accounts failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The name is taken.
    #[error("an account named {0} is there already")]
    UserExists(String),
    /// Nobody has this name.
    #[error("no account is named {0}")]
    UnknownUser(String),
    /// No token has this id or name.
    #[error("no token has the name or id {0}")]
    UnknownToken(String),
    /// The password cannot be used.
    #[error("{0}")]
    InvalidPassword(String),
    /// It would never count.
    #[error(
        "a token that counts for no time at all would never let anybody in: give it some, as 90d, or no end"
    )]
    NoTime,
    /// The system gives no random bytes, or too little memory.
    #[error("no secret could be made: {0}")]
    NoRandomness(String),
    /// What the lock service said.
    #[error(transparent)]
    Locks(#[from] gaia_locks::Error),
}

impl From<InvalidName> for AccountError {
    fn from(error: gaia_locks::error::InvalidName) -> Self {
        Self::Locks(error.into())
    }
}

/// An account, as people are shown it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UserInfo {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it can sign in with a password.
    pub has_password: bool,
    /// Since when it is there.
    pub created_at: Wall,
    /// When a browser of it was last seen.
    pub last_seen_at: Option<Wall>,
}

/// A token, as people are shown it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenInfo {
    /// By which it is revoked.
    pub id: i64,
    /// Who bears it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Since when it is there.
    pub created_at: Wall,
    /// Until when it counts; null: until it is revoked.
    pub expires_at: Option<Wall>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Wall>,
}

/// One line of the trail.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Wall,
    /// Who: an account, a token, a system user.
    pub who: String,
    /// What, in one word.
    pub act: String,
    /// To what, and how it went.
    pub details: String,
}

/// Somebody who is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Who {
    /// The account's or the token's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// By what.
    pub by: By,
}

/// By what somebody is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum By {
    /// A token in a header.
    Token(i64),
    /// A browser's cookie. Whatever changes state must also bring `csrf`.
    Cookie {
        /// Which session.
        hash: Hash,
        /// What a page of ours knows and a foreign page cannot.
        csrf: String,
    },
}

impl Who {
    /// Whether it may act for a session.
    pub fn acts_for(&self, session: &SessionId) -> bool {
        self.role.acts_for(&self.name, session)
    }
}

/// The door to the accounts of a lock service's database.
#[derive(Clone)]
pub struct Accounts {
    locks: LockService,
}

impl Accounts {
    /// A door.
    pub fn new(locks: LockService) -> Self {
        Self { locks }
    }

    /// Adds an account; without a password it can only sign in by a link.
    ///
    /// # Errors
    /// [`AccountError::UserExists`], or a name or password that cannot be used.
    pub fn add_user(
        &self,
        name: &str,
        role: Role,
        password: Option<&str>,
        by: &str,
    ) -> Result<UserInfo, AccountError> {
        valid(name)?;
        let hash = password.map(password::hash).transpose()?;
        let added = self.locks.transact(|tx| {
            let added = store::add_user(tx, name, role, hash.as_deref())?;
            if added {
                store::note(tx, by, "add_user", &format!("{name}, {role}"))?;
            }
            Ok(added)
        })?;
        if !added {
            return Err(AccountError::UserExists(name.to_owned()));
        }
        self.user(name)
    }

    /// Sets a password and signs all browsers of the account out, but for the
    /// one that asks.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`], [`AccountError::InvalidPassword`].
    pub fn set_password(
        &self,
        name: &str,
        password: &str,
        by: &str,
        keep: Option<&Hash>,
    ) -> Result<UserInfo, AccountError> {
        let hash = password::hash(password)?;
        let changed = self.locks.transact(|tx| {
            let changed = store::set_password(tx, name, &hash)?;
            if changed {
                store::end_sessions(tx, name, keep)?;
                store::note(tx, by, "set_password", name)?;
            }
            Ok(changed)
        })?;
        if !changed {
            return Err(AccountError::UnknownUser(name.to_owned()));
        }
        self.user(name)
    }

    /// Removes an account; its browsers are signed out with it, and the tokens
    /// that act for NAME or NAME/… are revoked.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`].
    pub fn remove_user(&self, name: &str, by: &str) -> Result<(), AccountError> {
        let removed = self.locks.transact(|tx| {
            let removed = store::remove_user(tx, name)?;
            if removed {
                store::end_sessions(tx, name, None)?;
                for token in store::remove_tokens_of(tx, name)? {
                    note_revoked(tx, by, &token)?;
                }
                store::note(tx, by, "remove_user", name)?;
            }
            Ok(removed)
        })?;
        match removed {
            true => Ok(()),
            false => Err(AccountError::UnknownUser(name.to_owned())),
        }
    }

    /// All accounts.
    ///
    /// # Errors
    /// When the store fails.
    pub fn users(&self) -> Result<Vec<UserInfo>, AccountError> {
        Ok(self.locks.look(store::users)?)
    }

    /// Whether an account can sign in with a password.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`].
    pub fn has_password(&self, name: &str) -> Result<bool, AccountError> {
        Ok(self.user(name)?.has_password)
    }

    fn user(&self, name: &str) -> Result<UserInfo, AccountError> {
        let found = self.users()?.into_iter().find(|user| user.name == name);
        found.ok_or_else(|| AccountError::UnknownUser(name.to_owned()))
    }

    /// Makes a token; the secret is shown now and never again.
    ///
    /// # Errors
    /// A name that cannot be used, no time in which it counts, or no randomness.
    pub fn create_token(
        &self,
        name: &str,
        role: Role,
        expires_in: Option<Duration>,
        by: &str,
    ) -> Result<(TokenInfo, Secret), AccountError> {
        self.make_token(name, role, expires_in, by, None)
    }

    /// The same for somebody who is signed in. What is made by a token ends
    /// with that token at the latest, or one that leaked could outlive its end.
    ///
    /// # Errors
    /// As [`Accounts::create_token`].
    pub fn create_token_for(
        &self,
        who: &Who,
        name: &str,
        role: Role,
        expires_in: Option<Duration>,
    ) -> Result<(TokenInfo, Secret), AccountError> {
        let until = self.end_of(who)?;
        self.make_token(name, role, expires_in, &who.name, until)
    }

    /// When the token ends that somebody is known by, if it is one that ends.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_of(&self, who: &Who) -> Result<Option<Wall>, AccountError> {
        let By::Token(id) = who.by else {
            return Ok(None);
        };
        let token = self.tokens()?.into_iter().find(|token| token.id == id);
        // One that was revoked just now ends now.
        let Some(token) = token else {
            return Ok(Some(self.locks.look(|tx| Ok(tx.now().wall))?));
        };
        Ok(token.expires_at)
    }

    fn make_token(
        &self,
        name: &str,
        role: Role,
        expires_in: Option<Duration>,
        by: &str,
        until: Option<Wall>,
    ) -> Result<(TokenInfo, Secret), AccountError> {
        valid(name)?;
        if expires_in.is_some_and(|time| time.is_zero()) {
            return Err(AccountError::NoTime);
        }
        let secret = Secret::new("gaia_")?;
        let hash = secret.hash();
        let info = self.locks.transact(|tx| {
            let new = store::NewToken {
                name,
                role,
                hash: &hash,
                expires_at: expires_in
                    .map(|time| tx.now().wall.plus(time))
                    .into_iter()
                    .chain(until)
                    .min(),
            };
            store::add_token(tx, &new)?;
            store::note(tx, by, "create_token", &format!("{name}, {role}"))?;
            store::token(tx, &hash)
        })?;
        let info = info.ok_or_else(|| AccountError::UnknownToken(name.to_owned()))?;
        Ok((info, secret))
    }

    /// All tokens.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tokens(&self) -> Result<Vec<TokenInfo>, AccountError> {
        Ok(self.locks.look(store::tokens)?)
    }

    /// Revokes the token with this id; where none has it, all with this name.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`].
    pub fn revoke_token(&self, which: &str, by: &str) -> Result<Vec<TokenInfo>, AccountError> {
        let mut revoked = self.revoke(by, |token| token.id.to_string() == which)?;
        if revoked.is_empty() {
            revoked = self.revoke(by, |token| token.name == which)?;
        }
        match revoked.is_empty() {
            true => Err(AccountError::UnknownToken(which.to_owned())),
            false => Ok(revoked),
        }
    }

    /// Revokes the token with this id.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`].
    pub fn revoke_token_by_id(&self, id: i64, by: &str) -> Result<TokenInfo, AccountError> {
        let revoked = self.revoke(by, |token| token.id == id)?.pop();
        revoked.ok_or_else(|| AccountError::UnknownToken(id.to_string()))
    }

    fn revoke(
        &self,
        by: &str,
        meant: impl Fn(&TokenInfo) -> bool,
    ) -> Result<Vec<TokenInfo>, AccountError> {
        Ok(self.locks.transact(|tx| {
            let mut revoked = store::tokens(tx)?;
            revoked.retain(&meant);
            for token in &revoked {
                store::remove_token(tx, token.id)?;
                note_revoked(tx, by, token)?;
            }
            Ok(revoked)
        })?)
    }

    /// Adds a line to the trail.
    ///
    /// # Errors
    /// When the store fails.
    pub fn note(&self, who: &str, act: &str, details: &str) -> Result<(), AccountError> {
        Ok(self
            .locks
            .transact(|tx| store::note(tx, who, act, details))?)
    }

    /// The trail, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, AccountError> {
        Ok(self.locks.look(|tx| store::audit(tx, before, limit))?)
    }
}

/// Adds a line to the trail in the transaction of what it tells of.
///
/// # Errors
/// When the store fails.
pub(crate) fn note(
    tx: &mut gaia_locks::service::LockTx<'_>,
    who: &str,
    act: &str,
    details: &str,
) -> Result<(), gaia_locks::Error> {
    store::note(tx, who, act, details)
}

/// A name that an account or a token may bear.
fn valid(name: &str) -> Result<(), InvalidName> {
    let named = SessionId::new(name).map(drop);
    named.map_err(|wrong| InvalidName {
        what: "the name",
        ..wrong
    })
}

fn note_revoked(
    tx: &mut gaia_locks::service::LockTx<'_>,
    by: &str,
    token: &TokenInfo,
) -> Result<(), gaia_locks::Error> {
    let details = format!("{}, {}", token.id, token.name);
    store::note(tx, by, "revoke_token", &details)
}
