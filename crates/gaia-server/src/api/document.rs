//! The OpenAPI document, and a page on which people read it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{bounds, shapes};

/// What an operation says of who may use it.
pub const LEAST_ROLE: &str = "x-least-role";

/// Completes what was gathered from the code: what all operations share.
pub fn complete(document: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["info"] = json!({
        "title": "GAIA",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Locks on folders, tasks and sessions. The shapes of locks, tasks and sessions are those of the command line's --json (docs/cli-json.md).",
    });
    document["components"]["securitySchemes"] = json!({
        "token": {"type": "http", "scheme": "bearer"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "gaia_session"},
    });
    document["components"]["schemas"]["Problem"] = problem();
    document["security"] = json!([{"token": []}, {"cookie": []}]);
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
    document
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
    let problem = json!({
        "description": "what is wrong",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    });
    let mut answers = shapes::answers(method, path).unwrap_or_default();
    answers.insert("4XX".to_owned(), problem.clone());
    answers.insert("5XX".to_owned(), problem);
    operation["responses"] = answers.into();
}

/// The document as a page: no script, nothing from elsewhere.
pub fn page(document: &Value) -> String {
    let mut page = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
        <meta name=\"viewport\" content=\"width=device-width\"><title>GAIA API</title>\
        <main><h1>GAIA API</h1><p>The same for programs: <a href=\"/api/openapi.json\">openapi.json</a>. \
        Programs send <code>Authorization: Bearer TOKEN</code>.</p>\n"
        .to_owned();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            section(&mut page, path, method, operation);
        }
    }
    page + "</main></html>\n"
}

// Writing into a string cannot fail.
fn section(page: &mut String, path: &str, method: &str, operation: &Value) {
    let words = |value: &Value| escaped(value.as_str().unwrap_or_default());
    let (method, path) = (escaped(&method.to_uppercase()), escaped(path));
    let summary = words(&operation["summary"]);
    let who = match operation[LEAST_ROLE].as_str() {
        Some(role) => format!("Needs the role {} or more.", escaped(role)),
        None => "For everybody.".to_owned(),
    };
    let _ = writeln!(
        page,
        "<section><h2><code>{method} {path}</code></h2><p>{summary}</p><p>{who}</p><ul>"
    );
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, place) = (words(&parameter["name"]), words(&parameter["in"]));
        let what = words(&parameter["description"]);
        let _ = writeln!(page, "<li><code>{name}</code> ({place}) {what}</li>");
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(name) = body["$ref"]
        .as_str()
        .and_then(|name| name.rsplit('/').next())
    {
        let _ = writeln!(page, "<li>body: <code>{}</code></li>", escaped(name));
    }
    let _ = writeln!(page, "</ul></section>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
