//! A stage for one client: its home, two repositories, a database, and a model on loopback.
#![allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes,
    reason = "each test binary uses a part of it"
)]

mod gaia;
mod model;
mod served;
mod settings;

use std::cell::{Cell, RefCell};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use gaia_agent::hook::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use model::Model;
pub use served::Served;

/// The clients that are tested, their packages and pinned versions (scripts/agents/package.json).
pub const CLIENTS: [(Client, &str, &str); 4] = [
    (Client::Claude, "@anthropic-ai/claude-code", "2.1.330"),
    (Client::Codex, "@openai/codex", "0.169.0"),
    (Client::Gemini, "@google/gemini-cli", "0.61.0"),
    (Client::Opencode, "opencode-ai", "1.18.33"),
];

/// How long something that must happen may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client's program, where it is installed.
pub fn program(client: Client) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/agents/node_modules/.bin");
    Some(tools.join(client.word())).filter(|program| program.exists())
}

/// A step of a plan: Claude Code writes a file.
pub fn write(path: &str, text: &str) -> Value {
    json!({"tool": "Write", "input": {"file_path": path, "content": text}})
}

/// A step of a plan: Claude Code runs a command.
pub fn bash(command: &str) -> Value {
    json!({"tool": "Bash", "input": {"command": command, "description": "x"}})
}

pub struct Stage {
    root: TempDir,
    client: Client,
    program: PathBuf,
    gaia: RefCell<(PathBuf, u64)>,
    settings: RefCell<Vec<(String, String)>>,
    more_words: RefCell<Vec<String>>,
    knows_server: Cell<bool>,
    has_hooks: Cell<bool>,
    models: RefCell<Vec<Model>>,
}

impl Stage {
    /// A stage for a client; none, and it is said, where it is not installed.
    pub fn new(client: Client) -> Option<Self> {
        let Some(program) = program(client) else {
            eprintln!(
                "!!! NOT TESTED: {} is not installed: scripts/install agents",
                client.word()
            );
            return None;
        };
        let stage = Self {
            root: TempDir::new().unwrap(),
            client,
            program,
            gaia: RefCell::new((PathBuf::from(env!("CARGO_BIN_EXE_gaia")), 30)),
            settings: RefCell::default(),
            more_words: RefCell::default(),
            knows_server: Cell::default(),
            has_hooks: Cell::new(true),
            models: RefCell::default(),
        };
        for folder in ["home", "ws/own", "ws/held", "gaia/locks"] {
            fs::create_dir_all(stage.path(folder)).unwrap();
        }
        for repository in ["ws/own", "ws/held"] {
            let git = Command::new("git")
                .args(["init", "-q"])
                .current_dir(stage.path(repository))
                .status();
            assert!(git.unwrap().success());
        }
        fs::write(stage.path("ws/held/file.txt"), "as it was").unwrap();
        Some(stage)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().unwrap().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A setting that the client's hooks find in their environment.
    pub fn setting(&self, name: &str, value: &str) {
        self.settings
            .borrow_mut()
            .push((name.to_owned(), value.to_owned()));
    }

    /// Claude Code has GAIA's tools beside its own, from a server that is named so.
    pub fn has_tools(&self, server: &Value) {
        let config = json!({"mcpServers": {"gaia": server}});
        let file = self.path("mcp.json");
        fs::write(&file, config.to_string()).unwrap();
        let file = file.to_str().unwrap();
        let words = [
            "--mcp-config",
            file,
            "--strict-mcp-config",
            "--allowedTools",
            "mcp__gaia",
        ];
        self.more_words
            .borrow_mut()
            .extend(words.map(str::to_owned));
    }

    /// The client has GAIA's tools as `gaia init` gives them to it.
    pub fn knows_server(&self) {
        self.knows_server.set(true);
    }

    /// Whether the client calls GAIA's hooks.
    pub fn has_hooks(&self, has: bool) {
        self.has_hooks.set(has);
    }

    /// The client, its hooks and its tools work through a server.
    pub fn works_through(&self, server: &Served) {
        self.setting("GAIA_SERVER", &server.url);
        self.setting("GAIA_TOKEN", &server.token);
    }

    /// Another program is called for the hook, with so many seconds of patience.
    pub fn hook_is(&self, program: &Path, patience: u64) {
        self.gaia.replace((program.to_owned(), patience));
    }

    pub fn script(&self, text: &str) -> PathBuf {
        let path = self.path("gaia-script");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub fn until(&self, what: &str, met: impl Fn() -> bool) {
        let begun = Instant::now();
        while !met() {
            assert!(
                begun.elapsed() < PATIENCE,
                "{what}: not within {PATIENCE:?}; {}",
                self.told()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs the client once, to its end.
    pub fn run(&self, plan: &Value) -> Output {
        self.start(plan).wait_with_output().unwrap()
    }

    /// Starts the client with a model that follows the plan.
    pub fn start(&self, plan: &Value) -> Child {
        self.models.borrow_mut().clear();
        self.start_another(plan)
    }

    /// The same, beside one that runs.
    pub fn start_another(&self, plan: &Value) -> Child {
        self.set_up(plan).spawn().unwrap()
    }

    /// The client, all set up to be started with a model that follows the plan.
    pub fn ready(&self, plan: &Value) -> Command {
        self.models.borrow_mut().clear();
        self.set_up(plan)
    }

    fn set_up(&self, plan: &Value) -> Command {
        let port = self.model(plan);
        self.write_settings(port);
        let mut client = self.client(&self.words());
        client.args(self.more_words.borrow().iter());
        for (name, value) in self.reaches_model(port) {
            client.env(name, value);
        }
        client
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        client
    }

    /// All that a client needs in its environment, with a model that follows
    /// the plan; `gaia` and the client are found by name.
    pub fn environment(&self, plan: &Value) -> Vec<(String, String)> {
        let port = self.model(plan);
        self.write_settings(port);
        let gaia = Path::new(env!("CARGO_BIN_EXE_gaia")).parent().unwrap();
        let tools = self.program.parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{}:{path}", gaia.display(), tools.display());
        let mut all = vec![
            ("PATH".to_owned(), path),
            ("HOME".to_owned(), self.text("home")),
            ("GAIA_HOME".to_owned(), self.text("gaia")),
        ];
        let reaches = self.reaches_model(port).into_iter();
        all.extend(reaches.map(|(name, value)| (name.to_owned(), value)));
        all
    }

    /// The client with a home of its own and nothing of this process's environment.
    pub fn client(&self, words: &[&str]) -> Command {
        let mut client = Command::new(&self.program);
        client.env_clear().args(words).current_dir(self.path("ws"));
        client.env("PATH", std::env::var_os("PATH").unwrap());
        client
            .env("HOME", self.path("home"))
            .env("GAIA_HOME", self.path("gaia"));
        for (name, value) in self.settings.borrow().iter() {
            client.env(name, value);
        }
        client
    }

    /// Ends a process and what it started.
    pub fn kill_all_below(&self, pid: &str) {
        let _ = Command::new("pkill").args(["-KILL", "-P", pid]).status();
        let _ = Command::new("kill").args(["-KILL", pid]).status();
    }
}
