//! Active locks of a history made by hand, and lock files of an earlier manager.

use gaia_locks::service::{Release, Released};

use super::*;

#[test]
fn active_rows_of_a_history_made_by_hand_are_default_leases_from_their_grant_on() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let clock = ManualClock::new();
    let path = at("assigner.db");
    write(&path, LATE);
    let folder = |name: &str| at(name).to_str().unwrap().to_owned();
    let whole_seconds = &sql_time(&clock, 60)[..19];
    write(
        &path,
        &format!(
            "INSERT INTO lock_history (id, folder_path, session_id, task_id, created_at, released_at, status) VALUES
                 (10, '{a}', 'one', 7, '{hour}', NULL, 'active'),
                 (11, '{b}', 'two', NULL, '{long}', NULL, 'active'),
                 (12, '{c}', 'three', 1, '{hour}', '{hour}', 'released'),
                 (13, 'relative', 'four', 1, '{hour}', NULL, 'active'),
                 (14, '{d}', 'five', 0, 'nonsense', NULL, 'active'),
                 (15, '{e}', 'old', 0, '{hour}', NULL, 'active'),
                 (16, '{e}/inner', 'new', 0, '{hour}', NULL, 'active'),
                 (20, '{c}', 'gone', 0, '{hour}', NULL, 'active');
             DELETE FROM lock_history WHERE id = 20;",
            a = folder("a"), b = folder("b"), c = folder("c"), d = folder("d"), e = folder("e"),
            hour = whole_seconds, long = sql_time(&clock, 121),
        ),
    );
    let locks = open(&path, &clock);
    let held = held(&locks);
    assert_eq!(
        held.keys().copied().collect::<Vec<_>>(),
        [10, 14, 16],
        "{held:?}"
    );
    assert_eq!((held[&10].0.as_str(), held[&10].1), ("one", 7));
    assert!(
        (held[&10].2 - 3600.0).abs() < 1.0,
        "an hour is left: {held:?}"
    );
    assert!((held[&14].2 - 7200.0).abs() < 1.0, "from now on: {held:?}");
    assert!(matches!(
        acquire(&locks, &at("a/inner"), "stranger"),
        Answer::Refused(_)
    ));
    assert!(matches!(
        acquire(&locks, &at("c"), "stranger"),
        Answer::Granted(_)
    ));
    let history = locks.history(&HistoryFilter::default()).unwrap();
    let status = |id: i64| {
        let lock = history.iter().find(|lock| lock.id.0 == id).unwrap();
        (
            format!("{:?}", lock.status).to_lowercase(),
            lock.end_reason.map(|reason| reason.word()),
        )
    };
    assert_eq!(status(11), ("expired".to_owned(), Some("lapsed")));
    assert_eq!(status(12), ("released".to_owned(), Some("released")));
    assert_eq!(status(15), ("expired".to_owned(), Some("lapsed")));
    assert_eq!(status(13).0, "active", "left alone");
    let newest = history.iter().map(|lock| lock.id.0).max();
    assert!(
        newest > Some(20),
        "above every id that was ever given: {newest:?}"
    );
    clock.advance(Duration::from_secs(3601));
    assert!(matches!(
        acquire(&locks, &at("a"), "stranger"),
        Answer::Granted(_)
    ));
}

fn lock_file(dir: &Path, name: &str, json: &str) -> PathBuf {
    let place = dir.join(format!(".gaia_{name}.lock"));
    std::fs::write(&place, json).unwrap();
    place
}

#[test]
fn lock_files_that_cannot_be_understood_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("assigner.db");
    write(&path, MIDDLE);
    let long = format!("{{\"folder_path\": \"/{}\"}}", "x".repeat(70_000));
    let files = [
        ("0011", "{\"folder_path\": \"/w\", \"session_id\": 42}"),
        ("0022", "{\"folder_path\": \"/w\", \"sess"),
        ("0033", &long),
    ];
    let places = files.map(|(name, text)| lock_file(dir.path(), name, text));
    let earlier = Earlier {
        locks_dir: Some(dir.path().to_owned()),
        ..Earlier::default()
    };
    let found = survey(&path, &earlier).unwrap().unwrap();
    for place in places {
        let named = format!("{}: ", place.display());
        let mut left = found.left.iter();
        assert!(
            left.any(|why| why.starts_with(&named)),
            "{place:?} {found:?}"
        );
    }
}

#[test]
fn lock_files_of_an_earlier_manager_are_held_on_for_what_is_left_of_them() {
    for is_new in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new();
        let path = dir.path().join("assigner.db");
        if !is_new {
            write(&path, MIDDLE);
        }
        let iso = |ago: i64| sql_time(&clock, ago).replace(' ', "T") + "+00:00";
        let seconds = clock.now().wall.0 as f64 / 1e6;
        let file = |name: &str, folder: &str, rest: &str| {
            let folder = dir.path().join(folder);
            let json = format!("{{\"folder_path\": {folder:?}, {rest}}}");
            lock_file(dir.path(), name, &json)
        };
        let active = file(
            "0011",
            "a",
            &format!(
                "\"session_id\": \"s\", \"task_id\": 5, \"created_at\": \"{}\", \"expires_at\": \"{}\", \"status\": \"active\"",
                iso(30),
                iso(-90),
            ),
        );
        let unix = file(
            "0022",
            "b",
            &format!("\"session_id\": \"t\", \"expires_at\": {}", seconds + 60.0),
        );
        let over = file(
            "0033",
            "c",
            &format!("\"session_id\": \"u\", \"expires_at\": \"{}\"", iso(1)),
        );
        let released = file(
            "0044",
            "d",
            &format!(
                "\"session_id\": \"v\", \"expires_at\": \"{}\", \"status\": \"released\"",
                iso(-90)
            ),
        );
        let odd = lock_file(
            dir.path(),
            "0055",
            "{\"folder_path\": \"relative\", \"session_id\": \"w\"}",
        );
        let other = lock_file(dir.path(), "0066", "no json");
        let locks = open(&path, &clock);
        let held: Vec<_> = held(&locks).into_values().collect();
        assert_eq!(held.len(), 2, "{held:?}");
        assert_eq!((held[0].0.as_str(), held[0].1), ("s", 5));
        assert!((held[0].2 - 5400.0).abs() < 1.0, "{held:?}");
        assert!((held[1].2 - 60.0).abs() < 1.0, "{held:?}");
        assert!(matches!(
            acquire(&locks, &dir.path().join("a"), "other"),
            Answer::Refused(_)
        ));
        for gone in [active, unix, over, released] {
            assert!(!gone.exists(), "{gone:?}");
        }
        assert!(
            odd.exists() && other.exists(),
            "what cannot be understood is left alone"
        );
        // Only at first start.
        let late = file(
            "0077",
            "z",
            &format!("\"session_id\": \"x\", \"expires_at\": \"{}\"", iso(-90)),
        );
        drop(locks);
        assert_eq!(self::held(&open(&path, &clock)).len(), 2);
        assert!(late.exists());
    }
}

/// Their own SQL looks for what they wrote.
#[test]
fn what_people_wrote_into_a_history_stays_and_is_found_under_either_name() {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().join("real");
    std::fs::create_dir(&real).unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let clock = ManualClock::new();
    let path = dir.path().join("assigner.db");
    write(&path, LATE);
    let (real, link) = (real.to_str().unwrap(), link.to_str().unwrap());
    let hour = sql_time(&clock, 60);
    write(
        &path,
        &format!(
            "INSERT INTO lock_history (id, folder_path, session_id, task_id, created_at) VALUES
                 (10, '{link}', 'one', NULL, '{hour}'), (11, '{real}//sub/', 'one', NULL, '{hour}')"
        ),
    );
    let columns = "id, folder_path, session_id, task_id, created_at, status";
    let before = rows(&path, "lock_history", columns);
    let locks = open(&path, &clock);
    assert_eq!(held(&locks).keys().copied().collect::<Vec<_>>(), [10, 11]);
    assert_eq!(rows(&path, "lock_history", columns), before);
    let found = |name: &str| {
        let folder = Folder::resolve(Path::new(name), Path::new("/")).unwrap();
        let filter = HistoryFilter {
            folder: Some(folder),
            ..HistoryFilter::default()
        };
        let found = locks.history(&filter).unwrap();
        found.iter().map(|lock| lock.id.0).collect::<Vec<_>>()
    };
    assert_eq!(found(real), [11, 10]);
    assert_eq!(found(link), [11, 10]);
    for name in [real, link] {
        let refused = acquire(&locks, Path::new(name), "stranger");
        assert!(matches!(refused, Answer::Refused(_)), "{name}");
    }
    let session = SessionId::new("one").unwrap();
    let released = locks.release(&Release {
        folder: Some(Folder::resolve(Path::new(link), Path::new("/")).unwrap()),
        session,
        task: None,
        token: None,
    });
    assert!(matches!(released.unwrap(), Released::Ended(_)));
    let ended = rows(&path, "lock_history", "id, folder_path, status");
    assert_eq!(
        ended[0][1..],
        [Value::Text(link.into()), Value::Text("released".into())]
    );
}

#[test]
fn a_grant_in_seconds_since_1970_is_a_time_too() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let path = dir.path().join("assigner.db");
    write(&path, LATE);
    let now = clock.now().wall.0 / 1_000_000;
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    write(
        &path,
        &format!(
            "INSERT INTO lock_history (id, folder_path, session_id, created_at) VALUES
                 (10, '{}', 'one', {}), (11, '{}', 'two', {}.5), (12, '{}', 'three', {})",
            at("a"),
            now - 3600,
            at("b"),
            now - 3600,
            at("c"),
            now - 7300
        ),
    );
    let held = held(&open(&path, &clock));
    assert_eq!(
        held.keys().copied().collect::<Vec<_>>(),
        [10, 11],
        "{held:?}"
    );
    for lock in held.values() {
        assert!((lock.2 - 3600.0).abs() < 2.0, "an hour is left: {held:?}");
    }
}
