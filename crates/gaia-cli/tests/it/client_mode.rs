//! Working through a server: the same answers as on the database, also while
//! the server is killed and started again.

mod accounts;
mod agents;
mod live;
pub mod served;
mod silent;
mod table;

use crate::home::{Guard, loudly, until};
use served::Served;

#[test]
fn a_wait_outlives_a_server_that_is_killed_with_its_place_in_line() {
    let mut served = Served::start();
    assert_eq!(served.status(&["acquire", "a", "--session", "ann"]), 0);
    let first = served.waiting("ben", 1);
    let second = served.waiting("cid", 2);
    let before = served.places();
    served.kill();
    served.restart();
    assert_eq!(
        served.places(),
        before,
        "the same places, in the same order"
    );
    assert_eq!(served.status(&["release", "a", "--session", "ann"]), 0);
    let (status, out, err) = first.end();
    assert_eq!(status, 0, "{out} {err}");
    assert_eq!(served.holder(), "ben");
    assert_eq!(served.status(&["release", "a", "--session", "ben"]), 0);
    let (status, out, err) = second.end();
    assert_eq!(status, 0, "{out} {err}");
    assert_eq!(served.holder(), "cid");
}

#[test]
fn ctrl_c_leaves_the_line_also_through_a_server() {
    let served = Served::start();
    assert_eq!(served.status(&["acquire", "a", "--session", "ann"]), 0);
    let mut waiting = served.waiting("ben", 1);
    // It stands in line a moment before it listens for signals.
    waiting.says("waiting, place 1");
    waiting.signal("INT");
    let (status, _, err) = waiting.end();
    assert_eq!(status, 130, "{err}");
    assert_eq!(served.places().len(), 0);
}

#[test]
fn a_command_runs_on_while_its_server_is_killed_and_is_freed_at_its_end() {
    let mut served = Served::start();
    let words = ["run", "a", "--session", "ann", "--ttl", "20s", "--"];
    let script = "until [ -e ../stop ]; do sleep 0.05; done; exit 7";
    let run = served.spawn(&[&words[..], &["sh", "-c", script]].concat());
    until("it holds the folder", || served.locks().len() == 1);
    let token = served.locks()[0]["id"].clone();
    assert!(served.locks()[0]["pid"].is_u64(), "bound to its process");
    served.kill();
    served.restart();
    assert_eq!(served.locks()[0]["id"], token);
    std::fs::write(served.home.path("stop"), "").unwrap();
    let (status, _, err) = run.end();
    assert_eq!(status, 7, "{err}");
    assert_eq!(served.locks().len(), 0);
}

#[test]
fn r11_a_lock_through_a_server_lasts_as_long_as_the_command_though_gaia_is_killed() {
    let served = Served::start();
    let run = served.spawn(&["run", "a", "--session", "ann", "--", "sleep", "60"]);
    until("it holds the folder", || served.locks().len() == 1);
    let pid = served.locks()[0]["pid"].as_u64().unwrap();
    drop(run);
    assert_eq!(served.locks()[0]["alive"], true, "the command lives");
    crate::home::signal(u32::try_from(pid).unwrap(), "KILL");
    let taken = served.status(&["acquire", "a", "--session", "ben", "--wait=10s"]);
    assert_eq!(taken, 0);
    assert_eq!(served.holder(), "ben");
}

#[test]
fn r11_who_binds_a_lock_to_a_process_that_the_server_does_not_see_is_told() {
    let served = Served::start();
    let acquire = ["acquire", "a", "--session", "ann", "--pid", "1"];
    let gaia = served.gaia(&acquire);
    let mut apart = std::process::Command::new("unshare");
    apart
        .args([
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--mount-proc",
        ])
        .arg(gaia.get_program())
        .args(gaia.get_args())
        .env_clear()
        .envs(
            gaia.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(served.home.path("work"));
    let output = apart.output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        return loudly("a process that the server does not see: no namespaces here");
    };
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("not bound"), "{said}");
    assert!(served.locks()[0]["pid"].is_null());
    // One that it sees is not warned of.
    let here = std::process::id().to_string();
    let output = served.output(&["acquire", "b", "--session", "ann", "--pid", &here]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && !said.contains("not bound"),
        "{said}"
    );
}

#[test]
fn r14_what_was_granted_while_the_server_is_killed_again_and_again_is_held_once() {
    let mut served = Served::start();
    let askers: Vec<Guard> = (0..4)
        .map(|n| {
            let script = format!(
                "for i in 1 2 3 4 5 6; do $GAIA --json acquire f{n}-$i --session s{n} --wait=60s || exit 1; done"
            );
            served.shell(&script)
        })
        .collect();
    for _ in 0..3 {
        let before = served.locks().len();
        until("somebody was granted something", || {
            served.locks().len() > before || before == 24
        });
        served.kill();
        served.restart();
    }
    let mut told = Vec::new();
    for asker in askers {
        let (status, out, err) = asker.end();
        assert_eq!(status, 0, "{out} {err}");
        told.extend(out.lines().map(|line| {
            let answer: serde_json::Value = serde_json::from_str(line).unwrap();
            answer["locks"][0]["id"].as_i64().unwrap()
        }));
    }
    let mut held: Vec<i64> = served
        .locks()
        .iter()
        .map(|lock| lock["id"].as_i64().unwrap())
        .collect();
    told.sort_unstable();
    held.sort_unstable();
    assert_eq!(told, held, "each is held that was told of, and no other");
    assert_eq!(told.len(), 24);
}

#[test]
fn what_works_on_the_database_itself_says_so() {
    let served = Served::start();
    let file = served.home.path("copy.db");
    let file = file.to_str().unwrap();
    let commands: [&[&str]; 7] = [
        &["backup", file],
        &["restore", file],
        &["migrate"],
        &["check"],
        &["assigner"],
        &["up"],
        &["serve"],
    ];
    for words in commands {
        let answer = served.json(words);
        assert_eq!(answer["error"]["code"], "database_only", "{words:?}");
        assert_eq!(served.status(words), 2, "{words:?}");
    }
}

#[test]
fn a_server_that_is_away_ends_with_5_and_a_wrong_token_with_4() {
    let mut served = Served::start();
    let wrong = served
        .gaia(&["--json", "status"])
        .env("GAIA_TOKEN", "gaia_wrong")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(4), "{wrong:?}");
    let answer: serde_json::Value = serde_json::from_slice(&wrong.stdout).unwrap();
    assert_eq!(answer["error"]["code"], "token_refused");
    let doctor = served.json(&["doctor"]);
    assert_eq!(doctor["ok"], true, "{doctor}");
    served.kill();
    assert_eq!(served.status(&["status"]), 5);
    assert_eq!(
        served.json(&["status"])["error"]["code"],
        "server_unreachable"
    );
    assert_eq!(served.status(&["doctor"]), 1);
}

#[test]
fn whoever_names_a_database_is_told_when_a_files_server_is_worked_through() {
    let served = Served::start();
    let home = served.home.path("elsewhere");
    std::fs::create_dir_all(&home).unwrap();
    let server = format!("server = \"http://{}\"\n", served.listen);
    std::fs::write(home.join("gaia.toml"), server).unwrap();
    let said = |database: Option<&str>| {
        let mut gaia = served.gaia(&["status"]);
        gaia.env_remove("GAIA_SERVER");
        if let Some(database) = database {
            gaia.env("GAIA_DATABASE_URL", database);
        }
        let output = gaia.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(said(None), "");
    let said = said(Some("sqlite:///tmp/other.db"));
    assert!(said.contains("GAIA_DATABASE_URL is passed over"), "{said}");
}
