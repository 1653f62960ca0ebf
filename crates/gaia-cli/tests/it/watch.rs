//! `gaia status --watch` in a real terminal.

use crate::home::{Home, loudly, until};
use crate::terminal::Terminal;

#[test]
fn what_has_no_room_pushes_nothing_off_the_screen() {
    let home = Home::new();
    let Some(terminal) = Terminal::of_size(&home, "80", "24") else {
        return loudly("status --watch in a terminal: there is no tmux");
    };
    let folders: Vec<String> = (0..40).map(|folder| format!("f{folder}")).collect();
    let mut words = vec!["acquire", "--session", "ann"];
    words.extend(folders.iter().map(String::as_str));
    assert_eq!(home.status(&words), 0);
    terminal.type_line("clear; gaia status --watch");
    terminal.until_shown("more lines; `gaia top` scrolls");
    let pushed = || terminal.told("#{history_size}");
    let (screen, before) = (terminal.screen(), pushed());
    assert!(
        screen.lines().next().unwrap().contains("FOLDER"),
        "{screen}"
    );
    for _ in 0..2 {
        let shown = terminal.screen();
        until("it is shown anew", || terminal.screen() != shown);
    }
    assert_eq!(pushed(), before);
    words[0] = "release";
    assert_eq!(home.status(&words), 0);
    until("all of it has room", || {
        !terminal.screen().contains("more lines")
    });
    assert!(
        terminal.screen().contains("database "),
        "{}",
        terminal.screen()
    );
}
