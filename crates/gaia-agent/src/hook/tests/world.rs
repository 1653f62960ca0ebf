//! Where the calls come in: a home, repositories, a database.

use super::*;

/// A home, two repositories, and a database whose clock is turned by hand.
pub(super) struct World {
    pub(super) root: TempDir,
    pub(super) service: LockService,
    pub(super) clock: ManualClock,
    pub(super) witness: ManualWitness,
    pub(super) hooks: Hooks,
    pub(super) around: Surroundings,
}

impl World {
    pub(super) fn new() -> Self {
        let root = TempDir::new().unwrap();
        let clock = ManualClock::new();
        let witness = ManualWitness::default();
        let options = SqliteOptions {
            clock: Arc::new(clock.clone()),
            ..SqliteOptions::default()
        };
        let store = SqliteStore::open(&root.path().join("db"), options).unwrap();
        let config = Config {
            witness: Arc::new(witness.clone()),
            ..Config::default()
        };
        for folder in ["home", "a/src", "b", "plain"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let world = Self {
            service: LockService::new(Arc::new(store), config),
            clock,
            witness,
            hooks: hooks(),
            around: Surroundings {
                home: Some(root.path().join("home")),
                here: root.path().to_owned(),
                ..Surroundings::default()
            },
            root,
        };
        for repository in ["a", "b"] {
            git(&world.path(repository), &["init", "-q"]);
        }
        world
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(super) fn folder(&self, name: &str) -> Folder {
        Folder::resolve(&self.path(name), Path::new("/")).unwrap()
    }

    pub(super) fn send(&self, client: Client, call: &Value) -> Reply {
        let service = self.service.clone();
        let means = Means {
            hooks: Ok(self.hooks),
            door: move || Ok(Arc::new(TaskService::new(service)) as Arc<dyn Tasks>),
        };
        answer(
            client,
            call.to_string().as_bytes(),
            means,
            self.around.clone(),
        )
    }

    /// Claude's call before a tool.
    pub(super) fn claude(&self, session: &str, tool: &str, input: Value) -> Reply {
        self.claude_with(
            session,
            "PreToolUse",
            json!({"tool_name": tool, "tool_input": input, "tool_use_id": "t1"}),
        )
    }

    pub(super) fn claude_with(&self, session: &str, event: &str, more: Value) -> Reply {
        let mut call =
            json!({"session_id": session, "cwd": self.text("a"), "hook_event_name": event});
        for (name, value) in more.as_object().unwrap() {
            call[name] = value.clone();
        }
        self.send(Client::Claude, &call)
    }

    pub(super) fn writes(&self, session: &str, file: &str) -> Reply {
        self.claude(
            session,
            "Write",
            json!({"file_path": self.text(file), "content": "x"}),
        )
    }

    pub(super) fn take(&self, folder: &str, session: &str) {
        let session = SessionId::new(session).unwrap();
        let request = Acquire::new(self.folder(folder), session, TaskId::NONE);
        let answer = self.service.acquire(&request).unwrap();
        assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    }

    /// Who holds what: `session folder`.
    pub(super) fn held(&self) -> Vec<String> {
        let base = self.folder("").path().to_owned();
        let locks = self.service.status(None).unwrap().locks;
        let shown = |lock: &gaia_locks::wire::HeldLock| {
            let folder = lock
                .lock
                .folder_path
                .strip_prefix(&base)
                .unwrap_or(&lock.lock.folder_path);
            format!("{} {folder}", lock.lock.session_id)
        };
        let mut shown: Vec<String> = locks.iter().map(shown).collect();
        shown.sort();
        shown
    }
}

pub(super) fn hooks() -> Hooks {
    Hooks {
        locks: HookLocks::WorkTree,
        lease: Duration::from_secs(900),
        rest: Some(Duration::from_secs(300)),
        shell: HookShell::Ask,
        subagents: HookSubagents::Session,
        failure: HookFailure::Refuse,
    }
}

pub(super) fn git(folder: &Path, words: &[&str]) {
    let config = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "-c",
        "commit.gpgsign=false",
    ];
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(config)
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// What Claude Code is told: allow, deny, ask.
pub(super) fn decision(reply: &Reply) -> String {
    let Some(text) = &reply.stdout else {
        return "allow".to_owned();
    };
    let json: Value = serde_json::from_str(text).unwrap();
    let decision = json["hookSpecificOutput"]["permissionDecision"].as_str();
    decision.unwrap_or("allow").to_owned()
}

pub(super) fn reason(reply: &Reply) -> String {
    let json: Value = serde_json::from_str(reply.stdout.as_deref().unwrap()).unwrap();
    let own = json["hookSpecificOutput"]["permissionDecisionReason"].as_str();
    let own = own
        .or_else(|| json["reason"].as_str())
        .or_else(|| json["agent_message"].as_str());
    own.unwrap().to_owned()
}
