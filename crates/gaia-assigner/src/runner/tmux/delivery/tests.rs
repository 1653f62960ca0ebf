use super::*;

fn at(millis: u64) -> Moment {
    Moment(1).plus(Duration::from_millis(millis))
}

fn look(line: &str) -> Look {
    Look {
        lines: vec![line.to_owned()],
        cursor: (line.len(), 0),
        ..Look::default()
    }
}

fn see(delivery: &mut Delivery, now: Moment, line: &str, reading: Reading) -> Option<Act> {
    see_as(delivery, now, line, reading, Status::Busy, false)
}

fn see_as(
    delivery: &mut Delivery,
    now: Moment,
    line: &str,
    reading: Reading,
    status: Status,
    shows_work: bool,
) -> Option<Act> {
    let look = look(line);
    let seen = Seen {
        look: &look,
        reading,
        status,
        shows_work,
        holds_text: false,
    };
    delivery.look(now, seen)
}

/// One whose text was typed and sent off.
fn entered() -> Delivery {
    let mut delivery = Delivery::new();
    assert_eq!(
        see(&mut delivery, at(0), "> ", Reading::Idle),
        Some(Act::Paste)
    );
    assert_eq!(delivery.pasted(at(1), Ok(())), Act::Look(at(41)));
    assert_eq!(
        see(&mut delivery, at(41), "> te", Reading::Other),
        Some(Act::Look(at(81)))
    );
    assert_eq!(
        see(&mut delivery, at(81), "> text", Reading::Other),
        Some(Act::Look(at(121)))
    );
    assert_eq!(
        see(&mut delivery, at(121), "> text", Reading::Other),
        Some(Act::Enter)
    );
    delivery
}

#[test]
fn t14_nothing_is_typed_where_somebody_typed_or_a_dialog_stands() {
    for reading in [Reading::Other, Reading::Waiting, Reading::Busy] {
        let act = see(&mut Delivery::new(), at(0), "> rm", reading);
        assert!(matches!(act, Some(Act::End(Outcome::NotNow(_)))), "{act:?}");
    }
}

#[test]
fn t14_copy_mode_is_left_first_and_not_for_ever() {
    let mut delivery = Delivery::new();
    let look = Look {
        in_mode: true,
        ..look("> ")
    };
    let seen = Seen {
        look: &look,
        reading: Reading::Idle,
        status: Status::Idle,
        shows_work: false,
        holds_text: false,
    };
    for _ in 0..MODES {
        assert_eq!(delivery.look(at(0), seen), Some(Act::LeaveMode));
    }
    let act = delivery.look(at(0), seen);
    assert!(matches!(act, Some(Act::End(Outcome::NotNow(_)))), "{act:?}");
}

#[test]
fn t14_a_dialog_that_comes_up_while_it_is_typed_gets_no_enter() {
    let mut delivery = Delivery::new();
    see(&mut delivery, at(0), "> ", Reading::Idle);
    delivery.pasted(at(1), Ok(()));
    let act = see(&mut delivery, at(41), "1. Yes", Reading::Waiting);
    assert!(
        matches!(act, Some(Act::End(Outcome::NotStarted(_)))),
        "{act:?}"
    );
}

#[test]
fn t14_typed_and_not_taken_is_no_success() {
    let mut delivery = entered();
    let later = at(121).plus(PATIENCE);
    assert_eq!(
        see(&mut delivery, at(200), "> text", Reading::Other),
        Some(Act::Look(later))
    );
    let act = see(&mut delivery, later, "> text", Reading::Other);
    assert!(
        matches!(act, Some(Act::ClearAndEnd(Outcome::NotStarted(_)))),
        "{act:?}"
    );
}

#[test]
fn t14_taken_is_work_a_question_or_an_input_line_without_the_text() {
    for (line, reading) in [
        ("> text", Reading::Busy),
        ("Allow? 1. Yes", Reading::Waiting),
        ("> ", Reading::Idle),
        ("thinking", Reading::Other),
    ] {
        assert_eq!(
            see(&mut entered(), at(200), line, reading),
            Some(Act::Started),
            "{line}"
        );
    }
    // Where work shows by a pattern, anything else is not enough.
    let act = see_as(
        &mut entered(),
        at(200),
        "thinking",
        Reading::Other,
        Status::Busy,
        true,
    );
    assert!(matches!(act, Some(Act::Look(_))), "{act:?}");
    assert_eq!(entered().taken(), Some(Act::Started));
}

#[test]
fn t11_seen_idle_for_the_quiet_time_it_is_over() {
    let mut delivery = entered();
    see(&mut delivery, at(200), "working", Reading::Busy);
    assert_eq!(see(&mut delivery, at(300), "> ", Reading::Idle), None);
    let act = see_as(
        &mut delivery,
        at(2300),
        "> ",
        Reading::Idle,
        Status::Idle,
        false,
    );
    assert_eq!(act, Some(Act::End(Outcome::SeenIdle)));
}

#[test]
fn t08_taken_over_it_is_sent_again_only_as_another_try() {
    let mut sent = Delivery::adopted(false, at(0));
    let act = see_as(
        &mut sent,
        at(2000),
        "> ",
        Reading::Idle,
        Status::Idle,
        false,
    );
    assert!(
        matches!(act, Some(Act::End(Outcome::NotStarted(_)))),
        "{act:?}"
    );
    let mut sent = Delivery::adopted(false, at(0));
    assert_eq!(
        see(&mut sent, at(1), "working", Reading::Busy),
        Some(Act::Started)
    );
    let mut typed = Delivery::adopted(false, at(0));
    let act = see_as(
        &mut typed,
        at(0).plus(PATIENCE),
        "> text",
        Reading::Other,
        Status::Unknown,
        false,
    );
    assert!(
        matches!(act, Some(Act::ClearAndEnd(Outcome::NotStarted(_)))),
        "{act:?}"
    );
    let mut taken = Delivery::adopted(true, at(0));
    let act = see_as(&mut taken, at(9), "> ", Reading::Idle, Status::Idle, false);
    assert_eq!(act, Some(Act::End(Outcome::SeenIdle)));
}

#[test]
fn t04_the_text_of_an_interrupted_turn_is_taken_out_again() {
    let mut delivery = entered();
    see(&mut delivery, at(200), "working", Reading::Busy);
    let look = look("> text");
    let back = Seen {
        look: &look,
        reading: Reading::Other,
        status: Status::Unknown,
        shows_work: true,
        holds_text: true,
    };
    assert_eq!(delivery.look(at(300), back), None, "nobody has stopped it");
    assert_eq!(delivery.stop(), None);
    assert_eq!(delivery.look(at(400), back), Some(Act::Clear));
    assert_eq!(delivery.look(at(500), back), None, "once");
}

#[test]
fn t04_stopped_before_it_was_sent_off_what_was_typed_is_taken_out() {
    let mut delivery = Delivery::new();
    assert!(matches!(delivery.stop(), Some(Act::End(_))));
    let mut delivery = Delivery::new();
    see(&mut delivery, at(0), "> ", Reading::Idle);
    delivery.stop();
    assert!(matches!(
        delivery.pasted(at(1), Ok(())),
        Act::ClearAndEnd(_)
    ));
    assert_eq!(entered().stop(), None);
}

#[test]
fn t14_where_hooks_are_heard_the_screen_proves_nothing() {
    let mut delivery = entered().by_hooks(true);
    for (line, reading) in [("> ", Reading::Idle), ("working", Reading::Busy)] {
        let act = see(&mut delivery, at(200), line, reading);
        assert!(matches!(act, Some(Act::Look(_))), "{act:?}");
    }
    assert_eq!(delivery.taken(), Some(Act::Started));
    let idle = see_as(
        &mut delivery,
        at(300),
        "> ",
        Reading::Idle,
        Status::Idle,
        false,
    );
    assert_eq!(idle, None);
    // Once it is interrupted nobody else would say that it waits again.
    assert_eq!(delivery.stop(), None);
    let idle = see_as(
        &mut delivery,
        at(400),
        "> ",
        Reading::Idle,
        Status::Idle,
        false,
    );
    assert_eq!(idle, Some(Act::End(Outcome::SeenIdle)));
}

#[test]
fn t14_a_text_of_which_no_hook_spoke_is_not_taken_unless_its_client_works() {
    let mut delivery = entered().by_hooks(true);
    let late = at(121).plus(HOOK_PATIENCE);
    let act = see(&mut delivery, late, "working", Reading::Busy);
    assert!(matches!(act, Some(Act::Look(_))), "{act:?}");
    let act = see(&mut delivery, late, "> text", Reading::Other);
    assert!(
        matches!(act, Some(Act::ClearAndEnd(Outcome::NotStarted(_)))),
        "{act:?}"
    );
}
