//! The real agent clients, against a model on loopback that does what it is told: what they may
//! not write stays as it was, and they are told why.
//!
//! Clients come from npm into `.tools/agents` (`scripts/install agents`); one that is not there is
//! named as not tested. Each test has a home of its own, and nothing outside the machine is asked.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests"
)]

mod agents;

use std::fs;

use agents::{CLIENTS, Served, Stage, bash, write};
use gaia_agent::hook::Client;
use serde_json::{Value, json};

/// Steps that each client's own tools take: a write into the held folder, the same by a command,
/// and one into its own.
fn core_plan(stage: &Stage, client: Client) -> Vec<Value> {
    let (held, own) = (stage.text("ws/held/file.txt"), stage.text("ws/own/new.txt"));
    let command = format!("echo changed > {held}");
    let patch = |path: &str| format!("*** Begin Patch\n*** Add File: {path}\n+new\n*** End Patch");
    match client {
        Client::Codex => vec![
            json!({"tool": "apply_patch", "custom": patch("held/file2.txt")}),
            json!({"tool": "exec_command", "input": {"cmd": command}}),
            json!({"tool": "apply_patch", "custom": patch("own/new.txt")}),
        ],
        Client::Gemini => vec![
            json!({"tool": "write_file", "input": {"file_path": "held/file.txt", "content": "changed"}}),
            json!({"tool": "run_shell_command", "input": {"command": command}}),
            json!({"tool": "write_file", "input": {"file_path": "own/new.txt", "content": "new"}}),
        ],
        Client::Opencode => vec![
            json!({"tool": "write", "input": {"filePath": stage.text("ws/held/file2.txt"), "content": "changed"}}),
            json!({"tool": "bash", "input": {"command": command, "description": "x"}}),
            json!({"tool": "write", "input": {"filePath": own, "content": "new"}}),
        ],
        _ => vec![write(&held, "changed"), bash(&command), write(&own, "new")],
    }
}

fn core(client: Client) {
    let Some(stage) = Stage::new(client) else {
        return;
    };
    stage.hold("ws/held", "other");
    let run = stage.run(&json!({ "": core_plan(&stage, client) }));
    assert!(run.status.success(), "{run:?}");
    assert_eq!(stage.read("ws/held/file.txt"), "as it was");
    assert!(!stage.path("ws/held/file2.txt").exists());
    assert!(stage.read("ws/own/new.txt").starts_with("new"));
    let told = stage.told();
    assert!(
        told.matches("is held by session other").count() >= 2,
        "{told}"
    );
    // The first write took the lock on its own work tree, and it was freed at the session's end.
    let history = stage.history("ws/own");
    assert_eq!(history.len(), 1, "{history:?}");
    assert_eq!(history[0]["end_reason"], "released", "{history:?}");
}

#[test]
fn claude_core() {
    core(Client::Claude);
}

#[test]
fn codex_core() {
    core(Client::Codex);
}

#[test]
fn gemini_core() {
    core(Client::Gemini);
}

#[test]
fn heavy_opencode_core() {
    core(Client::Opencode);
}

#[test]
fn claude_is_refused_through_links_and_by_every_kind_of_command_and_may_read() {
    let Some(stage) = Stage::new(Client::Claude) else {
        return;
    };
    stage.hold("ws/held", "other");
    std::os::unix::fs::symlink(stage.path("ws/held"), stage.path("ws/link")).unwrap();
    let held = stage.text("ws/held");
    let file = stage.text("ws/held/file.txt");
    let steps = [
        write(&stage.text("ws/link/file.txt"), "changed"),
        bash(&format!("rm -rf {held}")),
        bash(&format!("echo x > {file}")),
        bash(&format!("cd {held} && git stash")),
        bash(&format!("sed -i s/as/is/ {file}")),
        json!({"tool": "Read", "input": {"file_path": file}}),
        bash(&format!("cat {file}; git -C {held} status")),
    ];
    let run = stage.run(&json!({ "": steps }));
    assert!(run.status.success(), "{run:?}");
    assert_eq!(stage.read("ws/held/file.txt"), "as it was");
    let results = stage.results();
    assert_eq!(results.len(), 7, "{results:?}");
    for result in &results[..5] {
        assert!(result.contains("is held by session other"), "{result}");
    }
    assert!(results[5].contains("as it was"), "{}", results[5]);
    assert!(results[6].contains("as it was"), "{}", results[6]);
}

#[test]
fn claude_subagents_act_under_their_session_or_are_holders_of_their_own() {
    for (setting, may) in [("session", true), ("own", false)] {
        let Some(stage) = Stage::new(Client::Claude) else {
            return;
        };
        let agent = json!({"tool": "Agent", "input": {
            "description": "x", "prompt": "SUB-1: write", "subagent_type": "general-purpose", "run_in_background": false,
        }});
        let (main, sub) = (stage.text("ws/own/main.txt"), stage.text("ws/own/sub.txt"));
        let plan = json!({ "": [write(&main, "new"), agent], "SUB-1": [write(&sub, "new")] });
        stage.setting("GAIA_HOOK_SUBAGENTS", setting);
        let run = stage.run(&plan);
        assert!(run.status.success(), "{run:?}");
        assert!(stage.path("ws/own/main.txt").exists());
        assert_eq!(
            stage.path("ws/own/sub.txt").exists(),
            may,
            "{setting}: {}",
            stage.told()
        );
    }
}

#[test]
fn heavy_claude_writes_nothing_when_its_hook_is_missing_crashes_hangs_or_finds_no_database() {
    for broken in ["missing", "crashes", "hangs", "no database"] {
        let Some(stage) = Stage::new(Client::Claude) else {
            return;
        };
        match broken {
            "missing" => stage.hook_is(&stage.path("nowhere/gaia"), 30),
            "crashes" => stage.hook_is(&stage.script("#!/bin/sh\nkill -SEGV $$\n"), 30),
            "hangs" => stage.hook_is(&stage.script("#!/bin/sh\nexec sleep 30\n"), 2),
            _ => fs::write(stage.path("gaia/locks/assigner.db"), "this is no database").unwrap(),
        }
        let own = stage.text("ws/own/new.txt");
        let run = stage.run(&json!({ "": [write(&own, "new"), bash(&format!("echo x > {own}"))] }));
        assert!(!stage.path("ws/own/new.txt").exists(), "{broken}: {run:?}");
        let read = json!({ "": [{"tool": "Read", "input": {"file_path": stage.text("ws/held/file.txt")}}] });
        if broken == "no database" {
            stage.run(&read);
            assert!(
                stage.told().contains("as it was"),
                "reading is free: {}",
                stage.told()
            );
        }
    }
}

#[test]
fn claude_killed_while_it_holds_frees_the_folder_once_its_children_are_gone() {
    let Some(stage) = Stage::new(Client::Claude) else {
        return;
    };
    let pid_file = stage.text("child.pid");
    let slow = format!("echo $$ > {pid_file}; sleep 120");
    let plan = json!({ "": [write(&stage.text("ws/own/new.txt"), "new"), bash(&slow)] });
    let mut client = stage.start(&plan);
    stage.until("the command runs", || {
        fs::read_to_string(&pid_file).is_ok_and(|text| text.ends_with('\n'))
    });
    assert_eq!(stage.holders("ws/own").len(), 1);
    client.kill().unwrap();
    client.wait().unwrap();
    // What its tool started lives: nobody gets the folder.
    assert!(!stage.takes("ws/own", "next"));
    let child = fs::read_to_string(&pid_file).unwrap();
    stage.kill_all_below(child.trim());
    stage.until("the folder is free", || stage.takes("ws/own", "next"));
    let history = stage.history("ws/own");
    assert_eq!(history.last().unwrap()["end_reason"], "died", "{history:?}");
}

#[test]
fn two_sessions_that_nobody_started_race_for_a_folder_and_one_is_told() {
    let Some(stage) = Stage::new(Client::Claude) else {
        return;
    };
    let go = stage.text("go");
    let wait = bash(&format!("until [ -e {go} ]; do sleep 0.1; done"));
    let plan = |file: &str| json!({ "": [write(&stage.text(file), "new"), wait] });
    let mut first = stage.start(&plan("ws/own/a.txt"));
    let mut second = stage.start_another(&plan("ws/own/b.txt"));
    stage.until("both have tried", || stage.all_told().len() >= 2);
    fs::write(&go, "").unwrap();
    assert!(first.wait().unwrap().success());
    assert!(second.wait().unwrap().success());
    let wrote = ["ws/own/a.txt", "ws/own/b.txt"]
        .iter()
        .filter(|file| stage.path(file).exists())
        .count();
    assert_eq!(wrote, 1);
    let refused = stage
        .all_told()
        .iter()
        .filter(|told| told.contains("is held by session"))
        .count();
    assert_eq!(refused, 1, "{:?}", stage.all_told());
}

/// Over stdio, and over HTTP, where only the hook can know whose call it is.
#[test]
fn heavy_r08_claude_waits_for_a_lock_over_mcp_is_granted_and_writes_under_it() {
    for over_http in [false, true] {
        let Some(stage) = Stage::new(Client::Claude) else {
            return;
        };
        let server = over_http.then(|| Served::start(&stage));
        match &server {
            Some(server) => {
                stage.has_tools(&server.entry);
                stage.works_through(server);
            }
            None => stage.has_tools(
                &json!({"type": "stdio", "command": env!("CARGO_BIN_EXE_gaia"), "args": ["mcp"]}),
            ),
        }
        stage.hold("ws/held", "other");
        let held = stage.text("ws/held");
        let steps = [
            json!({"tool": "mcp__gaia__acquire_folder", "input": {"folder": held}}),
            json!({"tool": "mcp__gaia__wait_for_folder", "input": {"folder": held, "limit": "1m"}}),
            write(&stage.text("ws/held/new.txt"), "new"),
            json!({"tool": "mcp__gaia__release_folder", "input": {"folder": held}}),
        ];
        let client = stage.start(&json!({ "": steps }));
        stage.until("it stands in line", || stage.waiting() == 1);
        stage.free("ws/held", "other");
        let run = client.wait_with_output().unwrap();
        assert!(run.status.success(), "{run:?}");
        let results = stage.results().join("\n").replace('\\', "");
        let results: Vec<&str> = results.lines().collect();
        assert_eq!(results.len(), 4, "{results:?}");
        assert!(
            results[0].contains("is held by session other"),
            "{results:?}"
        );
        assert!(results[1].contains(r#""granted":true"#), "{results:?}");
        assert_eq!(stage.read("ws/held/new.txt"), "new");
        assert!(results[3].contains(r#""released":true"#), "{results:?}");
        // The hook, the tools and the client mean the same session; a token's name stands before it.
        let told: Value = serde_json::from_slice(&run.stdout).unwrap();
        let own = told["session_id"].as_str().unwrap();
        let own = if over_http {
            format!("far/{own}")
        } else {
            own.to_owned()
        };
        for lock in stage.history("ws/held").iter().take(1) {
            assert_eq!(lock["session_id"], own, "{lock}");
            assert_eq!(lock["end_reason"], "released", "{lock}");
        }
        assert!(stage.holders("ws/held").is_empty());
    }
}

/// Over MCP, where a call names nobody, it is the hook that says as whom: the session locks its
/// folder, writes in it and releases it as one and the same. Through a server its tools work through
/// that one too, whatever their client keeps from what it starts.
fn tools_act_as_the_session(client: Client, through: bool) {
    let Some(stage) = Stage::new(client) else {
        return;
    };
    stage.knows_server();
    let server = through.then(|| Served::start(&stage));
    if let Some(server) = &server {
        stage.works_through(server);
    }
    let own = json!({"folder": stage.text("ws/own")});
    let call = |tool: &str| match client {
        Client::Codex => json!({"tool": tool, "server": "mcp__gaia", "input": own}),
        Client::Gemini => json!({"tool": format!("mcp_gaia_{tool}"), "input": own}),
        _ => json!({"tool": format!("gaia_{tool}"), "input": own}),
    };
    let write = core_plan(&stage, client).remove(2);
    let steps = [
        call("acquire_folder"),
        write,
        call("lock_status"),
        call("release_folder"),
    ];
    let run = stage.run(&json!({ "": steps }));
    assert!(run.status.success(), "{run:?}");
    let told = stage.told().replace('\\', "");
    assert!(stage.path("ws/own/new.txt").exists(), "{told}");
    assert!(told.contains(r#""released":true"#), "{told}");
    let history = stage.history("ws/own");
    let is_one = |lock: &Value| lock["session_id"] == history[0]["session_id"];
    assert!(history.iter().all(is_one), "{history:?}");
    let is_far = history[0]["session_id"]
        .as_str()
        .unwrap()
        .starts_with("far/");
    assert_eq!(is_far, through, "{history:?}");
    assert_eq!(told.contains(r#""database":"http://"#), through, "{told}");
    assert!(stage.holders("ws/own").is_empty());
}

#[test]
fn codex_acts_as_its_session_over_mcp() {
    tools_act_as_the_session(Client::Codex, false);
}

#[test]
fn codex_acts_as_its_session_over_mcp_through_a_server() {
    tools_act_as_the_session(Client::Codex, true);
}

#[test]
fn gemini_acts_as_its_session_over_mcp() {
    tools_act_as_the_session(Client::Gemini, false);
}

#[test]
fn gemini_acts_as_its_session_over_mcp_through_a_server() {
    tools_act_as_the_session(Client::Gemini, true);
}

#[test]
fn heavy_opencode_acts_as_its_session_over_mcp() {
    tools_act_as_the_session(Client::Opencode, false);
}

/// A client that is interrupted calls its wait off.
#[test]
fn heavy_r08_claude_interrupted_leaves_the_line() {
    let Some(stage) = Stage::new(Client::Claude) else {
        return;
    };
    stage.has_tools(
        &json!({"type": "stdio", "command": env!("CARGO_BIN_EXE_gaia"), "args": ["mcp"]}),
    );
    stage.hold("ws/held", "other");
    let wait =
        json!({"tool": "mcp__gaia__wait_for_folder", "input": {"folder": stage.text("ws/held")}});
    let mut client = stage.start(&json!({ "": [wait] }));
    stage.until("it stands in line", || stage.waiting() == 1);
    let pid = client.id().to_string();
    let interrupt = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(interrupt.unwrap().success());
    stage.until("it has left", || stage.waiting() == 0);
    client.wait().unwrap();
    assert_eq!(stage.holders("ws/held"), ["other"]);
}

#[test]
fn claude_says_that_the_plugin_is_valid() {
    let Some(stage) = Stage::new(Client::Claude) else {
        return;
    };
    let plugin = stage.text("plugin");
    stage.init(&["--agent", "claude", "--plugin", &plugin]);
    for folder in [&plugin, &format!("{plugin}/.claude-plugin/plugin.json")] {
        let output = stage.client(&["plugin", "validate", folder]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{folder}: {output:?}");
    }
}

/// What each client says of the MCP server that `gaia init` gave it; most try it.
fn knows_the_server(client: Client, words: &[&str], wanted: &str) {
    let Some(stage) = Stage::new(client) else {
        return;
    };
    stage.init(&["--agent", client.word()]);
    let output = stage.client(words).output().unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let gaia = env!("CARGO_BIN_EXE_gaia");
    assert!(said.contains(gaia) && said.contains(wanted), "{said}");
}

#[test]
fn claude_knows_the_server() {
    knows_the_server(Client::Claude, &["mcp", "get", "gaia"], "Connected");
}

#[test]
fn codex_knows_the_server() {
    knows_the_server(Client::Codex, &["mcp", "get", "gaia"], "args: mcp");
}

#[test]
fn gemini_knows_the_server() {
    // It tries none in a folder that its user has not trusted.
    knows_the_server(Client::Gemini, &["mcp", "list"], "mcp (stdio)");
}

#[test]
fn heavy_opencode_knows_the_server() {
    knows_the_server(Client::Opencode, &["mcp", "list"], "connected");
}

/// Which clients there are is said once, in one place.
#[test]
fn each_client_that_has_a_version_here_is_installed_or_named() {
    for (client, package, version) in CLIENTS {
        let there = agents::program(client).is_some();
        if !there {
            eprintln!(
                "!!! NOT TESTED: {package}@{version} is not installed: scripts/install agents"
            );
        }
    }
}
