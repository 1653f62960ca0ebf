//! The shapes of answers, as the OpenAPI document gives them.
//!
//! Locks, tasks and sessions are plain data of lower rooms that know nothing of
//! OpenAPI, so their shapes are written here, in a notation of one line each:
//!
//! ```text
//! id:integer            must be there        note?:string     may be there
//! ended:time|null       may be null          locks:[Lock]     a list
//! mode:exclusive/shared one of these words   lock:Lock        another shape
//! +Lock                 all of that shape, and what follows
//! ```
//! Fields may be added to answers at any time. That answers have these shapes
//! is tested against a running server (`tests/it/document.rs`).

use serde_json::{Map, Value, json};

use super::refusals;

const LOCK: &str = "id:integer folder_path:string session_id:string task_id:integer \
    mode:exclusive/shared scope:string status:active/released/expired created_at:time \
    expires_at:time|null expires_in:number|null released_at:time|null expired_at:time|null \
    end_reason:released/forced/task_ended/died/lapsed|null ended_by?:string reason?:string \
    written_path?:string pid?:integer details?:any";

const TASK: &str = "id:integer content:string \
    status:pending/assigned/in_progress/completed/failed/cancelled priority:integer \
    working_dir:string|null read_only:boolean assigned_session:string|null \
    target_session:string|null target_provider:string|null preferred_providers:[string] \
    fallbacks:[string] created_at:time|null assigned_at:time|null started_at:time|null \
    completed_at:time|null response:string|null error:string|null exit_status:integer|null \
    retry:boolean retry_count:integer max_retries:integer timeout_minutes:number \
    after:[integer] waits_for:[integer] blocked_by:[integer] passed_over:boolean \
    in_line:boolean stopping:boolean lock_status:string|null lock_token:integer|null \
    lock_acquired_at:time|null lock_released_at:time|null log_file:string|null \
    held:string|null hold_note:string|null";

const SESSION: &str = "name:string kind:string|null status:string provider:string|null \
    command:string|null server:string|null target:string|null pane:string|null \
    pattern:string|null working_dir:string|null current_dir:string|null \
    current_task_id:integer|null last_activity:time|null aside_reason?:string";

/// Name and fields of each shape.
const SHAPES: &[(&str, &str)] = &[
    ("Lock", LOCK),
    (
        "HeldLock",
        "+Lock alive:boolean|null waiting:integer folder_state:present/gone/replaced/unknown",
    ),
    ("HeldLocks", "count:integer locks:[HeldLock] next?:integer"),
    (
        "FolderStands",
        "folder_path:string is_locked:boolean lock_info:HeldLock|null",
    ),
    (
        "Waiter",
        "id:integer folder_paths:[string] scope:string session_id:string task_id:integer \
         mode:exclusive/shared since:time place:integer granted:boolean",
    ),
    ("Waiters", "count:integer waiters:[Waiter] next?:integer"),
    (
        "PauseInfo",
        "folder_path:string scope:string reason:string by:string since:time",
    ),
    (
        "Status",
        "count:integer locks:[HeldLock] waiters:[Waiter] paused:[PauseInfo] database:string",
    ),
    (
        "Granted",
        "granted:boolean locks:[Lock] held_before:boolean",
    ),
    ("Waiting", "granted:boolean waiter:integer"),
    ("HolderInfo", "session_id:string task_id:integer"),
    (
        "Conflict",
        "folder_path:string lock:Lock|null alive:boolean|null last_seen:time|null \
         waiting:integer waiter?:Waiter paused?:PauseInfo",
    ),
    (
        "Refused",
        "+Problem granted:boolean conflicts:[Conflict] more?:integer cycle?:[HolderInfo] \
         waited:boolean",
    ),
    (
        "NotReleased",
        "+Problem released?:boolean locks?:[Lock] results?:[ReleasedOne]",
    ),
    (
        "NotAllowed",
        "+Problem released?:boolean lock?:Lock results?:[ReleasedOne]",
    ),
    (
        "NotRenewed",
        "+Problem renewed?:boolean lock?:Lock|null results?:[RenewedOne]",
    ),
    (
        "NotForced",
        "+Problem success?:boolean message?:string released?:boolean",
    ),
    ("LockEvent", "lock:Lock"),
    ("WaiterEvent", "waiter:Waiter"),
    ("TaskEvent", "task:Task"),
    ("SessionEvent", "session:Session"),
    ("PauseEvent", "pause:PauseInfo"),
    ("Renewed", "renewed:boolean lock:Lock"),
    ("Fault", "code:string message:string hint:string|null"),
    (
        "ReleasedOne",
        "folder_path:string|null token:integer|null released:boolean locks:[Lock] error?:Fault",
    ),
    (
        "Released",
        "released:boolean locks:[Lock] results?:[ReleasedOne]",
    ),
    (
        "RenewedOne",
        "token:integer renewed:boolean lock:Lock|null error?:Fault",
    ),
    (
        "RenewedAll",
        "renewed:boolean lock:Lock|null results:[RenewedOne]",
    ),
    (
        "ForceReleased",
        "success:boolean message:string released:boolean lock:Lock",
    ),
    (
        "WhyFolder",
        "folder_path:string is_free:boolean sentence:string locks:[HeldLock] \
         waiters:[Waiter] paused:[PauseInfo]",
    ),
    (
        "WhyTask",
        "task_id:integer sentence:string task:Task locks:[HeldLock] waiters:[Waiter] \
         paused:[PauseInfo]",
    ),
    ("Verified", "active:boolean lock:Lock|null"),
    ("Left", "left:boolean"),
    ("Paused", "paused:PauseInfo"),
    ("Resumed", "resumed:boolean folder_path:string"),
    ("Cleaned", "cleaned:integer"),
    ("Pruned", "pruned:integer"),
    ("History", "count:integer locks:[Lock] next?:integer"),
    ("Task", TASK),
    ("OneTask", "task:Task"),
    ("Tasks", "count:integer tasks:[Task] next?:integer"),
    ("ClearedTasks", "count:integer tasks:[integer]"),
    ("Log", "task_id:integer log_file:string|null text:string"),
    ("Session", SESSION),
    (
        "Pattern",
        "name:string server:string target:string provider:string|null",
    ),
    ("OneSession", "session?:Session pattern?:Pattern"),
    (
        "Sessions",
        "count:integer sessions:[Session] patterns:[Pattern] next?:string",
    ),
    ("Heard", "session:Session task:Task|null stop:string|null"),
    (
        "TakenTask",
        "task:Task|null folder:string|null token:integer|null",
    ),
    ("SignedIn", "name:string role:Role csrf:string|null"),
    (
        "User",
        "name:string role:Role has_password:boolean created_at:time last_seen_at:time|null",
    ),
    ("OneUser", "user:User"),
    ("Users", "count:integer users:[User]"),
    ("Removed", "removed:string"),
    (
        "Token",
        "id:integer name:string role:Role created_at:time expires_at:time|null \
         last_used_at:time|null",
    ),
    ("MadeToken", "+Token token:string"),
    ("Tokens", "count:integer tokens:[Token]"),
    ("Revoked", "revoked:boolean tokens:[Token]"),
    (
        "AuditEntry",
        "id:integer at:time who:string act:string details:string",
    ),
    ("Audit", "count:integer entries:[AuditEntry] next?:integer"),
    ("Health", "status:string"),
];

/// Kinds of events, and the shape of what each brings.
const EVENTS: &[(&str, &str)] = &[
    ("lock.granted", "LockEvent"),
    ("lock.renewed", "LockEvent"),
    ("lock.ended", "LockEvent"),
    ("waiter.changed", "WaiterEvent"),
    ("waiter.gone", "WaiterEvent"),
    ("task.changed", "TaskEvent"),
    ("task.gone", "TaskEvent"),
    ("session.changed", "SessionEvent"),
    ("session.gone", "SessionEvent"),
    ("pause.changed", "PauseEvent"),
    ("pause.gone", "PauseEvent"),
];

/// Which shape an operation answers with; `text/…` where it is none.
const ANSWERS: &[(&str, &str, &str)] = &[
    ("get", "/healthz", "Health"),
    ("get", "/readyz", "Health"),
    ("get", "/metrics", "text/plain"),
    ("get", "/sign-in/link", "303"),
    ("post", "/api/gaia/session", "SignedIn"),
    ("get", "/api/gaia/session", "SignedIn"),
    ("delete", "/api/gaia/session", "204"),
    ("post", "/api/gaia/session/password", "OneUser"),
    ("get", "/api/gaia/locks", "HeldLocks"),
    ("get", "/api/gaia/locks/{id}", "FolderStands"),
    ("post", "/api/gaia/locks", "Granted"),
    ("delete", "/api/gaia/locks/{id}", "Released"),
    ("post", "/api/gaia/locks/{id}/renew", "Renewed"),
    ("post", "/api/gaia/locks/{id}/release", "ForceReleased"),
    ("post", "/api/gaia/release", "Released"),
    ("post", "/api/gaia/renew", "RenewedAll"),
    ("get", "/api/gaia/why", "WhyFolder"),
    ("get", "/api/gaia/tasks/{id}/why", "WhyTask"),
    ("get", "/api/gaia/status", "Status"),
    ("get", "/api/gaia/verify/{token}", "Verified"),
    ("get", "/api/gaia/waiters", "Waiters"),
    ("post", "/api/gaia/waiters/{id}/wait", "Granted"),
    ("delete", "/api/gaia/waiters/{id}", "Left"),
    ("post", "/api/gaia/pause", "Paused"),
    ("post", "/api/gaia/resume", "Resumed"),
    ("post", "/api/gaia/cleanup", "Cleaned"),
    ("post", "/api/gaia/prune", "Pruned"),
    ("get", "/api/gaia/audit", "Audit"),
    ("get", "/api/gaia/history", "History"),
    ("get", "/api/gaia/tasks", "Tasks"),
    ("post", "/api/gaia/tasks", "OneTask"),
    ("post", "/api/gaia/tasks/clear", "ClearedTasks"),
    ("post", "/api/gaia/tasks/retry-failed", "Tasks"),
    ("get", "/api/gaia/tasks/{id}", "OneTask"),
    ("get", "/api/gaia/tasks/{id}/log", "Log"),
    ("post", "/api/gaia/tasks/{id}/cancel", "OneTask"),
    ("post", "/api/gaia/tasks/{id}/retry", "OneTask"),
    ("post", "/api/gaia/tasks/{id}/reassign", "OneTask"),
    ("post", "/api/gaia/tasks/{id}/done", "OneTask"),
    ("post", "/api/gaia/tasks/{id}/fail", "OneTask"),
    ("get", "/api/gaia/sessions", "Sessions"),
    ("post", "/api/gaia/sessions", "OneSession"),
    ("delete", "/api/gaia/sessions/{name}", "OneSession"),
    ("post", "/api/gaia/sessions/heartbeat", "Heard"),
    ("post", "/api/gaia/sessions/take", "TakenTask"),
    ("get", "/api/gaia/users", "Users"),
    ("post", "/api/gaia/users", "OneUser"),
    ("delete", "/api/gaia/users/{name}", "Removed"),
    ("post", "/api/gaia/users/{name}/password", "OneUser"),
    ("get", "/api/gaia/tokens", "Tokens"),
    ("post", "/api/gaia/tokens", "MadeToken"),
    ("delete", "/api/gaia/tokens/{id}", "Revoked"),
    ("get", "/api/gaia/events", "text/event-stream"),
];

/// All shapes, as components of the document.
pub fn schemas() -> Map<String, Value> {
    SHAPES
        .iter()
        .map(|(name, fields)| ((*name).to_owned(), shape(fields)))
        .collect()
}

/// What an operation answers when it is done; nothing for one that is not in
/// the table.
pub fn answers(method: &str, path: &str) -> Option<Map<String, Value>> {
    let known = |(its_method, its_path, _): &&(&str, &str, &str)| {
        *its_method == method && *its_path == path
    };
    let (_, _, answer) = ANSWERS.iter().find(known)?;
    let mut answers = Map::new();
    match *answer {
        "204" | "303" => drop(answers.insert((*answer).to_owned(), json!({"description": "done"}))),
        kind if kind.contains('/') => drop(answers.insert("200".to_owned(), text(kind))),
        shape => drop(answers.insert(status(method, path).to_owned(), body(shape))),
    }
    match path {
        "/api/gaia/history" => also(&mut answers, "text/csv"),
        "/api/gaia/tasks/{id}/log" => also(&mut answers, "text/plain"),
        "/api/gaia/waiters/{id}/wait" => drop(answers.insert("202".to_owned(), body("Waiting"))),
        "/api/gaia/events" => tell_events(&mut answers),
        "/api/gaia/locks/{id}/release" => {
            drop(answers.insert("202".to_owned(), body("ForceReleased")));
        }
        _ => {}
    }
    for (status, answer) in &mut answers {
        let headers: &[&str] = match (method, path, status.as_str()) {
            ("post" | "delete", "/api/gaia/session", _) => &["Set-Cookie"],
            (_, "/sign-in/link", _) => &["Set-Cookie", "Location"],
            (_, "/api/gaia/history", _) => &["Link"],
            _ => &[],
        };
        refusals::bear(answer, headers);
    }
    Some(answers)
}

fn tell_events(answers: &mut Map<String, Value>) {
    let kinds = EVENTS
        .iter()
        .map(|(kind, shape)| ((*kind).to_owned(), reference(shape)));
    if let Some(answer) = answers.get_mut("200") {
        answer["description"] = "server-sent events, each with `id`, `event` (its kind) and `data` \
            (JSON). `ready` begins a stream; `reset`: what was seen last is not here any more, look \
            anew. Both bring {}; `x-events` names the other kinds and what they bring."
            .into();
        answer["x-events"] = kinds.collect::<Map<_, _>>().into();
    }
}

fn status(method: &str, path: &str) -> &'static str {
    match (method, path) {
        ("post", "/api/gaia/tokens") => "201",
        _ => "200",
    }
}

fn body(shape: &str) -> Value {
    json!({"description": "done", "content": {"application/json": {"schema": reference(shape)}}})
}

fn text(kind: &str) -> Value {
    json!({"description": "done", "content": {kind: {"schema": {"type": "string"}}}})
}

/// Another form that can be asked for.
fn also(answers: &mut Map<String, Value>, kind: &str) {
    if let Some(answer) = answers.get_mut("200") {
        answer["content"][kind] = json!({"schema": {"type": "string"}});
    }
}

/// How a shape is named elsewhere in the document.
pub fn reference(shape: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{shape}")})
}

fn shape(fields: &str) -> Value {
    let (mut required, mut properties) = (Vec::new(), Map::new());
    let mut whole = Vec::new();
    for field in fields.split_whitespace() {
        let Some((name, kind)) = field.split_once(':') else {
            whole.push(reference(field.trim_start_matches('+')));
            continue;
        };
        let bare = name.trim_end_matches('?');
        if bare == name {
            required.push(bare);
        }
        properties.insert(bare.to_owned(), kind_of(kind));
    }
    let own = json!({"type": "object", "required": required, "properties": properties});
    match whole.is_empty() {
        true => own,
        false => {
            whole.push(own);
            json!({"allOf": whole})
        }
    }
}

fn kind_of(kind: &str) -> Value {
    if let Some(kind) = kind.strip_suffix("|null") {
        return json!({"anyOf": [kind_of(kind), {"type": "null"}]});
    }
    if let Some(item) = kind.strip_prefix('[') {
        return json!({"type": "array", "items": kind_of(item.trim_end_matches(']'))});
    }
    match kind {
        "any" => json!({}),
        "time" => json!({"type": "string", "format": "date-time"}),
        "integer" | "number" | "string" | "boolean" => json!({"type": kind}),
        words if words.contains('/') => json!({"enum": words.split('/').collect::<Vec<_>>()}),
        shape => reference(shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_is_read() {
        let read = shape("a:integer b?:[Lock] c:x/y|null");
        assert_eq!(read["required"], json!(["a", "c"]));
        assert_eq!(
            read["properties"]["b"]["items"]["$ref"],
            "#/components/schemas/Lock"
        );
        assert_eq!(
            read["properties"]["c"]["anyOf"][0]["enum"],
            json!(["x", "y"])
        );
        assert_eq!(shape("+Lock a:any")["allOf"][0], reference("Lock"));
    }

    #[test]
    fn every_shape_that_is_named_is_there() {
        let schemas = schemas();
        let text = serde_json::to_string(&schemas).unwrap();
        let named = text.split("#/components/schemas/").skip(1);
        let names: Vec<&str> = named.filter_map(|rest| rest.split('"').next()).collect();
        let answered = ANSWERS.iter().map(|(_, _, shape)| *shape);
        let shapes = answered.filter(|shape| shape.starts_with(char::is_uppercase));
        let brought = EVENTS.iter().map(|(_, shape)| *shape);
        for name in names.into_iter().chain(shapes).chain(brought) {
            let elsewhere = ["Role", "Problem"].contains(&name);
            assert!(schemas.contains_key(name) || elsewhere, "{name}");
        }
    }
}
