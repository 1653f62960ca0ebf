//! The tools on one page: what each is called, what a model is told of it, and
//! where it is answered.

use std::sync::{Arc, LazyLock};

use rmcp::RoleServer;
use rmcp::handler::server::common::schema_for_input;
use rmcp::model::{CallToolResult, ErrorCode, ErrorData, JsonObject, Tool, ToolAnnotations};
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::doors::{Doors, Ends, Reads};
use super::said::Done;
use super::{Said, args, locks, shapes, tasks, wait};

/// What a tool does to the world: hints for clients.
#[derive(Clone, Copy)]
enum Does {
    /// It only looks.
    Looks,
    /// It adds something; asking again with the same words changes nothing more.
    AddsOnce,
    /// It adds something each time.
    Adds,
    /// It ends something.
    Ends,
}

fn hints(title: &str, does: Does) -> ToolAnnotations {
    let hints = ToolAnnotations::with_title(title)
        .read_only(matches!(does, Does::Looks))
        .open_world(false);
    match does {
        Does::Looks => hints,
        Does::AddsOnce => hints.destructive(false).idempotent(true),
        Does::Adds => hints.destructive(false).idempotent(false),
        Does::Ends => hints.destructive(true).idempotent(true),
    }
}

fn tool<Given: JsonSchema + 'static>(
    name: &'static str,
    title: &'static str,
    says: &'static str,
    does: Does,
    answers: Value,
) -> Tool {
    // The arguments are structs, whose schema is an object's.
    let takes = schema_for_input::<Given>().unwrap_or_default();
    Tool::new(name, says, takes)
        .with_title(title)
        .with_raw_output_schema(Arc::new(object(answers)))
        .with_annotations(hints(title, does))
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(fields) => fields,
        _ => JsonObject::new(),
    }
}

/// All of them, in the order in which they are listed.
pub(super) fn all() -> &'static [Tool] {
    static ALL: LazyLock<Vec<Tool>> = LazyLock::new(made);
    &ALL
}

/// The tool of that name.
pub(super) fn named(name: &str) -> Option<&'static Tool> {
    all().iter().find(|tool| tool.name == name)
}

fn made() -> Vec<Tool> {
    vec![
        tool::<args::Acquire>(
            "acquire_folder",
            "Lock a folder",
            "Takes the lock on a folder, or on several together, so that no other agent works there. Answers at once: \
             granted with the lock and its token, or refused with who holds it and until when. Asking again for what \
             you hold extends it. Renew the lock before expires_at, release it when you are done.",
            Does::AddsOnce,
            shapes::acquired(),
        ),
        tool::<args::Wait>(
            "wait_for_folder",
            "Wait for a folder",
            "As acquire_folder, but waits in line when the folder is not free, in order of arrival, and tells its \
             place meanwhile. Calling it off leaves the line.",
            Does::AddsOnce,
            shapes::acquired(),
        ),
        tool::<args::Renew>(
            "renew",
            "Renew a lock",
            "Lets a lock last longer, by its token. While you work on a task that you took, call it every few \
             minutes: it shows that you are alive, and `stop` says why you must stop, if you must. A lock that has \
             lapsed cannot be renewed: look again at what is there and acquire it anew.",
            Does::Adds,
            shapes::renewed(),
        ),
        tool::<args::Release>(
            "release_folder",
            "Release a folder",
            "Ends a lock that you hold, by its token or its folder; whoever waits for it is granted it at once. The \
             lock of a task ends with the task and is not released.",
            Does::Ends,
            shapes::released(),
        ),
        tool::<args::Status>(
            "lock_status",
            "Show locks",
            "Who holds what, who waits in line, and where nothing new is granted.",
            Does::Looks,
            shapes::status(),
        ),
        tool::<args::WhoHolds>(
            "who_holds",
            "Who holds a folder",
            "Whether a folder is locked, through itself, a parent or something inside it, by whom and until when; \
             and whether it is paused: nothing new is granted there then.",
            Does::Looks,
            shapes::holds(),
        ),
        tool::<args::ListTasks>(
            "list_tasks",
            "List tasks",
            "The queue of tasks: those that run, then those that wait in their order, then those that ended, newest \
             first. Texts are cut to their beginning.",
            Does::Looks,
            shapes::task_list(),
        ),
        tool::<args::TakeTask>(
            "take_task",
            "Take a task",
            "Takes the best task for a session that asks for work itself, together with the lock on its folder; \
             `task` is null when there is none. Work in `folder`, call renew every few minutes, and say finish_task \
             or fail_task at the end. A session that works already is given its task again.",
            Does::Adds,
            shapes::taken(),
        ),
        tool::<args::FinishTask>(
            "finish_task",
            "Finish a task",
            "Says that your task is done, with your answer; its lock ends with it. If your lock had lapsed and \
             another held the folder, you are told once: look again, then say it once more.",
            Does::Ends,
            shapes::ended(),
        ),
        tool::<args::FailTask>(
            "fail_task",
            "Fail a task",
            "Says that your task could not be done, and why; its lock ends with it.",
            Does::Ends,
            shapes::ended(),
        ),
    ]
}

/// Whether a tool is called so.
#[must_use]
pub fn is_tool(name: &str) -> bool {
    named(name).is_some()
}

/// What of a tool's arguments says as whom it acts: for a hook that knows it.
/// To release_folder the task is a condition: a session ends its own lock
/// whatever it works on.
#[must_use]
pub fn acts(tool: &str) -> &'static [&'static str] {
    match tool {
        "acquire_folder" | "wait_for_folder" | "renew" | "finish_task" | "fail_task" => {
            &["session", "task"]
        }
        "release_folder" | "take_task" => &["session"],
        _ => &[],
    }
}

/// One call on its way.
pub(super) struct Call<'a, D: Doors> {
    pub doors: &'a D,
    pub caller: D::Caller,
    pub context: &'a RequestContext<RoleServer>,
    pub ends: Ends,
}

/// Answers a call. What goes wrong is an answer too; only a tool that does not
/// exist is an error of the protocol.
pub(super) async fn call<D: Doors>(
    doors: &D,
    tool: &str,
    input: Value,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let Some(known) = named(tool) else {
        let names: Vec<String> = all().iter().map(|tool| tool.name.to_string()).collect();
        let message = format!("no tool is named {tool:?}; there are {}", names.join(", "));
        return Err(ErrorData::new(ErrorCode::INVALID_PARAMS, message, None));
    };
    let hints = known.annotations.as_ref();
    let looks = hints.is_some_and(|hints| hints.read_only_hint == Some(true));
    let reads = if looks { Reads::Only } else { Reads::AndActs };
    let done = match doors.caller(&context.extensions, reads) {
        Ok(caller) => {
            let broke = doors.connection(&caller);
            let called_off = context.ct.clone();
            let call = Call {
                doors,
                caller,
                context,
                ends: Ends { called_off, broke },
            };
            answer(&call, tool, input).await
        }
        Err(said) => Err(said),
    };
    Ok(done
        .unwrap_or_else(|said| failed(tool, &said))
        .into_result())
}

async fn answer<D: Doors>(call: &Call<'_, D>, tool: &str, input: Value) -> Result<Done, Said> {
    match tool {
        "acquire_folder" => locks::acquire(call, read(input)?).await,
        "wait_for_folder" => wait::wait(call, read(input)?).await,
        "renew" => locks::renew(call, read(input)?).await,
        "release_folder" => locks::release(call, read(input)?).await,
        "lock_status" => locks::status(call, read(input)?).await,
        "who_holds" => locks::who_holds(call, read(input)?).await,
        "list_tasks" => tasks::list(call, read(input)?).await,
        "take_task" => tasks::take(call, read(input)?).await,
        "finish_task" => tasks::finish(call, read(input)?).await,
        _ => tasks::fail(call, read(input)?).await,
    }
}

fn read<Given: DeserializeOwned>(input: Value) -> Result<Given, Said> {
    serde_json::from_value(input)
        .map_err(|error| Said::invalid(format!("the arguments cannot be used: {error}")))
}

/// Where a tool answers whether it was done, that is said too.
fn failed(tool: &str, said: &Said) -> Done {
    let word = match tool {
        "acquire_folder" | "wait_for_folder" => "granted",
        "renew" => "renewed",
        "release_folder" => "released",
        _ => return Done::failed(said, &serde_json::json!({})),
    };
    Done::failed(said, &serde_json::json!({ word: false }))
}
