//! What is allowed, and what is said of the rest.

use super::*;

#[test]
fn values_that_are_allowed_are_read() {
    let yes = ["true", "TRUE", "1", "yes", "on", " On "];
    let no = ["false", "0", "No", "off"];
    for (words, expected) in [(&yes[..], true), (&no[..], false)] {
        for word in words {
            let settings = World::new().env("GAIA_AUTO_CLEANUP_LOCKS", word).load();
            assert_eq!(settings.unwrap().auto_cleanup, expected, "{word}");
        }
    }
    let leases = [("0.5", 1_800), ("720", 2_592_000), ("0.0002777777778", 1)];
    for (hours, seconds) in leases {
        let settings = World::new().env("GAIA_LOCK_TIMEOUT_HOURS", hours).load();
        assert_eq!(settings.unwrap().lease.as_secs(), seconds, "{hours}");
    }
    let world = World::new()
        .env("GAIA_LOCK_CLEANUP_INTERVAL", "10m")
        .env("GAIA_HISTORY_RETENTION", "90d")
        .env("GAIA_SCOPE", "nfs-1")
        .env("GAIA_LISTEN", "localhost:0")
        .env("GAIA_SERVER", "https://gaia.example/")
        .env("GAIA_LOG", "info, gaia_locks::store=debug")
        .env("GAIA_LOG_FORMAT", "JSON");
    let settings = world.load().unwrap();
    assert_eq!(settings.cleanup_interval, Duration::from_secs(600));
    let retention = Duration::from_hours(90 * 24);
    assert_eq!(settings.history_retention, Some(retention));
    assert_eq!(settings.scope.as_deref(), Some("nfs-1"));
    assert_eq!(settings.listen.to_string(), "127.0.0.1:0");
    assert_eq!(settings.server.as_deref(), Some("https://gaia.example"));
    assert_eq!(settings.log, "info,gaia_locks::store=debug");
    assert_eq!(settings.log_format, LogFormat::Json);
}

#[test]
fn a_value_that_cannot_be_read_is_an_error_that_names_everything() {
    let table = [
        ("GAIA_LOCK_TIMEOUT_HOURS", "2h"),
        ("GAIA_LOCK_TIMEOUT_HOURS", "0"),
        ("GAIA_LOCK_TIMEOUT_HOURS", "0.000277"),
        ("GAIA_LOCK_TIMEOUT_HOURS", "720.001"),
        ("GAIA_LOCK_TIMEOUT_HOURS", "-1"),
        ("GAIA_LOCK_TIMEOUT_HOURS", "nan"),
        ("GAIA_LOCK_TIMEOUT_HOURS", "1e1"),
        (
            "GAIA_LOCK_TIMEOUT_HOURS",
            "99999999999999999999999999999999999999999",
        ),
        ("GAIA_AUTO_CLEANUP_LOCKS", "maybe"),
        ("GAIA_AUTO_CLEANUP_LOCKS", " "),
        ("GAIA_LOCK_CLEANUP_INTERVAL", "0"),
        ("GAIA_LOCK_CLEANUP_INTERVAL", "hourly"),
        ("GAIA_DATABASE_URL", "sqlite://relative.db"),
        ("GAIA_DATABASE_URL", "sqlite://:memory:"),
        ("GAIA_DURABILITY", "half"),
        ("GAIA_SCOPE", "two words"),
        ("GAIA_MARKERS", "true"),
        ("GAIA_HISTORY_RETENTION", "90"),
        ("GAIA_HISTORY_RETENTION", "0s"),
        ("GAIA_HISTORY_RETENTION", "90 days"),
        ("GAIA_LISTEN", "8420"),
        ("GAIA_LISTEN", "127.0.0.1:99999"),
        ("GAIA_LISTEN", "localhost:x"),
        ("GAIA_SERVER", "gaia.example"),
        ("GAIA_SERVER", "https://:8420"),
        ("GAIA_SERVER", "http://127.0.0.1:99999"),
        ("GAIA_SERVER", "http://127.0.0.1:8420x/"),
        ("GAIA_SERVER", "http://127.0.0.1:+8420"),
        ("GAIA_SERVER", "http://127.0.0.1:"),
        ("GAIA_SERVER", "http://127.0.0.1:0"),
        ("GAIA_SERVER", "http://::1:8420"),
        ("GAIA_SERVER", "http://[::1]8420"),
        ("GAIA_SERVER", "http://[::1]:"),
        ("GAIA_SERVER", "http://[::1"),
        ("GAIA_SERVER", "http://[]:8420"),
        ("GAIA_SERVER", "http://[fe80::1%eth0]:8420"),
        ("GAIA_LOG", "inof"),
        ("GAIA_LOG", "gaia=loud"),
        ("GAIA_LOG", "info,"),
        ("GAIA_LOG_FORMAT", "xml"),
    ];
    for (name, value) in table {
        let allowed = SETTINGS.iter().find(|s| s.name == name).unwrap().allowed;
        let quoted = format!("`{value}`");
        let message = World::new().env(name, value).refusal();
        assert_said(&message, &[name, &quoted, "from environment", allowed]);
    }
    let message = World::new().toml("\nmarkers = true").refusal();
    assert_said(
        &message,
        &[
            "GAIA_MARKERS",
            "`true`",
            "gaia.toml line 2",
            "on, locks, off",
        ],
    );
    let message = World::new()
        .flag("GAIA_LOG", "--log", "loud\u{1b}[2J")
        .refusal();
    assert_said(&message, &["--log"]);
    assert!(!message.contains('\u{1b}'));
}

#[test]
fn a_server_may_be_named_with_a_port_and_without() {
    for server in [
        "http://gaia.example",
        "https://gaia.example:8420/gaia",
        "http://127.0.0.1:1",
        "http://[::1]",
        "http://[::1]:65535",
    ] {
        let settings = World::new().env("GAIA_SERVER", server).load().unwrap();
        assert_eq!(settings.server.as_deref(), Some(server));
    }
}

#[test]
fn empty_means_not_set_except_in_a_flag() {
    let world = World::new()
        .env("GAIA_MARKERS", "")
        .home_env("GAIA_MARKERS=\n")
        .toml("markers = \"off\"\ntoken = \"\"");
    let settings = world.load().unwrap();
    assert_eq!(settings.markers, Markers::Off);
    assert_eq!(settings.token, None);
    assert_eq!(*settings.origin("GAIA_TOKEN"), Origin::Default);
    let message = world.flag("GAIA_LOCKS_DIR", "--locks-dir", "").refusal();
    assert_said(&message, &["GAIA_LOCKS_DIR", "--locks-dir", "empty"]);
}

#[test]
fn secrets_are_in_no_text() {
    let world = World::new()
        .env("GAIA_TOKEN", "gaia-hush")
        .env("GAIA_SERVER", "https://gaia.example")
        .env("GAIA_DATABASE_URL", "postgres://u:hush@h/db?password=hush");
    let settings = world.load().unwrap();
    assert_eq!(settings.token.as_ref().unwrap().expose(), "gaia-hush");
    let report = settings.report();
    let shown = format!("{settings:?} {report:?}");
    assert!(!shown.contains("hush"), "{shown}");
    assert_said(&shown, &["(hidden)", "u:***@h"]);

    let refused = [
        ("GAIA_TOKEN", "hush hush"),
        ("GAIA_SERVER", "https://u:hush@gaia.example"),
        ("GAIA_DATABASE_URL", "mysql://u:hush@h/db"),
    ];
    for (name, value) in refused {
        let error = World::new().env(name, value).load().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
    }
}
