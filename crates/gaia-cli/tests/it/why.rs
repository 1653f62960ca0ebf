//! What keeps a task, in one sentence.

use crate::home::Home;

fn why(home: &Home, task: &str) -> String {
    home.json(&["why", task])["sentence"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn why_says_of_a_task_what_it_waits_for_and_what_would_free_it() {
    let home = Home::new();
    std::fs::create_dir(home.path("work/a")).unwrap();
    assert_eq!(home.status(&["send", "true", "--dir", "a"]), 0);
    assert!(why(&home, "1").contains("`gaia session add`"));
    assert_eq!(home.status(&["session", "add", "w", "--process", "sh"]), 0);
    assert!(why(&home, "1").contains("session w is idle"));
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    let held = why(&home, "1");
    assert!(
        held.starts_with("Task 1 waits for its folder") && held.contains("held by session holder"),
        "{held}"
    );
    assert_eq!(home.status(&["pause", "a", "--reason", "later"]), 0);
    assert!(why(&home, "1").contains("gaia resume"));
    assert_eq!(home.status(&["send", "true", "--after", "1"]), 0);
    assert_eq!(why(&home, "2"), "Task 2 waits for task 1 to complete.");
    assert_eq!(home.status(&["task", "cancel", "1"]), 0);
    assert!(why(&home, "2").contains("gaia task cancel 2"));
    assert!(why(&home, "1").starts_with("Task 1 was cancelled"));
    // No task has this number, so it is a folder.
    assert!(why(&home, "3").ends_with("/work/3 is free: nobody holds it and nobody waits for it."));
}
