//! Claude Code (2.1.330): the last `result` decides. Its `subtype` does not: it
//! says "success" also where the API refused.

use serde_json::Value;

use super::{short, word};
use crate::task::Told;

pub(super) fn judge(lines: &[Value]) -> Option<Told> {
    // A worker repeats a text when it takes it: what it said before is about
    // something else.
    let taken = lines.iter().rposition(|line| line["isReplay"] == true);
    let lines = &lines[taken.unwrap_or(0)..];
    let result = lines.iter().rfind(|line| line["type"] == "result")?;
    let reason = word(result, "terminal_reason");
    if result["is_error"] == true || reason.is_some_and(|reason| reason != "completed") {
        return Some(Told::Failed(why(result)));
    }
    let denied = denied(result, lines);
    if let Some(first) = denied.first() {
        let more = match denied.len() {
            1 => String::new(),
            several => format!(", and {} more", several - 1),
        };
        return Some(Told::Failed(format!(
            "it was not allowed to run {first}{more}"
        )));
    }
    Some(Told::Done(word(result, "result").map(str::to_owned)))
}

/// Whether a line of the client's tells that it starts what wakes it again once
/// its turn is over: a command or an agent in the background, an alarm.
pub(crate) fn goes_on_by_itself(line: &Value) -> bool {
    let lasts = |call: &Value| {
        let name = word(call, "name").unwrap_or_default();
        call["input"]["run_in_background"] == true
            || name.starts_with("Cron")
            || matches!(name, "ScheduleWakeup" | "Monitor")
    };
    blocks(std::slice::from_ref(line), "assistant", "tool_use").any(lasts)
}

fn why(result: &Value) -> String {
    let reason = word(result, "terminal_reason").filter(|reason| *reason != "completed");
    let reason = reason.or_else(|| word(result, "subtype").filter(|subtype| *subtype != "success"));
    let status = result["api_error_status"].as_i64();
    let status = status.map(|status| format!(" (the API said {status})"));
    let errors = result["errors"].as_array().into_iter().flatten();
    let errors: Vec<&str> = errors.filter_map(Value::as_str).collect();
    let more = match word(result, "result") {
        Some(text) => text.to_owned(),
        None => errors.join("; "),
    };
    let more = (!more.is_empty()).then(|| format!(": {}", short(&more)));
    format!(
        "its client ended with {}{}{}",
        reason.unwrap_or("an error"),
        status.unwrap_or_default(),
        more.unwrap_or_default()
    )
}

/// Calls that were denied, do more than read, and were not made good by the
/// same call later.
fn denied(result: &Value, lines: &[Value]) -> Vec<String> {
    let denials = result["permission_denials"].as_array();
    let denials = denials.into_iter().flatten();
    let counts = denials.filter(|denial| !only_reads(denial) && !is_made_good(denial, lines));
    counts.map(shown).collect()
}

fn only_reads(denial: &Value) -> bool {
    const READ: [&str; 8] = [
        "Read",
        "Glob",
        "Grep",
        "LS",
        "WebFetch",
        "WebSearch",
        "TodoWrite",
        "ToolSearch",
    ];
    word(denial, "tool_name").is_some_and(|name| READ.contains(&name))
}

/// What a call acts on.
fn target(input: &Value) -> Option<&str> {
    ["file_path", "notebook_path", "command"]
        .into_iter()
        .find_map(|name| word(input, name))
}

fn shown(denial: &Value) -> String {
    let name = word(denial, "tool_name").unwrap_or("a tool");
    let target = target(&denial["tool_input"]);
    target.map_or_else(
        || name.to_owned(),
        |target| format!("{name} ({})", short(target)),
    )
}

fn is_made_good(denial: &Value, lines: &[Value]) -> bool {
    let wanted = target(&denial["tool_input"]);
    let same = |call: &&Value| {
        call["name"] == denial["tool_name"]
            && call["id"] != denial["tool_use_id"]
            && target(&call["input"]) == wanted
    };
    let mut calls = blocks(lines, "assistant", "tool_use").filter(same);
    wanted.is_some() && calls.any(|call| has_run(&call["id"], lines))
}

fn has_run(id: &Value, lines: &[Value]) -> bool {
    let mut results = blocks(lines, "user", "tool_result");
    results.any(|result| result["tool_use_id"] == *id && result["is_error"] != true)
}

fn blocks<'a>(lines: &'a [Value], who: &'a str, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let lines = lines.iter().filter(move |line| line["type"] == who);
    let content = lines.filter_map(|line| line["message"]["content"].as_array());
    content.flatten().filter(move |block| block["type"] == kind)
}
