//! Secrets that we make: tokens, cookies, one-time links.
//!
//! Each is 256 random bits, so a plain hash is enough to keep it by: nobody
//! can guess through one, as somebody could through a password.

use sha2::{Digest as _, Sha256};

use super::AccountError;

/// A secret, shown once and never kept.
#[derive(Clone)]
pub struct Secret(String);

/// What is kept of a secret.
pub type Hash = [u8; 32];

const BYTES: usize = 32;

impl Secret {
    /// A new one, with a word before it that says what it is: secret scanners
    /// and people know it by that.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(word: &str) -> Result<Self, AccountError> {
        Ok(Self(format!("{word}{}", random::<BYTES>()?)))
    }

    /// One for a link that people see: short enough for a line of a terminal,
    /// and long enough for what counts once and not for long.
    ///
    /// # Errors
    /// As [`Secret::new`].
    pub fn short() -> Result<Self, AccountError> {
        Ok(Self(random::<16>()?))
    }

    /// One that somebody showed.
    pub fn shown(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> Hash {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Another secret that only whoever has this one can tell.
    pub fn derive(&self, purpose: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(purpose.as_bytes());
        digest.update([0]);
        digest.update(self.0.as_bytes());
        hex(&digest.finalize())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Whether two texts are equal, in a time that does not tell where they differ.
pub fn same(one: &str, other: &str) -> bool {
    let differs = |(a, b): (u8, u8)| a ^ b;
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .map(differs)
            .fold(0, |all, bits| all | bits)
            == 0
}

fn random<const BYTES: usize>() -> Result<String, AccountError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| AccountError::NoRandomness(error.to_string()))?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
