//! `gaia init --service`: shown, written, undone; and read by those for whom it
//! is written.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::home::{Home, loudly};

const UNIT: &str = ".config/systemd/user/gaia.service";
const AGENT: &str = "Library/LaunchAgents/gaia.up.plist";
/// Everything that one of the two would read otherwise.
const ODD: &str = "a b/$HOME/${X}/50%/%h/q\"q'q/R&D <1>/end";

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(said).unwrap()
}

fn init(home: &Home, words: &[&str]) -> (i32, String) {
    let output = home.output(&[&["init"], words].concat());
    (output.status.code().unwrap(), said(&output))
}

#[test]
fn it_is_shown_first_and_written_when_that_is_wanted() {
    let home = Home::new();
    for (word, file) in [("--service=systemd", UNIT), ("--service=launchd", AGENT)] {
        let file = home.path(file);
        let (status, said) = init(&home, &[word]);
        assert_eq!(status, 0, "{said}");
        assert!(said.contains("nothing was changed"), "{said}");
        assert!(said.contains(env!("CARGO_BIN_EXE_gaia")), "{said}");
        assert!(!file.exists());
        let (status, said) = init(&home, &[word, "--yes"]);
        assert_eq!(status, 0, "{said}");
        let written = std::fs::read_to_string(&file).unwrap();
        assert!(written.contains(home.path(".gaia").to_str().unwrap()));
        let (_, said) = init(&home, &[word, "--yes"]);
        assert!(said.contains("as it should be"), "{said}");
        let (_, said) = init(&home, &[word, "--undo"]);
        assert!(
            said.contains("nothing was changed") && file.exists(),
            "{said}"
        );
        let (status, said) = init(&home, &[word, "--undo", "--yes"]);
        assert_eq!(status, 0, "{said}");
        assert!(!file.exists());
        assert_eq!(init(&home, &[word, "--undo", "--yes"]).0, 0);
    }
}

#[test]
fn what_somebody_else_wrote_or_changed_is_left_alone() {
    let home = Home::new();
    let file = home.path(UNIT);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let theirs = |text: &str| {
        std::fs::write(&file, text).unwrap();
        for words in [
            &["--service=systemd", "--yes"][..],
            &["--service=systemd", "--undo", "--yes"],
        ] {
            let (status, said) = init(&home, words);
            assert_eq!(status, 1, "{said}");
            assert!(said.contains(file.to_str().unwrap()), "{said}");
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    };
    theirs("[Service]\nExecStart=/usr/bin/true\n");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(init(&home, &["--service=systemd", "--yes"]).0, 0);
    let written = std::fs::read_to_string(&file).unwrap();
    theirs(&written.replace("RestartSec=5", "RestartSec=60"));
    // A new home is no change by anybody: ours is brought up to date.
    std::fs::write(&file, &written).unwrap();
    let other = home.path("other");
    let words = [
        "--service=systemd",
        "--yes",
        "--home",
        other.to_str().unwrap(),
    ];
    assert_eq!(init(&home, &words).0, 0);
    let now = std::fs::read_to_string(&file).unwrap();
    assert!(now.contains(other.to_str().unwrap()), "{now}");
    // Nor is a link followed to where it is kept.
    let kept = home.path("kept");
    std::fs::rename(&file, &kept).unwrap();
    std::os::unix::fs::symlink(&kept, &file).unwrap();
    assert_eq!(init(&home, &["--service=systemd", "--undo", "--yes"]).0, 1);
    assert!(kept.exists() && file.is_symlink());
}

/// The binary under an odd name, with an odd home.
fn odd(home: &Home, word: &str) -> (PathBuf, PathBuf) {
    let program = home.path(ODD).join("gaia");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_gaia"), &program).unwrap();
    let odd_home = home.path("home").join(ODD);
    let written = Command::new(&program)
        .args(["init", word, "--yes"])
        .env_clear()
        .env("HOME", home.path(""))
        .env("GAIA_HOME", &odd_home)
        .output()
        .unwrap();
    assert!(written.status.success(), "{}", said(&written));
    (program, odd_home)
}

/// systemd says of a program that it is not there, of a variable that it is no
/// assignment, of a word that it does not know it.
#[test]
fn systemd_understands_the_unit() {
    let home = Home::new();
    let verify = |file: &Path| {
        let run = home.path("run");
        std::fs::create_dir_all(&run).unwrap();
        Command::new("systemd-analyze")
            .args(["verify", "--user", "--man=no"])
            .arg(file)
            .env("HOME", home.path(""))
            .env("XDG_RUNTIME_DIR", run)
            .output()
    };
    let file = home.path(UNIT);
    let written = init(&home, &["--service=systemd", "--yes"]);
    assert_eq!(written.0, 0);
    let Ok(plain) = verify(&file) else {
        return loudly("there is no systemd-analyze here");
    };
    assert!(plain.status.success(), "{}", said(&plain));
    assert_eq!(init(&home, &["--service=systemd", "--undo", "--yes"]).0, 0);
    odd(&home, "--service=systemd");
    let verified = verify(&file).unwrap();
    assert!(verified.status.success(), "{}", said(&verified));
    assert_eq!(said(&verified), "");
    let unit = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        unit.replace("/usr/bin/env", "/usr/bin/no-such-program"),
    )
    .unwrap();
    assert!(!verify(&file).unwrap().status.success(), "it can fail");
}

/// Python reads property lists as macOS does.
#[test]
fn launchd_understands_the_agent() {
    let home = Home::new();
    let (program, odd_home) = odd(&home, "--service=launchd");
    let script =
        "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let read = Command::new("python3")
        .args(["-c", script])
        .arg(home.path(AGENT))
        .output();
    let Ok(read) = read else {
        return loudly("there is no python3 here");
    };
    let agent: serde_json::Value = serde_json::from_slice(&read.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", said(&read)));
    assert_eq!(agent["ProgramArguments"][0], program.to_str().unwrap());
    assert_eq!(agent["ProgramArguments"][1], "up");
    let given = &agent["EnvironmentVariables"]["GAIA_HOME"];
    assert_eq!(given, odd_home.to_str().unwrap());
    assert_eq!(agent["AbandonProcessGroup"], true);
    assert_eq!(agent["KeepAlive"]["SuccessfulExit"], false);
}

#[test]
fn it_says_what_it_does_not_take_along() {
    let home = Home::new();
    let mut command = home.gaia(&["--json", "init", "--service=systemd", "--yes"]);
    let output = command.env("GAIA_MARKERS", "off").output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("GAIA_MARKERS is set for this shell only"),
        "{told}"
    );
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["service"]["state"], "written");
    assert_eq!(answer["service"]["kind"], "systemd");
}
