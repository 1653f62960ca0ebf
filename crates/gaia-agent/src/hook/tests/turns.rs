//! Turns: what goes on in a session, and what is told of it.

use std::process::Command;

use gaia_assigner::agents::{self, AgentSession, Doing};
use gaia_locks::liveness::{Liveness, ProcessIdentity};
use serde_json::{Value, json};

use super::{Client, World};

/// The row of a session, as the assigner reads it.
fn row(world: &World, name: &str) -> AgentSession {
    let row = world.service.look(|tx| agents::by_name(tx, name));
    row.unwrap().unwrap()
}

fn kinds(world: &World, session: &str) -> Vec<String> {
    let events = world
        .service
        .look(|tx| agents::events_after(tx, session, 0));
    events
        .unwrap()
        .into_iter()
        .map(|event| event.kind)
        .collect()
}

#[test]
fn t15_a_client_under_a_sessions_own_neither_ends_its_turn_nor_frees_what_it_holds() {
    let mut world = World::new();
    let mut under = Command::new("sleep").arg("60").spawn().unwrap();
    let (own, nested) = (std::process::id(), under.id());
    world.around.task = Some(("s".into(), None));
    world.around.client_pid = Some(own);
    let process = ProcessIdentity::of(own).unwrap().unwrap();
    world.witness.set(&process, Liveness::Alive);
    world.claude_with("outer", "UserPromptSubmit", json!({"prompt": "go"}));
    world.writes("outer", "a/x");
    assert_eq!(world.held(), ["s /a"]);
    let before = kinds(&world, "s");
    // It starts another client, which is heard under it.
    world.around.client_pid = Some(nested);
    for event in ["SessionStart", "UserPromptSubmit"] {
        world.claude_with("inner", event, json!({}));
    }
    world.writes("inner", "b/x");
    assert_eq!(row(&world, "s").calls.len(), 2);
    world.claude_with("inner", "Stop", json!({}));
    world.claude_with("inner", "SessionEnd", json!({}));
    assert_eq!(world.held(), ["s /a", "s /b"]);
    assert_eq!(kinds(&world, "s"), before);
    let known = row(&world, "s");
    assert_eq!(
        (
            known.client_session.as_str(),
            known.doing,
            known.calls.len()
        ),
        ("outer", Doing::Busy, 1)
    );
    // Its turn is over, and what it started goes on.
    world.around.client_pid = Some(own);
    world.claude_with("outer", "Stop", json!({}));
    world.around.client_pid = Some(nested);
    world.writes("inner", "b/y");
    assert_eq!(row(&world, "s").doing, Doing::Idle);
    world.around.client_pid = Some(own);
    world.claude_with("outer", "PermissionRequest", json!({}));
    world.around.client_pid = Some(nested);
    world.claude_with("inner", "PostToolUse", json!({}));
    assert_eq!(row(&world, "s").doing, Doing::WaitingInput);
    // Once the first is gone, another is the session's own.
    world.witness.set(&process, Liveness::Gone);
    world.claude_with("inner", "SessionEnd", json!({}));
    assert_eq!(world.held(), Vec::<String>::new());
    under.kill().unwrap();
    under.wait().unwrap();
}

#[test]
fn a_tool_that_was_denied_or_broken_off_is_over_when_its_client_rests() {
    let world = World::new();
    world.writes("s", "a/x");
    world.claude_with("s", "PermissionRequest", json!({}));
    let waits = (Doing::WaitingInput, 1);
    let known = row(&world, "s");
    assert_eq!((known.doing, known.calls.len()), waits);
    let rests = json!({"notification_type": "idle_prompt"});
    world.claude_with("s", "Notification", rests.clone());
    let known = row(&world, "s");
    assert_eq!((known.doing, known.calls.len()), (Doing::Idle, 0));
    // What goes on in the background is no rest.
    world.claude_with("s", "Stop", json!({"background_tasks": [{"id": "b"}]}));
    world.claude_with("s", "Notification", rests);
    assert_eq!(row(&world, "s").doing, Doing::Busy);
}

#[test]
fn t11_an_alarm_that_rings_once_keeps_a_turn_going_and_one_that_rings_for_ever_does_not() {
    let world = World::new();
    let stops = |alarms: Value| {
        world.claude_with("s", "UserPromptSubmit", json!({"prompt": "go"}));
        world.claude_with(
            "s",
            "Stop",
            json!({"background_tasks": [], "session_crons": alarms}),
        );
        row(&world, "s").doing
    };
    let alarm = |recurring: bool| json!({"id": "1", "schedule": "*/5 * * * *", "recurring": recurring, "prompt": "look"});
    assert_eq!(stops(json!([alarm(false)])), Doing::Busy);
    assert_eq!(stops(json!([alarm(true)])), Doing::Idle);
    assert_eq!(stops(json!([alarm(true), alarm(false)])), Doing::Busy);
    // Of a version that does not say which it is.
    assert_eq!(stops(json!([{"id": "1"}])), Doing::Busy);
}

#[test]
fn t11_a_turn_that_codex_says_was_broken_off_is_over_at_once() {
    let world = World::new();
    let codex = |event: &str| {
        let call =
            json!({"session_id": "s", "hook_event_name": event, "cwd": "/a", "prompt": "go"});
        world.send(Client::Codex, &call)
    };
    codex("UserPromptSubmit");
    assert_eq!(row(&world, "s").doing, Doing::Busy);
    codex("Interrupt");
    assert_eq!(row(&world, "s").doing, Doing::Idle);
    let events = world.service.look(|tx| agents::events_after(tx, "s", 0));
    let last = events.unwrap().pop().unwrap();
    assert_eq!(
        (last.kind.as_str(), &last.details["broken_off"]),
        ("rested", &json!(true))
    );
}

#[test]
fn t11_the_answer_of_a_turn_is_kept_where_it_is_a_tasks() {
    let mut world = World::new();
    let stop = json!({"last_assistant_message": "it is mended"});
    let answers = |world: &World, session: &str| -> Vec<Value> {
        let events = world
            .service
            .look(|tx| agents::events_after(tx, session, 0));
        let stopped = events.unwrap().into_iter();
        stopped
            .map(|event| event.details["answer"].clone())
            .collect()
    };
    world.claude_with("s", "Stop", stop.clone());
    assert_eq!(answers(&world, "s"), [Value::Null]);
    world.around.task = Some(("t".into(), Some("7".into())));
    world.claude_with("c", "Stop", stop);
    assert_eq!(answers(&world, "t"), ["it is mended"]);
}
