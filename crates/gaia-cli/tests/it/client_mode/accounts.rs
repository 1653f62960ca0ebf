//! Accounts, tokens and the trail through a server: the same answers and exit
//! statuses as on the database.

use serde_json::Value;

use super::served::{Served, with_stdin};
use crate::home::Home;

/// Words, and what stands on stdin.
const COMMANDS: &[(&str, &str)] = &[
    ("user list", ""),
    ("user add ann --role admin", "a good password"),
    ("user add ann", "another password"),
    ("user add bob/x.y", "short"),
    ("user add bob/x.y", "long enough for bob"),
    ("user add  ", "long enough for nobody"),
    ("user password bob/x.y", "another for bob"),
    ("user password bob/x.y", "short"),
    ("user password nobody", "long enough for nobody"),
    ("user list", ""),
    ("user remove bob/x.y", ""),
    ("user remove bob/x.y", ""),
    ("user remove ..", ""),
    ("token create ci --role agent --expires 90d", ""),
    ("token create ci --role viewer", ""),
    ("token create 9 --role viewer", ""),
    ("token revoke ci", ""),
    ("token revoke ci", ""),
    ("token revoke 9", ""),
    ("token list", ""),
    ("audit -n 4", ""),
    ("audit -n 0", ""),
    ("audit --before 3", ""),
];

/// Without what differs from one run to the next.
fn plain(value: Value, key: &str) -> Value {
    match value {
        Value::Object(fields) => {
            let plain = fields.into_iter().map(|(name, value)| {
                let value = plain(value, &name);
                (name, value)
            });
            Value::Object(plain.collect())
        }
        Value::Array(values) => values.into_iter().map(|value| plain(value, key)).collect(),
        // The token by which this goes through the server is used.
        Value::Null if key != "last_used_at" => Value::Null,
        _ if key.ends_with("_at") || matches!(key, "at" | "token") => "differs".into(),
        other => other,
    }
}

#[test]
fn accounts_tokens_and_the_trail_are_seen_to_through_a_server_too() {
    let served = Served::start();
    let home = Home::new();
    let user = super::served::system_user();
    // As there: the ids of tokens and of the trail's lines are the same.
    home.json(&["token", "create", &user, "--role", "admin"]);
    for (command, line) in COMMANDS {
        let words: Vec<&str> = command.split(' ').collect();
        let all = [&["--json"], &words[..]].concat();
        let here = with_stdin(&mut home.gaia(&all), line);
        let there = served.told(&words, line);
        assert_eq!(plain(here, ""), plain(there, ""), "{command}");
    }
    for words in [&["user", "remove", "nobody"][..], &["token", "revoke", "x"]] {
        assert_eq!(home.status(words), served.status(words), "{words:?}");
    }
}

#[test]
fn a_token_made_through_a_server_works_and_one_that_only_reads_makes_none() {
    let served = Served::start();
    let made = served.json(&["token", "create", "eye", "--role", "viewer"]);
    let as_eye = |words: &[&str]| {
        let mut gaia = served.gaia(words);
        gaia.env("GAIA_TOKEN", made["token"].as_str().unwrap());
        gaia.output().unwrap().status.code().unwrap()
    };
    assert_eq!(as_eye(&["status"]), 0);
    assert_eq!(as_eye(&["token", "create", "x", "--role", "admin"]), 4);
    assert_eq!(as_eye(&["user", "list"]), 4);
    assert_eq!(as_eye(&["audit"]), 4);
    assert_eq!(served.status(&["token", "revoke", "eye"]), 0);
    assert_eq!(as_eye(&["status"]), 4);
}

#[test]
fn a_trail_of_many_pages_comes_whole() {
    let served = Served::start();
    let database = served.home.path(".gaia/locks/assigner.db");
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
                INSERT INTO gaia_audit (at, who, act, details)
                SELECT '2026-01-01 00:00:00.000000', 'root', 'cleanup', i FROM n";
    let written = rusqlite::Connection::open(&database).unwrap();
    written.execute(many, []).unwrap();
    let lines = |words: &[&str]| {
        let trail = served.json(words);
        let lines = trail["entries"].as_array().unwrap().clone();
        assert_eq!(trail["count"], lines.len());
        let id = |line: &Value| line["id"].as_i64().unwrap();
        assert!(lines.windows(2).all(|two| id(&two[0]) > id(&two[1])));
        lines
    };
    let whole = lines(&["audit", "-n", "4000000000"]);
    assert_eq!(whole.len(), 2501);
    assert_eq!(whole[2500]["act"], "create_token");
    assert_eq!(lines(&["audit", "-n", "2000"]).len(), 2000);
    assert_eq!(
        lines(&["audit", "-n", "1001", "--before", "500"]).len(),
        499
    );
}

#[test]
fn a_number_revokes_the_token_with_that_id_and_none_that_is_named_so() {
    let served = Served::start();
    let revoked = |answer: Value| -> Vec<i64> {
        let tokens = answer["tokens"].as_array().unwrap();
        tokens
            .iter()
            .map(|token| token["id"].as_i64().unwrap())
            .collect()
    };
    for through_the_server in [true, false] {
        let way = |words: &[&str]| match through_the_server {
            true => served.json(words),
            false => served.home.json(words),
        };
        let make = |name: &str| {
            let made = way(&["token", "create", name, "--role", "viewer"]);
            made["id"].as_i64().unwrap()
        };
        // The next id is known by the last.
        let named = make("ci");
        let number = (named + 2).to_string();
        assert_eq!(make(&number), named + 1);
        let other = make("other");
        assert_eq!(revoked(way(&["token", "revoke", &number])), [other]);
        assert_eq!(revoked(way(&["token", "revoke", &number])), [named + 1]);
    }
}
