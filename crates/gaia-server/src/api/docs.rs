//! The OpenAPI document as a page for people: no script, nothing from elsewhere.

use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use super::document::LEAST_ROLE;

/// The whole page.
pub fn page(document: &Value) -> String {
    let paths = document["paths"].as_object().into_iter().flatten();
    let schemas = &document["components"]["schemas"];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "GAIA API" }
            }
            body { main {
                h1 { "GAIA API" }
                p {
                    "The same for programs: " a href="/api/openapi.json" { "openapi.json" } ". Programs send "
                    code { "Authorization: Bearer TOKEN" } "."
                }
                @for (path, methods) in paths {
                    @for (method, operation) in methods.as_object().into_iter().flatten() {
                        (section(document, path, method, operation))
                    }
                }
                h1 { "Shapes" }
                @for (name, schema) in schemas.as_object().into_iter().flatten() {
                    section id=(name) { h2 { code { (name) } } (told(schema)) (fields(document, schema)) }
                }
            } }
        }
    };
    page.into_string()
}

fn section(document: &Value, path: &str, method: &str, operation: &Value) -> Markup {
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let parameters = operation["parameters"].as_array();
    html! {
        section id=(anchor(method, path)) {
            h2 { code { (method.to_uppercase()) " " (path) } }
            p { (operation["summary"].as_str().unwrap_or_default()) }
            p {
                @match operation[LEAST_ROLE].as_str() {
                    Some(role) => { "Needs the role " (role) " or more." }
                    None => { "For everybody." }
                }
            }
            @if let Some(parameters) = parameters {
                h3 { "Asked with" }
                ul { @for one in parameters { (parameter(one)) } }
            }
            @if !body.is_null() {
                h3 { "Body: " (kind(body)) }
                (fields(document, body))
            }
            h3 { "Answers" }
            ul { @for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
                (answered(document, status, at(document, answer)))
            } }
        }
    }
}

fn anchor(method: &str, path: &str) -> String {
    format!("{method}{}", path.replace(['/', '{', '}'], "-"))
}

fn parameter(parameter: &Value) -> Markup {
    let word = |name: &str| parameter[name].as_str().unwrap_or_default().to_owned();
    html! {
        li {
            code { (word("name")) } " (" (word("in"))
            @if parameter["required"] == true { ", needed" }
            "), " (kind(&parameter["schema"])) (told(parameter))
        }
    }
}

/// One status: when, the headers, and what comes with it.
fn answered(document: &Value, status: &str, answer: &Value) -> Markup {
    let is_done = status.starts_with('2');
    let headers = answer["headers"].as_object().into_iter().flatten();
    let headers = headers.filter(|(name, _)| *name != "x-request-id");
    let events = answer["x-events"].as_object();
    html! {
        li {
            code { (status) } " " (answer["description"].as_str().unwrap_or_default())
            @for (name, _) in headers { ", " code { (name) } }
            @for (form, content) in answer["content"].as_object().into_iter().flatten() {
                ": " (form) " " (kind(&content["schema"]))
                @if is_done { (fields(document, &content["schema"])) }
            }
            @if let Some(events) = events {
                ul { @for (event, shape) in events { li { code { (event) } ": " (kind(shape)) } } }
            }
        }
    }
}

/// The fields of an object, each with its kind and what it means.
fn fields(document: &Value, schema: &Value) -> Markup {
    let schema = at(document, schema);
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let required = schema["required"].as_array();
    let needed = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let own = schema["properties"].as_object();
    html! {
        @for part in parts { (fields(document, part)) }
        @if let Some(own) = own {
            ul { @for (name, field) in own {
                li {
                    code { (name) } @if needed(name) { " (needed)" } ", " (kind(field)) (told(field))
                }
            } }
        }
    }
}

fn told(what: &Value) -> Markup {
    html! { @if let Some(text) = what["description"].as_str() { ": " (text) } }
}

/// What a reference stands for.
fn at<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let named = schema["$ref"].as_str();
    let place = named.and_then(|name| name.strip_prefix('#'));
    place
        .and_then(|place| document.pointer(place))
        .unwrap_or(schema)
}

/// What a value is, in words; a shape is a link to it.
fn kind(schema: &Value) -> Markup {
    let either = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return html! { a href={"#" (name)} { (name) } };
    }
    if let Some(either) = either {
        return joined(either.iter().map(kind));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().filter_map(Value::as_str);
        return joined(words.map(|word| html! { code { (word) } }));
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => html! { "list of " (kind(&schema["items"])) },
        Value::String(word) => html! { (plain(word, schema)) },
        Value::Array(words) => {
            let words = words.iter().filter_map(Value::as_str);
            joined(words.map(|word| html! { (plain(word, schema)) }))
        }
        _ => html! { "any value" },
    }
}

fn plain<'a>(word: &'a str, schema: &Value) -> &'a str {
    match (
        word,
        schema["format"].as_str(),
        schema["description"].as_str(),
    ) {
        ("string", Some("date-time"), _) => "time",
        ("number", _, Some("seconds")) => "seconds",
        _ => word,
    }
}

fn joined(parts: impl Iterator<Item = Markup>) -> Markup {
    html! { @for (n, part) in parts.enumerate() { @if n > 0 { " or " } (part) } }
}
