//! The OpenAPI document: what was gathered from the code, and what the code
//! does not tell.

use serde_json::{Value, json};

use super::{bounds, refusals, shapes};

/// What an operation says of who may use it.
pub const LEAST_ROLE: &str = "x-least-role";

/// Completes what was gathered from the code: what all operations share. A
/// browser's cookie bears this name.
pub fn complete(document: &utoipa::openapi::OpenApi, cookie: &str) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["info"] = json!({
        "title": "GAIA",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Locks on folders, tasks and sessions. The shapes of locks, tasks and sessions are those of the command line's --json (docs/cli-json.md).",
    });
    document["components"]["securitySchemes"] = json!({
        "token": {"type": "http", "scheme": "bearer"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
    });
    document["components"]["schemas"]["Problem"] = problem();
    document["security"] = json!([{"token": []}, {"cookie": []}]);
    refusals::components(&mut document);
    bounds::tell(&mut document);
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.extend(shapes::schemas());
    }
    let paths = document["paths"].as_object_mut();
    for (path, methods) in paths.into_iter().flatten() {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            add_answers(path, method, operation);
        }
    }
    add_removals(&mut document);
    document
}

/// A session may have the name of a verb, and is then removed at its place.
fn add_removals(document: &mut Value) {
    let paths = &mut document["paths"];
    let mut remove = paths["/api/gaia/sessions/{name}"]["delete"].clone();
    if let Some(remove) = remove.as_object_mut() {
        remove.remove("parameters");
    }
    for verb in ["heartbeat", "take"] {
        remove["operationId"] = format!("remove_{verb}").into();
        remove["summary"] = format!("Removes the session that is named `{verb}`.").into();
        paths[format!("/api/gaia/sessions/{verb}")]["delete"] = remove.clone();
    }
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"},
            "status": {"type": "integer"}, "detail": {"type": "string"},
            "code": {"type": "string", "description": "a word for programs"},
            "hint": {"type": "string", "description": "what can be done"},
        },
        "additionalProperties": true,
    })
}

fn add_answers(path: &str, method: &str, operation: &mut Value) {
    let mut answers = shapes::answers(method, path).unwrap_or_default();
    refusals::add(method, path, operation, &mut answers);
    operation["responses"] = answers.into();
}
