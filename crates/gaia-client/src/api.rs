//! The server's own API, for what no door has: its accounts, its tokens and
//! its trail.
//!
//! What changes something is sent once: a second time would be another deed, or
//! would be refused for the first.

use gaia_locks::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Client;
use crate::http::How;

impl Client {
    /// What is at a place of the API, such as `/api/gaia/users`.
    ///
    /// # Errors
    /// What the server says, or when it cannot be reached.
    pub fn api_get<A: DeserializeOwned>(&self, path: &str) -> Result<A, Error> {
        Ok(self.inner.http.get(path, How::soon())?)
    }

    /// Sends something to a place of the API.
    ///
    /// # Errors
    /// As [`Client::api_get`]; also when the answer was lost.
    pub fn api_post<A: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<A, Error> {
        Ok(self.inner.http.call(path, body, &How::once())?.0)
    }

    /// Takes away what is at a place of the API.
    ///
    /// # Errors
    /// As [`Client::api_post`].
    pub fn api_delete<A: DeserializeOwned>(&self, path: &str) -> Result<A, Error> {
        Ok(self.inner.http.delete(path, How::once())?)
    }
}

/// A name as one piece of a path, whatever is in it.
pub fn piece(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            // No dots: a piece that is `..` would be another place.
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_piece_of_a_path() {
        assert_eq!(piece("ann-1_x~"), "ann-1_x~");
        assert_eq!(piece("../a b?c#d%"), "%2E%2E%2Fa%20b%3Fc%23d%25");
        assert_eq!(piece("ä"), "%C3%A4");
    }
}
