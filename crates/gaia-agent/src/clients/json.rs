//! A client's settings as JSON, changed in place: order, indentation and
//! comments stay as their user has them.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::Value;

use super::Unmerged;

/// Settings that are open to be changed.
pub(super) struct Settings {
    root: CstRootNode,
    top: CstObject,
}

impl Settings {
    /// Reads them; `new` is what they begin with where there are none.
    pub(super) fn read(existing: Option<&str>, new: &str) -> Result<Self, Unmerged> {
        let text = existing.filter(|text| !text.trim().is_empty());
        let root = CstRootNode::parse(text.unwrap_or(new), &forms())
            .map_err(|error| Unmerged::Json(error.to_string()))?;
        let top = root
            .object_value()
            .ok_or(Unmerged::Shape("the whole", "object"))?;
        Ok(Self { root, top })
    }

    pub(super) fn top(&self) -> &CstObject {
        &self.top
    }

    /// The object of that name, made if there is none.
    pub(super) fn object(&self, name: &'static str) -> Result<CstObject, Unmerged> {
        match self.top.get(name) {
            Some(found) => found.object_value().ok_or(Unmerged::Shape(name, "object")),
            None => Ok(self.top.object_value_or_set(name)),
        }
    }

    /// The object of that name, if it is there.
    pub(super) fn object_there(&self, name: &str) -> Option<CstObject> {
        self.top.get(name)?.object_value()
    }

    pub(super) fn text(&self) -> String {
        self.root.to_string()
    }
}

/// JSON, and what clients that are lenient take besides: comments, and a comma
/// after the last one.
fn forms() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        ..ParseOptions::default()
    }
}

/// The text of settings as a value, comments left out; null when it cannot be
/// read.
pub(super) fn value_of(text: &str) -> Value {
    let read = CstRootNode::parse(text, &forms()).ok();
    read.and_then(|root| root.to_serde_value())
        .unwrap_or_default()
}

/// The list of that name in an object, made if there is none.
pub(super) fn list(object: &CstObject, name: &str) -> Result<CstArray, Unmerged> {
    match object.get(name) {
        Some(found) => found
            .array_value()
            .ok_or(Unmerged::Shape("a list of hooks", "array")),
        None => Ok(object.array_value_or_set(name)),
    }
}

/// What stands there.
pub(super) fn value(node: &CstNode) -> Value {
    node.to_serde_value().unwrap_or_default()
}

/// Sets a property, unless it has that value.
pub(super) fn set(object: &CstObject, name: &str, new: &Value) {
    match object.get(name) {
        Some(found) if found.value().map(|node| value(&node)).as_ref() == Some(new) => {}
        Some(found) => found.set_value(input(new)),
        None => drop(object.append(name, input(new))),
    }
}

/// A value to be written.
pub(super) fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(is) => CstInputValue::Bool(*is),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(many) => CstInputValue::Array(many.iter().map(input).collect()),
        Value::Object(pairs) => {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (name.clone(), input(value)));
            CstInputValue::Object(pairs.collect())
        }
    }
}
