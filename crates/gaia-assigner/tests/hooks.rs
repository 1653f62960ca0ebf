//! Panes whose clients have hooks: what hooks tell decides, and not the screen.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;
mod terminal;

use std::process::Command;

use fleet::{Fleet, until};
use gaia_assigner::agents::{self, AgentSession, Doing};
use gaia_assigner::service::AddRemote;
use gaia_assigner::task::Status;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use serde_json::{Value, json};
use terminal::Terminal;

/// What a client's hook does: it keeps its row and writes down what happened.
fn tell(fleet: &Fleet, session: &str, pid: u32, doing: Doing, event: Option<(&str, Value)>) {
    let task = task_of(fleet, session);
    fleet
        .tasks
        .locks()
        .transact(|tx| {
            let now = tx.now();
            let row = AgentSession {
                name: SessionId::new(session)?,
                client: "claude".to_owned(),
                client_session: "c".to_owned(),
                parent: None,
                by_gaia: true,
                task,
                process: ProcessIdentity::of(pid).unwrap(),
                doing,
                calls: Vec::new(),
                folder: None,
                started: now.wall,
                heard: (now.wall, now.moment),
                told_waiter: 0,
            };
            agents::save(tx, &row)?;
            match &event {
                Some((kind, details)) => agents::tell(tx, &row, kind, details),
                None => Ok(()),
            }
        })
        .unwrap();
}

fn task_of(fleet: &Fleet, session: &str) -> TaskId {
    let known = fleet.known(session);
    let task = known.and_then(|known| known.current_task_id);
    task.unwrap_or(TaskId::NONE)
}

/// A stand-in in a pane, whose hooks are heard; its process.
fn heard(fleet: &Fleet, terminal: &Terminal) -> u32 {
    let pane = terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(terminal, "ann", &pane);
    let pid = terminal.tmux(&["display-message", "-p", "-t", &pane, "#{pane_pid}"]);
    let pid = pid.parse().unwrap();
    let began = Some(("began", json!({ "how": "startup" })));
    tell(fleet, "ann", pid, Doing::Idle, began);
    pid
}

fn status(fleet: &Fleet, id: TaskId) -> Status {
    fleet.tasks.show(id).unwrap().status
}

/// A task whose text the stand-in was sent, and its screen waits for work again.
fn sent(fleet: &Fleet, terminal: &Terminal, text: &str) -> TaskId {
    let folder = fleet.folder("f");
    let id = fleet.send_with(text, Some(&folder), |send| send.max_tries = 1);
    until("it is done, by its screen", || {
        let screen = terminal.screen("a");
        screen.contains("done") && screen.trim_end().ends_with("ready>")
    });
    id
}

#[test]
fn t14_t11_what_is_taken_and_done_is_told_by_hooks_and_not_by_the_screen() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pid = heard(&fleet, &terminal);
    let _at_work = fleet.work();
    let id = sent(&fleet, &terminal, "work 0.1");
    assert_eq!(status(&fleet, id), Status::Assigned);
    let prompted = Some(("prompted", json!({ "prompt": "work 0.1" })));
    tell(&fleet, "ann", pid, Doing::Busy, prompted);
    until("it is taken", || status(&fleet, id) == Status::InProgress);
    fleet.until_status("ann", "busy");
    let waits = Some(("waits_for_input", json!({ "why": "permission" })));
    tell(&fleet, "ann", pid, Doing::WaitingInput, waits);
    fleet.until_status("ann", "waiting_input");
    let behind = json!({ "background": true, "answer": "soon" });
    tell(&fleet, "ann", pid, Doing::Busy, Some(("stopped", behind)));
    fleet.until_status("ann", "busy");
    assert_eq!(status(&fleet, id), Status::InProgress);
    let stopped = json!({ "background": false, "answer": "it is mended" });
    tell(&fleet, "ann", pid, Doing::Idle, Some(("stopped", stopped)));
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.response.as_deref()),
        (Status::Completed, Some("it is mended"))
    );
    fleet.until_status("ann", "idle");
    fleet.assert_at_rest();
}

#[test]
fn t11_a_turn_that_ends_by_an_error_fails_its_task_though_its_screen_waits_for_work() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pid = heard(&fleet, &terminal);
    let _at_work = fleet.work();
    let id = sent(&fleet, &terminal, "work 0.1");
    let prompted = Some(("prompted", json!({ "prompt": "work 0.1" })));
    tell(&fleet, "ann", pid, Doing::Busy, prompted);
    let failed = Some(("failed", json!({ "error": "overloaded" })));
    tell(&fleet, "ann", pid, Doing::Idle, failed);
    let task = fleet.end_of(id);
    assert_eq!(task.status, Status::Failed);
    assert!(
        task.error.as_ref().unwrap().contains("overloaded"),
        "{task:?}"
    );
}

#[test]
fn t08_what_hooks_told_while_no_assigner_lived_is_heard_by_the_next() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pid = heard(&fleet, &terminal);
    let mut first = fleet.start_assigner();
    let id = sent(&fleet, &terminal, "work 0.1");
    first.kill().unwrap();
    first.wait().unwrap();
    let prompted = Some(("prompted", json!({ "prompt": "work 0.1" })));
    tell(&fleet, "ann", pid, Doing::Busy, prompted);
    let stopped = json!({ "background": false, "answer": "42" });
    tell(&fleet, "ann", pid, Doing::Idle, Some(("stopped", stopped)));
    let _at_work = fleet.work();
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.response.as_deref(), task.retry_count),
        (Status::Completed, Some("42"), 0),
        "{task:?}"
    );
    assert_eq!(fleet.texts("notes"), ["work 0.1"]);
}

#[test]
fn t06_a_client_that_was_killed_gives_its_task_back_once_what_it_started_is_gone() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pane = terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", &pane);
    fleet.shell("sam");
    let mut client = Command::new("sleep").arg("300").spawn().unwrap();
    let pid = client.id();
    let mut started = Command::new("sleep");
    let started = started.arg("300").env("CLAUDE_PID", pid.to_string());
    let mut started = started.spawn().unwrap();
    tell(&fleet, "ann", pid, Doing::Idle, None);
    let _at_work = fleet.work();
    let folder = fleet.folder("f");
    let id = fleet.send_with("work 0.1", Some(&folder), |send| {
        send.max_tries = 1;
        send.session = Some("ann".to_owned());
    });
    until("it is done, by its screen", || {
        terminal.screen("a").contains("done")
    });
    let prompted = Some(("prompted", json!({ "prompt": "work 0.1" })));
    tell(&fleet, "ann", pid, Doing::WaitingInput, prompted);
    until("it is taken", || status(&fleet, id) == Status::InProgress);
    fleet.until_status("ann", "waiting_input");
    client.kill().unwrap();
    client.wait().unwrap();
    if gaia_locks::os::offspring::sees_orphans() {
        // The assigner goes on, and looks after its panes each time.
        let to_sam = |send: &mut gaia_assigner::service::Send| {
            send.session = Some("sam".to_owned());
        };
        fleet.end_of(fleet.send_with("true", None, to_sam));
        assert_eq!(status(&fleet, id), Status::InProgress);
    }
    started.kill().unwrap();
    started.wait().unwrap();
    let task = fleet.end_of(id);
    assert!(task.error.as_ref().unwrap().contains("is gone"), "{task:?}");
}

#[test]
fn t11_the_end_of_another_client_in_a_pane_without_hooks_does_not_end_its_task() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pane = terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", &pane);
    let _at_work = fleet.work();
    let folder = fleet.folder("f");
    let id = fleet.send_with("work 2", Some(&folder), |send| send.max_tries = 1);
    until("it is taken", || status(&fleet, id) == Status::InProgress);
    let me = std::process::id();
    let prompted = Some(("prompted", json!({ "prompt": "another's" })));
    tell(&fleet, "ann", me, Doing::Busy, prompted);
    let ended = Some(("ended", json!({ "why": "other" })));
    tell(&fleet, "ann", me, Doing::Ended, ended);
    let task = fleet.end_of(id);
    assert_eq!(task.status, Status::Completed, "{task:?}");
    assert!(terminal.screen("a").contains("done"));
}

#[test]
fn t11_a_session_that_works_without_its_hooks_is_given_no_task() {
    let fleet = Fleet::new();
    let name = SessionId::new("ray").unwrap();
    let add = AddRemote {
        name: name.clone(),
        provider: None,
        folder: None,
        lease: std::time::Duration::from_secs(900),
    };
    fleet.tasks.add_remote(&add).unwrap();
    let id = fleet.send("work", None);
    let me = std::process::id();
    tell(&fleet, "ray", me, Doing::Busy, None);
    silent_for(&fleet, "ray", 16 * 60);
    let taken = fleet.tasks.take(&name, None).unwrap();
    assert!(taken.is_none(), "{taken:?}");
    let takers = fleet.tasks.takers(id).unwrap();
    assert!(takers[0].is_unprotected() && !takers[0].is_idle());
    // It is heard again.
    tell(&fleet, "ray", me, Doing::Idle, None);
    let taken = fleet.tasks.take(&name, None).unwrap();
    assert_eq!(taken.unwrap().task.id, id);
}

/// A session's hooks were last heard so many seconds ago.
fn silent_for(fleet: &Fleet, session: &str, seconds: u64) {
    let locks = fleet.tasks.locks();
    let silent = |tx: &mut gaia_locks::service::LockTx<'_>| {
        let mut row = agents::by_name(tx, session)?.unwrap();
        row.heard.1 = row.heard.1.minus(std::time::Duration::from_secs(seconds));
        agents::save(tx, &row)
    };
    locks.transact(silent).unwrap();
}
