//! One command after the other, on a database and through a server: the same
//! exit statuses and the same JSON, but for names of databases and times.

use std::collections::HashMap;
use std::process::Output;

use serde_json::Value;

use super::served::Served;
use crate::home::Home;

/// Words with blanks between; `@2` is the third token that was granted.
const COMMANDS: &[&str] = &[
    // Locks.
    "acquire a --session ann --ttl 10m",
    "acquire a --session ann --ttl 20m",
    "acquire a/b --session ben",
    "acquire a --session ben --wait=0.2s",
    "acquire c d --session ann --task 3",
    "acquire e --session ann --shared",
    "acquire e --session ben --shared --request-id r1",
    "acquire e --session ben --shared --request-id r1",
    "acquire f --session ben --shared --request-id r1",
    "acquire e --session cid --ttl 1d",
    "acquire e --session cid --ttl 31d",
    "acquire ",
    "status",
    "status a",
    "status --session ben",
    "why a",
    "why nobody-here",
    "verify --token @0",
    "verify --token 999999",
    "renew --token @0 --session ann --ttl 30m",
    "renew --token @0 --session ben",
    "renew --token 999999 --session ben",
    "release a --session ben",
    "release --token @0 --session ben",
    "release --token @0 --session ann",
    "release --token @0 --session ann",
    "renew --token @0 --session ann",
    "release c d --session ann --task 3",
    "run g --session ann -- true",
    "run g --session ann -- sh -c :",
    "run e --session dan -- true",
    "pause p --reason later",
    "acquire p --session ann",
    "status",
    "resume p",
    "resume p",
    "force-release @3 --reason hangs",
    "force-release @3 --reason hangs",
    "force-release 999999 --reason hangs",
    "force-release @4 --reason  ",
    "history",
    "history --session ben",
    "history --folder a",
    "history -n 2",
    "cleanup",
    "prune --older-than 1d",
    // Tasks and sessions.
    "tasks",
    "sessions",
    "send hello --dir a --priority 5 --target remy",
    "send after --after 1 --provider codex --retry --max-retries 2",
    "send after --after 99",
    "send    ",
    "why 1",
    "task show 1",
    "task show 99",
    "task log 1",
    "task wait 1 --timeout 0.2s",
    "session add remy --remote --provider codex --lease 10m",
    "session add remy --remote",
    "session add shell --process cat",
    "session add bad --process 'cat",
    "sessions",
    "why 2",
    "session heartbeat remy",
    "session heartbeat nobody",
    "task take --session nobody",
    "task take --session shell",
    "task take --session remy",
    "task take --session remy",
    "status",
    "session heartbeat remy --task 1",
    "session heartbeat remy --task 2",
    "task done 1 --session ann --text no",
    "task done 1 --session remy --text yes",
    "task done 1 --session remy --text yes",
    "task take --session remy --wait=0.2s",
    "task fail 2 --session remy --reason broken",
    "task show 2",
    "task retry 2",
    "task reassign 2 --target nobody",
    "task reassign 2 --anybody",
    "task cancel 2",
    "task cancel 2",
    "task retry 1",
    "tasks",
    "tasks --status completed",
    "tasks retry-failed",
    "tasks clear",
    "tasks clear --days 3",
    "session remove remy",
    "session remove remy",
    "session remove shell",
    "sessions",
];

/// Runs `gaia` with these words.
type Run = Box<dyn Fn(&[&str]) -> Output>;

/// One of the two worlds.
struct World {
    name: &'static str,
    home: String,
    run: Run,
    tokens: Vec<i64>,
}

impl World {
    /// What comes of a command, as it is compared.
    fn play(&mut self, command: &str) -> (i32, Value) {
        let words: Vec<String> = command.split(' ').map(|word| self.word(word)).collect();
        let mut all = vec!["--json"];
        all.extend(words.iter().map(String::as_str));
        let output = (self.run)(&all);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let answer = match text.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {command}: {error}: {output:?}", self.name)),
        };
        (output.status.code().unwrap(), self.plain(None, answer))
    }

    fn word(&self, word: &str) -> String {
        let number = word.strip_prefix('@').and_then(|n| n.parse::<usize>().ok());
        number.map_or_else(|| word.to_owned(), |n| self.tokens[n].to_string())
    }

    /// Without what differs from one run to the next.
    fn plain(&mut self, key: Option<&str>, value: Value) -> Value {
        const TIMES: [&str; 12] = [
            "created_at",
            "expires_at",
            "expires_in",
            "released_at",
            "expired_at",
            "since",
            "last_seen",
            "assigned_at",
            "started_at",
            "completed_at",
            "last_activity",
            "lock_released_at",
        ];
        match value {
            Value::Null => Value::Null,
            _ if key.is_some_and(|key| TIMES.contains(&key) || key == "lock_acquired_at") => {
                "a time".into()
            }
            _ if key == Some("database") => "a database".into(),
            Value::Number(number) if matches!(key, Some("token" | "lock_token" | "lock")) => {
                self.token(number.as_i64().unwrap())
            }
            Value::Array(values) => {
                let plain = values.into_iter().map(|value| self.plain(key, value));
                plain.collect::<Vec<_>>().into()
            }
            Value::Object(fields) => {
                let is_lock = fields.contains_key("folder_path") && fields.contains_key("mode");
                let plain = fields.into_iter().map(|(name, value)| {
                    let plain = match value.as_i64() {
                        Some(id) if is_lock && name == "id" => self.token(id),
                        _ => self.plain(Some(&name), value),
                    };
                    (name, plain)
                });
                Value::Object(plain.collect())
            }
            Value::String(text) => self.text(key, &text),
            other => other,
        }
    }

    fn token(&mut self, token: i64) -> Value {
        if token == 999_999 {
            return token.into();
        }
        let known = self.tokens.iter().position(|known| *known == token);
        let at = known.unwrap_or_else(|| {
            self.tokens.push(token);
            self.tokens.len() - 1
        });
        format!("token {at}").into()
    }

    /// Sentences name tokens and how long ago something was.
    fn text(&self, key: Option<&str>, text: &str) -> Value {
        let text = text.replace(&self.home, "HOME");
        match key {
            Some("message" | "hint" | "sentence") => {
                let mut words: Vec<String> = Vec::new();
                for word in text.split_whitespace() {
                    let is_time = matches!(word, "just" | "now" | "ago" | "now:" | "now;");
                    let letters: String = word.chars().filter(|c| !c.is_ascii_digit()).collect();
                    if !is_time && !matches!(letters.as_str(), "" | "s" | "min" | "h" | "d") {
                        words.push(letters);
                    }
                }
                words.join(" ").into()
            }
            _ => text.into(),
        }
    }
}

#[test]
fn every_command_answers_through_a_server_as_on_the_database() {
    let home = Home::new();
    let served = Served::start();
    for home in [&home, &served.home] {
        for folder in ["a/b", "c", "d", "e", "f", "g", "p"] {
            std::fs::create_dir_all(home.path("work").join(folder)).unwrap();
        }
    }
    let place = |home: &Home| {
        home.path("")
            .to_str()
            .unwrap()
            .trim_end_matches('/')
            .to_owned()
    };
    let mut worlds = [
        World {
            name: "database",
            home: place(&home),
            run: Box::new(move |words| home.output(words)),
            tokens: Vec::new(),
        },
        World {
            name: "server",
            home: place(&served.home),
            run: Box::new(move |words| served.output(words)),
            tokens: Vec::new(),
        },
    ];
    let mut differing = HashMap::new();
    for command in COMMANDS {
        let [database, server] = &mut worlds;
        let (there, here) = (database.play(command), server.play(command));
        if there != here {
            differing.insert(*command, (there, here));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}
