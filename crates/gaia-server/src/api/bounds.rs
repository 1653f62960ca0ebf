//! What is known of a field by its name: how folders, names and lengths of time
//! are written. The code that reads them says it to people; this says it to
//! programs, in the OpenAPI document.

use gaia_locks::ids::SessionId;
use gaia_locks::service::LONGEST_REASON;
use serde_json::{Value, json};

/// Any length of time but a number without unit.
const LENGTH: &str = r"^([0-9]+(\.[0-9]+)?(w|d|h|m|s|ms))+$";
/// At least one character that shows, and none that controls.
const NAME: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// Writes into an operation and into the bodies what is known by name.
pub fn tell(document: &mut Value) {
    let bodies = document["components"]["schemas"].as_object_mut();
    for body in bodies.into_iter().flat_map(|all| all.values_mut()) {
        let fields = body.get_mut("properties").and_then(Value::as_object_mut);
        for (name, field) in fields.into_iter().flatten() {
            bound(name, field);
        }
    }
    let empty: Vec<String> = can_be_empty(document);
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, methods) in paths {
        for (_, operation) in methods.as_object_mut().into_iter().flatten() {
            let parameters = operation
                .get_mut("parameters")
                .and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap_or_default().to_owned();
                bound(&name, &mut parameter["schema"]);
            }
            tell_body(operation, &empty);
        }
    }
}

/// Bodies that may be left out: nothing in them has to be there.
fn can_be_empty(document: &Value) -> Vec<String> {
    let bodies = document["components"]["schemas"].as_object();
    let nothing_required = |body: &Value| body["required"].as_array().is_none_or(Vec::is_empty);
    bodies
        .into_iter()
        .flatten()
        .filter(|(_, body)| nothing_required(body))
        .map(|(name, _)| format!("#/components/schemas/{name}"))
        .collect()
}

fn tell_body(operation: &mut Value, empty: &[String]) {
    let Some(body) = operation.get_mut("requestBody") else {
        return;
    };
    let schema = &mut body["content"]["application/json"]["schema"];
    // `Option<T>` stands there as "T or null"; none is sent as nothing.
    let either = schema["oneOf"].as_array().cloned().unwrap_or_default();
    if let Some(one) = either.into_iter().find(|one| one.get("$ref").is_some()) {
        *schema = one;
    }
    let name = schema["$ref"].as_str().unwrap_or_default();
    let needed = !empty.iter().any(|known| known == name);
    body["required"] = needed.into();
}

fn bound(name: &str, field: &mut Value) {
    let length = json!({"oneOf": [
        {"type": "number", "minimum": 0, "description": "seconds"},
        {"type": "string", "pattern": LENGTH},
    ]});
    let known = match name {
        "folder" | "folder_path" => json!({"type": "string", "pattern": r"^/[^\u0000]*$"}),
        "session" | "session_id" => json!({"type": "string", "pattern": NAME,
            "minLength": 1, "maxLength": SessionId::LONGEST}),
        "reason" => {
            json!({"type": "string", "pattern": r"\S", "maxLength": LONGEST_REASON})
        }
        "ttl" | "timeout" | "older_than" | "lease" | "expires" => length,
        // A place in line has a length here, a list a number.
        "limit" if field["type"] != "integer" && !is_whole(field) => length,
        "wait" if !is_text(field) => json!({"oneOf": [{"type": "boolean"}, length]}),
        _ => return,
    };
    let described = field["description"].clone();
    let may_be_null = is_nullable(field);
    *field = match may_be_null {
        true => json!({"anyOf": [known, {"type": "null"}]}),
        false => known,
    };
    if described.is_string() {
        field["description"] = described;
    }
}

/// A value of any kind may be null too: it stands for what was left out.
fn is_nullable(field: &Value) -> bool {
    holds(field, "null") || field.get("type").is_none() && field.get("pattern").is_none()
}

fn is_whole(field: &Value) -> bool {
    holds(field, "integer")
}

fn is_text(field: &Value) -> bool {
    field["type"] == "string" || holds(field, "string")
}

fn holds(field: &Value, kind: &str) -> bool {
    let kinds = field["type"].as_array();
    kinds.is_some_and(|kinds| kinds.iter().any(|known| known == kind))
}
