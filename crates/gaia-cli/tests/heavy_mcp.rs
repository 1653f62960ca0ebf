//! The MCP server as its makers' own programs see it: the inspector and the
//! conformance suites, from npm in `.tools/agents` and `.tools/conformance`
//! (`scripts/install agents`).
//! Where they are not there it is said what was not tested.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Scenarios of the suite for Node 20 that need nothing of the suite's own (docs/mcp.md).
const CONFORMS: [&str; 5] = [
    "server-initialize",
    "ping",
    "tools-list",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
];

/// What the newer suite does not hold against its list of what fails, and passes here.
const CONFORMS_UNSCORED: [(&str, &str); 3] = [
    ("2026-07-28", "http-header-validation"),
    ("2025-11-25", "server-session-lifecycle"),
    ("2025-11-25", "server-sse-polling"),
];

fn program(name: &str) -> Option<PathBuf> {
    program_in("agents", name)
}

fn program_in(place: &str, name: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools");
    let program = tools.join(place).join("node_modules/.bin").join(name);
    if program.exists() {
        return Some(program);
    }
    eprintln!("!!! NOT TESTED: {name} is not installed: scripts/install agents");
    None
}

/// A child that does not outlive its test.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A home, and maybe its server.
struct Stage {
    dir: TempDir,
    running: Vec<Guard>,
}

impl Stage {
    fn new() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            running: Vec::new(),
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("GAIA_HOME", self.dir.path().join("gaia"))
            .env("GAIA_LISTEN", "127.0.0.1:0")
            .env("GAIA_SESSION", "ann")
            .stdin(Stdio::null());
        command
    }

    fn gaia(&self, words: &[&str]) -> Output {
        let mut gaia = self.command(Path::new(env!("CARGO_BIN_EXE_gaia")));
        gaia.args(words).output().unwrap()
    }

    /// Where the server's tools are reached by who knows no token.
    fn served(&mut self) -> String {
        let made = self.gaia(&["token", "create", "ann", "--role", "agent", "--json"]);
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        let mut serve = self.command(Path::new(env!("CARGO_BIN_EXE_gaia")));
        let mut serve = serve.arg("serve").stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(serve.stderr.take().unwrap()).lines();
        self.running.push(Guard(serve));
        let started = said.find(|line| line.as_ref().unwrap().contains("server started"));
        let line = started.unwrap().unwrap();
        let (_, url) = line.split_once("url=\"").unwrap();
        let url = url.split('"').next().unwrap();
        // What it says further is read, or it would stand still one day.
        std::thread::spawn(move || said.for_each(drop));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/bearer.mjs");
        let mut node = self.command(Path::new("node"));
        node.arg(script)
            .arg(url)
            .arg(made["token"].as_str().unwrap());
        let mut node = node.stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        let stdout = node.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut port).unwrap();
        self.running.push(Guard(node));
        format!("http://127.0.0.1:{}/mcp", port.trim())
    }

    /// What the inspector was answered.
    fn inspect(&self, inspector: &Path, target: &[&str], words: &[&str]) -> Value {
        let mut inspector = self.command(inspector);
        let run = inspector
            .arg("--cli")
            .args(target)
            .args(words)
            .output()
            .unwrap();
        serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{words:?}: {run:?}"))
    }
}

/// Lists the tools and calls them: it holds each answer against its schema.
fn inspected(stage: &Stage, inspector: &Path, target: &[&str]) {
    let list = stage.inspect(inspector, target, &["--method", "tools/list"]);
    assert_eq!(list["tools"].as_array().unwrap().len(), 10, "{list}");
    let call = |tool: &str, arguments: &[&str]| {
        let words = [&["--method", "tools/call", "--tool-name", tool], arguments].concat();
        stage.inspect(inspector, target, &words)["structuredContent"].clone()
    };
    let web = stage.dir.path().join("web");
    let folder = format!("folder={}", web.display());
    let taken = call("acquire_folder", &["--tool-arg", &folder]);
    assert_eq!(taken["locks"][0]["session_id"], "ann", "{taken}");
    let held = call("who_holds", &["--tool-arg", &folder]);
    assert_eq!(held["is_locked"], true, "{held}");
    let waited = ["--tool-arg", &folder, "session=ann/2", "limit=0.1"];
    let refused = call("wait_for_folder", &waited);
    assert_eq!(
        (&refused["granted"], &refused["waited"]),
        (&json!(false), &json!(true)),
        "{refused}"
    );
    let released = call("release_folder", &["--tool-arg", &folder]);
    assert_eq!(released["released"], true, "{released}");
    assert_eq!(call("lock_status", &[])["count"], 0);
    assert_eq!(call("list_tasks", &[])["count"], 0);
}

#[test]
fn heavy_the_inspector_lists_and_calls_the_tools_on_stdio() {
    let Some(inspector) = program("mcp-inspector") else {
        return;
    };
    let stage = Stage::new();
    inspected(&stage, &inspector, &[env!("CARGO_BIN_EXE_gaia"), "mcp"]);
}

#[test]
fn heavy_the_inspector_lists_and_calls_the_tools_over_http() {
    let Some(inspector) = program("mcp-inspector") else {
        return;
    };
    let mut stage = Stage::new();
    let url = stage.served();
    inspected(&stage, &inspector, &[&url, "--transport", "http"]);
}

#[test]
fn heavy_the_conformance_suite_passes_where_it_needs_nothing_of_its_own() {
    let Some(suite) = program("conformance") else {
        return;
    };
    let mut stage = Stage::new();
    let url = stage.served();
    for scenario in CONFORMS {
        let mut suite = stage.command(&suite);
        suite.args(["server", "--url", &url, "--scenario", scenario]);
        let run = suite.current_dir(stage.dir.path()).output().unwrap();
        let told = String::from_utf8_lossy(&run.stdout);
        assert!(
            run.status.success() && told.contains("0 failed"),
            "{scenario}: {run:?}"
        );
    }
}

/// All that the suite asks of a server of the newest revision and of the one before: what fails is
/// what `mcp/not-conforming.yaml` names, no more and no less.
#[test]
fn heavy_the_newest_conformance_suite_finds_what_is_known_and_nothing_else() {
    let place = |name| program_in("conformance", name);
    let (Some(node), Some(suite)) = (place("node"), place("conformance")) else {
        return;
    };
    let mut stage = Stage::new();
    let url = stage.served();
    let run = |words: &[&str]| {
        let mut run = stage.command(&node);
        run.arg(&suite).args(["server", "--url", &url]).args(words);
        let run = run.current_dir(stage.dir.path()).output().unwrap();
        let told = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(run.status.success(), "{words:?}: {told}");
        told
    };
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/not-conforming.yaml");
    let known = ["--expected-failures", known.to_str().unwrap()];
    for revision in ["2026-07-28", "2025-11-25"] {
        let told = run(&[&["--requirements", revision][..], &known].concat());
        assert!(told.contains("all failures are expected"), "{told}");
    }
    for (revision, scenario) in CONFORMS_UNSCORED {
        let told = run(&["--scenario", scenario, "--spec-version", revision]);
        assert!(told.contains("0 failed"), "{scenario}: {told}");
    }
}
