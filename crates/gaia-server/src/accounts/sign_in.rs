//! Who somebody is: by a token, a cookie, a password.

use std::time::Duration;

use gaia_locks::clock::Wall;
use gaia_locks::service::LockTx;

use super::secret::{Hash, Secret};
use super::{AccountError, Accounts, By, IDLE, LONGEST_SESSION, TokenInfo, Who, password, store};

/// How exactly the last use is known: each note of it is a write.
const NOTED_EVERY: Duration = Duration::from_secs(60);

impl Accounts {
    /// Who bears this token; nobody, when it was revoked or has expired.
    ///
    /// # Errors
    /// When the store fails.
    pub fn of_token(&self, token: &Secret) -> Result<Option<Who>, AccountError> {
        let hash = token.hash();
        let found = self.locks.look(|tx| {
            let now = tx.now().wall;
            let token = store::token(tx, &hash)?.filter(|token| counts(token, now));
            Ok(token.map(|token| (is_due(token.last_used_at, now), token)))
        })?;
        let Some((due, token)) = found else {
            return Ok(None);
        };
        if due {
            self.locks.transact(|tx| store::token_used(tx, token.id))?;
        }
        Ok(Some(Who {
            name: token.name,
            role: token.role,
            by: By::Token(token.id),
        }))
    }

    /// Whose browser has this cookie; nobody's, when its session is over. It
    /// lasts longer when this is a use of it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn of_cookie(&self, cookie: &Secret, is_use: bool) -> Result<Option<Who>, AccountError> {
        let hash = cookie.hash();
        let found = self.locks.look(|tx| {
            let session = live_session(tx, &hash)?;
            let now = tx.now().wall;
            Ok(session.map(|session| (is_due(Some(session.last_seen_at), now), session)))
        })?;
        let Some((due, session)) = found else {
            return Ok(None);
        };
        if due && is_use {
            self.locks.transact(|tx| store::session_seen(tx, &hash))?;
        }
        Ok(Some(Who {
            name: session.user,
            role: session.role,
            by: By::Cookie {
                hash,
                csrf: cookie.derive("csrf"),
            },
        }))
    }

    /// Whether somebody who was let in would be let in now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn still_counts(&self, who: &Who) -> Result<bool, AccountError> {
        Ok(self.locks.look(|tx| {
            let now = tx.now().wall;
            Ok(match &who.by {
                By::Token(id) => store::tokens(tx)?
                    .iter()
                    .any(|token| token.id == *id && counts(token, now)),
                By::Cookie { hash, .. } => live_session(tx, hash)?.is_some(),
            })
        })?)
    }

    /// Whether name and password belong together. Costs what a hash costs, for
    /// names that do not exist too.
    ///
    /// # Errors
    /// When the store fails.
    pub fn knows(&self, name: &str, password: &str) -> Result<bool, AccountError> {
        let user = self.locks.look(|tx| store::user(tx, name))?;
        let hash = user.and_then(|user| user.password);
        Ok(password::is_right(password, hash.as_deref()))
    }

    /// Signs a browser in: always under a new cookie, so that nobody can have
    /// planted it before.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`], or when the store fails.
    pub fn sign_in(&self, name: &str, how: &str) -> Result<(Who, Secret), AccountError> {
        let cookie = Secret::new("")?;
        let hash = cookie.hash();
        let role = self.locks.transact(|tx| {
            let Some(user) = store::user(tx, name)? else {
                return Ok(None);
            };
            let (idle, begun) = oldest(tx);
            store::forget_sessions(tx, idle, begun)?;
            store::add_session(tx, &hash, name)?;
            store::note(tx, name, "sign_in", how)?;
            Ok(Some(user.role))
        })?;
        let role = role.ok_or_else(|| AccountError::UnknownUser(name.to_owned()))?;
        let csrf = cookie.derive("csrf");
        let who = Who {
            name: name.to_owned(),
            role,
            by: By::Cookie { hash, csrf },
        };
        Ok((who, cookie))
    }

    /// Signs a browser out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sign_out(&self, name: &str, hash: &Hash) -> Result<(), AccountError> {
        self.locks.transact(|tx| {
            store::end_session(tx, hash)?;
            store::note(tx, name, "sign_out", "")
        })?;
        Ok(())
    }
}

fn counts(token: &TokenInfo, now: Wall) -> bool {
    token.expires_at.is_none_or(|until| now < until)
}

fn live_session(
    tx: &mut LockTx<'_>,
    hash: &Hash,
) -> Result<Option<store::WebSession>, gaia_locks::Error> {
    let (idle, begun) = oldest(tx);
    let lives =
        |session: &store::WebSession| session.last_seen_at >= idle && session.created_at >= begun;
    Ok(store::session(tx, hash)?.filter(lives))
}

fn is_due(noted: Option<Wall>, now: Wall) -> bool {
    noted.is_none_or(|noted| now.since(noted) >= NOTED_EVERY || noted > now)
}

/// Seen before the first, or begun before the second, a session is over.
fn oldest(tx: &LockTx<'_>) -> (Wall, Wall) {
    let now = tx.now().wall;
    (now.minus(IDLE), now.minus(LONGEST_SESSION))
}
