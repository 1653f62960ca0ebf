//! `gaia migrate`, and a database of an earlier assigner under every command.

use crate::home::Home;

const EARLIER: &str = "
    CREATE TABLE prompts (id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL, source TEXT DEFAULT 'api',
        priority INTEGER DEFAULT 0, status TEXT DEFAULT 'pending', assigned_session TEXT,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, assigned_at TIMESTAMP, completed_at TIMESTAMP,
        response TEXT, error TEXT, metadata TEXT);
    CREATE TABLE sessions (name TEXT PRIMARY KEY, status TEXT, last_activity TIMESTAMP);
    INSERT INTO prompts (content) VALUES ('one'), ('two');";

fn earlier(home: &Home, sql: &str) -> std::path::PathBuf {
    let file = home.path(".gaia/locks/assigner.db");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch(sql)
        .unwrap();
    file
}

#[test]
fn it_is_told_shown_and_done_and_doctor_does_not_do_it() {
    let home = Home::new();
    let file = earlier(&home, EARLIER);
    let before = std::fs::read(&file).unwrap();
    let found = home.json(&["doctor"]);
    let checks = found["checks"].as_array().unwrap();
    let check = checks
        .iter()
        .find(|check| check["name"] == "earlier assigner")
        .unwrap();
    assert_eq!(check["state"], "warning");
    assert!(
        check["finding"].as_str().unwrap().contains("2 prompts"),
        "{check}"
    );
    assert_eq!(home.status(&["doctor", "--fix"]), 0);
    let shown = home.json(&["migrate", "--dry-run"]);
    assert_eq!(shown["migrated"], false);
    let columns = shown["changes"]["columns"].as_array().unwrap();
    assert!(columns.contains(&"prompts.working_dir".into()), "{shown}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "only looked at");
    let done = home.json(&["migrate"]);
    assert_eq!(done["migrated"], true, "{done}");
    let copy = done["copy"].as_str().unwrap();
    let kept = rusqlite::Connection::open(copy).unwrap();
    let count: i64 = kept
        .query_row("SELECT count(*) FROM prompts", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 2);
    assert_eq!(home.json(&["tasks"])["count"], 2);
    assert!(home.json(&["migrate"]).get("changes").is_none());
    assert_eq!(home.json(&["doctor"])["ok"], true);
}

/// What agents were told stands in it, whatever the umask is.
#[test]
fn a_copy_of_a_database_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let file = earlier(&home, EARLIER);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let copy = home.json(&["migrate"])["copy"].as_str().unwrap().to_owned();
    let backup = home.path("backup.db").to_str().unwrap().to_owned();
    assert_eq!(home.status(&["backup", &backup]), 0);
    for file in [copy, backup] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
}

#[test]
fn any_command_does_it_and_what_is_in_the_way_is_named() {
    let home = Home::new();
    earlier(&home, EARLIER);
    assert_eq!(home.json(&["tasks"])["count"], 2);
    let home = Home::new();
    let file = earlier(
        &home,
        "CREATE TABLE todo (id INTEGER); CREATE TABLE mail (id INTEGER)",
    );
    let before = std::fs::read(&file).unwrap();
    for words in [
        &["migrate"][..],
        &["migrate", "--dry-run"],
        &["acquire", "a", "--session", "s"],
    ] {
        let refused = home.json(words);
        assert_eq!(refused["error"]["code"], "foreign_database", "{refused}");
        assert!(
            refused["error"]["message"]
                .as_str()
                .unwrap()
                .contains("mail"),
            "{refused}"
        );
        assert_eq!(home.status(words), 5);
    }
    assert_eq!(home.status(&["doctor"]), 1);
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

/// In a mount namespace of the test's own; none where nothing can be mounted.
fn on_a_disk(home: &Home, options: &str, then: &str) -> Option<(i32, String)> {
    let disk = home.path("disk");
    std::fs::create_dir_all(&disk).unwrap();
    let script = format!(
        "mount -t tmpfs -o {options} none {disk} || exit 99; cp {file} {disk}/a.db || exit 99; cd /; {then}",
        disk = disk.display(),
        file = home.path(".gaia/locks/assigner.db").display(),
    );
    let gaia = format!(
        "{} --database sqlite://{}/a.db",
        env!("CARGO_BIN_EXE_gaia"),
        disk.display()
    );
    let inside = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .env("GAIA", gaia)
        .env("HOME", home.path(""))
        .env("DISK", &disk)
        .output()
        .ok()?;
    let said = [inside.stdout, inside.stderr].concat();
    let status = inside
        .status
        .code()
        .filter(|status| *status != 99 && *status != 1)?;
    Some((status, String::from_utf8_lossy(&said).into_owned()))
}

const LARGE: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO prompts (content, status) SELECT 'text number ' || i, 'pending' FROM n;";

/// Whether two files hold the same, as another program reads them.
const SAME: &str = "import sqlite3, sys
a, b = [list(sqlite3.connect(name).iterdump()) for name in sys.argv[1:]]
print(\"same\" if a == b else \"differ\")";

/// However full the disk is: it is done or nothing was changed, and the message
/// names the disk's file.
#[test]
fn on_a_full_disk_it_is_done_or_nothing_was_changed() {
    let home = Home::new();
    let file = earlier(&home, &format!("{EARLIER}{LARGE}"));
    let size = file.metadata().unwrap().len() / 1024;
    let then = "
        $GAIA migrate >OUT 2>&1; status=$?; ls $DISK
        [ $status = 0 ] && $GAIA migrate --json
        [ $status = 0 ] || { cat OUT; rm -f $DISK/a.db-gate; python3 -c 'SAME' $DISK/a.db ORIGINAL; }
        exit $((status + 20))";
    let then = then.replace("ORIGINAL", file.to_str().unwrap());
    let then = then.replace("SAME", SAME).replace("OUT", "/tmp/$$.out");
    let then = format!("trap 'rm -f /tmp/$$.out' EXIT; {then}");
    let (mut done, mut refused) = (0, 0);
    for more in [
        100,
        400,
        size + 100,
        2 * size,
        3 * size,
        5 * size,
        12 * size,
    ] {
        let Some((status, said)) = on_a_disk(&home, &format!("size={}k", size + more), &then)
        else {
            return crate::home::loudly("nothing can be mounted here");
        };
        match status {
            20 => done += 1,
            _ => {
                refused += 1;
                assert_eq!(status, 25, "{said}");
                assert!(said.contains("full") && said.contains("same"), "{said}");
                let is_copy = |line: &str| line.starts_with("a.db.before-gaia");
                assert!(!said.lines().any(is_copy), "{said}");
            }
        }
    }
    assert!(done > 0 && refused > 1, "{done} done, {refused} refused");
}

#[test]
fn what_is_only_for_reading_is_told_of_and_not_changed() {
    let home = Home::new();
    earlier(&home, EARLIER);
    let then = "
        mount -o remount,ro $DISK
        $GAIA migrate --dry-run --json; a=$?; $GAIA migrate; b=$?; $GAIA doctor; ls $DISK
        exit $((a * 10 + b + 20))";
    let Some((status, said)) = on_a_disk(&home, "size=8m", then) else {
        return crate::home::loudly("nothing can be mounted here");
    };
    assert_eq!(status, 25, "{said}");
    assert!(
        said.contains("\"migrated\":false") && said.contains("prompts.working_dir"),
        "{said}"
    );
    assert!(said.contains("a.db") && said.contains("read"), "{said}");
    assert!(!said.contains("before-gaia"), "{said}");
}

/// What GAIA found of an earlier assigner's in the tables.
#[test]
fn doctor_tells_of_an_earlier_assigner_at_work_and_of_states_that_it_does_not_know() {
    let home = Home::new();
    let file = earlier(
        &home,
        &format!(
            "{EARLIER} INSERT INTO prompts (content, status) VALUES ('z', 'sleeping');
             INSERT INTO sessions (name, status, last_activity) VALUES ('pane', 'idle', datetime('now'));"
        ),
    );
    assert_eq!(home.status(&["migrate"]), 0);
    let finding = |name: &str| {
        let found = home.json(&["doctor"]);
        let checks = found["checks"].as_array().unwrap().clone();
        let check = checks.into_iter().find(|check| check["name"] == name);
        check.map(|check| {
            (
                check["state"].as_str().unwrap().to_owned(),
                check["finding"].as_str().unwrap().to_owned(),
            )
        })
    };
    let (state, said) = finding("earlier assigner").unwrap();
    assert!(state == "warning" && said.contains("at work"), "{said}");
    let (state, said) = finding("states").unwrap();
    assert!(
        state == "warning" && said.contains("the first is 3"),
        "{said}"
    );
    let other = rusqlite::Connection::open(&file).unwrap();
    other
        .execute_batch(
            "UPDATE sessions SET last_activity = '2026-01-02 03:04:05'; UPDATE prompts SET status = 'failed' WHERE id = 3;
             UPDATE prompts SET status = 'in_progress' WHERE id = 2;",
        )
        .unwrap();
    assert_eq!(finding("states"), None);
    let (state, said) = finding("earlier assigner").unwrap();
    assert!(state == "warning" && said.contains("1 tasks run"), "{said}");
    // Its remedy: the task is called off, and the next assigner ends it.
    assert_eq!(home.status(&["task", "cancel", "2"]), 0);
    other
        .execute_batch("INSERT INTO lock_history (folder_path, session_id) VALUES ('/x', '')")
        .unwrap();
    let (state, said) = finding("history").unwrap();
    assert!(state == "warning" && said.contains("1 rows"), "{said}");
    assert_eq!(home.status(&["history"]), 0, "the others are shown");
}

/// The earlier manager wrote `datetime.now().isoformat()`: local, without saying so.
#[test]
fn a_lock_file_without_a_time_zone_is_in_local_time() {
    for (zone, left) in [
        ("Asia/Tokyo", 3600.0),
        ("UTC", 36000.0),
        ("Etc/GMT+5", 54000.0),
    ] {
        let home = Home::new();
        let locks = home.path(".gaia/locks");
        std::fs::create_dir_all(&locks).unwrap();
        // In an hour, by the clock on a wall in Tokyo.
        let ends = jiff::Zoned::now().checked_add(jiff::SignedDuration::from_hours(1));
        let ends = ends.unwrap().in_tz("Asia/Tokyo").unwrap().datetime();
        let json = format!(
            "{{\"folder_path\": \"/srv/app\", \"session_id\": \"s\", \"task_id\": 1, \"expires_at\": \"{ends}\"}}"
        );
        std::fs::write(locks.join(".gaia_00.lock"), json).unwrap();
        let output = home
            .gaia(&["--json", "status"])
            .env("TZ", zone)
            .output()
            .unwrap();
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = status["locks"][0]["expires_in"].as_f64().unwrap();
        assert!((found - left).abs() < 60.0, "{zone}: {found} s are left");
    }
}
