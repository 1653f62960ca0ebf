//! Which value wins.

use super::*;

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
