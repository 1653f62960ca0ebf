use serde_json::json;

use super::*;

const OK: Exit = Exit::Code(0);

fn argv(command: &str) -> Vec<String> {
    shell_words::split(command).unwrap()
}

fn judge(form: Form, lines: &[Value], exit: Exit) -> Told {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let output = format!("a warning\n{}\n{{ torn", lines.join("\n"));
    form.judge(&output, exit)
}

fn why(told: Told) -> String {
    let Told::Failed(why) = told else {
        panic!("{told:?}")
    };
    why
}

#[test]
fn a_command_is_judged_by_what_it_prints_where_it_prints_that_as_json() {
    for (command, form) in [
        (
            "claude -p --output-format json {prompt}",
            Some(Form::Claude),
        ),
        (
            "/opt/claude --print --output-format=stream-json --verbose",
            Some(Form::Claude),
        ),
        ("claude -p {prompt}", None),
        ("claude --output-format json", None),
        ("codex exec --json -", Some(Form::Codex)),
        ("codex exec -", None),
        ("gemini -o stream-json", Some(Form::Gemini)),
        ("opencode run --format json", Some(Form::Opencode)),
        ("sh", None),
        ("claude -p --output-format", None),
    ] {
        assert_eq!(Form::of(&argv(command)), form, "{command}");
    }
}

#[test]
fn t11_a_worker_is_a_claude_that_tells_of_each_text_that_it_takes_and_what_cannot_is_unfit() {
    let worker = "claude -p --input-format stream-json --output-format stream-json";
    for (command, is_it, fits) in [
        (format!("{worker} --replay-user-messages"), true, true),
        (worker.to_owned(), false, false),
        (
            worker.replace("-p ", "--replay-user-messages "),
            false,
            false,
        ),
        (
            worker.replace("--output-format stream-json", "--replay-user-messages"),
            false,
            false,
        ),
        (
            "claude -p --output-format stream-json".to_owned(),
            false,
            true,
        ),
        (worker.replace("claude", "another"), false, true),
    ] {
        let argv = argv(&command);
        assert_eq!(
            (is_worker(&argv), unfit(&argv).is_none()),
            (is_it, fits),
            "{command}"
        );
    }
}

#[test]
fn t03_a_client_that_runs_something_in_the_background_or_is_to_be_woken_goes_on_by_itself() {
    let line = |name: &str, input: Value| {
        let call = json!({"type": "tool_use", "name": name, "input": input});
        json!({"type": "assistant", "message": {"content": [{"type": "text"}, call]}})
    };
    let behind = json!({"run_in_background": true});
    for (line, it_does) in [
        (line("Bash", behind.clone()), true),
        (line("Agent", behind.clone()), true),
        (line("Bash", json!({"run_in_background": false})), false),
        (line("CronCreate", json!({})), true),
        (line("ScheduleWakeup", json!({})), true),
        (line("Monitor", json!({})), true),
        (line("Edit", json!({})), false),
        (
            json!({"type": "user", "message": {"content": "Monitor"}}),
            false,
        ),
    ] {
        assert_eq!(goes_on_by_itself(&line), it_does, "{line}");
    }
}

/// What 2.1.330 said: its fields, as measured.
fn result(is_error: bool, subtype: &str, reason: &str) -> Value {
    json!({"type": "result", "is_error": is_error, "subtype": subtype, "terminal_reason": reason,
        "result": "the answer", "permission_denials": []})
}

#[test]
fn t11_claude_is_judged_by_its_result_and_not_by_its_exit_status() {
    let done = Told::Done(Some("the answer".to_owned()));
    assert_eq!(
        judge(Form::Claude, &[result(false, "success", "completed")], OK),
        done
    );
    for (result, exit, word) in [
        (
            result(true, "success", "api_error"),
            Exit::Code(1),
            "api_error: the answer",
        ),
        (
            result(true, "error_max_turns", "max_turns"),
            Exit::Code(1),
            "max_turns",
        ),
        (
            result(true, "error_during_execution", "aborted_tools"),
            OK,
            "aborted_tools",
        ),
        (
            result(false, "success", "tool_deferred"),
            OK,
            "tool_deferred",
        ),
        (
            result(false, "success", "completed"),
            Exit::Code(3),
            "status 3",
        ),
    ] {
        let why = why(judge(Form::Claude, &[result], exit));
        assert!(why.contains(word), "{why}");
    }
    let none = why(judge(Form::Claude, &[], OK));
    assert!(none.contains("did not say"), "{none}");
    let killed = why(judge(Form::Claude, &[], Exit::Signal(9)));
    assert!(killed.contains("signal 9"), "{killed}");
}

#[test]
fn t11_a_write_that_claude_was_denied_fails_its_task_unless_it_was_made_good() {
    let denial =
        json!({"tool_name": "Write", "tool_use_id": "t1", "tool_input": {"file_path": "/w/x"}});
    let mut result = result(false, "success", "completed");
    result["permission_denials"] = json!([denial]);
    let said = why(judge(Form::Claude, std::slice::from_ref(&result), OK));
    assert!(said.contains("Write (/w/x)"), "{said}");
    let again = json!({"type": "assistant", "message": {"content": [
        {"type": "tool_use", "id": "t2", "name": "Write", "input": {"file_path": "/w/x"}}]}});
    let ran = |is_error: bool| {
        json!({"type": "user", "message": {"content": [
            {"type": "tool_result", "tool_use_id": "t2", "is_error": is_error}]}})
    };
    let good = judge(
        Form::Claude,
        &[again.clone(), ran(false), result.clone()],
        OK,
    );
    assert!(matches!(good, Told::Done(_)), "{good:?}");
    let bad = judge(Form::Claude, &[again, ran(true), result.clone()], OK);
    assert!(matches!(bad, Told::Failed(_)), "{bad:?}");
    result["permission_denials"] = json!([{"tool_name": "WebFetch", "tool_use_id": "t1"}]);
    let read = judge(Form::Claude, &[result], OK);
    assert!(matches!(read, Told::Done(_)), "{read:?}");
}

#[test]
fn t11_the_other_clients_are_judged_by_their_last_word() {
    let said = |text: &str| json!({"type": "item.completed", "item": {"type": "agent_message", "text": text}});
    let turn = |kind: &str| json!({"type": kind, "error": {"message": "no quota"}});
    let done = |text: &str| Told::Done(Some(text.to_owned()));
    let codex = [said("first"), said("last"), turn("turn.completed")];
    assert_eq!(judge(Form::Codex, &codex, OK), done("last"));
    let failed = judge(Form::Codex, &[turn("turn.failed")], Exit::Code(1));
    assert_eq!(why(failed), "its turn failed: no quota");
    let piece = |text: &str| json!({"type": "message", "role": "assistant", "content": text, "delta": true});
    let tool = json!({"type": "tool_result", "status": "success"});
    let ended =
        |status: &str| json!({"type": "result", "status": status, "error": {"message": "no key"}});
    let gemini = [
        piece("I look"),
        tool,
        piece("it is "),
        piece("mended"),
        ended("success"),
    ];
    assert_eq!(judge(Form::Gemini, &gemini, OK), done("it is mended"));
    let failed = judge(Form::Gemini, &[ended("error")], OK);
    assert_eq!(why(failed), "its turn failed: no key");
    let text = json!({"type": "text", "part": {"text": "mended"}});
    assert_eq!(
        judge(Form::Opencode, std::slice::from_ref(&text), OK),
        done("mended")
    );
    let error = json!({"type": "error", "error": {"name": "X", "data": {"message": "no model"}}});
    assert_eq!(
        why(judge(Form::Opencode, &[text, error], OK)),
        "its turn failed: no model"
    );
}
