//! What a client's own output says of how its task ended: pure.
//!
//! An exit status tells too little: Claude Code ends with 0 when its writes
//! were denied, and when it was interrupted. So a command that has a client
//! print what happens as JSON (`claude -p --output-format stream-json`,
//! `codex exec --json` …) is judged by that, and what the client answered is
//! the task's answer. Anything else is judged by its exit status.

mod claude;
mod others;

use std::path::Path;

use serde_json::Value;

pub(crate) use claude::goes_on_by_itself;

use crate::keeper::Exit;
use crate::task::Told;

/// Which client's output it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Claude Code, `--output-format json` or `stream-json`.
    Claude,
    /// Codex, `exec --json`.
    Codex,
    /// Gemini CLI, `--output-format stream-json`.
    Gemini,
    /// opencode, `run --format json`.
    Opencode,
}

impl Form {
    /// The form of what a command prints; `None`: nothing that could be judged.
    pub fn of(argv: &[String]) -> Option<Self> {
        let (name, arguments) = (program(argv)?, argv.get(1..)?);
        let has = |word: &str| arguments.iter().any(|argument| argument == word);
        match name {
            "claude" => {
                let format = option(arguments, "--output-format");
                let prints = has("-p") || has("--print");
                (prints && matches!(format, Some("json" | "stream-json"))).then_some(Form::Claude)
            }
            "codex" => (has("exec") && has("--json")).then_some(Form::Codex),
            "gemini" => {
                let format = option(arguments, "--output-format");
                let format = format.or_else(|| option(arguments, "-o"));
                (format == Some("stream-json")).then_some(Form::Gemini)
            }
            "opencode" => {
                let prints = has("run") && option(arguments, "--format") == Some("json");
                prints.then_some(Form::Opencode)
            }
            _ => None,
        }
    }

    /// What an output says, with how its process ended.
    pub fn judge(self, output: &str, exit: Exit) -> Told {
        let lines: Vec<Value> = output.lines().filter_map(object).collect();
        let said = match self {
            Form::Claude => claude::judge(&lines),
            Form::Codex => others::codex(&lines),
            Form::Gemini => others::gemini(&lines),
            Form::Opencode => others::opencode(&lines, exit),
        };
        match (said, exit) {
            (Some(Told::Failed(why)), _) => Told::Failed(why),
            (Some(done), Exit::Code(0)) => done,
            (None, Exit::Code(0)) => {
                Told::Failed("it ended with status 0 and did not say what came of it".to_owned())
            }
            (_, exit) => Told::Failed(exit.words()),
        }
    }
}

/// Whether a command is a worker that takes one text after the other on its
/// stdin, until that ends, and says of each when it takes it.
pub(crate) fn is_worker(argv: &[String]) -> bool {
    let repeats = argv.iter().any(|argument| argument == REPEATS);
    takes_stream(argv) && Form::of(argv) == Some(Form::Claude) && repeats
}

/// What makes a worker say that it took a text.
const REPEATS: &str = "--replay-user-messages";

/// Why a command could be given no task, as far as its words tell.
pub(crate) fn unfit(argv: &[String]) -> Option<String> {
    let is_unfit = takes_stream(argv) && is_claude(argv) && !is_worker(argv);
    is_unfit.then(|| {
        format!(
            "claude with --input-format stream-json is a worker, which needs \
             -p, --output-format stream-json and {REPEATS} too: without them nobody hears \
             that it took a text and what came of it"
        )
    })
}

fn takes_stream(argv: &[String]) -> bool {
    option(argv, "--input-format") == Some("stream-json")
}

fn is_claude(argv: &[String]) -> bool {
    program(argv) == Some("claude")
}

/// The program's own name.
fn program(argv: &[String]) -> Option<&str> {
    let name = Path::new(argv.first()?).file_name()?.to_str()?;
    Some(name.strip_suffix(".exe").unwrap_or(name))
}

fn option<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let after = arguments.iter().skip_while(|argument| *argument != name);
    let joined = || {
        let mut all = arguments.iter();
        all.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
    };
    after.map(String::as_str).nth(1).or_else(joined)
}

/// What else a client prints (warnings, another program's lines) is passed over.
fn object(line: &str) -> Option<Value> {
    let line = line.trim();
    let value = line.starts_with('{').then(|| serde_json::from_str(line));
    value?.ok()
}

/// Reasons are for people: a line or two.
fn short(text: &str) -> String {
    const MOST: usize = 400;
    let text = text.trim();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn word<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value[name].as_str().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
