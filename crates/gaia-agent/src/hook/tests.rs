//! A whole call against a real database: what each client sends, what it is
//! answered, and what is locked then.

mod beside;
mod forms;
mod odd_input;
mod turns;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gaia_assigner::{TaskService, Tasks};
use gaia_locks::LockService;
use gaia_locks::clock::ManualClock;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::ManualWitness;
use gaia_locks::model::{Turn, WaiterLife};
use gaia_locks::service::{Acquire, Config, Line, Locks as _};
use gaia_locks::settings::{HookFailure, HookLocks, HookShell, HookSubagents, Hooks};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::Answer;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Client, Means, Reply, Surroundings, answer};

use world::{World, decision, git, hooks, reason};

#[test]
fn the_first_write_locks_the_work_tree_and_another_session_is_told_who_holds_it() {
    let world = World::new();
    assert_eq!(decision(&world.writes("one", "a/src/x.rs")), "allow");
    assert_eq!(world.held(), ["one /a"]);
    let refused = world.writes("two", "a/y.rs");
    assert_eq!(decision(&refused), "deny");
    assert_eq!(refused.status, 0);
    let reason = reason(&refused);
    for part in [
        "is held by session one",
        "since ",
        "until ",
        "gaia acquire",
        "--wait=10m",
        "Reading is free",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert!(!reason.contains("force-release"), "{reason}");
    assert_eq!(decision(&world.writes("two", "b/y.rs")), "allow");
    assert_eq!(world.held(), ["one /a", "two /b"]);
}

#[test]
fn what_is_written_counts_and_not_where_the_session_is() {
    let world = World::new();
    world.take("b", "other");
    std::os::unix::fs::symlink(world.path("b"), world.path("a/link")).unwrap();
    for file in ["b/x", "a/link/x", "a/../b/x", "b/new/deep/x"] {
        assert_eq!(decision(&world.writes("one", file)), "deny", "{file}");
    }
    let relative = world.claude("one", "Write", json!({"file_path": "../b/x"}));
    assert_eq!(decision(&relative), "deny");
}

#[test]
fn reading_is_never_refused() {
    let world = World::new();
    world.take("a", "other");
    for (tool, input) in [
        ("Read", json!({"file_path": world.text("a/x")})),
        ("Grep", json!({"pattern": "x", "path": world.text("a")})),
        (
            "Bash",
            json!({"command": "cat x; git status && ls | wc -l"}),
        ),
        ("mcp__db__query", json!({"path": world.text("a")})),
        (
            "mcp__gaia__acquire_folder",
            json!({"path": world.text("a")}),
        ),
    ] {
        assert_eq!(
            decision(&world.claude("one", tool, input)),
            "allow",
            "{tool}"
        );
    }
    assert_eq!(world.held(), ["other /a"]);
}

#[test]
fn shell_commands_count_as_what_they_write() {
    let world = World::new();
    world.take("b", "other");
    let b = world.text("b");
    for command in [
        format!("rm -rf {b}/x"),
        format!("echo hi > {b}/x"),
        format!("cd {b} && git stash"),
        format!("git -C {b} checkout main"),
        format!("sed -i s/a/b/ {b}/x"),
        format!("cat a | tee {b}/x"),
        format!("npm --prefix {b} install || mv x {b}/y"),
        "cp x ../b/".to_owned(),
        "rm -rf ..".to_owned(),
    ] {
        let reply = world.claude("one", "Bash", json!({ "command": command }));
        assert_eq!(decision(&reply), "deny", "{command}");
    }
    assert_eq!(world.held(), ["other /b"]);
}

#[test]
fn what_cannot_be_judged_follows_the_setting_and_only_where_another_holds() {
    let mut world = World::new();
    let make = || json!({"command": "make all"});
    assert_eq!(decision(&world.claude("one", "Bash", make())), "allow");
    assert_eq!(world.held(), ["one /a"]);
    for (shell, expected) in [
        (HookShell::Ask, "ask"),
        (HookShell::Refuse, "deny"),
        (HookShell::Allow, "allow"),
    ] {
        world.hooks.shell = shell;
        let reply = world.claude("two", "Bash", make());
        assert_eq!(decision(&reply), expected);
    }
    assert_eq!(world.held(), ["one /a"]);
}

#[test]
fn temporary_folders_the_home_and_clients_own_state_are_not_locked_but_looked_at() {
    let mut world = World::new();
    world.around.temporary = vec![world.path("plain")];
    world.around.states = vec![world.path("home/.claude")];
    git(&world.path("home"), &["init", "-q"]);
    for file in ["plain/x", "home/.claude/x"] {
        assert_eq!(decision(&world.writes("one", file)), "allow");
        assert_eq!(world.held(), Vec::<String>::new(), "{file}");
    }
    // The home is a work tree, and is not locked as one: the file alone is.
    assert_eq!(decision(&world.writes("one", "home/.profile")), "allow");
    assert_eq!(world.held(), ["one /home/.profile"]);
    world.take("plain/theirs", "other");
    assert_eq!(decision(&world.writes("one", "plain/theirs/x")), "deny");
}

#[test]
fn outside_a_work_tree_the_file_alone_is_locked_or_as_the_setting_says() {
    let mut world = World::new();
    assert_eq!(decision(&world.writes("one", "plain/x")), "allow");
    assert_eq!(decision(&world.writes("two", "plain/y")), "allow");
    assert_eq!(world.held(), ["one /plain/x", "two /plain/y"]);
    world.hooks.locks = HookLocks::Folder;
    assert_eq!(decision(&world.writes("three", "a/src/x")), "allow");
    world.hooks.locks = HookLocks::File;
    assert_eq!(decision(&world.writes("four", "a/y")), "allow");
    assert!(world.held().contains(&"three /a/src".to_owned()));
    assert!(world.held().contains(&"four /a/y".to_owned()));
}

#[test]
fn a_linked_work_tree_inside_another_is_a_folder_of_its_own() {
    let world = World::new();
    git(
        &world.path("a"),
        &["commit", "-q", "--allow-empty", "-m", "x"],
    );
    assert_eq!(decision(&world.writes("one", "a/x")), "allow");
    git(&world.path("a"), &["worktree", "add", "-q", "inner/tree"]);
    // Made after the outer lock was taken, and before.
    assert_eq!(decision(&world.writes("two", "a/inner/tree/x")), "allow");
    assert_eq!(world.held(), ["one /a", "two /a/inner/tree"]);
    assert_eq!(decision(&world.writes("one", "a/inner/tree/y")), "deny");
    assert_eq!(decision(&world.writes("one", "a/z")), "allow");
    assert_eq!(
        decision(&world.claude("one", "Bash", json!({"command": "rm -rf inner"}))),
        "deny"
    );
    world.claude_with("one", "SessionEnd", json!({"reason": "other"}));
    assert_eq!(decision(&world.writes("three", "a/x")), "allow");
    assert_eq!(world.held(), ["three /a", "two /a/inner/tree"]);
    // A lock that somebody asked for covers the inner tree all the same.
    world.claude_with("two", "SessionEnd", json!({}));
    world.claude_with("three", "SessionEnd", json!({}));
    world.take("a", "asked");
    assert_eq!(decision(&world.writes("two", "a/inner/tree/x")), "deny");
}

#[test]
fn r01_one_call_over_an_outer_tree_and_a_held_linked_one_in_it_is_refused() {
    let world = World::new();
    git(
        &world.path("a"),
        &["commit", "-q", "--allow-empty", "-m", "x"],
    );
    git(&world.path("a"), &["worktree", "add", "-q", "inner/tree"]);
    assert_eq!(decision(&world.writes("two", "a/inner/tree/x")), "allow");
    let both = json!({"command": "touch x inner/tree/x"});
    assert_eq!(decision(&world.claude("one", "Bash", both)), "deny");
    assert_eq!(world.held(), ["two /a/inner/tree"]);
}

#[test]
fn r12_a_link_in_anothers_folder_into_ones_own_is_changed_where_it_lies() {
    let world = World::new();
    std::os::unix::fs::symlink(world.path("a/x"), world.path("b/link")).unwrap();
    assert_eq!(decision(&world.writes("two", "b/y")), "allow");
    assert_eq!(decision(&world.writes("one", "a/y")), "allow");
    let link = world.path("b/link").display().to_string();
    let removes = json!({"command": format!("rm {link}")});
    assert_eq!(decision(&world.claude("one", "Bash", removes)), "deny");
}

#[test]
fn whoever_waits_for_a_linked_work_tree_gets_it_once_the_lock_around_leaves_it_out() {
    let world = World::new();
    git(
        &world.path("a"),
        &["commit", "-q", "--allow-empty", "-m", "x"],
    );
    assert_eq!(decision(&world.writes("one", "a/x")), "allow");
    git(&world.path("a"), &["worktree", "add", "-q", "inner/tree"]);
    let inner = world.folder("a/inner/tree");
    let waits = Acquire {
        line: Line::Stand {
            life: WaiterLife::Heartbeat,
            limit: None,
            turn: Turn::Granted,
        },
        ..Acquire::new(inner, SessionId::new("waits").unwrap(), TaskId::NONE)
    };
    let answer = world.service.acquire(&waits).unwrap();
    assert!(matches!(answer, Answer::Queued(_)), "{answer:?}");
    assert_eq!(decision(&world.writes("two", "a/inner/tree/x")), "deny");
    assert_eq!(world.held(), ["one /a", "waits /a/inner/tree"]);
}

#[test]
fn the_lease_counts_from_the_last_sign_of_life_and_the_rest_from_the_stop() {
    let world = World::new();
    world.writes("one", "a/x");
    world.claude_with("one", "PostToolUse", json!({"tool_use_id": "t1"}));
    world.clock.advance(Duration::from_secs(800));
    world.claude("one", "Read", json!({"file_path": "x"}));
    world.clock.advance(Duration::from_secs(800));
    assert_eq!(world.held(), ["one /a"]);
    world.claude_with("one", "Stop", json!({"background_tasks": []}));
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(world.held(), ["one /a"]);
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(decision(&world.writes("two", "a/x")), "allow");
}

#[test]
fn r04_after_a_lapse_in_which_another_held_the_folder_it_is_refused_once() {
    let world = World::new();
    world.writes("one", "a/x");
    world.clock.advance(Duration::from_secs(901));
    // Nobody held it meanwhile: it goes on.
    assert_eq!(decision(&world.writes("one", "a/x")), "allow");
    world.clock.advance(Duration::from_secs(901));
    assert_eq!(decision(&world.writes("two", "a/x")), "allow");
    world.claude_with("two", "SessionEnd", json!({}));
    let refused = world.writes("one", "a/x");
    assert_eq!(decision(&refused), "deny");
    assert!(
        reason(&refused).contains("session two held the folder"),
        "{}",
        reason(&refused)
    );
    assert_eq!(decision(&world.writes("one", "a/x")), "allow");
}

#[test]
fn t12_a_task_that_only_reads_writes_nothing_in_its_folder() {
    let mut world = World::new();
    let tasks = gaia_assigner::TaskService::new(world.service.clone());
    let mut send = gaia_assigner::service::Send::new("look");
    send.read_only = true;
    let task = tasks.send(&send).unwrap().id;
    let mut request = Acquire::new(world.folder("a"), SessionId::new("s").unwrap(), task);
    request.mode = gaia_locks::model::Mode::Shared;
    world.service.acquire(&request).unwrap();
    world.around.task = Some(("s".into(), Some(task.to_string())));
    let refused = world.writes("one", "a/x");
    assert_eq!(decision(&refused), "deny");
    assert!(
        reason(&refused).contains("only reads"),
        "{}",
        reason(&refused)
    );
    assert_eq!(decision(&world.writes("one", "b/x")), "allow");
}

#[test]
fn t15_whoever_runs_for_a_task_acts_as_its_session_and_task() {
    let mut world = World::new();
    world.around.task = Some(("fleet".into(), Some("7".into())));
    assert_eq!(decision(&world.writes("one", "a/x")), "allow");
    assert_eq!(world.held(), ["fleet /a"]);
    world.around.task = Some(("fleet".into(), Some("8".into())));
    assert_eq!(decision(&world.writes("one", "a/x")), "deny");
    world.around.task = Some(("fleet".into(), Some("no number".into())));
    assert_eq!(world.writes("one", "a/x").status, 2);
}

#[test]
fn t15_a_call_to_gaias_own_tools_is_told_as_whom_it_acts() {
    let mut world = World::new();
    let filled = |world: &World, tool: &str, input: Value| {
        let reply = world.claude("one", &format!("mcp__gaia__{tool}"), input);
        let json: Value = serde_json::from_str(reply.stdout.as_deref()?).unwrap();
        assert_eq!(json["hookSpecificOutput"]["hookEventName"], "PreToolUse");
        Some(json["hookSpecificOutput"]["updatedInput"].clone())
    };
    let whole = filled(&world, "acquire_folder", json!({"folder": "/x", "ttl": 5}));
    let expected = json!({"folder": "/x", "ttl": 5, "session": "one"});
    assert_eq!(
        whole,
        Some(expected),
        "the whole input, and no task where there is none"
    );
    let named = json!({"folder": "/x", "session": "other"});
    assert_eq!(
        filled(&world, "acquire_folder", named),
        None,
        "who is named is meant"
    );
    assert_eq!(filled(&world, "who_holds", json!({"folder": "/x"})), None);
    let nobody = json!({"folder": "/x", "session": null, "task": null});
    let filled_in = json!({"folder": "/x", "session": "one", "task": null});
    assert_eq!(filled(&world, "acquire_folder", nobody), Some(filled_in));
    let itself = json!({"folder": "/x", "session": "one"});
    assert_eq!(filled(&world, "acquire_folder", itself), None);
    world.around.task = Some(("fleet".to_owned(), Some("7".to_owned())));
    let finish = filled(&world, "finish_task", json!({}));
    assert_eq!(finish, Some(json!({"session": "fleet", "task": 7})));
    let take = filled(&world, "take_task", json!({"wait": "1m"}));
    assert_eq!(take, Some(json!({"session": "fleet", "wait": "1m"})));
    let itself = filled(&world, "acquire_folder", json!({"session": "fleet"}));
    assert_eq!(itself, Some(json!({"session": "fleet", "task": 7})));
    // Its task would be a condition: a lock from before the task is its own too.
    let release = filled(&world, "release_folder", json!({"token": 2}));
    assert_eq!(release, Some(json!({"session": "fleet", "token": 2})));
}

#[test]
fn subagents_act_under_their_session_or_exclude_each_other() {
    let mut world = World::new();
    let sub = |world: &World, agent: &str, file: &str| {
        let input = json!({"file_path": world.text(file)});
        world.claude_with(
            "s",
            "PreToolUse",
            json!({"tool_name": "Write", "tool_input": input, "agent_id": agent}),
        )
    };
    assert_eq!(decision(&sub(&world, "1", "a/x")), "allow");
    assert_eq!(decision(&sub(&world, "2", "a/y")), "allow");
    assert_eq!(world.held(), ["s /a"]);
    world.claude_with("s", "SessionEnd", json!({}));
    world.hooks.subagents = HookSubagents::Own;
    assert_eq!(decision(&sub(&world, "1", "a/x")), "allow");
    assert_eq!(decision(&sub(&world, "2", "a/y")), "deny");
    assert_eq!(world.held(), ["s/1 /a"]);
    world.claude_with("s", "SubagentStop", json!({"agent_id": "1"}));
    assert_eq!(decision(&sub(&world, "2", "a/y")), "allow");
    world.claude_with("s", "SessionEnd", json!({}));
    assert_eq!(world.held(), Vec::<String>::new());
}

#[test]
fn one_client_session_in_two_processes_is_two_holders() {
    let mut world = World::new();
    let other = Command::new("sleep").arg("60").spawn();
    let mut other = other.unwrap();
    world.around.client_pid = Some(std::process::id());
    assert_eq!(decision(&world.writes("s", "a/x")), "allow");
    world.around.client_pid = Some(other.id());
    assert_eq!(decision(&world.writes("s", "a/x")), "deny");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_holder_is_told_once_that_somebody_waits() {
    let world = World::new();
    world.writes("one", "a/x");
    let session = SessionId::new("patient").unwrap();
    let waits = Acquire::new(world.folder("a"), session, TaskId::NONE).queued(None);
    assert!(matches!(
        world.service.acquire(&waits).unwrap(),
        Answer::Queued(_)
    ));
    let told = world.writes("one", "a/x").stdout.unwrap();
    assert!(told.contains("session patient waits for"), "{told}");
    assert_eq!(world.writes("one", "a/x").stdout, None);
}

#[test]
fn whatever_fails_inside_refuses_the_write_and_no_reading() {
    let mut world = World::new();
    let broken = |world: &World, call: &str| {
        let means = Means {
            hooks: Ok(world.hooks),
            door: || Err("the database cannot be reached".to_owned()),
        };
        answer(Client::Claude, call.as_bytes(), means, world.around.clone())
    };
    let call = |tool: &str| {
        json!({"session_id": "s", "hook_event_name": "PreToolUse", "tool_name": tool,
               "tool_input": {"file_path": "/x"}})
        .to_string()
    };
    let refused = broken(&world, &call("Write"));
    assert_eq!((refused.status, decision(&refused).as_str()), (2, "deny"));
    assert!(reason(&refused).contains("cannot be reached"));
    assert_eq!(broken(&world, &call("Read")).status, 0);
    let runs = |command: &str| {
        json!({"session_id": "s", "hook_event_name": "PreToolUse", "tool_name": "Bash",
               "tool_input": {"command": command}})
        .to_string()
    };
    assert_eq!(broken(&world, &runs("cat /x | wc -l; git log")).status, 0);
    assert_eq!(broken(&world, &runs("cat /x > y")).status, 2);
    assert_eq!(broken(&world, &runs("make")).status, 2);
    for bad in [
        "",
        "{",
        "[]",
        "null",
        "{\"session_id\":1}",
        "{\"hook_event_name\":\"PreToolUse\"}",
    ] {
        assert_eq!(broken(&world, bad).status, 2, "{bad}");
    }
    assert_eq!(world.claude("s", "Write", json!({})).status, 2);
    let means = Means {
        hooks: Ok(world.hooks),
        door: || -> Result<Arc<dyn Tasks>, String> { panic!("on purpose") },
    };
    let panicked = answer(
        Client::Claude,
        call("Write").as_bytes(),
        means,
        world.around.clone(),
    );
    assert_eq!(panicked.status, 2);
    world.hooks.failure = HookFailure::Allow;
    assert_eq!(broken(&world, &call("Write")).status, 0);
}
