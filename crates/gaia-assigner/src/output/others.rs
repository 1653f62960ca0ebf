//! Codex 0.169.0, Gemini CLI 0.61.0, opencode 1.18.33: one JSON object a line.

use serde_json::Value;

use super::{short, word};
use crate::keeper::Exit;
use crate::task::Told;

/// The last turn decides; what the agent said last is the answer.
pub(super) fn codex(lines: &[Value]) -> Option<Told> {
    let is_end = |line: &&Value| {
        matches!(
            word(line, "type"),
            Some("turn.completed" | "turn.failed" | "error")
        )
    };
    let end = lines.iter().rfind(is_end)?;
    if end["type"] == "turn.completed" {
        let is_answer = |line: &&Value| line["item"]["type"] == "agent_message";
        let answer = lines.iter().rfind(is_answer);
        return Some(Told::Done(
            answer.and_then(|line| own(word(&line["item"], "text"))),
        ));
    }
    let message = word(&end["error"], "message").or_else(|| word(end, "message"));
    Some(failed(message))
}

/// The result decides; the answer comes in pieces, after what was said before.
pub(super) fn gemini(lines: &[Value]) -> Option<Told> {
    let result = lines.iter().rfind(|line| line["type"] == "result")?;
    if result["status"] != "success" {
        return Some(failed(word(&result["error"], "message")));
    }
    let is_answer = |line: &&Value| line["type"] == "message" && line["role"] == "assistant";
    let last = lines
        .iter()
        .rposition(|line| !is_answer(&line) && line["type"] != "result");
    let pieces = lines
        .iter()
        .skip(last.map_or(0, |at| at + 1))
        .filter(is_answer);
    let answer: String = pieces.filter_map(|line| word(line, "content")).collect();
    Some(Told::Done(own(Some(&answer))))
}

/// It has no last word of its own but an error; its status says the rest.
pub(super) fn opencode(lines: &[Value], exit: Exit) -> Option<Told> {
    if let Some(error) = lines.iter().rfind(|line| line["type"] == "error") {
        let error = &error["error"];
        let message = word(&error["data"], "message").or_else(|| word(error, "message"));
        return Some(failed(message.or_else(|| word(error, "name"))));
    }
    let answer = lines.iter().rfind(|line| line["type"] == "text");
    let answer = answer.and_then(|line| own(word(&line["part"], "text")));
    (exit == Exit::Code(0)).then_some(Told::Done(answer))
}

fn own(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn failed(message: Option<&str>) -> Told {
    let more = message.map(|message| format!(": {}", short(message)));
    Told::Failed(format!("its turn failed{}", more.unwrap_or_default()))
}
