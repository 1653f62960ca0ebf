//! Models on loopback that follow a plan, and what they were told.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::Stage;

/// A model, ended with its stage.
pub struct Model {
    process: Child,
    requests: PathBuf,
}

impl Drop for Model {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Stage {
    /// Starts a model that follows the plan; gives its port.
    pub(super) fn model(&self, plan: &Value) -> u16 {
        let number = self.models.borrow().len();
        let (file, requests) = (
            self.path(&format!("plan{number}.json")),
            self.path(&format!("requests{number}")),
        );
        fs::write(&file, plan.to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agents/model.py");
        let mut process = Command::new("python3")
            .arg(script)
            .args([&file, &requests])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        self.models.borrow_mut().push(Model { process, requests });
        line.trim().parse().unwrap()
    }

    /// All that the client told its model, results of tools included.
    pub fn told(&self) -> String {
        let models = self.models.borrow();
        models.last().map_or_else(String::new, |model| {
            fs::read_to_string(&model.requests).unwrap_or_default()
        })
    }

    /// Of each model what it was told last, once it was told any result.
    pub fn all_told(&self) -> Vec<String> {
        let models = self.models.borrow();
        let told = models
            .iter()
            .map(|model| results_in(&last_request(&model.requests)).join("\n"));
        told.filter(|told| !told.is_empty()).collect()
    }

    /// The results of Claude Code's tools, in order.
    pub fn results(&self) -> Vec<String> {
        let models = self.models.borrow();
        results_in(&last_request(&models.last().unwrap().requests))
    }
}

fn last_request(requests: &Path) -> Value {
    let text = fs::read_to_string(requests).unwrap_or_default();
    let bodies = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let longest = bodies.max_by_key(|request| request.to_string().len());
    longest.unwrap_or_default()
}

fn results_in(request: &Value) -> Vec<String> {
    let messages = request["body"]["messages"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let parts = messages
        .iter()
        .filter_map(|message| message["content"].as_array())
        .flatten();
    parts
        .filter(|part| part["type"] == "tool_result")
        .map(|part| part["content"].to_string())
        .collect()
}
