//! A server beside a stage, for the tools that a client has through it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::Stage;

/// A stage's server, ended when it is dropped.
pub struct Served {
    process: Child,
    /// How a client's configuration names its tools.
    pub entry: Value,
    pub(super) url: String,
    pub(super) token: String,
}

impl Served {
    pub fn start(stage: &Stage) -> Self {
        let made = stage.json(&["token", "create", "far", "--role", "agent"]);
        let mut serve = stage.command(&["serve"]);
        serve.env("GAIA_LISTEN", "127.0.0.1:0");
        let mut process = serve.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let started = said.find(|line| line.as_ref().unwrap().contains("server started"));
        let line = started.unwrap().unwrap();
        let url = line
            .split_once("url=\"")
            .unwrap()
            .1
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        let token = made["token"].as_str().unwrap().to_owned();
        let bearer = format!("Bearer {token}");
        let entry = json!({"type": "http", "url": format!("{url}/mcp"), "headers": {"Authorization": bearer}});
        // What it says further is read, or it would stand still one day.
        std::thread::spawn(move || said.for_each(drop));
        Self {
            process,
            entry,
            url,
            token,
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
