//! Passwords: argon2id, the library's own (OWASP's) measure of work.
//!
//! Each hash costs some 20 ms and 19 MiB on purpose, so the server runs only a
//! few at once and never on its async threads.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use super::AccountError;

/// The fewest characters of a password: length is what counts (NIST 800-63B).
pub const SHORTEST: usize = 8;
/// The most bytes: hashing more is only work for the server.
pub const LONGEST: usize = 1024;

/// Checks a password that somebody chose and gives what is kept of it.
///
/// # Errors
/// [`AccountError::InvalidPassword`], saying what would be right.
pub fn hash(password: &str) -> Result<String, AccountError> {
    let characters = password.chars().count();
    if characters < SHORTEST || password.len() > LONGEST {
        return Err(AccountError::InvalidPassword(format!(
            "a password has at least {SHORTEST} characters and at most {LONGEST} bytes; this one has {characters} characters"
        )));
    }
    let hashed = Argon2::default().hash_password(password.as_bytes());
    let hashed = hashed.map_err(|error| AccountError::NoRandomness(error.to_string()))?;
    Ok(hashed.to_string())
}

/// Whether it is the password that was hashed. Without a hash (no such account,
/// or one without a password) the same work is done for nothing, so that the
/// time does not tell which names exist.
pub fn is_right(password: &str, hashed: Option<&str>) -> bool {
    let argon2 = Argon2::default();
    let Some(hashed) = hashed.and_then(|hashed| PasswordHash::new(hashed).ok()) else {
        drop(argon2.hash_password(password.as_bytes()));
        return false;
    };
    password.len() <= LONGEST && argon2.verify_password(password.as_bytes(), &hashed).is_ok()
}
