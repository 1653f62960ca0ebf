//! The OpenAPI document, and a page on which people read it.

use std::fmt::Write as _;

use serde_json::{Value, json};

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
    let paths = document["paths"].as_object_mut();
    for operation in paths.into_iter().flat_map(|paths| paths.values_mut()) {
        let methods = operation.as_object_mut();
        for method in methods.into_iter().flat_map(|methods| methods.values_mut()) {
            add_answers(method);
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

fn add_answers(operation: &mut Value) {
    let Some(operation) = operation.as_object_mut() else {
        return;
    };
    let problem = json!({
        "description": "what is wrong",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    });
    let done = json!({"description": "done"});
    let answers = operation.entry("responses").or_insert_with(|| json!({}));
    answers["2XX"] = done;
    answers["4XX"] = problem.clone();
    answers["5XX"] = problem;
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
    let _ = writeln!(
        page,
        "<section><h2><code>{method} {path}</code></h2><p>{summary}</p><ul>"
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
