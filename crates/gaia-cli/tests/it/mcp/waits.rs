//! Waiting in line over stdio, and all the ways in which that ends.

use serde_json::{Value, json};

use super::client::Era;
use super::{folder, start};
use crate::home::{Home, until};

/// Who stands in line: the places' ids.
fn places(home: &Home) -> Vec<Value> {
    let status = home.json(&["status"]);
    let waiters = status["waiters"].as_array().unwrap();
    waiters.iter().map(|waiter| waiter["id"].clone()).collect()
}

#[test]
fn r08_a_wait_tells_its_progress_and_is_granted_at_its_turn() {
    let home = Home::new();
    let web = folder(&home, "web");
    for era in [Era::Handshake, Era::Stateless] {
        assert_eq!(home.status(&["acquire", "web", "--session", "ben"]), 0);
        let mut ann = start(&home, "ann", era);
        let wait = ann.begin("wait_for_folder", json!({"folder": web, "limit": "1m"}));
        while ann.progress.len() < 3 {
            assert!(ann.message().expect("progress")["id"].is_null());
        }
        assert_eq!(home.waiters(), 1);
        assert_eq!(home.status(&["release", "web", "--session", "ben"]), 0);
        let answer = ann.answer(wait);
        let granted = ann.structured("wait_for_folder", &answer);
        assert_eq!(granted["locks"][0]["session_id"], "ann");
        let told = &ann.progress;
        assert!(
            told.windows(2).all(|pair| pair[0].1 < pair[1].1),
            "{told:?}"
        );
        assert!(
            told[0].2.contains("place 1") && told[0].2.contains("session ben"),
            "{told:?}"
        );
        assert_eq!(home.status(&["release", "web", "--session", "ann"]), 0);
        assert_eq!(home.waiters(), 0);
    }
}

#[test]
fn r08_patience_ends_and_says_who_holds_it() {
    let home = Home::new();
    let web = folder(&home, "web");
    assert_eq!(home.status(&["acquire", "web", "--session", "ben"]), 0);
    let mut ann = start(&home, "ann", Era::Stateless);
    let refused = ann.refused("wait_for_folder", json!({"folder": web, "limit": 0.3}));
    assert_eq!(
        (&refused["granted"], &refused["waited"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(refused["conflicts"][0]["lock"]["session_id"], "ben");
    assert_eq!(home.waiters(), 0);
}

#[test]
fn r08_a_wait_that_is_called_off_leaves_the_line_also_with_a_request_id() {
    let home = Home::new();
    let web = folder(&home, "web");
    assert_eq!(home.status(&["acquire", "web", "--session", "ben"]), 0);
    for era in [Era::Handshake, Era::Stateless] {
        for id in [json!(null), json!("w1")] {
            let mut ann = start(&home, "ann", era);
            let wait = ann.begin("wait_for_folder", json!({"folder": web, "request_id": id}));
            until("it stands in line", || home.waiters() == 1);
            ann.notify(
                "notifications/cancelled",
                json!({"requestId": wait, "reason": "enough"}),
            );
            until("it has left", || home.waiters() == 0);
            // It goes on with other calls.
            assert_eq!(ann.call("lock_status", json!({}))["count"], 1);
        }
    }
}

#[test]
fn r08_r16_a_wait_whose_connection_breaks_keeps_its_place_if_it_has_a_request_id() {
    let home = Home::new();
    let web = folder(&home, "web");
    assert_eq!(home.status(&["acquire", "web", "--session", "ben"]), 0);
    let mut ann = start(&home, "ann", Era::Stateless);
    ann.begin(
        "wait_for_folder",
        json!({"folder": web, "request_id": "w1"}),
    );
    until("ann stands in line", || home.waiters() == 1);
    let mut cid = start(&home, "cid", Era::Stateless);
    cid.begin("wait_for_folder", json!({"folder": web}));
    until("cid stands behind", || home.waiters() == 2);
    let before = places(&home);
    // A client that hangs up, and one that is killed with its server.
    assert_eq!(ann.end(), (0, String::new()));
    assert_eq!(places(&home), before);
    cid.hang_up();
    until("cid has left: nothing finds its place again", || {
        home.waiters() == 1
    });
    let mut ann = start(&home, "ann", Era::Handshake);
    ann.begin(
        "wait_for_folder",
        json!({"folder": web, "request_id": "w1"}),
    );
    assert!(ann.message().is_some(), "progress");
    ann.gaia.signal("KILL");
    assert_eq!(places(&home), before[..1]);
    let mut ann = start(&home, "ann", Era::Stateless);
    let wait = ann.begin(
        "wait_for_folder",
        json!({"folder": web, "request_id": "w1"}),
    );
    assert!(ann.message().is_some(), "progress");
    assert_eq!(places(&home), before[..1], "the same place");
    assert_eq!(home.status(&["release", "web", "--session", "ben"]), 0);
    let answer = ann.answer(wait);
    let granted = ann.structured("wait_for_folder", &answer);
    let again = ann.call(
        "wait_for_folder",
        json!({"folder": web, "request_id": "w1"}),
    );
    assert_eq!(
        again["locks"][0]["id"], granted["locks"][0]["id"],
        "no second lock"
    );
    assert_eq!(home.locks().len(), 1);
    let id = &granted["locks"][0]["id"];
    ann.call("release_folder", json!({"token": id}));
    let late = ann.refused(
        "wait_for_folder",
        json!({"folder": web, "request_id": "w1"}),
    );
    assert_eq!(late["error"]["code"], "already_ended");
    assert_eq!(
        (&late["locks"][0]["id"], &late["locks"][0]["status"]),
        (id, &json!("released"))
    );
}

#[test]
fn r10_a_wait_that_closes_a_circle_is_refused_and_the_circle_is_named() {
    let home = Home::new();
    let (a, b) = (folder(&home, "a"), folder(&home, "b"));
    let mut ann = start(&home, "ann", Era::Stateless);
    let mut ben = start(&home, "ben", Era::Stateless);
    ann.call("acquire_folder", json!({"folder": a}));
    ben.call("acquire_folder", json!({"folder": b}));
    ann.begin("wait_for_folder", json!({"folder": b}));
    until("ann waits", || home.waiters() == 1);
    let circle = ben.refused("wait_for_folder", json!({"folder": a}));
    assert_eq!(circle["error"]["code"], "deadlock");
    assert_eq!(circle["cycle"].as_array().unwrap().len(), 2);
    let message = circle["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("session ben waits for session ann"),
        "{message}"
    );
}

/// A program that writes its request, ends its stream and reads on is told what is true.
#[test]
fn r14_whoever_ends_its_stream_is_told_of_a_lock_only_if_it_is_there() {
    let home = Home::new();
    let web = folder(&home, "web");
    for tool in ["acquire_folder", "wait_for_folder"] {
        for asked in [
            json!({"folder": web}),
            json!({"folder": web, "request_id": tool}),
        ] {
            let mut ann = start(&home, "ann", Era::Stateless);
            let id = ann.begin(tool, asked.clone());
            ann.hang_up();
            let answer = ann.answer(id);
            let told = ann.structured(tool, &answer);
            ann.gaia.end();
            let (is_there, finds) = (!home.locks().is_empty(), !asked["request_id"].is_null());
            if told["granted"] == true {
                assert!(is_there, "{tool} {asked}: {told}");
            } else {
                // Under a request id the same request finds it, or its place.
                assert!(finds || !is_there, "{tool} {asked}: {told}");
                assert_eq!(told["error"]["code"], "called_off", "{told}");
            }
            home.output(&["release", &web, "--session", "ann"]);
        }
    }
}
