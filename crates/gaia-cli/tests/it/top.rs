//! `gaia top` in a real terminal.

use crate::home::{Home, loudly, until};
use crate::terminal::Terminal;

fn terminal<'a>(home: &'a Home, columns: &str, rows: &str) -> Option<Terminal<'a>> {
    let terminal = Terminal::of_size(home, columns, rows);
    if terminal.is_none() {
        loudly("gaia top in a terminal: there is no tmux");
    }
    terminal
}

#[test]
fn it_shows_what_happens_filters_shows_a_log_and_ends_a_lock_after_a_question() {
    let home = Home::new();
    let Some(terminal) = terminal(&home, "80", "24") else {
        return;
    };
    assert_eq!(
        home.status(&["session", "add", "ivy", "--process", "sh"]),
        0
    );
    assert_eq!(home.status(&["send", "echo said in the log"]), 0);
    assert_eq!(home.status(&["up", "--until-idle", "--no-server"]), 0);
    terminal.type_line("gaia top; echo ended=$?");
    terminal.until_shown("No active locks");
    for folder in ["web", "docs"] {
        assert_eq!(home.status(&["acquire", folder, "--session", "ann"]), 0);
        terminal.until_shown(&format!("/work/{folder}"));
    }
    assert!(
        terminal.screen().contains("1 locks 2"),
        "{}",
        terminal.screen()
    );
    terminal.keys(&["/", "d", "o", "c", "s", "Enter"]);
    until("it is filtered", || {
        !terminal.screen().contains("/work/web")
    });
    assert!(terminal.screen().contains("/work/docs"));

    terminal.keys(&["x"]);
    terminal.until_shown("End this lock?");
    terminal.keys(&["Enter"]);
    assert_eq!(home.locks().len(), 2, "a reason is asked for first");
    terminal.keys(&["-l", "stuck"]);
    terminal.keys(&["Enter"]);
    terminal.until_shown("ended lock 2");
    assert_eq!(home.locks().len(), 1);
    let ended = home.json(&["history"])["locks"][0].clone();
    assert_eq!(
        (&ended["end_reason"], &ended["reason"]),
        (&"forced".into(), &"stuck".into())
    );

    terminal.keys(&["3", "Enter"]);
    terminal.until_shown("nothing here holds");
    terminal.keys(&["Escape"]);
    terminal.until_shown("completed");
    terminal.keys(&["s"]);
    terminal.until_shown("TASK↑");
    terminal.keys(&["Enter"]);
    terminal.until_shown("log of task 1");
    terminal.until_shown("said in the log");
    terminal.keys(&["Escape"]);
    // Sent at once, the next key would be Alt and that key to a terminal.
    until("the log is closed", || {
        !terminal.screen().contains("log of task")
    });
    terminal.keys(&["?"]);
    terminal.until_shown("the log of the row's task");
    terminal.keys(&["?", "q"]);
    terminal.until_shown("ended=0");
}

#[test]
fn on_a_small_screen_what_matters_most_is_shown() {
    let home = Home::new();
    let Some(terminal) = terminal(&home, "40", "10") else {
        return;
    };
    assert_eq!(home.status(&["acquire", "web", "--session", "ann"]), 0);
    terminal.type_line("gaia top");
    terminal.until_shown("FOLDER");
    let screen = terminal.screen();
    assert!(
        screen.contains("SESSION") && screen.contains("ann"),
        "{screen}"
    );
    terminal.keys(&["x"]);
    terminal.until_shown("reason:");
    terminal.keys(&["C-c"]);
    until("it ended", || !terminal.screen().contains("reason:"));
    assert_eq!(home.locks().len(), 1);
}

#[test]
fn the_question_before_a_lock_is_ended_is_whole_whatever_is_locked() {
    let home = Home::new();
    let Some(terminal) = terminal(&home, "40", "12") else {
        return;
    };
    let deep = "a/folder/with/a/path/that/is/long".repeat(12);
    let adding = ["session", "add", "ivy", "--process", "sleep 60"];
    assert_eq!(home.status(&adding), 0);
    assert_eq!(home.status(&["acquire", &deep, "--session", "ann"]), 0);
    terminal.type_line("gaia top");
    terminal.until_shown("…");
    terminal.keys(&["x"]);
    terminal.until_shown("without a lock.");
    let screen = terminal.screen();
    for part in ["ann holds", "is/long", "reason:", "Enter ends it"] {
        assert!(screen.contains(part), "{part}:\n{screen}");
    }
    terminal.keys(&["Escape"]);
    terminal.until_shown("nothing was ended");
    assert_eq!(home.status(&["release", &deep, "--session", "ann"]), 0);
    assert_eq!(home.status(&["send", "wait", "--dir", "."]), 0);
    let _at_work = home.spawn(&["up", "--no-server"]);
    until("the task runs", || home.locks().len() == 1);
    terminal.until_shown("ivy");
    terminal.keys(&["x"]);
    terminal.until_shown("Task 1 is stopped and fails.");
}

#[test]
fn a_signal_that_ends_it_leaves_the_terminal_as_it_was() {
    let home = Home::new();
    let Some(terminal) = terminal(&home, "80", "24") else {
        return;
    };
    for signal in ["INT", "QUIT", "TERM", "HUP"] {
        terminal.type_line(&format!("gaia top; echo after-$?-{signal}"));
        terminal.until_shown("gaia top 0 pending");
        crate::home::signal(terminal.job(), signal);
        terminal.until_shown(&format!("after-0-{signal}"));
        assert_eq!(terminal.told("#{alternate_on} #{cursor_flag}"), "0 1");
        terminal.type_line("clear");
        until("it takes lines", || !terminal.screen().contains("after"));
    }
}

#[test]
fn it_can_be_stopped_and_goes_on() {
    let home = Home::new();
    let Some(terminal) = terminal(&home, "80", "24") else {
        return;
    };
    let head = "gaia top 0 pending, 0 at work";
    let is_whole = || terminal.screen().starts_with(head);
    terminal.type_line("gaia top");
    until("it is shown", is_whole);
    let top = terminal.job();
    crate::home::signal(top, "TSTP");
    until("the terminal is free", || {
        terminal.told("#{alternate_on} #{cursor_flag}") == "0 1"
    });
    terminal.type_line("fg");
    until("it is shown again", is_whole);
    assert_eq!(terminal.told("#{alternate_on}"), "1");
    // Nobody hears of this one before it goes on.
    crate::home::signal(top, "STOP");
    terminal.until_shown("Stopped");
    // The terminal is raw yet: its Enter ends no line.
    terminal.keys(&["-l", "fg"]);
    terminal.keys(&["C-j"]);
    until("it is shown once more", is_whole);
    terminal.keys(&["?"]);
    terminal.until_shown("the log of the row's task");
    terminal.keys(&["?", "q"]);
    until("the terminal is free", || {
        terminal.told("#{alternate_on} #{cursor_flag}") == "0 1"
    });
    terminal.type_line("echo ended=$?");
    terminal.until_shown("ended=0");
}

#[test]
fn a_log_can_be_read_to_the_end_of_a_long_line() {
    let home = Home::new();
    let Some(terminal) = terminal(&home, "40", "12") else {
        return;
    };
    let say = "printf 'begins %0200d' 7; echo ' and ends'";
    assert_eq!(
        home.status(&["session", "add", "ivy", "--process", "sh"]),
        0
    );
    assert_eq!(home.status(&["send", say]), 0);
    assert_eq!(home.status(&["up", "--until-idle", "--no-server"]), 0);
    terminal.type_line("gaia top");
    terminal.until_shown("No active locks");
    terminal.keys(&["3"]);
    terminal.until_shown("completed");
    terminal.keys(&["Enter"]);
    terminal.until_shown("and ends");
    assert!(
        terminal.screen().contains("begins"),
        "{}",
        terminal.screen()
    );
}

#[test]
fn without_a_terminal_it_says_what_else_there_is() {
    let home = Home::new();
    let output = home.output(&["top"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("gaia status --watch"), "{said}");
}
