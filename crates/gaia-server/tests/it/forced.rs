//! An admin ends the lock of a task whose agent takes its time to stop [R7].

use std::net::TcpStream;

use gaia_server::Role;
use serde_json::{Value, json};

use crate::client::{Reply, read};
use crate::server::Server;

/// More than the server has places for calls that wait for something.
const MANY: usize = 40;

struct Fleet {
    server: Server,
    admin: String,
}

impl Fleet {
    fn start() -> Self {
        let server = Server::start();
        let admin = server.token("root", Role::Admin);
        Self { server, admin }
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        let ask = self.server.ask("POST", path).token(&self.admin);
        let reply = ask.json(body).send();
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply
    }

    /// A session elsewhere that works; its task, and the token of its lock.
    fn at_work(&self, n: usize) -> (Value, Value) {
        let (name, folder) = (format!("far/{n}"), self.server.folder(&format!("f{n}")));
        self.post("/api/gaia/sessions", &json!({"session_id": name}));
        let new = json!({"text": "mend it", "folder_path": folder, "target_session": name});
        self.post("/api/gaia/tasks", &new);
        let taken = self.post("/api/gaia/sessions/take", &json!({"session_id": name}));
        let taken = taken.json();
        (taken["task"]["id"].clone(), taken["token"].clone())
    }

    fn end(&self, lock: &Value) -> TcpStream {
        let path = format!("/api/gaia/locks/{lock}/release");
        let ask = self.server.ask("POST", path).token(&self.admin);
        ask.json(&json!({"reason": "needed"})).begin()
    }

    fn verified(&self, lock: &Value) -> Value {
        let path = format!("/api/gaia/verify/{lock}");
        self.server.get(&path, &self.admin).json()
    }
}

#[test]
fn r07_tasks_that_take_their_time_to_stop_hold_up_nobody_and_the_admin_is_told() {
    let fleet = Fleet::start();
    let (idle, _) = fleet.at_work(MANY);
    let at_work: Vec<_> = (0..MANY).map(|n| fleet.at_work(n)).collect();
    let mut ended: Vec<_> = at_work.iter().map(|(_, lock)| fleet.end(lock)).collect();
    let acts = || {
        let trail = fleet.server.accounts.audit(None, 1000).unwrap();
        let forced = trail.iter().filter(|line| line.act == "force_release");
        forced.map(|line| line.details.clone()).collect::<Vec<_>>()
    };
    for (reply, (task, lock)) in ended.iter_mut().zip(&at_work) {
        let reply = read(reply);
        assert_eq!(reply.status, 202, "{reply:?}");
        let told = reply.json();
        assert_eq!(told["success"], true);
        let message = told["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("task {task} ")) && message.contains(" s at the latest"),
            "{message}"
        );
        assert_eq!(fleet.verified(lock)["active"], true);
        let line = format!("lock {lock} on ");
        assert!(acts().iter().any(|act| act.starts_with(&line)), "{lock}");
    }
    assert_eq!(acts().len(), MANY);
    // While all of them are still looked after.
    fleet.post(&format!("/api/gaia/tasks/{idle}/done"), &json!({}));
    fleet.at_work(MANY + 1);

    let (task, lock) = &at_work[0];
    fleet.post(
        &format!("/api/gaia/tasks/{task}/fail"),
        &json!({"text": "stopped"}),
    );
    let lock = &fleet.verified(lock)["lock"];
    assert_eq!(
        (&lock["end_reason"], &lock["ended_by"], &lock["reason"]),
        (&json!("forced"), &json!("root"), &json!("needed"))
    );
}

#[test]
fn r07_whoever_ends_it_on_a_page_is_shown_the_task_that_stops() {
    let fleet = Fleet::start();
    let (task, lock) = fleet.at_work(0);
    let server = &fleet.server;
    let link = &server.link[server.link.find("/sign-in").unwrap()..];
    let cookie = server.ask("GET", link).send().cookie();
    let me = server.ask("GET", "/api/gaia/session").cookie(&cookie);
    let csrf = me.send().json()["csrf"].as_str().unwrap().to_owned();
    let form = format!("reason=needed&csrf={csrf}");
    let ends = server.ask("POST", format!("/locks/{lock}/release"));
    let ends = ends.cookie(&cookie).header("Accept", "text/html");
    let ended = ends
        .body("application/x-www-form-urlencoded", form.as_bytes())
        .send();
    let shown = format!("/tasks/{task}");
    assert_eq!(
        (ended.status, ended.header("location")),
        (303, Some(shown.as_str()))
    );
    let page = server.ask("GET", &shown).cookie(&cookie).send();
    assert!(page.body.contains("stopping"), "{page:?}");
}

#[test]
fn r07_an_agent_elsewhere_that_stops_at_once_has_its_lock_ended_in_the_answer() {
    let fleet = Fleet::start();
    let (task, lock) = fleet.at_work(0);
    let mut ends = fleet.end(&lock);
    let stopping = || {
        let path = format!("/api/gaia/tasks/{task}");
        fleet.server.get(&path, &fleet.admin).json()["task"]["stopping"] == true
    };
    while !stopping() {}
    fleet.post(
        &format!("/api/gaia/tasks/{task}/fail"),
        &json!({"text": "stopped"}),
    );
    let ended = read(&mut ends);
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(ended.json()["lock"]["end_reason"], "forced");
}
