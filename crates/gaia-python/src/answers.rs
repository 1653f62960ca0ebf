//! Answers as Python's own values: dicts, lists, text and numbers, in the one
//! JSON shape, so that `json.dumps` takes them as they are.
//!
//! Times have their offset in digits: `datetime.fromisoformat` reads no `Z`
//! before Python 3.11.

use gaia_locks::wire::{Granted, Refusal};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyNone, PyString};
use serde::Serialize;
use serde_json::Value;

use crate::errors::GaiaError;

/// Anything that has a JSON shape.
pub fn to_python<'py>(py: Python<'py>, answer: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let value = serde_json::to_value(answer)
        .map_err(|error| GaiaError::new_err(format!("an answer cannot be told: {error}")))?;
    of_value(py, &value)
}

/// The same, as a dict.
pub fn to_dict<'py>(py: Python<'py>, answer: &impl Serialize) -> PyResult<Bound<'py, PyDict>> {
    Ok(to_python(py, answer)?.cast_into::<PyDict>()?)
}

/// `{"granted": True, …}`.
pub fn granted<'py>(py: Python<'py>, granted: &Granted) -> PyResult<Bound<'py, PyDict>> {
    let answer = PyDict::new(py);
    answer.set_item("granted", true)?;
    answer.update(to_dict(py, granted)?.as_mapping())?;
    Ok(answer)
}

/// `{"granted": False, …}`.
pub fn refused<'py>(py: Python<'py>, refusal: &Refusal) -> PyResult<Bound<'py, PyDict>> {
    let answer = PyDict::new(py);
    answer.set_item("granted", false)?;
    answer.update(to_dict(py, refusal)?.as_mapping())?;
    Ok(answer)
}

fn of_value<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => PyNone::get(py).to_owned().into_any(),
        Value::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => PyInt::new(py, whole).into_any(),
            None => PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN)).into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(of_value(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(fields) => {
            let dict = PyDict::new(py);
            for (name, field) in fields {
                dict.set_item(name, of_field(py, name, field)?)?;
            }
            dict.into_any()
        }
    })
}

fn of_field<'py>(py: Python<'py>, name: &str, field: &Value) -> PyResult<Bound<'py, PyAny>> {
    let is_time = name.ends_with("_at") || matches!(name, "since" | "last_seen");
    match field.as_str().and_then(|text| text.strip_suffix('Z')) {
        Some(time) if is_time => Ok(PyString::new(py, &format!("{time}+00:00")).into_any()),
        _ => of_value(py, field),
    }
}
