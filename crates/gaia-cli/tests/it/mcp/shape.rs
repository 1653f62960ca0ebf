//! As much of JSON Schema as the tools' answers use.

use serde_json::Value;

/// Holds a value against a schema.
pub fn check(schema: &Value, value: &Value, at: &str) {
    if let Some(kind) = schema.get("type") {
        let kinds = kind
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![kind.clone()]);
        let fits = kinds
            .iter()
            .any(|kind| is_of(value, kind.as_str().unwrap()));
        assert!(fits, "{at} is {value}, and should be {kind}");
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        assert!(
            words.contains(value),
            "{at} is {value}, and should be one of {words:?}"
        );
    }
    if let Some(fields) = value.as_object() {
        for name in required(schema) {
            assert!(fields.contains_key(&name), "{at} lacks {name}: {value}");
        }
        if let Some(ways) = schema.get("anyOf").and_then(Value::as_array) {
            let fits = |way: &Value| required(way).iter().all(|name| fields.contains_key(name));
            assert!(ways.iter().any(fits), "{at} is {value}, and lacks {ways:?}");
        }
        for (name, value) in fields {
            if let Some(schema) = schema["properties"].get(name) {
                check(schema, value, &format!("{at}.{name}"));
            } else {
                // What is not in it may stand there; at the top nothing does.
                assert!(
                    at.contains('.') || at.contains('['),
                    "{at} has {name}, which no schema tells of"
                );
            }
        }
    }
    if let Some(values) = value.as_array() {
        for (number, value) in values.iter().enumerate() {
            check(&schema["items"], value, &format!("{at}[{number}]"));
        }
    }
}

fn required(schema: &Value) -> Vec<String> {
    let names = schema.get("required").and_then(Value::as_array);
    let text = |name: &Value| name.as_str().unwrap().to_owned();
    names
        .map(|names| names.iter().map(text).collect())
        .unwrap_or_default()
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("a type {other}"),
    }
}
