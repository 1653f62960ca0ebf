//! Locks that a hook took beside those that the same session asked for, and
//! what a hook's lock leaves to others.

use gaia_locks::ids::Scope;
use gaia_locks::markers::Markers;

use super::*;

impl World {
    /// A database whose locks are marked in their folders.
    fn database(&self, name: &str) -> LockService {
        let options = SqliteOptions {
            clock: Arc::new(self.clock.clone()),
            ..SqliteOptions::default()
        };
        let file = self.path(name).join("db");
        let store = SqliteStore::open(&file, options).unwrap();
        let markers = Markers::new(
            gaia_locks::settings::Markers::On,
            &self.path(name),
            file.to_str().unwrap().to_owned(),
            Scope::local(),
            Arc::new(self.clock.clone()),
        );
        let config = Config {
            markers,
            witness: Arc::new(ManualWitness::default()),
            ..Config::default()
        };
        LockService::new(Arc::new(store), config)
    }

    /// The session asks for a folder by itself, as `gaia acquire` does.
    fn asks(&self, folder: &str, session: &str) -> gaia_locks::wire::Granted {
        let session = SessionId::new(session).unwrap();
        let request = Acquire::new(self.folder(folder), session, TaskId::NONE);
        match self.service.acquire(&request).unwrap() {
            Answer::Granted(granted) => granted,
            answer => panic!("{answer:?}"),
        }
    }

    /// Ids and leases of what is held, in order of ids.
    fn leases(&self) -> Vec<(i64, u64)> {
        let locks = self.service.status(None).unwrap().locks;
        let left = |lock: &gaia_locks::wire::HeldLock| {
            (lock.lock.id.0, lock.lock.expires_in.unwrap() as u64)
        };
        let mut leases: Vec<(i64, u64)> = locks.iter().map(left).collect();
        leases.sort_unstable();
        leases
    }
}

#[test]
fn r02_what_a_session_asks_for_beside_its_hooks_lock_is_a_lock_of_its_own() {
    let world = World::new();
    world.writes("one", "a/x");
    let [(hooks, 900)] = world.leases()[..] else {
        panic!("{:?}", world.leases());
    };
    let asked = world.asks("a", "one");
    assert!(!asked.held_before);
    let asked = asked.locks[0].id.0;
    assert_eq!(world.leases(), [(hooks, 900), (asked, 7200)]);
    // Asking again extends what was asked for, and a sign of life the hook's.
    assert_eq!(world.asks("a", "one").locks[0].id.0, asked);
    world.clock.advance(Duration::from_secs(100));
    world.claude("one", "Read", json!({"file_path": "x"}));
    assert_eq!(world.leases(), [(hooks, 900), (asked, 7100)]);
    // The session's end frees what the hook took and nothing else.
    world.claude_with("one", "SessionEnd", json!({}));
    assert_eq!(world.leases(), [(asked, 7100)]);
}

#[test]
fn r02_a_hook_never_extends_a_lock_that_was_asked_for() {
    let world = World::new();
    let asked = world.asks("a", "one").locks[0].id.0;
    assert_eq!(decision(&world.writes("one", "a/x")), "allow");
    assert_eq!(world.leases(), [(asked, 7200)], "it is covered");
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(
        decision(&world.claude("one", "Bash", json!({"command": "touch x ../b/x"}))),
        "allow"
    );
    let leases = world.leases();
    assert_eq!(leases.len(), 2);
    assert_eq!(leases[0], (asked, 7190));
}

#[test]
fn r01_a_linked_work_tree_that_a_hooks_lock_leaves_out_is_shown_free() {
    let world = World::new();
    git(
        &world.path("a"),
        &["commit", "-q", "--allow-empty", "-m", "x"],
    );
    git(&world.path("a"), &["worktree", "add", "-q", "inner/tree"]);
    assert_eq!(decision(&world.writes("one", "a/x")), "allow");
    let count = |folder: &str| {
        let folder = world.folder(folder);
        world.service.status(Some(&folder)).unwrap().count
    };
    assert_eq!((count("a"), count("a/inner")), (1, 1));
    assert_eq!((count("a/inner/tree"), count("a/inner/tree/deep")), (0, 0));
    // Shown free, and granted.
    world.take("a/inner/tree", "two");
    assert_eq!(count("a/inner/tree"), 1);
    // The history says why two stood there at once.
    let past = world.service.history(&Default::default()).unwrap();
    let outer = past.iter().find(|lock| lock.session_id.as_str() == "one");
    let left_out = outer.unwrap().details.clone().unwrap();
    let tree = world.folder("a/inner/tree").path_key().to_owned();
    assert_eq!(left_out, json!({ "leaves_out": [tree] }));
}

#[test]
fn r08_what_a_hooks_lock_leaves_out_does_not_lie_inside_it() {
    let world = World::new();
    git(
        &world.path("a"),
        &["commit", "-q", "--allow-empty", "-m", "x"],
    );
    git(&world.path("a"), &["worktree", "add", "-q", "inner/tree"]);
    assert_eq!(decision(&world.writes("one", "a/x")), "allow");
    world.take("a/inner/tree", "two");
    let waits = Acquire {
        line: Line::Stand {
            life: WaiterLife::Heartbeat,
            limit: None,
            turn: Turn::Granted,
        },
        ..Acquire::new(
            world.folder("a/inner/tree"),
            SessionId::new("waits").unwrap(),
            TaskId::NONE,
        )
    };
    assert!(matches!(
        world.service.acquire(&waits).unwrap(),
        Answer::Queued(_)
    ));
    // Whoever holds the tree around it may not pass those in line.
    let mine = Acquire {
        mode: gaia_locks::model::Mode::Shared,
        ..Acquire::new(
            world.folder("a/inner/tree/deep"),
            SessionId::new("one").unwrap(),
            TaskId::NONE,
        )
    };
    let want = world.service.want(&mine).unwrap();
    let in_the_way = world
        .service
        .look(|tx| tx.would_grant(&want, None))
        .unwrap();
    assert_eq!(in_the_way.waiters.len(), 1, "{in_the_way:?}");
}

#[test]
fn what_cannot_be_judged_is_asked_about_where_it_names_what_another_holds() {
    let world = World::new();
    world.take("b", "other");
    let decides = |command: String| {
        let reply = world.claude("one", "Bash", json!({ "command": command }));
        decision(&reply)
    };
    let held = world.text("b");
    assert_eq!(
        decides(format!("python3 -c \"open('{held}/x','w')\"")),
        "ask"
    );
    assert_eq!(decides(format!("D={held}; rm -rf $D/x")), "ask");
    assert_eq!(decides(format!("make -C {held}")), "ask");
    assert_eq!(decides(format!("rm {{x,{held}/y}}")), "deny");
    assert_eq!(decides(format!("git worktree add {held}/x")), "deny");
    assert_eq!(decides(format!("cat {held}/x; cp {held}/x .")), "allow");
    // A file in no work tree is looked at and not locked.
    let plain = world.text("plain/tool.py");
    assert_eq!(decides(format!("python3 {plain}")), "allow");
    assert_eq!(world.held(), ["one /a", "other /b"]);
}

#[test]
fn a_linked_work_tree_is_made_beside_whoever_holds_the_tree_and_is_not_locked() {
    let world = World::new();
    git(
        &world.path("a"),
        &["commit", "-q", "--allow-empty", "-m", "x"],
    );
    assert_eq!(decision(&world.writes("one", "a/x")), "allow");
    let makes = |place: &str| {
        let command = json!({"command": format!("git worktree add {place}")});
        decision(&world.claude("two", "Bash", command))
    };
    assert_eq!(makes("inner/tree"), "allow");
    assert_eq!(makes("../new"), "allow");
    assert_eq!(makes("../b/new"), "allow");
    assert_eq!(world.held(), ["one /a"]);
    world.take("b", "other");
    assert_eq!(makes("../b/new"), "deny");
    // A lock that somebody asked for covers what lies in it.
    world.claude_with("one", "SessionEnd", json!({}));
    world.take("a", "asked");
    assert_eq!(makes("inner/tree"), "deny");
}

#[test]
fn tools_that_nobody_told_of_are_judged_by_their_inputs() {
    let world = World::new();
    world.take("a", "other");
    for (tool, input) in [
        ("find_and_replace", json!({"path": world.text("a/x")})),
        ("mcp__edit__replace_lines", json!({"relative_path": "x"})),
        (
            "mcp__ide__create_new_file",
            json!({"pathInProject": "x", "text": "y"}),
        ),
        (
            "mcp__git__git_commit",
            json!({"repo_path": world.text("a")}),
        ),
        (
            "mcp__term__launch",
            json!({"command": ["bash", "-lc", "rm x"]}),
        ),
    ] {
        let reply = world.claude("one", tool, input);
        assert_eq!(decision(&reply), "deny", "{tool}");
    }
    let code = json!({"code": format!("open('{}', 'w')", world.text("a/x"))});
    assert_eq!(
        decision(&world.claude("one", "mcp__x__run_code", code)),
        "ask"
    );
}

#[test]
fn what_its_words_only_name_follows_the_setting_too() {
    let mut world = World::new();
    world.take("b", "other");
    // zsh's `>!`: the file is taken for a word, and may be written.
    let named = || json!({"command": format!("echo x >! {}", world.text("b/f"))});
    let asked = world.claude("one", "Bash", named());
    assert_eq!(decision(&asked), "ask", "{asked:?}");
    let script = json!({"code": "open('~/f/x', 'w')"});
    world.take("home/f", "other");
    let asked = world.claude("one", "run_python", script);
    assert_eq!(decision(&asked), "ask", "{asked:?}");
    let named = named();
    world.hooks.shell = HookShell::Refuse;
    assert_eq!(
        decision(&world.claude("one", "Bash", named.clone())),
        "deny"
    );
    world.hooks.shell = HookShell::Allow;
    assert_eq!(decision(&world.claude("one", "Bash", named)), "allow");
}

#[test]
fn a_tree_of_which_another_holds_a_part_is_asked_about_where_it_is_only_named() {
    let mut world = World::new();
    world.take("b/sub", "other");
    let run = json!({"command": format!("python3 {}", world.text("b/x.py"))});
    let asked = world.claude("one", "Bash", run.clone());
    assert_eq!(decision(&asked), "ask", "{asked:?}");
    world.hooks.shell = HookShell::Refuse;
    assert_eq!(decision(&world.claude("one", "Bash", run)), "deny");
    // What is surely written there is refused.
    world.hooks.shell = HookShell::Ask;
    assert_eq!(decision(&world.writes("one", "b/sub/x")), "deny");
    let both = json!({"command": format!("python3 x; touch {}", world.text("b/sub/x"))});
    assert_eq!(decision(&world.claude("one", "Bash", both)), "deny");
}

#[test]
fn r04_a_lapse_is_judged_by_the_own_lock_that_ended_last() {
    let world = World::new();
    world.writes("one", "a/x");
    // One that was asked for beside it later ends before it.
    world.asks("a/src", "one");
    let release = gaia_locks::service::Release {
        folder: Some(world.folder("a/src")),
        session: SessionId::new("one").unwrap(),
        task: None,
        token: None,
    };
    world.service.release(&release).unwrap();
    world.clock.advance(Duration::from_secs(901));
    assert_eq!(decision(&world.writes("two", "a/x")), "allow");
    world.claude_with("two", "SessionEnd", json!({}));
    let refused = world.writes("one", "a/x");
    assert_eq!(decision(&refused), "deny", "{refused:?}");
}

#[test]
fn r04_a_linked_work_tree_and_the_tree_around_it_are_no_lapse_of_each_other() {
    let world = World::new();
    git(
        &world.path("a"),
        &["commit", "-q", "--allow-empty", "-m", "x"],
    );
    git(&world.path("a"), &["worktree", "add", "-q", "inner/tree"]);
    world.writes("one", "a/x");
    world.clock.advance(Duration::from_secs(901));
    assert_eq!(decision(&world.writes("two", "a/inner/tree/x")), "allow");
    assert_eq!(decision(&world.writes("one", "a/x")), "allow");
    // Nor is the lock on the tree around one that was lost on the linked one.
    world.claude_with("two", "SessionEnd", json!({}));
    assert_eq!(decision(&world.writes("one", "a/inner/tree/x")), "allow");
    world.claude_with("one", "SessionEnd", json!({}));
    assert_eq!(decision(&world.writes("two", "a/inner/tree/x")), "allow");
    // The other way round.
    world.clock.advance(Duration::from_secs(901));
    assert_eq!(decision(&world.writes("three", "a/x")), "allow");
    assert_eq!(decision(&world.writes("two", "a/inner/tree/x")), "allow");
}

#[test]
fn a_tree_of_another_database_is_refused_where_it_is_written_and_not_where_it_is_named() {
    let mut world = World::new();
    world.service = world.database("theirs");
    world.take("b", "other");
    world.service = world.database("ours");
    let run = json!({"command": format!("python3 {}", world.text("b/x.py"))});
    let passed = world.claude("one", "Bash", run);
    assert_eq!(decision(&passed), "allow", "{passed:?}");
    assert_eq!(world.held(), ["one /a"]);
    let refused = world.writes("one", "b/x");
    assert_eq!(decision(&refused), "deny");
    assert!(reason(&refused).contains("theirs"), "{refused:?}");
}
