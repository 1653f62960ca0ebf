//! What the tools answer, as JSON Schema: the one JSON shape of locks and tasks
//! (section 6 of the contract). A test holds each real answer against it.

use serde_json::{Map, Value, json};

/// An answer: these fields, or an error (beside which some of them may stand).
fn answer(fields: Value, required: &[&str]) -> Value {
    let mut fields = match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.insert("error".to_owned(), error());
    json!({
        "type": "object",
        "properties": fields,
        "anyOf": [{ "required": required }, { "required": ["error"] }],
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "description": "why it was not done",
        "properties": {
            "code": {"type": "string", "description": "a word for programs"},
            "message": {"type": "string"},
            "hint": {"type": "string", "description": "what can be done"},
        },
        "required": ["code", "message"],
    })
}

fn text() -> Value {
    json!({"type": "string"})
}

fn text_or_null() -> Value {
    json!({"type": ["string", "null"]})
}

fn number() -> Value {
    json!({"type": "integer"})
}

fn number_or_null() -> Value {
    json!({"type": ["integer", "null"]})
}

fn time() -> Value {
    json!({"type": ["string", "null"], "description": "RFC 3339, UTC"})
}

fn list(of: Value) -> Value {
    json!({"type": "array", "items": of})
}

/// A lock, active or ended.
fn lock() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "integer", "description": "its token"},
            "folder_path": text(),
            "session_id": text(),
            "task_id": {"type": "integer", "description": "0: none"},
            "mode": {"type": "string", "enum": ["exclusive", "shared"]},
            "scope": text(),
            "status": {"type": "string", "enum": ["active", "released", "expired"]},
            "created_at": time(),
            "expires_at": time(),
            "expires_in": {"type": ["number", "null"], "description": "seconds"},
            "released_at": time(),
            "expired_at": time(),
            "end_reason": text_or_null(),
        },
        "required": ["id", "folder_path", "session_id", "task_id", "mode", "scope", "status", "created_at",
            "expires_at", "expires_in", "released_at", "expired_at", "end_reason"],
    })
}

fn lock_or_null() -> Value {
    let mut lock = lock();
    lock["type"] = json!(["object", "null"]);
    lock
}

fn waiter() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": number(),
            "folder_paths": list(text()),
            "scope": text(),
            "session_id": text(),
            "task_id": number(),
            "mode": text(),
            "since": time(),
            "place": {"type": "integer", "description": "1 is next"},
            "granted": {"type": "boolean"},
        },
        "required": ["id", "folder_paths", "scope", "session_id", "task_id", "mode", "since", "place", "granted"],
    })
}

fn pause() -> Value {
    json!({
        "type": "object",
        "properties": {"folder_path": text(), "scope": text(), "reason": text(), "by": text(), "since": time()},
        "required": ["folder_path", "scope", "reason", "by", "since"],
    })
}

fn conflict() -> Value {
    json!({
        "type": "object",
        "description": "one thing in the way",
        "properties": {
            "folder_path": {"type": "string", "description": "what was asked for"},
            "lock": lock_or_null(),
            "alive": {"type": ["boolean", "null"], "description": "whether its holder lives; null: nobody can tell"},
            "last_seen": time(),
            "waiting": {"type": "integer", "description": "how many wait for it"},
            "waiter": waiter(),
            "paused": pause(),
        },
        "required": ["folder_path", "lock", "alive", "last_seen", "waiting"],
    })
}

fn holder() -> Value {
    json!({
        "type": "object",
        "properties": {"session_id": text(), "task_id": number()},
        "required": ["session_id", "task_id"],
    })
}

/// Of acquire_folder and wait_for_folder.
pub(super) fn acquired() -> Value {
    let fields = json!({
        "granted": {"type": "boolean"},
        "locks": list(lock()),
        "held_before": {"type": "boolean", "description": "all of them were held already, and only extended"},
        "conflicts": list(conflict()),
        "more": {"type": "integer", "description": "how many more are in the way"},
        "cycle": list(holder()),
        "waited": {"type": "boolean"},
    });
    answer(fields, &["granted", "locks", "held_before"])
}

/// Of renew.
pub(super) fn renewed() -> Value {
    let fields = json!({
        "renewed": {"type": "boolean"},
        "lock": lock_or_null(),
        "stop": {"type": ["string", "null"], "description": "why you must stop working on your task"},
    });
    answer(fields, &["renewed", "lock", "stop"])
}

/// Of release_folder.
pub(super) fn released() -> Value {
    let fields = json!({"released": {"type": "boolean"}, "locks": list(lock())});
    answer(fields, &["released", "locks"])
}

fn held_lock() -> Value {
    let mut lock = lock();
    lock["properties"]["alive"] = json!({"type": ["boolean", "null"]});
    lock["properties"]["waiting"] = number();
    lock["properties"]["folder_state"] = text();
    lock
}

/// Of lock_status.
pub(super) fn status() -> Value {
    let fields = json!({
        "count": number(),
        "locks": list(held_lock()),
        "waiters": list(waiter()),
        "paused": list(pause()),
        "database": text(),
    });
    answer(fields, &["count", "locks", "waiters", "paused", "database"])
}

/// Of who_holds.
pub(super) fn holds() -> Value {
    let mut held = held_lock();
    held["type"] = json!(["object", "null"]);
    let fields = json!({
        "folder_path": text(),
        "is_locked": {"type": "boolean"},
        "lock_info": held,
        "waiters": list(waiter()),
        "paused": list(pause()),
    });
    answer(
        fields,
        &["folder_path", "is_locked", "lock_info", "waiters", "paused"],
    )
}

fn task() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": number(),
            "content": {"type": "string", "description": "what is to be done"},
            "status": {"type": "string",
                "enum": ["pending", "assigned", "in_progress", "completed", "failed", "cancelled"]},
            "priority": number(),
            "working_dir": text_or_null(),
            "read_only": {"type": "boolean", "description": "it only reads: change nothing"},
            "assigned_session": text_or_null(),
            "response": text_or_null(),
            "error": text_or_null(),
            "timeout_minutes": {"type": "number"},
            "lock_token": number_or_null(),
            "hold_note": text_or_null(),
        },
        "required": ["id", "content", "status", "priority", "working_dir", "read_only", "assigned_session"],
    })
}

/// Of list_tasks.
pub(super) fn task_list() -> Value {
    answer(
        json!({"count": number(), "tasks": list(task())}),
        &["count", "tasks"],
    )
}

/// Of take_task.
pub(super) fn taken() -> Value {
    let mut task = task();
    task["type"] = json!(["object", "null"]);
    let fields = json!({
        "task": task,
        "folder": {"type": ["string", "null"], "description": "where to work"},
        "token": {"type": ["integer", "null"], "description": "of the lock on it"},
        "taken_before": {"type": "boolean", "description": "you had it already"},
    });
    answer(fields, &["task", "folder", "token", "taken_before"])
}

/// Of finish_task and fail_task.
pub(super) fn ended() -> Value {
    answer(json!({"task": task()}), &["task"])
}
