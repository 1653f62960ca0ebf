//! What commands leave in the database's log, which each next one reads.

use crate::home::Home;

/// Beyond this a command would pay a millisecond and more for those before it.
const LONGEST: u64 = 400 * 1024;

#[test]
fn commands_keep_the_log_short_and_lose_nothing() {
    let home = Home::new();
    let log = home.path(".gaia/locks/assigner.db-wal");
    let mut longest = 0;
    for at in 0..80 {
        let folder = format!("folder-{at}");
        assert_eq!(home.status(&["acquire", &folder, "--session", "me"]), 0);
        longest = longest.max(log.metadata().unwrap().len());
    }
    assert_eq!(home.locks().len(), 80);
    assert!(longest <= LONGEST, "{longest} bytes");
}

#[test]
fn what_somebody_has_open_is_left_to_them() {
    let home = Home::new();
    let reader = somebody_who_reads(&home);
    for at in 0..60 {
        let folder = format!("folder-{at}");
        assert_eq!(home.status(&["acquire", &folder, "--session", "me"]), 0);
    }
    drop(reader);
    assert_eq!(home.locks().len(), 60);
}

/// Another program that reads the database and does not come to an end.
fn somebody_who_reads(home: &Home) -> crate::home::Guard {
    assert_eq!(home.status(&["status"]), 0);
    let database = home.path(".gaia/locks/assigner.db");
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN'); \
                  c.execute('SELECT count(*) FROM lock_history').fetchall(); print('reads', flush=True); sys.stdin.read()";
    let mut child = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&database)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
    crate::home::Guard(child)
}
