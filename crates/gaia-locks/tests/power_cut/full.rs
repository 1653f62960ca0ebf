//! GAIA_DURABILITY=full.

use super::*;

#[test]
fn r14_with_full_durability_the_log_holds_every_acknowledged_grant() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let clock = ManualClock::new();
    let service = open(&path, &clock, Durability::Full);
    for round in 0..10 {
        let token = grant(&service, &format!("/{round}"));
        // Synced before the answer: what is in the files now is on disk.
        let left = Disk::of(&path).put(&home, &format!("after-{round}.db"));
        let after = normal(&left, &clock);
        assert!(after.verify(token).unwrap().active);
        assert_eq!(after.status(None).unwrap().count, round + 1);
    }
}

/// Run by the test below, under strace.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how a test speaks to itself in another process"
)]
fn child_that_grants_twenty() {
    let Some(kind) = std::env::var_os("GAIA_TEST_DURABILITY") else {
        return;
    };
    let full = kind == "full";
    let home = tempfile::tempdir().unwrap();
    let durability = if full {
        Durability::Full
    } else {
        Durability::Normal
    };
    let service = open(
        &home.path().join("assigner.db"),
        &ManualClock::new(),
        durability,
    );
    for round in 0..20 {
        grant(&service, &format!("/{round}"));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn r14_full_durability_syncs_each_grant_and_normal_does_not() {
    let home = tempfile::tempdir().unwrap();
    let syncs = |durability: &str| -> Option<usize> {
        let trace = home.path().join(durability);
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-e", "trace=fsync,fdatasync", "-o"])
            .arg(&trace);
        strace
            .arg(std::env::current_exe().unwrap())
            .args(["full::child_that_grants_twenty", "--exact"]);
        let done = strace
            .env("GAIA_TEST_DURABILITY", durability)
            .output()
            .ok()?;
        done.status
            .success()
            .then(|| fs::read_to_string(&trace).unwrap().matches("sync(").count())
    };
    let (Some(full), Some(normal)) = (syncs("full"), syncs("normal")) else {
        return loudly("strace cannot be used here, so syncs were not counted");
    };
    assert!(full >= 20 + normal / 2, "20 grants, {full} syncs");
    assert!(
        normal < 20,
        "20 grants, {normal} syncs: only tokens and the file's making"
    );
}
