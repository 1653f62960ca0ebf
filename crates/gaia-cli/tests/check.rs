//! `gaia check`: proof on the user's own machine.

#![expect(clippy::unwrap_used, reason = "tests")]

use assert_cmd::Command;

fn gaia(home: &tempfile::TempDir) -> Command {
    let mut gaia = Command::cargo_bin("gaia").unwrap();
    gaia.env_clear().env("HOME", home.path());
    gaia
}

#[test]
fn heavy_check_hammers_judges_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let words = [
        "check",
        "--processes",
        "4",
        "--seconds",
        "3",
        "--kill",
        "--json",
    ];
    let output = gaia(&home).args(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdict["clean"], true);
    assert!(verdict["counts"]["grants"].as_u64().unwrap() > 0);
    let locks = home.path().join(".gaia/locks");
    let left: Vec<_> = std::fs::read_dir(locks).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_number_out_of_range_is_wrong_usage() {
    let home = tempfile::tempdir().unwrap();
    let words = ["check", "--processes", "0"];
    gaia(&home).args(words).assert().code(2);
}
