//! What operations refuse with, as the OpenAPI document gives it: what all of
//! them may answer, and what one of them answers when things stand in its way.
//!
//! No status is left to a wildcard, so that a scanner finds one that is missing
//! (`tests/it/document`).

use serde_json::{Map, Value, json};

use super::document::LEAST_ROLE;
use super::shapes;
use crate::accounts::Role;

/// Refusals that many operations share: name, status, when.
const SHARED: &[(&str, &str, &str)] = &[
    ("Invalid", "400", "what was sent cannot be used"),
    ("SignedOut", "401", "nobody is signed in, or not any more"),
    (
        "Forbidden",
        "403",
        "this role or name may not, or a browser came without its page's token",
    ),
    ("NotFound", "404", "nothing is here"),
    ("TooSlow", "408", "the body did not arrive within 20 s"),
    ("TooLarge", "413", "the body is larger than 1 MiB"),
    ("NotJson", "415", "the body is not sent as application/json"),
    (
        "UnknownHost",
        "421",
        "the server was asked by a name that it does not know",
    ),
    (
        "TooManyTries",
        "429",
        "too many sign-ins failed; Retry-After says when to try again",
    ),
    (
        "Failed",
        "500",
        "the server failed at it; its log says more",
    ),
    (
        "Unavailable",
        "503",
        "the database cannot be used, the server is busy, or it stops; Retry-After where it may go better",
    ),
];

/// Refusals of one operation, a line each: method, path, status, shape, when.
const OWN: &str = "
get /sign-in/link 401 Problem the link was used, or is too old
post /api/gaia/session 401 Problem name and password do not belong together
post /api/gaia/session/password 401 Problem the old password is wrong
post /api/gaia/locks 409 Refused/Problem `held`: it is not free; `deadlock`: waiting would close a circle; `request_id_reused`, `other_database`, `asked_elsewhere`: as the detail says
post /api/gaia/locks 410 Problem somebody else took its place in line away
delete /api/gaia/locks/{id} 403 NotAllowed it is another's, or ends with its task
delete /api/gaia/locks/{id} 404 Problem no lock has this id
delete /api/gaia/locks/{id} 409 NotReleased it is not held any more
post /api/gaia/release 403 NotAllowed it is another's, or ends with its task
post /api/gaia/release 409 NotReleased nothing is held there, or not all of several were released
post /api/gaia/renew 409 NotRenewed not all of them were renewed
post /api/gaia/locks/{id}/renew 404 Problem no lock has this id
post /api/gaia/locks/{id}/renew 409 Problem it is not held any more
post /api/gaia/locks/{id}/release 404 NotForced no lock has this id
post /api/gaia/locks/{id}/release 409 NotForced it has ended already
post /api/gaia/locks/{id}/release 503 Problem `still_stopping`: its task is being stopped, and the lock ends with it; else as elsewhere
post /api/gaia/waiters/{id}/wait 409 Refused/Problem it is not free, or a later request waits there
post /api/gaia/waiters/{id}/wait 410 Problem the place is gone
delete /api/gaia/waiters/{id} 410 Problem the place is gone
post /api/gaia/resume 409 Problem nothing is paused there
post /api/gaia/tasks 404 Problem no task has an id that `after` names
post /api/gaia/tasks/{id}/cancel 409 Problem it is over
post /api/gaia/tasks/{id}/retry 409 Problem its state does not allow it
post /api/gaia/tasks/{id}/reassign 409 Problem it is over
post /api/gaia/tasks/{id}/done 409 Problem it does not run, its process decides, or its lock lapsed
post /api/gaia/tasks/{id}/fail 409 Problem it does not run, its process decides, or its lock lapsed
post /api/gaia/sessions 409 Problem the name is taken
delete /api/gaia/sessions/{name} 409 Problem it works
post /api/gaia/sessions/heartbeat 404 Problem no session has this name
post /api/gaia/sessions/heartbeat 409 Problem it does not ask for work itself
post /api/gaia/sessions/take 404 Problem no session has this name
post /api/gaia/sessions/take 409 Problem it is busy, or does not ask for work itself
post /api/gaia/users 409 Problem the name is taken
";

/// Headers: name and what it says.
const HEADERS: &[(&str, &str)] = &[
    ("x-request-id", "the request's number; the log has the same"),
    ("Retry-After", "the seconds after which it may go better"),
    ("WWW-Authenticate", "how one signs in"),
    ("Set-Cookie", "the browser's cookie"),
    ("Location", "where it goes on"),
    ("Link", "the next page, as `<path>; rel=\"next\"`"),
];

/// What is shared, as components of the document.
pub fn components(document: &mut Value) {
    let headers = HEADERS.iter().map(|(name, what)| {
        let schema = json!({"type": "string"});
        (
            (*name).to_owned(),
            json!({"description": what, "schema": schema}),
        )
    });
    document["components"]["headers"] = headers.collect::<Map<_, _>>().into();
    let responses = SHARED
        .iter()
        .map(|(name, status, when)| ((*name).to_owned(), refusal(status, when, "Problem")));
    document["components"]["responses"] = responses.collect::<Map<_, _>>().into();
}

/// Adds what an operation refuses with to its answers.
pub fn add(method: &str, path: &str, operation: &Value, answers: &mut Map<String, Value>) {
    let shared = SHARED
        .iter()
        .filter(|(_, status, _)| may(status, method, path, operation));
    for (name, status, _) in shared {
        let answer = json!({"$ref": format!("#/components/responses/{name}")});
        answers.insert((*status).to_owned(), answer);
    }
    for line in OWN.lines() {
        let mut words = line.splitn(5, ' ');
        let mut next = || words.next().unwrap_or_default();
        if (next(), next()) == (method, path) {
            let (status, shape, when) = (next(), next(), next());
            answers.insert(status.to_owned(), refusal(status, when, shape));
        }
    }
}

/// Whether an operation may answer with a status that many share.
fn may(status: &str, method: &str, path: &str, operation: &Value) -> bool {
    let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
    let takes_body = operation.get("requestBody").is_some();
    let is_sign_in = path.starts_with("/api/gaia/session") && !path.contains("sessions");
    let is_for_all = is_open || operation[LEAST_ROLE] == Role::Viewer.word();
    match status {
        "400" => takes_body || operation["parameters"].is_array(),
        "401" => !is_open,
        "403" => method != "get" || !is_for_all,
        "404" => path.contains('{'),
        "408" | "413" | "415" => takes_body,
        "429" => is_sign_in && takes_body,
        _ => true,
    }
}

fn refusal(status: &str, when: &str, shape: &str) -> Value {
    let shapes: Vec<Value> = shape.split('/').map(shapes::reference).collect();
    let schema = match <[Value; 1]>::try_from(shapes) {
        Ok([one]) => one,
        Err(several) => json!({"anyOf": several}),
    };
    let mut answer = json!({
        "description": when,
        "content": {"application/problem+json": {"schema": schema}},
    });
    let headers: &[&str] = match status {
        "401" => &["WWW-Authenticate"],
        "429" | "503" => &["Retry-After"],
        _ => &[],
    };
    bear(&mut answer, headers);
    answer
}

/// Says which headers an answer may bear, beside the one that all do.
pub fn bear(answer: &mut Value, headers: &[&str]) {
    for name in headers.iter().chain(&["x-request-id"]) {
        let header = json!({"$ref": format!("#/components/headers/{name}")});
        answer["headers"][*name] = header;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_refuses_with_what_can_come_to_it() {
        let statuses = |method: &str, path: &str, operation: &Value| {
            let mut answers = Map::new();
            add(method, path, operation, &mut answers);
            answers.keys().cloned().collect::<Vec<_>>().join(" ")
        };
        let open = json!({"security": []});
        assert_eq!(statuses("get", "/healthz", &open), "421 500 503");
        let ask = json!({"requestBody": {}});
        assert_eq!(
            statuses("post", "/api/gaia/locks", &ask),
            "400 401 403 408 409 410 413 415 421 500 503"
        );
        for line in OWN.lines().skip(1) {
            let (operation, rest) = line.split_once(" 4").or(line.split_once(" 503")).unwrap();
            let (method, path) = operation.split_once(' ').unwrap();
            assert!(shapes::answers(method, path).is_some(), "{line}");
            assert_eq!(rest.splitn(3, ' ').count(), 3, "{line}");
        }
    }
}
