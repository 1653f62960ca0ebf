//! What can go wrong when a database is worked with through a server.

/// Why a server did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Nobody answers there, or not in time.
    #[error("the server {server} cannot be reached: {detail}")]
    Unreachable {
        /// Its address.
        server: String,
        /// What the system said.
        detail: String,
    },
    /// The answer was lost, so whether it was done is not known.
    #[error(
        "the server {server} was asked and its answer was lost ({detail}); \
         whether it was done is not known: look before asking again"
    )]
    AnswerLost {
        /// Its address.
        server: String,
        /// What the system said.
        detail: String,
    },
    /// It cannot prove that it is the server that was named.
    #[error("the server {server} is not trusted: {detail}")]
    Untrusted {
        /// Its address.
        server: String,
        /// What is wrong with its certificate.
        detail: String,
    },
    /// It does not accept the token, or was shown none.
    #[error("the server {server} does not let this in: {detail}")]
    TokenRefused {
        /// Its address.
        server: String,
        /// What it said.
        detail: String,
    },
    /// It speaks another version of what a door says, or is no such server.
    #[error("the server {server} does not speak with this gaia: {detail}")]
    OtherVersion {
        /// Its address.
        server: String,
        /// What it said, or what was expected.
        detail: String,
    },
    /// What it answered, by the word that programs know it by.
    #[error("{message}")]
    Said {
        /// The word (docs/cli-json.md).
        code: String,
        /// One sentence.
        message: String,
        /// What can be done.
        hint: Option<String>,
    },
}
