//! What a server answers that does not do what was asked: a problem document,
//! or something that is no answer of a GAIA server at all.

use gaia_assigner::TaskError;
use gaia_locks::error::ServerError;
use gaia_locks::{Error, wire};
use serde::Deserialize;
use serde_json::Value;

/// Why a call came to nothing.
#[derive(Debug)]
pub struct Fault {
    what: What,
    /// Whether it had been sent before, so that an earlier one may have done it.
    pub repeated: bool,
    /// Whether the server could not be reached, or was stopping, before it said
    /// this.
    pub after_outage: bool,
}

#[derive(Debug)]
enum What {
    /// The exchange itself failed.
    Server(ServerError),
    /// The server said why it does not.
    Said(Box<Problem>),
}

/// A problem document (RFC 9457).
#[derive(Debug, Deserialize)]
pub struct Problem {
    code: String,
    detail: String,
    hint: Option<String>,
    #[serde(flatten)]
    facts: Value,
}

/// What stands before the server (a reverse proxy) answers in its place, and
/// cannot tell whether the server heard the call: then what it says.
pub fn in_its_place(status: u16, body: &[u8]) -> Option<String> {
    let theirs = matches!(status, 502..=504) && serde_json::from_slice::<Problem>(body).is_err();
    theirs.then(|| format!("something before it answers {status}"))
}

/// What no gaia says in this way: a reverse proxy's redirection, or its own
/// sign-in.
fn in_the_way(server: &str, status: u16) -> ServerError {
    let hint = match status {
        300..=399 => "it leads elsewhere, as from http:// to https:// or to a page for signing in",
        429 => "it lets nobody ask that often; ask again soon",
        _ => "it wants to be signed in to by other means than GAIA_TOKEN",
    };
    ServerError::Said {
        code: "not_gaia".to_owned(),
        message: format!("something before the server {server} answers {status} in its place"),
        hint: Some(format!(
            "{hint}; GAIA_SERVER has to name the way to gaia itself"
        )),
    }
}

impl Fault {
    /// The exchange itself failed.
    pub fn server(error: ServerError, repeated: bool) -> Self {
        Self {
            what: What::Server(error),
            repeated,
            after_outage: false,
        }
    }

    /// The same, told whether the server could not be reached before.
    pub fn after(self, outage: bool) -> Self {
        Self {
            after_outage: outage,
            ..self
        }
    }

    /// What a status other than success says.
    pub fn answered(server: &str, status: u16, body: &[u8], repeated: bool) -> Self {
        let server = server.to_owned();
        let what = match (serde_json::from_slice::<Problem>(body), status) {
            (Ok(problem), 401) => What::Server(ServerError::TokenRefused {
                server,
                detail: problem.detail,
            }),
            (Ok(problem), _) if problem.code == "other_version" => {
                What::Server(ServerError::OtherVersion {
                    server,
                    detail: problem.detail,
                })
            }
            (Ok(problem), 404) if problem.code == "not_found" => {
                What::Server(ServerError::OtherVersion {
                    server,
                    detail: "it is an older gaia, which knows no client, or GAIA_SERVER \
                             has a path that leads elsewhere"
                        .to_owned(),
                })
            }
            (Ok(problem), _) => What::Said(Box::new(problem)),
            (Err(_), 300..=399 | 401 | 403 | 407 | 429) => {
                What::Server(in_the_way(&server, status))
            }
            (Err(_), _) => What::Server(ServerError::OtherVersion {
                server,
                detail: format!("it answers {status} as no gaia does"),
            }),
        };
        Self {
            what,
            repeated,
            after_outage: false,
        }
    }

    /// Whether nothing was done and the same may go better soon.
    pub fn goes_better_soon(&self) -> bool {
        match &self.what {
            What::Server(error) => matches!(error, ServerError::Unreachable { .. }),
            What::Said(problem) => {
                matches!(problem.code.as_str(), "server_stopping" | "server_busy")
            }
        }
    }

    /// Whether the server could not be reached.
    pub fn is_unreachable(&self) -> bool {
        matches!(&self.what, What::Server(ServerError::Unreachable { .. }))
    }

    /// The same for what changes something: where an answer was lost and there
    /// is none now, it may have been done.
    pub fn of_a_change(self) -> Self {
        match self.what {
            What::Server(ServerError::Unreachable { server, detail }) if self.repeated => Self {
                what: What::Server(ServerError::AnswerLost { server, detail }),
                ..self
            },
            _ => self,
        }
    }

    /// Whether it is this word.
    pub fn is(&self, code: &str) -> bool {
        matches!(&self.what, What::Said(problem) if problem.code == code)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault.what {
            What::Server(error) => error.into(),
            What::Said(problem) => wire::door::error_of(
                &problem.code,
                &problem.detail,
                problem.hint.as_deref(),
                &problem.facts,
            ),
        }
    }
}

impl From<Fault> for TaskError {
    fn from(fault: Fault) -> Self {
        match fault.what {
            What::Server(error) => TaskError::Locks(error.into()),
            What::Said(problem) => gaia_assigner::wire::door::error_of(
                &problem.code,
                &problem.detail,
                problem.hint.as_deref(),
                &problem.facts,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> Error {
        Fault::answered("http://h", status, body.as_bytes(), false).into()
    }

    #[test]
    fn what_a_server_says_is_told_apart() {
        let problem = |code: &str| format!(r#"{{"code":"{code}","detail":"why","lock_id":7}}"#);
        let server = |status, code: &str| match error(status, &problem(code)) {
            Error::Server(error) => error,
            other => panic!("{other:?}"),
        };
        assert!(matches!(
            server(401, "signed_out"),
            ServerError::TokenRefused { .. }
        ));
        assert!(matches!(
            server(400, "other_version"),
            ServerError::OtherVersion { .. }
        ));
        assert!(matches!(server(403, "forbidden"), ServerError::Said { .. }));
        assert!(matches!(
            error(404, &problem("unknown_lock")),
            Error::UnknownLock(gaia_locks::LockId(7))
        ));
    }

    #[test]
    fn what_is_no_gaia_is_told_so() {
        let shown = |status| error(status, "<html>hello</html>").to_string();
        assert!(shown(200).contains("does not speak"), "{}", shown(200));
        for status in [302, 401, 403, 407, 429] {
            let shown = shown(status);
            assert!(
                shown.contains(&format!("answers {status} in its place")),
                "{shown}"
            );
        }
    }

    #[test]
    fn what_a_proxy_answers_is_told_apart_from_what_the_server_says() {
        let stopping = br#"{"code":"server_stopping","detail":"why"}"#;
        for status in 502..=504 {
            assert!(in_its_place(status, b"<html>Bad Gateway</html>").is_some());
            assert!(in_its_place(status, b"").is_some());
            assert_eq!(in_its_place(status, stopping), None);
        }
        assert_eq!(in_its_place(500, b"<html>hello</html>"), None);
        assert_eq!(in_its_place(200, b"{}"), None);
    }
}
