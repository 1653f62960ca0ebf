use serde_json::{Value, json};

use super::*;

const TEXT: &str = "mend the\n\tlock";

fn event(id: i64, kind: &str, details: Value) -> AgentEvent {
    AgentEvent {
        id,
        at: None,
        session: "ann".to_owned(),
        task: TaskId(7),
        kind: kind.to_owned(),
        details,
    }
}

fn turn() -> Turn {
    Turn::new(TaskId(7), TEXT, 0, true)
}

/// One whose text was taken.
fn taken() -> Turn {
    let mut turn = turn();
    let prompt = json!({ "prompt": TEXT });
    assert_eq!(turn.hear(&event(1, "prompted", prompt)), Some(Word::Taken));
    turn
}

fn stopped(background: bool, answer: &str) -> Value {
    json!({ "background": background, "answer": answer })
}

#[test]
fn t14_taken_is_a_prompt_with_the_tasks_text_however_the_client_wraps_it() {
    for (prompt, is_it) in [
        (TEXT, true),
        ("mend the lock", true),
        (
            "[Pasted text #1 +1 lines] <pasted_content id=\"1\">mend the\n  lock</pasted_content>",
            true,
        ),
        ("mend the door", false),
        ("", false),
    ] {
        let heard = turn().hear(&event(1, "prompted", json!({ "prompt": prompt })));
        assert_eq!(heard == Some(Word::Taken), is_it, "{prompt}");
    }
    // A client tells what a command of its own stands for.
    let mut turn = Turn::new(TaskId(7), "/review 5", 0, true);
    let prompt = json!({ "prompt": "Look at pull request 5" });
    assert_eq!(turn.hear(&event(1, "prompted", prompt)), Some(Word::Taken));
}

#[test]
fn t14_a_long_text_is_known_by_its_beginning() {
    for word in ["wörd ", "🦀        ", "日本"] {
        let text = format!("\n  {}", word.repeat(10_000));
        let mut turn = Turn::new(TaskId(7), &text, 0, true);
        let kept: String = text
            .trim()
            .chars()
            .take(8000 / word.len() * word.chars().count())
            .collect();
        assert!(kept.len() <= 8192);
        let heard = turn.hear(&event(1, "prompted", json!({ "prompt": kept })));
        assert_eq!(heard, Some(Word::Taken), "{word}");
    }
}

#[test]
fn t11_a_client_that_ends_before_the_text_is_taken_counts_where_it_was_heard_before() {
    let ended = event(1, "ended", json!({ "why": "logout" }));
    let prompted = |id| event(id, "prompted", json!({ "prompt": TEXT }));
    let other = event(1, "prompted", json!({ "prompt": "another's" }));
    let mut unheard = Turn::new(TaskId(7), TEXT, 0, false);
    assert!(!unheard.is_told_of(&[other.clone(), ended.clone()]));
    assert!(unheard.is_told_of(&[other, ended.clone(), prompted(3)]));
    assert_eq!(unheard.hear(&ended), None);
    assert_eq!(unheard.hear(&prompted(2)), Some(Word::Taken));
    assert!(turn().is_told_of(&[]));
    let heard = turn().hear(&ended);
    assert!(matches!(heard, Some(Word::Over(Outcome::NotStarted(_)))));
}

#[test]
fn t11_that_a_client_rests_just_after_a_prompt_is_about_an_earlier_turn() {
    let at = |id, kind: &str, seconds: i64| AgentEvent {
        at: Some(gaia_locks::clock::Wall(seconds * 1_000_000)),
        ..event(id, kind, json!({ "prompt": TEXT }))
    };
    let mut turn = turn();
    turn.hear(&at(1, "prompted", 100));
    assert_eq!(turn.hear(&at(2, "rested", 154)), None);
    let mut broken_off = at(2, "rested", 101);
    broken_off.details = json!({ "broken_off": true });
    assert!(matches!(
        turn.clone().hear(&broken_off),
        Some(Word::Over(_))
    ));
    // Its user says something more.
    turn.hear(&at(3, "prompted", 200));
    assert_eq!(turn.hear(&at(4, "rested", 254)), None);
    assert!(matches!(
        turn.hear(&at(5, "rested", 260)),
        Some(Word::Over(_))
    ));
}

#[test]
fn t14_what_is_told_of_another_task_or_turn_says_nothing() {
    let mut turn = turn();
    let mut other = event(1, "prompted", json!({ "prompt": TEXT }));
    other.task = TaskId(6);
    assert_eq!(turn.hear(&other), None);
    assert_eq!(turn.hear(&event(2, "stopped", stopped(false, ""))), None);
    assert_eq!(turn.hear(&event(3, "failed", Value::Null)), None);
    assert_eq!(turn.last, 3);
}

#[test]
fn t11_done_is_a_stop_with_nothing_in_the_background() {
    let mut turn = taken();
    assert_eq!(turn.hear(&event(2, "stopped", stopped(true, "soon"))), None);
    assert_eq!(turn.hear(&event(3, "rested", Value::Null)), None);
    assert_eq!(
        turn.hear(&event(4, "stopped", stopped(false, "it is mended"))),
        Some(Word::Over(Outcome::Told(Told::Done(Some(
            "it is mended".to_owned()
        )))))
    );
}

#[test]
fn t11_an_error_and_a_turn_that_was_broken_off_are_failures() {
    for (kind, details, word) in [
        ("failed", json!({ "error": "overloaded" }), "overloaded"),
        ("rested", Value::Null, "broken off"),
    ] {
        let heard = taken().hear(&event(2, kind, details));
        let Some(Word::Over(Outcome::Told(Told::Failed(why)))) = heard else {
            panic!("{heard:?}");
        };
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn t06_a_client_that_ends_is_another_try() {
    let ended = event(2, "ended", json!({ "why": "logout" }));
    let Some(Word::Over(Outcome::Left(why))) = taken().hear(&ended) else {
        panic!("not over");
    };
    assert!(why.contains("logout"), "{why}");
    let heard = turn().hear(&ended);
    assert!(
        matches!(heard, Some(Word::Over(Outcome::NotStarted(_)))),
        "{heard:?}"
    );
}

#[test]
fn t14_hooks_know_what_a_client_does_and_the_screen_what_its_user_typed() {
    use Status::{Busy, Idle, Unknown, WaitingInput};
    for (doing, screen, state) in [
        (None, Idle, Idle),
        (Some(Doing::Busy), Idle, Busy),
        (Some(Doing::WaitingInput), Busy, WaitingInput),
        (Some(Doing::Idle), Idle, Idle),
        (Some(Doing::Idle), Unknown, Unknown),
        (Some(Doing::Idle), WaitingInput, WaitingInput),
    ] {
        assert_eq!(shown(doing, screen), state, "{doing:?} {screen:?}");
    }
}
