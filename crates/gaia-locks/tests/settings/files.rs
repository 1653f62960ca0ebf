//! `.env`, `gaia.toml` and the example.

use super::*;

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
