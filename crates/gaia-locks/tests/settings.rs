//! Settings from real files: what wins, what is refused, and what is said about it.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gaia_locks::settings::{
    Database, Durability, Flag, LogFormat, Markers, Origin, SETTINGS, SettingError, Settings,
    Sources, dot_env_example, markdown,
};
use proptest::prelude::*;
use tempfile::TempDir;

/// The names of the contract's table, written down a second time on purpose.
const NAMES: [&str; 23] = [
    "GAIA_HOME",
    "GAIA_LOCKS_DIR",
    "GAIA_LOCK_TIMEOUT_HOURS",
    "GAIA_AUTO_CLEANUP_LOCKS",
    "GAIA_LOCK_CLEANUP_INTERVAL",
    "GAIA_DATABASE_URL",
    "GAIA_DURABILITY",
    "GAIA_SCOPE",
    "GAIA_MARKERS",
    "GAIA_HISTORY_RETENTION",
    "GAIA_UNCOMMITTED",
    "GAIA_HOOK_LOCKS",
    "GAIA_HOOK_LEASE",
    "GAIA_HOOK_REST",
    "GAIA_HOOK_SHELL",
    "GAIA_HOOK_SUBAGENTS",
    "GAIA_HOOK_FAILURE",
    "GAIA_LISTEN",
    "GAIA_SERVER",
    "GAIA_TOKEN",
    "GAIA_SERVER_CA",
    "GAIA_LOG",
    "GAIA_LOG_FORMAT",
];

/// A user with a home, a current folder, an environment and flags, all made up.
struct World {
    root: TempDir,
    environment: BTreeMap<String, OsString>,
    flags: Vec<Flag>,
    dot_env_here: bool,
}

impl World {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("user/.gaia")).unwrap();
        fs::create_dir_all(root.path().join("here")).unwrap();
        Self {
            root,
            environment: BTreeMap::new(),
            flags: Vec::new(),
            dot_env_here: false,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn home_env(self, text: &str) -> Self {
        self.file("user/.gaia/.env", text)
    }

    fn toml(self, text: &str) -> Self {
        self.file("user/.gaia/gaia.toml", text)
    }

    fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    fn flag(mut self, setting: &'static str, word: &str, value: &str) -> Self {
        self.flags.push(Flag::new(setting, word, value));
        self
    }

    fn dot_env_here(mut self) -> Self {
        self.dot_env_here = true;
        self
    }

    fn load(&self) -> Result<Settings, SettingError> {
        let environment = |name: &str| self.environment.get(name).cloned();
        let here = self.path("here");
        Settings::load(&Sources {
            flags: self.flags.clone(),
            user_home: Some(self.path("user")),
            dot_env_here: self.dot_env_here,
            ..Sources::new(&environment, &here)
        })
    }

    fn refusal(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

fn assert_said(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn every_setting_of_the_contract_is_known_and_printed() {
    let known: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert_eq!(known, NAMES);
    let settings = World::new().load().unwrap();
    let reported: Vec<_> = settings.report().iter().map(|line| line.name).collect();
    assert_eq!(reported, NAMES);
    for name in NAMES {
        assert_said(&Settings::help(), &[name]);
        assert_said(&markdown(), &[&format!("| {name} |")]);
    }
}

#[test]
fn the_defaults_are_the_contract_s() {
    let world = World::new();
    let settings = world.load().unwrap();
    let home = world.path("user/.gaia");
    assert_eq!(settings.home, home);
    assert_eq!(settings.locks_dir, home.join("locks"));
    assert_eq!(settings.lease, Duration::from_hours(2));
    assert!(settings.auto_cleanup);
    assert_eq!(settings.cleanup_interval, Duration::from_hours(1));
    let database = Database::Sqlite(home.join("locks/assigner.db"));
    assert_eq!(settings.database, database);
    assert_eq!(settings.durability, Durability::Normal);
    assert_eq!(settings.scope, None);
    assert_eq!(settings.markers, Markers::On);
    assert_eq!(settings.history_retention, None);
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8420");
    assert_eq!(settings.server, None);
    assert_eq!(settings.token, None);
    assert_eq!(settings.log, "info");
    assert_eq!(settings.log_format, LogFormat::Text);
    for line in settings.report() {
        assert_eq!(line.origin, Origin::Default, "{}", line.name);
    }
}

#[test]
fn a_flag_wins_over_environment_over_dot_env_over_toml() {
    let name = "GAIA_MARKERS";
    let toml = World::new().toml("# first\nmarkers = \"locks\"\n");
    let loaded = toml.load().unwrap();
    assert_eq!(loaded.markers, Markers::Locks);
    let file = toml.path("user/.gaia/gaia.toml");
    assert_eq!(*loaded.origin(name), Origin::Toml { file, line: 2 });

    let dot_env = toml.home_env("\n\nGAIA_MARKERS=off\n");
    let loaded = dot_env.load().unwrap();
    assert_eq!(loaded.markers, Markers::Off);
    let file = dot_env.path("user/.gaia/.env");
    assert_eq!(*loaded.origin(name), Origin::DotEnv { file, line: 3 });

    let here = dot_env.file("here/.env", "GAIA_MARKERS=on").dot_env_here();
    assert_eq!(here.load().unwrap().markers, Markers::On);

    let environment = here.env(name, "locks");
    let loaded = environment.load().unwrap();
    assert_eq!(loaded.markers, Markers::Locks);
    assert_eq!(*loaded.origin(name), Origin::Environment);

    let flag = environment.flag(name, "--markers", "off");
    let loaded = flag.load().unwrap();
    assert_eq!(loaded.markers, Markers::Off);
    assert_eq!(*loaded.origin(name), Origin::Flag("--markers".to_owned()));
    assert_eq!(loaded.origin(name).to_string(), "--markers");
    let again = flag.flag(name, "--markers", "locks");
    assert_eq!(again.load().unwrap().markers, Markers::Locks);
}

#[test]
fn a_database_named_in_the_call_wins_over_a_server_of_the_surroundings() {
    let world = World::new().env("GAIA_SERVER", "http://127.0.0.1:8420");
    assert!(world.load().unwrap().server.is_some());
    let url = "sqlite:///srv/gaia/assigner.db";
    let by_both = world.env("GAIA_DATABASE_URL", url);
    assert!(by_both.load().unwrap().server.is_some());
    let named = by_both.flag("GAIA_DATABASE_URL", "--database", url);
    assert_eq!(named.load().unwrap().server, None);
    let wrong = named.env("GAIA_SERVER", "no address");
    assert!(wrong.load().is_err());
}

#[test]
fn a_dot_env_in_the_current_folder_counts_only_when_asked_for() {
    let text = "GAIA_HOME=elsewhere\nGAIA_DATABASE_URL=sqlite:///tmp/theirs.db\n";
    let world = World::new().file("here/.env", text);
    let settings = world.load().unwrap();
    assert_eq!(settings.home, world.path("user/.gaia"));
    assert_eq!(*settings.origin("GAIA_DATABASE_URL"), Origin::Default);

    let world = world.dot_env_here();
    let settings = world.load().unwrap();
    assert_eq!(settings.home, world.path("here/elsewhere"));
    assert_eq!(settings.database, Database::Sqlite("/tmp/theirs.db".into()));
    assert!(matches!(
        settings.origin("GAIA_HOME"),
        Origin::DotEnv { line: 1, .. }
    ));
}

#[test]
fn a_folder_named_dot_env_is_not_a_file_of_settings() {
    let world = World::new().dot_env_here();
    fs::create_dir(world.path("here/.env")).unwrap();
    assert!(world.load().is_ok());
}

#[test]
fn home_is_found_before_its_files_and_not_moved_by_them() {
    let world = World::new().env("GAIA_HOME", "other");
    fs::create_dir(world.path("here/other")).unwrap();
    let world = world.file("here/other/gaia.toml", "GAIA_LOG = \"warn\"");
    let settings = world.load().unwrap();
    assert_eq!(settings.home, world.path("here/other"));
    assert_eq!(settings.log, "warn");

    let world = World::new().toml("\nhome = \"/elsewhere\"");
    assert_said(
        &world.refusal(),
        &["GAIA_HOME", "gaia.toml line 2", "--home"],
    );
    let world = World::new().home_env("GAIA_HOME=/elsewhere");
    assert_said(&world.refusal(), &["GAIA_HOME", ".env line 1"]);
    // Whoever runs `up` inside the home has this line in the very same file.
    let world = World::new().home_env("GAIA_HOME=~/.gaia");
    assert_eq!(*world.load().unwrap().origin("GAIA_HOME"), Origin::Default);
}

#[test]
fn without_any_home_the_error_says_what_to_set() {
    for user_home in [None, Some(PathBuf::new()), Some("relative".into())] {
        let environment = |_: &str| None;
        let sources = Sources {
            user_home,
            ..Sources::new(&environment, Path::new("/"))
        };
        let error = Settings::load(&sources).unwrap_err();
        assert!(matches!(error, SettingError::NoHome));
        assert_said(&error.to_string(), &["GAIA_HOME"]);
    }
}

#[test]
fn the_database_url_wins_over_locks_directories() {
    let world = World::new().flag("GAIA_LOCKS_DIR", "gaia_locks_dir=", "/locks");
    let expected = Database::Sqlite("/locks/assigner.db".into());
    assert_eq!(world.load().unwrap().database, expected);

    let world = world.toml("database_url = \"sqlite:///var/one.db\"");
    let settings = world.load().unwrap();
    assert_eq!(settings.database, Database::Sqlite("/var/one.db".into()));
    assert_eq!(settings.locks_dir, Path::new("/locks"));

    let world = world.flag("GAIA_DATABASE_URL", "--database", "postgres://u:hush@h/db");
    let settings = world.load().unwrap();
    let url = "postgres://u:hush@h/db".to_owned();
    assert_eq!(settings.database, Database::Postgres(url));
    assert_eq!(settings.database.to_string(), "postgres://u:***@h/db");
}

#[test]
fn grants_are_durable_by_default_where_a_holder_may_be_elsewhere() {
    let table = [
        ("GAIA_DATABASE_URL", "postgres://h/db", Durability::Full),
        ("GAIA_LISTEN", "0.0.0.0:1", Durability::Full),
        ("GAIA_LISTEN", "[::1]:1", Durability::Normal),
        ("GAIA_DATABASE_URL", "sqlite:///x.db", Durability::Normal),
    ];
    for (name, value, durability) in table {
        let settings = World::new().env(name, value).load().unwrap();
        assert_eq!(settings.durability, durability, "{name}={value}");
    }
    let world = World::new().env("GAIA_LISTEN", "0.0.0.0:1");
    let world = world.env("GAIA_DURABILITY", "Normal");
    assert_eq!(world.load().unwrap().durability, Durability::Normal);
}

#[test]
fn paths_start_where_they_are_written() {
    let table = [
        (World::new().env("GAIA_LOCKS_DIR", "l//./m"), "here/l/m"),
        (World::new().env("GAIA_LOCKS_DIR", "~/l"), "user/l"),
        (World::new().env("GAIA_LOCKS_DIR", "~"), "user"),
        (
            World::new().home_env("GAIA_LOCKS_DIR=../l"),
            "user/.gaia/../l",
        ),
        (World::new().toml("locks_dir = 'l'"), "user/.gaia/l"),
        (
            World::new().flag("GAIA_LOCKS_DIR", "--locks-dir", "l"),
            "here/l",
        ),
    ];
    for (world, expected) in table {
        assert_eq!(world.load().unwrap().locks_dir, world.path(expected));
    }
    let world = World::new().env("GAIA_LOCKS_DIR", "~someone/l");
    assert_said(
        &world.refusal(),
        &["GAIA_LOCKS_DIR", "`~someone/l`", "only ~/"],
    );
}

#[test]
fn a_path_need_not_be_utf_8_but_every_other_value() {
    use std::os::unix::ffi::OsStringExt as _;
    let odd = || OsString::from_vec(b"/l\xff".to_vec());
    let settings = World::new().env("GAIA_LOCKS_DIR", odd()).load().unwrap();
    assert_eq!(settings.locks_dir.as_os_str(), odd());
    let world = World::new().env("GAIA_LOG", odd());
    assert_said(&world.refusal(), &["GAIA_LOG", "environment", "not UTF-8"]);
}

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

#[test]
fn dot_env_is_read_as_people_write_it() {
    let text = "\u{feff}# settings\r\n\
        export GAIA_LOG = debug # loud\r\n\
        \n  ROOT=/srv/$HOME\n\
        GAIA_LOCKS_DIR=\"${ROOT}/a \\\"b\\\" \\${c}\"\n\
        OTHER=${NOBODY}${SET_THIS} KEY='-----\nBEGIN\n-----' # several lines\n\
        GAIA_SCOPE='a#${b}'#note\n\
        GAIA_SCOPE=team-${USER}#1\n";
    let text = text.replace(" KEY=", "\nKEY=");
    let world = World::new().home_env(&text).env("USER", "ada");
    let settings = world.load().unwrap();
    assert_eq!(settings.log, "debug");
    let expected = Path::new("/srv/$HOME/a \"b\" ${c}");
    assert_eq!(settings.locks_dir, expected);
    assert_eq!(settings.scope.as_deref(), Some("team-ada#1"));
    assert!(matches!(
        settings.origin("GAIA_SCOPE"),
        Origin::DotEnv { line: 11, .. }
    ));
}

#[test]
fn variables_in_dot_env_are_the_environment_s_before_earlier_lines() {
    let text = "BASE=/file\nGAIA_LOCKS_DIR=${BASE}/locks";
    let world = World::new().home_env(text);
    assert_eq!(world.load().unwrap().locks_dir, Path::new("/file/locks"));
    let world = world.env("BASE", "/outer");
    assert_eq!(world.load().unwrap().locks_dir, Path::new("/outer/locks"));
}

#[test]
fn a_dot_env_that_is_not_one_is_refused_with_its_line() {
    let table = [
        ("\nGAIA_LOG", "line 2", "NAME=VALUE"),
        ("A=1\n1A=2", "line 2", "not a name"),
        ("A='x\n\nB=2\n", "line 1", "never closed"),
        ("A=\"x\\\"\n", "line 1", "never closed"),
        ("A='it's'", "line 1", "after the closing quote"),
        ("A=1\nGAIA_LOG=${NOBODY}", "line 2", "${NOBODY} is not set"),
        ("GAIA_LOG=${A", "line 1", "${ is never closed"),
        ("\nGAIA_LOCK_DIR=/x", "line 2", "`GAIA_LOCKS_DIR`"),
        ("GAIA_SESSION=x", "line 1", "environment of a process only"),
    ];
    for (text, line, reason) in table {
        let message = World::new().home_env(text).refusal();
        assert_said(&message, &["user/.gaia/.env", line, reason]);
    }
    let world = World::new().file("user/.gaia/.env", b"A=1\nB=\xff\n");
    assert_said(&world.refusal(), &["user/.gaia/.env line 2", "UTF-8"]);
}

#[test]
fn toml_takes_short_and_full_names_and_plain_values() {
    let text = "lock_timeout_hours = 1.5\nGAIA_LOCK_CLEANUP_INTERVAL = 60\n\
                auto_cleanup_locks = false\n";
    let settings = World::new().toml(text).load().unwrap();
    assert_eq!(settings.lease, Duration::from_secs(5_400));
    assert_eq!(settings.cleanup_interval, Duration::from_secs(60));
    assert!(!settings.auto_cleanup);
}

#[test]
fn a_gaia_toml_that_is_not_one_is_refused_with_its_line() {
    let table = [
        ("\nlock_dir = '/x'", "line 2", "`locks_dir`"),
        ("Log = 'x'", "line 1", "`log`"),
        ("[markers]\nx = 1", "line 1", "markers is no string"),
        ("\nlock_timeout_hours = 0x2", "line 2", "no string, decimal"),
        ("log = 'a'\nGAIA_LOG = 'b'", "line", "GAIA_LOG is set twice"),
        ("log = 'info'\n\nmarkers =", "line 3", ""),
    ];
    for (text, line, reason) in table {
        let message = World::new().toml(text).refusal();
        assert_said(&message, &["user/.gaia/gaia.toml", line, reason]);
    }
    let world = World::new().toml("lock_timeout_hours = inf");
    assert_said(&world.refusal(), &["GAIA_LOCK_TIMEOUT_HOURS", "`inf`"]);
    let world = World::new().toml("locks_dir = \"a\\u0000b\"");
    assert_said(&world.refusal(), &["GAIA_LOCKS_DIR", "NUL"]);
}

#[test]
fn a_file_that_is_there_but_unreadable_is_an_error() {
    let world = World::new();
    fs::create_dir(world.path("user/.gaia/gaia.toml")).unwrap();
    let error = world.load().unwrap_err();
    assert!(matches!(&error, SettingError::FileUnreadable { file, .. }
        if *file == world.path("user/.gaia/gaia.toml")));
    let world = World::new()
        .file("a_file", "")
        .env("GAIA_HOME", "../a_file");
    assert_said(&world.refusal(), &["a_file", "cannot be read"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_value_makes_it_panic(value in "\\PC*", like in "[-0-9.:/@%a-f]{0,20}") {
        for (name, value) in NAMES.iter().flat_map(|name| [(name, &value), (name, &like)]) {
            let environment = |asked: &str| (asked == *name).then(|| value.into());
            let sources = Sources {
                user_home: Some("/nobody".into()),
                ..Sources::new(&environment, Path::new("/nowhere"))
            };
            let _ = Settings::load(&sources).map_err(|error| error.to_string());
        }
    }

    #[test]
    fn no_file_makes_it_panic(
        dot_env in "(GAIA_LOG|A|\\PC)?=?[\"'${}#\\\\A-Z\n =]{0,30}",
        toml in "(log|markers)?[ =]{0,3}[\"'a-z0-9#.\n\\[\\]]{0,20}",
    ) {
        let world = World::new().home_env(&dot_env).toml(&toml);
        let _ = world.load().map_err(|error| error.to_string());
        let world = World::new().toml(&toml);
        let _ = world.load().map_err(|error| error.to_string());
    }

    #[test]
    fn what_stands_in_single_quotes_is_taken_as_it_is(value in "[^'\0]{1,40}") {
        let text = format!("GAIA_LOCKS_DIR='/{value}'\nGAIA_LOG=warn");
        let settings = World::new().home_env(&text).load().unwrap();
        let expected: PathBuf = Path::new(&format!("/{value}")).components().collect();
        prop_assert_eq!(settings.locks_dir, expected);
        prop_assert_eq!(settings.log, "warn");
    }
}

/// The example names every setting, and what it shows can be used as it is.
#[test]
fn the_example_of_a_dot_env_can_be_read() {
    let example = dot_env_example();
    let world = World::new();
    let used: String = example
        .lines()
        .filter_map(|line| {
            line.strip_prefix("#GAIA_")
                .map(|rest| format!("GAIA_{rest}\n"))
        })
        .collect();
    for name in NAMES {
        assert!(used.contains(&format!("{name}=")), "{name}");
    }
    fs::write(world.path("user/.gaia/.env"), &example).unwrap();
    assert!(
        world
            .load()
            .unwrap()
            .report()
            .iter()
            .all(|s| !matches!(s.origin, Origin::DotEnv { .. }))
    );
    fs::write(world.path("user/.gaia/.env"), &used).unwrap();
    let settings = world.load();
    assert!(settings.is_ok(), "{settings:?}");
}

/// The one in the repository's root is the same.
#[test]
fn the_example_in_the_repository_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let there = fs::read_to_string(root.join(".env.example")).unwrap_or_default();
    if there != dot_env_example() {
        let wanted = root.join("target/.env.example");
        fs::write(&wanted, dot_env_example()).unwrap();
        assert_eq!(there, dot_env_example(), "copy {wanted:?} to .env.example");
    }
}
