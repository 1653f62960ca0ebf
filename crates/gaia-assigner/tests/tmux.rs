//! tmux sessions, on real servers of the tests' own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;
mod terminal;

use std::time::Duration;

use fleet::{Fleet, read, until};
use gaia_assigner::runner::tmux::Patterns;
use gaia_assigner::task::Status;
use terminal::{Terminal, agent, stand_in};

#[test]
fn t14_a_text_of_any_content_arrives_as_one_paste_and_unchanged() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let notes = fleet.path("notes");
    terminal.agent("a", &notes, "");
    fleet.pane(&terminal, "ann", "a:0.0");
    let texts = [
        "one line; with `a`, $(b), \"c\" 'd' and ;".to_owned(),
        "- begins with a dash\n\tand a tab\n\nand #{pane_id} %3 ~ \\ \\n ^C\nends in ;".to_owned(),
        "wörter, 漢字, 🦀\r\nand a DOS line\n".to_owned(),
        "0123456789abcde\n".repeat(300 * 1024 / 16),
    ];
    let _at_work = fleet.work();
    for text in &texts {
        let task = fleet.end_of(fleet.send(text, None));
        assert_eq!(task.status, Status::Completed, "{:?}", task.error);
        assert_eq!(task.retry_count, 0);
    }
    assert!(
        fleet.texts("notes") == texts,
        "{:.300?}",
        fleet.texts("notes")
    );
    assert!(
        fleet
            .notes("notes")
            .iter()
            .all(|note| note["pasted"] == true)
    );
    assert_eq!(terminal.tmux(&["list-buffers"]), "", "a buffer is left");
}

#[test]
fn t14_sessions_whose_names_begin_alike_are_told_apart() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    // The longer one is there first: a prefix would find it.
    for name in ["job1", "job"] {
        terminal.agent(name, &fleet.path(name), "");
        fleet.pane(&terminal, &format!("the {name}"), name);
    }
    let _at_work = fleet.work();
    for name in ["job", "job1"] {
        let text = format!("for {name}");
        let id = fleet.send_with(&text, None, |send| {
            send.session = Some(format!("the {name}"))
        });
        assert_eq!(fleet.end_of(id).status, Status::Completed);
        assert_eq!(fleet.texts(name), [text]);
    }
}

#[test]
fn t14_copy_mode_is_left_before_a_text_is_sent() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pane = terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", &pane);
    let _at_work = fleet.work();
    fleet.until_status("ann", "idle");
    terminal.tmux(&["copy-mode", "-t", &pane]);
    let task = fleet.end_of(fleet.send("q is a key there", None));
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Completed, 0),
        "{:?}",
        task.error
    );
    assert_eq!(fleet.texts("notes"), ["q is a key there"]);
}

#[test]
fn t14_a_dialog_whose_default_is_to_quit_is_never_answered() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pane = terminal.agent("a", &fleet.path("notes"), "dialog");
    fleet.pane(&terminal, "ann", &pane);
    let _at_work = fleet.work();
    let id = fleet.send("work 0", None);
    fleet.until_status("ann", "waiting_input");
    assert_eq!(fleet.tasks.show(id).unwrap().status, Status::Pending);
    assert_eq!(
        fleet.notes("notes"),
        [serde_json::Value::Null; 0],
        "a key was pressed"
    );
    // Its user answers, and it goes on.
    terminal.tmux(&["send-keys", "-t", &pane, "y"]);
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    assert_eq!(fleet.texts("notes"), ["work 0"]);
}

#[test]
fn t14_what_somebody_typed_at_the_prompt_is_not_typed_over() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pane = terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", &pane);
    let _at_work = fleet.work();
    fleet.until_status("ann", "idle");
    terminal.tmux(&["send-keys", "-t", &pane, "-l", "half a li"]);
    fleet.until_status("ann", "unknown");
    let id = fleet.send("a task", None);
    // The person goes on, and only then it is the task's turn.
    terminal.tmux(&["send-keys", "-t", &pane, "-l", "ne"]);
    terminal.tmux(&["send-keys", "-t", &pane, "Enter"]);
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Completed, 0),
        "{:?}",
        task.error
    );
    assert_eq!(fleet.texts("notes"), ["half a line", "a task"]);
}

#[test]
fn t14_typed_and_not_taken_is_a_failure_and_what_was_typed_is_cleared() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let folder = fleet.folder("f");
    let pane = terminal.agent("a", &fleet.path("notes"), "deaf");
    fleet.pane(&terminal, "ann", &pane);
    let _at_work = fleet.work();
    let id = fleet.send_with("nobody hears", Some(&folder), |send| send.max_tries = 1);
    let task = fleet.end_of(id);
    assert_eq!(task.status, Status::Failed);
    assert!(
        task.error
            .as_ref()
            .unwrap()
            .contains("not taken within 10 s"),
        "{task:?}"
    );
    assert_eq!(
        (task.retry_count, task.lock_status.as_deref()),
        (1, Some("released"))
    );
    until("it is cleared", || {
        fleet.notes("notes") == [serde_json::json!({"cleared": true})]
    });
    fleet.until_status("ann", "idle");
    fleet.assert_at_rest();
}

#[test]
fn t14_several_lines_are_not_typed_where_each_would_be_taken_for_itself() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    terminal.agent("a", &fleet.path("notes"), "plain");
    fleet.pane(&terminal, "ann", "a");
    let _at_work = fleet.work();
    // It says at each prompt that it takes no pastes.
    let task = fleet.end_of(fleet.send("one line", None));
    assert_eq!(task.status, Status::Completed, "{task:?}");
    let id = fleet.send_with("two\nlines", None, |send| send.max_tries = 1);
    let task = fleet.end_of(id);
    assert!(
        task.error.as_ref().unwrap().contains("bracketed paste"),
        "{task:?}"
    );
    assert_eq!(fleet.texts("notes"), ["one line"]);
}

#[test]
fn t14_a_text_with_keys_in_it_fails_at_once() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", "a");
    let _at_work = fleet.work();
    let task = fleet.end_of(fleet.send("end\u{1b}[201~\r", None));
    assert!(task.error.as_ref().unwrap().contains("U+001B"), "{task:?}");
    assert_eq!(fleet.notes("notes").len(), 0);
}

#[test]
fn t14_panes_come_and_go_by_a_pattern_and_no_other_is_typed_into() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    terminal.agent("my-agent", &fleet.path("other"), "");
    fleet.pane(&terminal, "fleet", "agent-*");
    let _at_work = fleet.work();
    let id = fleet.send("for whoever comes", None);
    terminal.agent("agent-1", &fleet.path("first"), "");
    assert_eq!(
        fleet.end_of(id).assigned_session.as_deref(),
        Some("agent-1")
    );
    // A second pane in the same tmux session is a session of its own.
    let second = agent(&fleet.path("second"), "");
    let pane = terminal.tmux(&[
        "split-window",
        "-P",
        "-F",
        "#{pane_id}",
        "-t",
        "=agent-1:",
        &second,
    ]);
    let name = format!("agent-1:{pane}");
    fleet.until_status(&name, "idle");
    let id = fleet.send_with("for the second", None, |send| {
        send.session = Some(name.clone())
    });
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    terminal.tmux(&["kill-pane", "-t", &pane]);
    until("it is gone", || fleet.known(&name).is_none());
    assert_eq!(fleet.texts("first"), ["for whoever comes"]);
    assert_eq!(fleet.texts("second"), ["for the second"]);
    assert_eq!(fleet.notes("other").len(), 0);
    fleet.tasks.remove("fleet").unwrap();
    assert_eq!(fleet.tasks.sessions().unwrap().sessions.len(), 0);
}

#[test]
fn t11_a_task_in_a_pane_ends_when_it_is_seen_idle_and_keeps_what_was_shown() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let folder = fleet.folder("f");
    terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", "a");
    let _at_work = fleet.work();
    fleet.end_of(fleet.send("an earlier task", None));
    let id = fleet.send("work 0.5", Some(&folder));
    until("it works", || {
        fleet.tasks.show(id).unwrap().status == Status::InProgress
    });
    let lock = fleet.tasks.show(id).unwrap().lock_token.unwrap();
    let info = gaia_locks::Locks::status(fleet.tasks.locks(), None).unwrap();
    assert_eq!(info.locks[0].lock.id, lock);
    assert_eq!(fleet.status("ann"), "busy");
    let task = fleet.end_of(id);
    assert_eq!(task.status, Status::Completed);
    let response = task.response.unwrap();
    assert!(
        response.contains("working") && response.contains("done"),
        "{response}"
    );
    assert!(!response.contains("earlier"), "{response}");
    assert!(read(task.log_file.unwrap().as_ref()).contains("working"));
    fleet.until_status("ann", "idle");
    fleet.assert_at_rest();
}

#[test]
fn t11_an_agent_that_asks_during_a_task_shows_it_and_the_task_goes_on() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pane = terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", "a");
    let _at_work = fleet.work();
    let id = fleet.send("ask first", None);
    fleet.until_status("ann", "waiting_input");
    until("it was taken", || {
        fleet.tasks.show(id).unwrap().status == Status::InProgress
    });
    terminal.tmux(&["send-keys", "-t", &pane, "1"]);
    assert_eq!(fleet.end_of(id).status, Status::Completed);
}

#[test]
fn t14_an_agents_own_word_counts_as_taken() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    terminal.agent("a", &fleet.path("notes"), "deaf");
    fleet.pane(&terminal, "ann", "a");
    let _at_work = fleet.work();
    let id = fleet.send("said so", None);
    until("it is typed", || {
        fleet.tasks.show(id).unwrap().status == Status::Assigned
    });
    assert!(fleet.tasks.taken(id, "bob").is_err());
    let task = fleet.tasks.taken(id, "ann").unwrap();
    assert_eq!(task.status, Status::InProgress);
    // It goes on, although its screen shows nothing of it.
    terminal.kill_server();
    until("it is lost", || {
        fleet.tasks.show(id).unwrap().retry_count == 1
    });
}

#[test]
fn t06_a_pane_that_dies_during_a_task_sends_it_back() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    terminal.session("keeps-the-server", "cat");
    let folder = fleet.folder("f");
    terminal.agent("agent-1", &fleet.path("first"), "");
    fleet.pane(&terminal, "fleet", "agent-*");
    let _at_work = fleet.work();
    let id = fleet.send("die", Some(&folder));
    until("it was tried", || {
        fleet.tasks.show(id).unwrap().retry_count == 1
    });
    until("the session is gone", || fleet.known("agent-1").is_none());
    let task = fleet.tasks.show(id).unwrap();
    assert_eq!(task.status, Status::Pending, "{task:?}");
    assert!(task.error.unwrap().contains("is gone"));
    fleet.assert_at_rest();
}

#[test]
fn heavy_t06_a_server_that_is_killed_takes_its_tasks_back_and_is_found_again() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    for name in ["a", "b", "c"] {
        terminal.agent(name, &fleet.path(name), "");
        fleet.pane(&terminal, name, name);
    }
    let by_id = terminal.agent("d", &fleet.path("d"), "");
    fleet.pane(&terminal, "by id", &by_id);
    let _at_work = fleet.work();
    let tasks: Vec<_> = (0..4).map(|_| fleet.send("work 30", None)).collect();
    for id in &tasks {
        until("it works", || {
            fleet.tasks.show(*id).unwrap().status == Status::InProgress
        });
    }
    terminal.kill_server();
    for id in &tasks {
        until("it is pending again", || {
            fleet.tasks.show(*id).unwrap().retry_count == 1
        });
        fleet.tasks.cancel(*id, "test").unwrap();
    }
    for name in ["a", "b", "c", "by id"] {
        fleet.until_status(name, "unknown");
    }
    // The pane numbers are used again, by others.
    for name in ["x1", "x2", "x3", "x4", "b"] {
        terminal.agent(
            name,
            &fleet.path(&format!("new {name}")).with_extension("n"),
            "",
        );
    }
    fleet.until_status("b", "idle");
    let id = fleet.send("hello", None);
    assert_eq!(fleet.end_of(id).assigned_session.as_deref(), Some("b"));
    assert_eq!(
        fleet.status("by id"),
        "unknown",
        "another pane has its number"
    );
}

#[test]
fn t04_past_its_time_an_agent_is_interrupted_and_its_session_waits_until_it_is_idle() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let folder = fleet.folder("f");
    terminal.agent("a", &fleet.path("notes"), "");
    fleet.pane(&terminal, "ann", "a");
    let _at_work = fleet.work();
    let id = fleet.send_with("work 30", Some(&folder), |send| {
        send.time_limit = Duration::from_millis(1500);
    });
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.error.as_deref()),
        (Status::Failed, Some("timed out"))
    );
    assert!(task.response.unwrap().contains("interrupted"));
    assert!(
        fleet
            .notes("notes")
            .contains(&serde_json::json!({"interrupted": true}))
    );
    fleet.until_status("ann", "idle");
    fleet.assert_at_rest();
}

#[test]
fn t04_a_cancelled_task_keeps_its_lock_until_its_agent_is_seen_idle() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let folder = fleet.folder("f");
    terminal.agent("a", &fleet.path("notes"), "stubborn");
    fleet.pane(&terminal, "ann", "a");
    let _at_work = fleet.work();
    let id = fleet.send("work 2", Some(&folder));
    until("it works", || {
        fleet.tasks.show(id).unwrap().status == Status::InProgress
    });
    fleet.tasks.cancel(id, "test").unwrap();
    let interrupted = serde_json::json!({"interrupted": true});
    until("it is interrupted", || {
        fleet.notes("notes").contains(&interrupted)
    });
    let status = gaia_locks::Locks::status(fleet.tasks.locks(), None).unwrap();
    assert_eq!(status.locks.len(), 1, "its lock ended while it worked");
    assert_eq!(fleet.end_of(id).status, Status::Cancelled);
    assert!(terminal.screen("a").contains("done"));
}

#[test]
fn t05_a_shell_is_a_session_too() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    terminal.session("sh", "PS1='me$ ' exec bash --norc --noprofile");
    let quick = Patterns {
        quiet_ms: Some(150),
        ..Patterns::default()
    };
    fleet.pane_with(&terminal, "sh", "sh", None, quick);
    let _at_work = fleet.work();
    let task = fleet.end_of(fleet.send("sleep 0.5; echo $((6 * 7))", None));
    assert_eq!(task.status, Status::Completed, "{task:?}");
    assert!(task.response.unwrap().contains("\n42\n"));
    let task = fleet.end_of(fleet.send("true", None));
    assert_eq!(task.status, Status::Completed, "{task:?}");
}

#[test]
fn the_users_windows_keep_their_size_and_their_variables() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let pane = terminal.agent("a", &fleet.path("notes"), "");
    terminal.tmux(&["set-environment", "-t", "a", "SSH_AUTH_SOCK", "mine"]);
    fleet.pane(&terminal, "ann", &pane);
    let _at_work = fleet.work();
    fleet.end_of(fleet.send("work 0", None));
    let size = terminal.tmux(&[
        "display-message",
        "-p",
        "-t",
        &pane,
        "#{window_width}x#{window_height}",
    ]);
    assert_eq!(size, "100x30");
    let kept = terminal.tmux(&["show-environment", "-t", "a", "SSH_AUTH_SOCK"]);
    assert_eq!(kept, "SSH_AUTH_SOCK=mine");
}

#[test]
fn what_cannot_be_a_session_is_refused_when_it_is_added() {
    let fleet = Fleet::new();
    let terminal = Terminal::new(&fleet);
    let add = |target: &str, patterns: Patterns| {
        let add = gaia_assigner::service::AddTmux {
            name: gaia_locks::ids::SessionId::new("ann").unwrap(),
            server: terminal.socket().to_owned(),
            target: target.to_owned(),
            provider: None,
            patterns,
        };
        fleet
            .tasks
            .add_tmux(&add)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert!(add("%7", stand_in()).unwrap_err().contains("%7"));
    assert!(
        add("", stand_in())
            .unwrap_err()
            .contains("names no tmux pane")
    );
    let wrong = Patterns {
        idle: Some("(".to_owned()),
        ..stand_in()
    };
    assert!(add("a", wrong).unwrap_err().contains("idle pattern"));
    assert!(add("a", stand_in()).is_ok());
    assert!(add("a*", stand_in()).unwrap_err().contains("already"));
}
