//! tmux sessions whose assigner is killed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;
mod terminal;

use std::process::{Child, Command};
use std::time::Duration;

use fleet::{Fleet, example, lives, until};
use gaia_assigner::service::Teller;
use gaia_assigner::task::{Status, Told};
use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::ids::{SessionId, TaskId};
#[cfg(target_os = "linux")]
use gaia_locks::liveness::ProcessIdentity;
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
    let cleared = [serde_json::json!({"cleared": true})];
    until("what was typed is cleared", || {
        fleet.notes("notes") == cleared
    });
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

/// A task that works for long in the pane `a`, and its assigner.
fn at_work(fleet: &Fleet, terminal: &Terminal) -> (TaskId, Child) {
    terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(terminal, "ann", "a");
    let folder = fleet.folder("f");
    let id = fleet.send("work 300", Some(&folder));
    let first = assigner(fleet);
    fleet.running(id);
    (id, first)
}

#[test]
fn heavy_t04_what_is_called_off_while_no_assigner_lives_is_interrupted_by_the_next() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let (id, first) = at_work(&fleet, &terminal);
    kill(first);
    fleet.tasks.cancel(id, "me").unwrap();
    let mut second = assigner(&fleet);
    let task = fleet.end_of(id);
    assert!(second.wait().unwrap().success());
    assert_eq!(task.status, Status::Cancelled);
    let interrupted = serde_json::json!({"interrupted": true});
    assert!(fleet.notes("notes").contains(&interrupted));
}

#[test]
fn heavy_t11_what_was_said_to_an_assigner_that_died_then_is_heard_by_the_next() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let (id, first) = at_work(&fleet, &terminal);
    say_and_kill(&fleet, first, &Told::Failed("no disk".to_owned()));
    assert_eq!(fleet.tasks.show(id).unwrap().status, Status::InProgress);
    let second = assigner(&fleet);
    let task = fleet.end_of(id);
    kill(second);
    assert_eq!(
        (task.status, task.error.as_deref()),
        (Status::Failed, Some("no disk"))
    );
}

/// The agent says how its task ended, but its assigner dies before it hears it.
fn say_and_kill(fleet: &Fleet, assigner: Child, told: &Told) {
    signal(assigner.id(), "STOP");
    let teller = Teller {
        session: Some(SessionId::new("ann").unwrap()),
        ..Teller::default()
    };
    fleet.tasks.told(None, told, &teller).unwrap();
    kill(assigner);
}

#[test]
fn heavy_t11_an_agent_that_says_so_and_leaves_with_its_pane_is_believed() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let (id, first) = at_work(&fleet, &terminal);
    say_and_kill(&fleet, first, &Told::Done(Some("42".to_owned())));
    terminal.kill_server();
    let mut second = assigner(&fleet);
    let task = fleet.end_of(id);
    assert!(second.wait().unwrap().success());
    assert_eq!(
        (task.status, task.response.as_deref(), task.retry_count),
        (Status::Completed, Some("42"), 0)
    );
}

#[test]
fn heavy_t08_a_pane_whose_server_does_not_answer_keeps_its_task() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let (id, first) = at_work(&fleet, &terminal);
    kill(first);
    let server = terminal.tmux(&["display-message", "-p", "#{pid}"]);
    let server: u32 = server.parse().unwrap();
    signal(server, "STOP");
    let second = assigner(&fleet);
    // Five seconds is how long an answer is waited for.
    let later = SystemClock.now().moment.plus(Duration::from_secs(7));
    until("it was not answered", || SystemClock.now().moment > later);
    let task = fleet.tasks.show(id).unwrap();
    signal(server, "CONT");
    assert_eq!(task.status, Status::InProgress, "{task:?}");
    fleet.tasks.cancel(id, "me").unwrap();
    assert_eq!(fleet.end_of(id).status, Status::Cancelled);
    kill(second);
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
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

/// tmux 3.3a ends where a client's input ends while a pane floods it ("not enough
/// data"): one time in thirty, so the assigner ends forty times.
#[test]
fn heavy_t14_an_assigner_that_ends_while_a_pane_floods_it_leaves_tmux_alive() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pane = terminal.session("a", "exec seq 1000000000000");
    fleet.pane(&terminal, "ann", &pane);
    fleet.send_with("work", None, |new| new.session = Some("ann".to_owned()));
    let client = || terminal.tmux(&["list-clients", "-F", "#{client_pid}"]);
    let server = terminal.tmux(&["display-message", "-p", "#{pid}"]);
    for _ in 0..40 {
        let assigner = fleet.work();
        until("it is connected", || !client().is_empty());
        assigner.ask_to_end();
        assigner.join();
        assert_eq!(client(), "", "it has left");
    }
    assert_eq!(terminal.tmux(&["display-message", "-p", "#{pid}"]), server);
}

/// tmux keeps a client that it could not tell everything, and does not end
/// before it.
#[test]
fn heavy_t08_a_client_that_a_killed_assigner_left_is_sent_away_so_that_its_server_can_end() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let begun = fleet.path("begun");
    // It ends, because tmux itself may end where a client goes while a pane writes.
    let writes = format!(
        "until test -e {}; do sleep 0.01; done; seq 1000000 1400000; echo all told; exec sleep 1000",
        begun.display()
    );
    let pane = terminal.session("a", &writes);
    fleet.pane(&terminal, "ann", &pane);
    // It never waits for work, so this one waits, and so does the assigner.
    fleet.send_with("work", None, |new| new.session = Some("ann".to_owned()));
    let clients = || terminal.tmux(&["list-clients", "-F", "#{client_pid}"]);
    let first = assigner(&fleet);
    until("it is connected", || !clients().is_empty());
    let left = clients();
    signal(first.id(), "STOP");
    std::fs::write(&begun, "").unwrap();
    // What is not read stops the pane, but not always: not while little is left in
    // what would be written next.
    let mut shown = String::new();
    until("as much is told as a pipe holds", || {
        let before = std::mem::replace(&mut shown, terminal.screen(&pane));
        let mut numbers = shown.lines().filter_map(|line| line.trim().parse().ok());
        let is_much = numbers.any(|number: u64| number > 1_002_000);
        shown.contains("all told") || (is_much && before == shown)
    });
    kill(first);
    let second = fleet.work();
    until("it is sent away", || {
        let now = clients();
        !now.is_empty() && now.lines().all(|client| client != left)
    });
    until("all is told", || {
        terminal.screen(&pane).contains("all told")
    });
    let server = terminal.tmux(&["display-message", "-p", "#{pid}"]);
    second.ask_to_end();
    second.join();
    terminal.tmux(&["kill-server"]);
    until("the server ends", || !lives(server.parse().unwrap()));
}

/// One that waits for the server's word alone stands in no list of its clients.
#[cfg(target_os = "linux")]
#[test]
fn heavy_t08_a_client_of_a_killed_assigner_that_is_in_no_list_is_sent_away_too() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pane = terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", &pane);
    let assigner = Command::new("sleep").arg("1000").spawn().unwrap();
    let identity = ProcessIdentity::of(assigner.id()).unwrap().unwrap();
    let client_of = |identity: &ProcessIdentity| {
        let mark = serde_json::to_string(identity).unwrap();
        let mut client = Command::new("sleep");
        client.arg("1000").env("GAIA_TMUX_CLIENT_OF", mark);
        client.spawn().unwrap()
    };
    let mut left = client_of(&identity);
    let mut anothers = client_of(&ProcessIdentity::current().unwrap());
    kill(assigner);
    let second = fleet.work();
    until("it is sent away", || left.try_wait().unwrap().is_some());
    assert!(anothers.try_wait().unwrap().is_none(), "its assigner lives");
    kill(anothers);
    second.ask_to_end();
    second.join();
}
