//! What the pages know of a lock and of a task.

use gaia_assigner::TaskService;
use gaia_assigner::service::{AddProcess, Send};
use gaia_assigner::why;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::model::{Turn, WaiterLife};
use gaia_locks::service::{Acquire, Line, Locks as _, Release};
use gaia_server::Role;

use crate::pages::{Browser, lock, page, sign_in};
use crate::server::Server;

fn seen(server: &Server, browser: &Browser, path: &str) -> String {
    let shown = page(server, path).cookie(&browser.cookie).send();
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.body
}

fn stand_in_line(server: &Server, folder: &str, session: &str) {
    let folder = Folder::resolve(server.folder(folder).as_ref(), "/".as_ref()).unwrap();
    let stands = Acquire {
        line: Line::Stand {
            life: WaiterLife::Heartbeat,
            limit: None,
            turn: Turn::Granted,
        },
        ..Acquire::new(folder, SessionId::new(session).unwrap(), TaskId::NONE)
    };
    server.locks.acquire(&stands).unwrap();
}

#[test]
fn r08_everybody_who_waits_can_be_seen() {
    let server = Server::start();
    lock(&server, "ann");
    for n in 0..14 {
        stand_in_line(&server, "ann", &format!("waits-{n}"));
    }
    let browser = sign_in(&server, Role::Viewer);
    let first = seen(&server, &browser, "/");
    assert!(first.contains("waits-0") && !first.contains("waits-13"));
    assert!(first.contains("href=\"/?waiters=all#waiters\""));
    assert!(seen(&server, &browser, "/?waiters=all").contains("waits-13"));
}

#[test]
fn r17_a_lock_tells_who_waits_for_it_and_whether_its_holder_lives() {
    let server = Server::start();
    lock(&server, "ann");
    lock(&server, "bob");
    for waiter in ["first", "second"] {
        stand_in_line(&server, "ann", waiter);
    }
    stand_in_line(&server, "bob", "elsewhere-1");
    let browser = sign_in(&server, Role::Viewer);
    let shown = seen(&server, &browser, "/locks/1");
    let at = |word: &str| shown.find(word);
    assert!(at("waiter-1").is_some() && at("waiter-1") < at("waiter-2"));
    assert!(shown.contains(">first<") && !shown.contains("elsewhere-1"));
    assert!(shown.contains("Last seen") && shown.contains("no process to look at"));
    let release = Release {
        folder: None,
        session: SessionId::new("ann").unwrap(),
        task: None,
        token: Some(LockId(1)),
    };
    server.locks.release(&release).unwrap();
    let ended = seen(&server, &browser, "/locks/1");
    assert!(!ended.contains("Last seen") && !ended.contains("waiter-1"));
}

#[test]
fn a_folder_that_never_was_there_is_not_said_to_be_gone() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let body = serde_json::json!({"folder_path": "/nowhere/at/all", "session_id": "ann"});
    let ask = server.ask("POST", "/api/gaia/locks").token(&admin);
    assert_eq!(ask.json(&body).send().status, 200);
    let browser = sign_in(&server, Role::Viewer);
    let shown = seen(&server, &browser, "/");
    assert!(shown.contains("does not exist") && !shown.contains("is gone"));
}

#[test]
fn a_task_that_waits_says_on_its_page_what_gaia_why_says() {
    let server = Server::start();
    let tasks = TaskService::new(server.locks.clone());
    let browser = sign_in(&server, Role::Viewer);
    let says = |id: i64| {
        let now = server.locks.look(|tx| Ok(tx.now().wall)).unwrap();
        let why = why::of_task(&server.locks, &tasks, TaskId(id), now).unwrap();
        let shown = seen(&server, &browser, &format!("/tasks/{id}"));
        // Up to what counts the time.
        let sentence = why.sentence.split(" since ").next().unwrap().to_owned();
        let plain = shown.replace("<code>", "`").replace("</code>", "`");
        assert!(plain.contains(&sentence), "{sentence}: {shown}");
        sentence
    };
    let mut new = Send::new("look");
    new.session = Some("no-such".to_owned());
    tasks.send(&new).unwrap();
    assert!(says(1).contains("there is none named no-such"));
    let worker = AddProcess {
        name: SessionId::new("worker").unwrap(),
        command: "true".to_owned(),
        provider: None,
        folder: None,
    };
    tasks.add_process(&worker).unwrap();
    lock(&server, "ann");
    let mut new = Send::new("work");
    new.folder = Some(Folder::resolve(server.folder("ann").as_ref(), "/".as_ref()).unwrap());
    tasks.send(&new).unwrap();
    assert!(says(2).contains("waits for its folder"));
    tasks.cancel(TaskId(2), "test").unwrap();
    let over = seen(&server, &browser, "/tasks/2");
    assert!(!over.contains("waits for its folder"));
}
