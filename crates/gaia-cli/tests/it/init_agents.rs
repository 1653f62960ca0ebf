//! `gaia init --agent`: clients' settings, changed and put back as they were.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::home::{Home, loudly, until};
use crate::terminal::Terminal;

const ALL: &str = "claude,codex,gemini,opencode,cursor";

/// Settings of a user who has some already, each in their own way.
const THEIRS: [(&str, &str); 7] = [
    (
        ".claude/settings.json",
        "{\n\t\"model\": \"opus\",\n\t\"env\": {\"A\": \"1\"},\n\t\"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"say done\"}]}]}\n}\n",
    ),
    (
        ".claude.json",
        "{\"numStartups\": 3,\"projects\": {\"/z\": {}, \"/a\": {}}}",
    ),
    (
        ".codex/config.toml",
        "# mine\nmodel = \"m\" # which\n\n[mcp_servers.other]\ncommand='o'\n\n[z]\na = 2",
    ),
    (
        ".gemini/settings.json",
        "{\n    // how I sign in\n    \"security\": { \"auth\": {} },\n    \"mcpServers\": {}\n}\n",
    ),
    (
        ".config/opencode/opencode.jsonc",
        "{\n  /* mine */\n  \"theme\": \"x\",\n}\n",
    ),
    (".cursor/hooks.json", "{\"version\": 1, \"hooks\": {}}\n"),
    (
        ".cursor/mcp.json",
        "{\r\n  \"mcpServers\": {\r\n  }\r\n}\r\n",
    ),
];

fn put(home: &Home) {
    for (name, text) in THEIRS {
        let path = home.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }
}

/// Every file below, with its permissions.
fn files(top: &Path) -> BTreeMap<PathBuf, (u32, String)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mode = path.metadata().unwrap().permissions().mode() & 0o777;
            let text = std::fs::read(&path).unwrap();
            found.insert(path, (mode, String::from_utf8_lossy(&text).into_owned()));
        }
    }
    found
}

fn read(home: &Home, name: &str) -> String {
    std::fs::read_to_string(home.path(name)).unwrap()
}

#[test]
fn every_client_is_set_up_once_and_put_back_byte_for_byte() {
    let home = Home::new();
    put(&home);
    let before = files(&home.path(""));
    let shown = home.json(&["init", "--agent", ALL]);
    assert_eq!(shown["done"], false);
    assert_eq!(files(&home.path("")), before, "only shown");

    assert_eq!(home.status(&["init", "--agent", ALL, "--yes"]), 0);
    let set_up = files(&home.path(""));
    for (name, text) in THEIRS {
        let path = home.path(name);
        let (mode, now) = &set_up[&path];
        assert_eq!(*mode, 0o600, "{name}");
        assert!(now.contains("gaia"), "{name}: {now}");
        for line in text.lines().filter(|line| line.contains("mine")) {
            assert!(now.contains(line), "{name}: {line}");
        }
    }
    assert!(home.path(".codex/hooks.json").is_file());
    assert!(home.path(".config/opencode/plugins/gaia.js").is_file());
    assert!(!home.path(".config/opencode/opencode.json").exists());
    let again = home.json(&["init", "--agent", ALL, "--yes"]);
    assert_eq!(again["changes"], serde_json::json!([]), "{again}");
    assert_eq!(files(&home.path("")), set_up);

    assert_eq!(home.status(&["init", "--undo", "--yes"]), 0);
    assert_eq!(files(&home.path("")), before);
}

/// What is shown may end in a log.
#[test]
fn keys_and_tokens_in_a_clients_settings_are_not_shown() {
    let home = Home::new();
    for folder in [".claude", ".codex"] {
        std::fs::create_dir(home.path(folder)).unwrap();
    }
    let json = "{\n  \"a\": 1,\n  \"key\": \"hush\"\n}\n";
    std::fs::write(home.path(".claude/settings.json"), json).unwrap();
    let packed = "{\"a\":1,\"key\":\"hush\"}";
    std::fs::write(home.path(".claude.json"), packed).unwrap();
    let toml = "model = \"m\"\nkey = \"hush\"\n";
    std::fs::write(home.path(".codex/config.toml"), toml).unwrap();
    let words = ["init", "--agent", "claude,codex"];
    for more in [&["--yes"][..], &["--undo"]] {
        let shown = home.json(&[&words[..], more].concat()).to_string();
        assert!(!shown.contains("hush"), "{shown}");
        assert!(
            shown.contains("mcp_servers.gaia") && shown.contains("PreToolUse"),
            "{shown}"
        );
    }
    std::fs::write(
        home.path(".claude.json"),
        read(&home, ".claude.json") + "\n",
    )
    .unwrap();
    let shown = home.json(&["init", "--undo", "--yes"]).to_string();
    assert!(!shown.contains("hush"), "{shown}");
    assert_eq!(read(&home, ".claude/settings.json"), json);
}

/// All in one line, with what is changed in the midst of it.
#[test]
fn keys_beside_what_is_changed_in_one_line_are_not_shown() {
    let home = Home::new();
    std::fs::create_dir(home.path(".claude")).unwrap();
    let hooks = r#"{"env":{"KEY":"hush-1"},"hooks":{},"x":{"TOKEN":"hush-2"}}"#;
    std::fs::write(home.path(".claude/settings.json"), hooks).unwrap();
    let servers = r#"{"oauth":{"key":"hush-3"},"mcpServers":{},"x":["hush-4"]}"#;
    std::fs::write(home.path(".claude.json"), servers).unwrap();
    for more in ["--yes", "--undo"] {
        for form in [&[][..], &["--json"]] {
            let words = [form, &["init", "--agent", "claude", more]].concat();
            let shown = String::from_utf8(home.output(&words).stdout).unwrap();
            assert!(!shown.contains("hush"), "{shown}");
            assert!(
                form.is_empty() || more == "--yes" || shown.contains("gaia"),
                "{shown}"
            );
        }
    }
}

/// Clients write into their own settings all the time.
#[test]
fn from_settings_that_were_changed_since_only_what_is_gaias_goes() {
    let home = Home::new();
    put(&home);
    assert_eq!(home.status(&["init", "--agent", ALL, "--yes"]), 0);
    for (name, _) in THEIRS {
        let text = read(&home, name);
        let changed = match name.ends_with("toml") {
            true => format!("later = true\n{text}"),
            false => text.replacen('{', "{\"later\": true,", 1),
        };
        std::fs::write(home.path(name), changed).unwrap();
    }
    let plugin = home.path(".config/opencode/plugins/gaia.js");
    std::fs::write(&plugin, "// theirs").unwrap();
    let output = home.output(&["init", "--undo", "--yes"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("keep") && said.contains("gaia.js"), "{said}");
    assert!(said.contains("the rest stays"), "{said}");
    for (name, text) in THEIRS {
        let now = read(&home, name);
        assert!(
            now.contains("later") && !now.contains("gaia"),
            "{name}: {now}"
        );
        let packed = |text: &str| text.split_whitespace().collect::<String>();
        let line = text.lines().nth(1).unwrap_or(text);
        let kept = packed(
            line.trim_start_matches('{')
                .trim_end_matches(['}', '{', ',']),
        );
        assert!(packed(&now).contains(&kept), "{name}: {kept:?} in {now}");
    }
    assert!(!home.path(".codex/hooks.json").exists());
    assert_eq!(std::fs::read_to_string(plugin).unwrap(), "// theirs");
}

#[test]
fn a_projects_settings_stand_in_its_work_tree_and_folders_are_as_the_umask_has_them() {
    let home = Home::new();
    let top = home.path("repo");
    std::fs::create_dir(&top).unwrap();
    let git = std::process::Command::new("git")
        .args(["init", "-q"])
        .current_dir(&top)
        .status();
    assert!(git.unwrap().success());
    let before = files(&top);
    let words = [
        "init",
        top.to_str().unwrap(),
        "--agent",
        ALL,
        "--project",
        "--yes",
    ];
    assert_eq!(home.status(&words), 0);
    let wanted = [
        ".claude/settings.json",
        ".mcp.json",
        ".codex/hooks.json",
        ".codex/config.toml",
        ".gemini/settings.json",
        ".opencode/plugins/gaia.js",
        "opencode.json",
        ".cursor/hooks.json",
        ".cursor/mcp.json",
    ];
    for name in wanted {
        assert!(top.join(name).is_file(), "{name}");
    }
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let usual = mode(&top);
    assert_eq!(mode(&top.join(".opencode/plugins")), usual);
    assert_eq!(mode(&home.path(".gaia")), 0o700);
    assert_eq!(mode(&home.path(".gaia/locks")), 0o700);
    assert!(!home.path(".claude").exists());
    assert_eq!(home.status(&["init", "--undo", "--yes"]), 0);
    assert_eq!(files(&top), before);
}

#[test]
fn a_home_is_made_for_its_user_alone_whoever_makes_it() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "s"]), 0);
    for place in [".gaia", ".gaia/locks"] {
        let mode = home.path(place).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{place}");
    }
}

#[test]
fn a_plugin_for_claude_stands_in_a_folder_of_its_own() {
    let home = Home::new();
    let words = ["init", "--agent", "claude", "--plugin", "plugin", "--yes"];
    assert_eq!(home.status(&words), 0);
    for name in [
        ".claude-plugin/plugin.json",
        "hooks/hooks.json",
        ".mcp.json",
    ] {
        assert!(home.path("work/plugin").join(name).is_file(), "{name}");
    }
    assert!(!home.path(".claude").exists() && !home.path(".claude.json").exists());
    assert_eq!(home.json(&words)["changes"], serde_json::json!([]));
    assert_eq!(home.status(&["init", "--undo", "--yes"]), 0);
    assert!(!home.path("work/plugin").exists());
    // Somebody else's stays as it is.
    std::fs::create_dir(home.path("work/plugin")).unwrap();
    std::fs::write(home.path("work/plugin/.mcp.json"), "{}").unwrap();
    assert_eq!(home.status(&words), 1);
    assert_eq!(read(&home, "work/plugin/.mcp.json"), "{}");
}

#[test]
fn another_server_called_gaia_is_left_alone_and_named() {
    let home = Home::new();
    let theirs = "{\"mcpServers\": {\"gaia\": {\"command\": \"mine\"}}}";
    std::fs::write(home.path(".claude.json"), theirs).unwrap();
    let done = home.json(&["init", "--agent", "claude", "--yes"]);
    assert!(
        done["notes"].to_string().contains("another MCP server"),
        "{done}"
    );
    assert_eq!(read(&home, ".claude.json"), theirs);
    assert!(home.path(".claude/settings.json").is_file());
}

/// Whoever is asked may take their time.
#[test]
fn a_database_that_is_used_while_somebody_is_asked_is_kept() {
    let home = Home::new();
    let Some(terminal) = Terminal::of_size(&home, "200", "100") else {
        return loudly("there is no tmux here");
    };
    assert_eq!(home.status(&["init", "--yes"]), 0);
    terminal.type_line("gaia init --undo; echo status=$?");
    terminal.until_shown("Take this back?");
    assert_eq!(home.status(&["acquire", "a", "--session", "s"]), 0);
    terminal.keys(&["y", "Enter"]);
    terminal.until_shown("status=0");
    assert_eq!(home.locks().len(), 1, "{}", terminal.screen());
    until("it says so", || {
        terminal.screen().contains("it has been used")
    });
}

/// The clients' settings are on this machine, wherever the database is.
#[test]
fn through_a_server_agents_are_set_up_and_no_database_is_made() {
    let home = Home::new();
    let init = |words: &[&str]| {
        let mut gaia = home.gaia(&[&["init", "--agent", "claude", "--yes"], words].concat());
        let server = gaia
            .env("GAIA_SERVER", "http://127.0.0.1:9")
            .env("GAIA_TOKEN", "gaia_hush");
        server.output().unwrap()
    };
    let done = init(&[]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{done:?}");
    assert!(said.contains("agents need GAIA_TOKEN"), "{said}");
    let settings = read(&home, ".claude/settings.json");
    assert!(
        settings.contains("GAIA_SERVER=http://127.0.0.1:9"),
        "{settings}"
    );
    assert!(
        !settings.contains("hush") && !said.contains("hush"),
        "{settings}"
    );
    assert!(!home.path(".gaia/locks/assigner.db").exists());
    assert!(init(&["--undo"]).status.success());
    assert!(!home.path(".claude").exists());
}
