//! A client of `gaia mcp` as small as it gets: it writes lines and reads lines.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::shape;
use crate::home::Guard;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which revision is spoken.
#[derive(Clone, Copy, PartialEq)]
pub enum Era {
    /// With a handshake: 2025-11-25.
    Handshake,
    /// Each request for itself: 2026-07-28.
    Stateless,
}

pub struct Client {
    pub gaia: Guard,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
    era: Era,
    next: i64,
    shapes: Value,
    /// What was told of waits, as (token, progress, message).
    pub progress: Vec<(Value, f64, String)>,
}

impl Client {
    /// Starts it and, where the revision has one, shakes hands.
    pub fn start(mut gaia: Command, era: Era) -> Self {
        let mut gaia = gaia.stdin(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(gaia.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line);
                // Nobody listens any more at the end.
                let _ = tell.send(message.unwrap_or_else(|_| panic!("no JSON: {line}")));
            }
        });
        let mut client = Self {
            stdin: gaia.stdin.take(),
            gaia: Guard(gaia),
            lines,
            era,
            next: 1,
            shapes: Value::Null,
            progress: Vec::new(),
        };
        if era == Era::Handshake {
            let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"}});
            let welcome = client.ask("initialize", hello);
            assert_eq!(
                welcome["result"]["protocolVersion"], "2025-11-25",
                "{welcome}"
            );
            client.notify("notifications/initialized", json!({}));
        }
        let tools = client.ask("tools/list", json!({}))["result"]["tools"].clone();
        client.shapes = tools;
        client
    }

    pub fn tools(&self) -> &Vec<Value> {
        self.shapes.as_array().unwrap()
    }

    fn write(&mut self, message: &Value) {
        let mut stdin = self.stdin.as_ref().unwrap();
        writeln!(stdin, "{message}").unwrap();
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        self.write(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request and does not wait for its answer.
    pub fn send(&mut self, method: &str, mut params: Value) -> i64 {
        let id = self.next;
        self.next += 1;
        if self.era == Era::Stateless {
            let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}});
            for (name, value) in meta.as_object().unwrap() {
                params["_meta"][name] = value.clone();
            }
        }
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// The answer to a request; what is told of waits meanwhile is kept.
    pub fn answer(&mut self, id: i64) -> Value {
        loop {
            let message = self.message().unwrap();
            if message["id"] == id {
                return message;
            }
        }
    }

    /// One message, or none within patience.
    pub fn message(&mut self) -> Option<Value> {
        let message = self.lines.recv_timeout(PATIENCE).ok()?;
        if message["method"] == "notifications/progress" {
            let told = &message["params"];
            self.progress.push((
                told["progressToken"].clone(),
                told["progress"].as_f64().unwrap(),
                told["message"].as_str().unwrap().to_owned(),
            ));
        }
        Some(message)
    }

    /// Calls a tool; the structured answer, which has its shape and is the text
    /// as well.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let id = self.begin(tool, arguments);
        let answer = self.answer(id);
        self.structured(tool, &answer)
    }

    /// Calls a tool that is to refuse; the structured answer.
    pub fn refused(&mut self, tool: &str, arguments: Value) -> Value {
        let id = self.begin(tool, arguments);
        let answer = self.answer(id);
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        self.structured(tool, &answer)
    }

    pub fn begin(&mut self, tool: &str, arguments: Value) -> i64 {
        let params = json!({"name": tool, "arguments": arguments,
            "_meta": {"progressToken": format!("p{}", self.next)}});
        self.send("tools/call", params)
    }

    pub fn structured(&self, tool: &str, answer: &Value) -> Value {
        let result = &answer["result"];
        let structured = result["structuredContent"].clone();
        let text: Value =
            serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, structured, "{answer}");
        let failed = structured.get("error").is_some();
        assert_eq!(result["isError"], failed, "{answer}");
        let known = self.tools().iter().find(|known| known["name"] == tool);
        shape::check(&known.unwrap()["outputSchema"], &structured, tool);
        structured
    }

    /// Ends its stdin, as a client does that goes.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Ends its stdin and awaits the end of the process.
    pub fn end(mut self) -> (i32, String) {
        self.hang_up();
        let (status, _, err) = self.gaia.end();
        (status, err)
    }
}
