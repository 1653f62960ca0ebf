//! tmux sessions whose assigner is killed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;
mod terminal;

use std::process::{Child, Command};

use fleet::{Fleet, example, until};
use gaia_assigner::task::Status;
use terminal::Terminal;

fn assigner(fleet: &Fleet) -> Child {
    let mut command = Command::new(example("assigner"));
    command
        .arg(fleet.path("assigner.db"))
        .arg(fleet.path("logs"))
        .spawn()
        .unwrap()
}

fn kill(mut assigner: Child) {
    assigner.kill().unwrap();
    assigner.wait().unwrap();
}

#[test]
fn heavy_t08_a_task_in_a_pane_is_taken_over_and_not_sent_twice() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let folder = fleet.folder("f");
    let pane = terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", &pane);
    let id = fleet.send("work 3", Some(&folder));
    let first = assigner(&fleet);
    until("it works", || {
        fleet.tasks.show(id).unwrap().status == Status::InProgress
    });
    kill(first);
    let token = fleet.tasks.show(id).unwrap().lock_token;
    let mut second = assigner(&fleet);
    let task = fleet.end_of(id);
    assert!(second.wait().unwrap().success());
    assert_eq!(
        (task.status, task.retry_count, task.lock_token),
        (Status::Completed, 0, token),
        "{task:?}"
    );
    assert_eq!(fleet.texts("notes"), ["work 3"]);
    assert!(task.response.unwrap().contains("done"));
    fleet.assert_at_rest();
}

#[test]
fn heavy_t08_what_was_sent_and_not_seen_to_be_taken_is_another_try() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pane = terminal.agent("a", &fleet.path("notes"), "deaf");
    fleet.pane(&terminal, "ann", &pane);
    let id = fleet.send_with("nobody hears", None, |send| send.max_tries = 1);
    let first = assigner(&fleet);
    until("it is typed", || terminal.screen(&pane).contains("nobody"));
    kill(first);
    assert_eq!(fleet.tasks.show(id).unwrap().status, Status::Assigned);
    let mut second = assigner(&fleet);
    let task = fleet.end_of(id);
    assert!(second.wait().unwrap().success());
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Failed, 1),
        "{task:?}"
    );
    assert_eq!(fleet.notes("notes"), [serde_json::json!({"cleared": true})]);
}

#[test]
fn heavy_t08_a_pane_that_went_while_no_assigner_lived_gives_its_task_back() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    terminal.session("keeps-the-server", "cat");
    terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", "a");
    let id = fleet.send_with("work 30", None, |send| send.max_tries = 1);
    let first = assigner(&fleet);
    until("it works", || {
        fleet.tasks.show(id).unwrap().status == Status::InProgress
    });
    kill(first);
    terminal.tmux(&["kill-session", "-t", "=a"]);
    let mut second = assigner(&fleet);
    let task = fleet.end_of(id);
    assert!(second.wait().unwrap().success());
    assert!(task.error.as_ref().unwrap().contains("is gone"), "{task:?}");
}

#[test]
fn heavy_t08_an_assigner_killed_again_and_again_sends_nothing_twice_unrecorded() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    for name in ["a", "b", "c"] {
        terminal.agent(name, &fleet.path(name), "");
        fleet.pane(&terminal, name, name);
    }
    let ids: Vec<_> = (0..12)
        .map(|at| fleet.send_with(&format!("work 0.{at}"), None, |send| send.max_tries = 50))
        .collect();
    let is_over = || {
        ids.iter()
            .all(|id| fleet.tasks.show(*id).unwrap().status.is_over())
    };
    for round in 0_usize.. {
        let running = assigner(&fleet);
        let began = std::cell::Cell::new(0);
        until("it is time", || {
            began.set(began.get() + 1);
            is_over() || (round < 6 && began.get() > 150 + 70 * round)
        });
        kill(running);
        if is_over() {
            break;
        }
    }
    for (at, id) in ids.iter().enumerate() {
        let task = fleet.tasks.show(*id).unwrap();
        assert_eq!(task.status, Status::Completed, "{task:?}");
        let text = format!("work 0.{at}");
        let sent = ["a", "b", "c"]
            .iter()
            .flat_map(|name| fleet.texts(name))
            .filter(|sent| *sent == text)
            .count();
        assert!(
            (1..=1 + task.retry_count as usize).contains(&sent),
            "sent {sent} times: {task:?}"
        );
    }
}
