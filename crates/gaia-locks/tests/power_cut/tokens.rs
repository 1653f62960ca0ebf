//! Tokens after a cut.

use super::*;

#[test]
fn r04_no_token_is_given_twice_after_a_power_cut() {
    let scene = scene();
    let last = *scene.acknowledged.last().unwrap();
    let left = scene.synced.put(&scene.home, "after.db");
    scene.clock.reboot();
    let after = normal(&left, &scene.clock);
    assert_eq!(
        after.status(None).unwrap().count,
        0,
        "the grants were lost indeed"
    );
    let next = grant(&after, "/0");
    assert!(next > last, "{next} after {last}");
}

/// The control: without the new boot nothing tells that grants were lost, and
/// the same tokens come again. So the test above can fail.
#[test]
fn r04_control_the_simulated_cut_loses_tokens() {
    let scene = scene();
    let left = scene.synced.put(&scene.home, "after.db");
    let repeated = grant(&normal(&left, &scene.clock), "/0");
    assert!(scene.acknowledged.contains(&repeated), "{repeated}");
}

#[test]
fn r14_a_log_torn_anywhere_opens_clean() {
    let scene = scene();
    let last = *scene.acknowledged.last().unwrap();
    let whole = Disk::of(&scene.path);
    assert!(whole.log.len() > scene.synced.log.len());
    scene.clock.reboot();
    let cuts = (scene.synced.log.len()..whole.log.len()).step_by(997);
    for (turn, cut) in cuts.enumerate() {
        let mut torn = Disk {
            main: scene.synced.main.clone(),
            log: whole.log[..cut].to_vec(),
        };
        if turn % 2 == 1 {
            // Blocks that were never written hold anything.
            torn.log.resize(whole.log.len(), 0xA5);
        }
        let after = normal(
            &torn.put(&scene.home, &format!("torn-{turn}.db")),
            &scene.clock,
        );
        let held = after.status(None).unwrap().count;
        assert!(held <= scene.acknowledged.len(), "cut at {cut}");
        let next = grant(&after, "/next");
        assert!(next > last, "cut at {cut}: {next} after {last}");
    }
}

#[test]
fn r04_tokens_rise_over_two_power_cuts_and_many_blocks() {
    let home = tempfile::tempdir().unwrap();
    let mut path = home.path().join("0.db");
    let clock = ManualClock::new();
    let mut highest = LockId(0);
    for round in 1..4 {
        let service = normal(&path, &clock);
        let mut on_disk = None;
        // More than one block: the second is reserved in the middle.
        for _ in 0..4100 {
            let (token, synced) = grant_caught_cheaply(&service, &path);
            assert!(token > highest, "{token} after {highest}");
            highest = token;
            on_disk = synced.or(on_disk);
        }
        clock.reboot();
        path = on_disk.unwrap().put(&home, &format!("{round}.db"));
    }
}

/// As [`grant_caught`], but the files are read only when the work runs again.
fn grant_caught_cheaply(service: &LockService, path: &Path) -> (LockId, Option<Disk>) {
    let request: Acquire = ask("A", "/caught").own().0;
    let want = service.want(&request).unwrap();
    let (mut runs, mut synced) = (0, None);
    let answer = service
        .transact(|tx| {
            runs += 1;
            if runs > 1 {
                synced = Some(Disk::of(path));
            }
            let answer = tx.acquire(&Attempt {
                want: &want,
                request: &request,
            })?;
            if let Answer::Granted(granted) = &answer {
                let lock = tx.store().lock(granted.locks[0].id)?;
                tx.end_task_locks(&[granted.locks[0].id], "test")?;
                assert!(lock.is_some());
            }
            Ok(answer)
        })
        .unwrap();
    let Answer::Granted(granted) = answer else {
        unreachable!("one's own lock is in nobody's way: {answer:?}");
    };
    (granted.locks[0].id, synced)
}

#[test]
fn r04_the_first_request_after_a_reboot_may_be_a_grant() {
    let scene = scene();
    scene.clock.reboot();
    let same = normal(&scene.path, &scene.clock);
    assert!(grant(&same, "/next") > *scene.acknowledged.last().unwrap());
}
