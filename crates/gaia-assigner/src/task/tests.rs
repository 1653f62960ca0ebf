//! What becomes of a task whose try has ended.
use super::*;

fn running(spent: u32, retry: bool, stop: Option<Stop>) -> Running {
    Running {
        id: TaskId(1),
        session: SessionId::new("s").unwrap(),
        token: None,
        deadline: Moment(0),
        assigner: None,
        keeper: None,
        pane: None,
        agent_pid: None,
        is_started: false,
        stop,
        told: None,
        work_tree: None,
        retry,
        spent,
        most: 3,
        log: None,
    }
}

const FIRST: Duration = Duration::from_secs(1);
const DONE: Outcome = Outcome::Exit(Exit::Code(0));
const FAILED: Outcome = Outcome::Exit(Exit::Code(7));

#[test]
fn t06_a_failed_process_is_tried_again_only_if_asked_for() {
    let next = after(&running(0, false, None), &FAILED, FIRST);
    assert_eq!(next, Next::Failed("it ended with status 7".to_owned()));
    let next = after(&running(0, true, None), &FAILED, FIRST);
    assert!(matches!(next, Next::Again { spent: true, .. }), "{next:?}");
}

#[test]
fn t06_max_retries_is_the_number_of_tries_in_all_and_pauses_grow() {
    let pauses: Vec<_> = (0..2)
        .map(
            |spent| match after(&running(spent, true, None), &FAILED, FIRST) {
                Next::Again { pause, .. } => pause.as_secs(),
                other => panic!("{other:?}"),
            },
        )
        .collect();
    assert_eq!(pauses, [1, 4]);
    let third = after(&running(2, true, None), &FAILED, FIRST);
    assert!(matches!(third, Next::Failed(_)), "{third:?}");
    assert_eq!(pause(30, FIRST), LONGEST_PAUSE);
}

#[test]
fn t05_one_whose_lease_could_not_be_renewed_is_tried_again_and_a_lost_lock_fails_it() {
    let next = after(&running(0, false, None), &Outcome::Unrenewed, FIRST);
    assert!(matches!(next, Next::Again { spent: true, .. }), "{next:?}");
    let lost = Outcome::LeaseLost("lapsed".to_owned());
    let next = after(&running(0, true, None), &lost, FIRST);
    assert_eq!(next, Next::Failed("its lock was lost: lapsed".to_owned()));
    let next = after(&running(0, true, Some(Stop::Cancelled)), &lost, FIRST);
    assert_eq!(next, Next::Cancelled);
}

#[test]
fn t02_what_could_not_be_started_is_pending_again_with_one_try_spent() {
    let refused = Outcome::NotStarted("no such program".to_owned());
    let next = after(&running(0, false, None), &refused, FIRST);
    assert!(matches!(next, Next::Again { spent: true, .. }), "{next:?}");
}

#[test]
fn t04_timed_out_is_the_error_word_for_word_unless_it_was_done_after_all() {
    let killed = Outcome::Exit(Exit::Signal(9));
    let next = after(&running(0, true, Some(Stop::TimedOut)), &killed, FIRST);
    assert_eq!(next, Next::Failed("timed out".to_owned()));
    let next = after(&running(0, true, Some(Stop::TimedOut)), &DONE, FIRST);
    assert_eq!(next, Next::Completed);
}

/// Many an agent ends with status 0 when it is told to end.
#[test]
fn t04_the_status_of_one_that_was_told_to_end_says_nothing_of_its_work() {
    let stopped = Outcome::Stopped(Exit::Code(0));
    let after = |stop| after(&running(0, false, stop), &stopped, FIRST);
    assert_eq!(
        after(Some(Stop::TimedOut)),
        Next::Failed("timed out".to_owned())
    );
    let reassigned = Stop::Reassigned {
        by: "me".to_owned(),
    };
    for stop in [Stop::Leaving, reassigned] {
        let next = after(Some(stop));
        assert!(matches!(next, Next::Again { spent: false, .. }), "{next:?}");
    }
    let next = after(None);
    assert!(matches!(next, Next::Again { spent: true, .. }), "{next:?}");
}

#[test]
fn who_was_called_off_is_cancelled_however_it_ended() {
    let told = Outcome::Told(Told::Done(None));
    for outcome in [DONE, FAILED, Outcome::Lost, told, Outcome::SeenIdle] {
        let next = after(&running(0, true, Some(Stop::Cancelled)), &outcome, FIRST);
        assert_eq!(next, Next::Cancelled);
    }
}

#[test]
fn t11_what_the_agent_says_itself_decides() {
    let done = Outcome::Told(Told::Done(Some("42".to_owned())));
    let failed = Outcome::Told(Told::Failed("no disk".to_owned()));
    assert_eq!(
        after(&running(0, false, None), &done, FIRST),
        Next::Completed
    );
    let next = after(&running(0, false, None), &failed, FIRST);
    assert_eq!(next, Next::Failed("no disk".to_owned()));
    let next = after(&running(0, true, None), &failed, FIRST);
    assert!(matches!(next, Next::Again { spent: true, .. }), "{next:?}");
    let late = running(0, false, Some(Stop::TimedOut));
    assert_eq!(after(&late, &done, FIRST), Next::Completed);
    let next = after(&late, &failed, FIRST);
    assert_eq!(next, Next::Failed("timed out".to_owned()));
}

#[test]
fn t11_seen_idle_is_done_unless_it_was_told_to_stop() {
    let next = after(&running(0, false, None), &Outcome::SeenIdle, FIRST);
    assert_eq!(next, Next::Completed);
    let late = running(0, true, Some(Stop::TimedOut));
    let next = after(&late, &Outcome::SeenIdle, FIRST);
    assert_eq!(next, Next::Failed("timed out".to_owned()));
    let leaving = running(0, true, Some(Stop::Leaving));
    let next = after(&leaving, &Outcome::SeenIdle, FIRST);
    assert!(matches!(next, Next::Again { spent: false, .. }), "{next:?}");
}

#[test]
fn t02_a_text_that_can_never_be_given_fails_at_once() {
    let unfit = Outcome::Unfit("it holds control characters".to_owned());
    let next = after(&running(0, true, None), &unfit, FIRST);
    assert!(matches!(next, Next::Failed(_)), "{next:?}");
}

#[test]
fn words_are_read_back() {
    for word in [
        "pending",
        "assigned",
        "in_progress",
        "completed",
        "failed",
        "cancelled",
    ] {
        assert_eq!(Status::from_word(word).unwrap().word(), word);
    }
    assert_eq!(Status::from_word("done"), None);
}
