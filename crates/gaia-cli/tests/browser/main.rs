//! The dashboard in a real browser: Debian's Chromium, driven by playwright-core,
//! on a real `gaia serve` whose locks are taken by real `gaia acquire`.
//!
//! Each test is a file in `cases/`, in the browser's own language; `stage.mjs`
//! gives it a home, a server and a browser, and fails it for whatever no case
//! may do: an error on the browser's console, a request to another host, a
//! server error. Pictures of the pages are kept in `target/dashboard/`.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "a test finds its tools and its own folder where the machine has them"
)]

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CHROMIUM: &str = "/usr/bin/chromium";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// What is missing on this machine, if anything.
fn missing(tools: &Path) -> Option<&'static str> {
    if !Path::new(CHROMIUM).exists() {
        return Some("Chromium");
    }
    if !tools.join("node_modules/playwright-core").is_dir() {
        return Some("playwright-core");
    }
    let node = Command::new("node").arg("--version").output();
    node.is_err().then_some("node")
}

/// The one that was built with this test, or another for figures.
fn gaia() -> std::ffi::OsString {
    let named = std::env::var_os("BROWSER_GAIA");
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_gaia").into())
}

/// Runs a case in a group of its own, so that nothing of it stays behind.
fn case(name: &str) {
    let tools = root().join(".tools/browser");
    if let Some(missing) = missing(&tools) {
        eprintln!("!!! NOT TESTED: {missing} is not installed: scripts/install packages browser");
        assert!(
            std::env::var_os("CI").is_none(),
            "{missing} is missing on CI"
        );
        return;
    }
    let home = tempfile::Builder::new()
        .prefix("gaia-browser")
        .tempdir()
        .unwrap();
    let home_path = home.path().canonicalize().unwrap();
    let file = root().join(format!("crates/gaia-cli/tests/browser/cases/{name}.mjs"));
    let child = Command::new("node")
        .arg(file)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", &home_path)
        .env("TZ", "UTC")
        .env("BROWSER_CASE", name)
        .env("BROWSER_TOOLS", &tools)
        .env("BROWSER_CHROMIUM", CHROMIUM)
        .env("BROWSER_GAIA", gaia())
        .env("BROWSER_SHOTS", root().join("target/dashboard"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let group = i32::try_from(child.id()).unwrap();
    let group = rustix::process::Pid::from_raw(group).unwrap();
    let output = child.wait_with_output().unwrap();
    // What the case left behind, if it was ended in the middle. By the call, not by kill(1): the one of
    // procps 4.0.2 reads `-9 -1234` as "process -1", which is every process there is.
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

mod heavy_browser {
    macro_rules! cases {
        ($($name:ident)*) => { $(
            #[test]
            fn $name() {
                super::case(stringify!($name));
            }
        )* };
    }

    cases! {
        one_signs_in_by_link_and_by_password
        a_lock_of_another_process_comes_and_goes_without_reload
        force_release_asks_first_and_wants_a_reason
        what_was_written_outlives_being_signed_out
        over_tls_a_page_is_live_too
        a_viewer_sees_no_button_and_is_refused
        a_connection_that_drops_is_told_of_and_comes_back
        odd_names_are_text
        every_page_fits_a_phone_and_the_dark_and_a_screen_reader
        everything_works_without_a_script
        a_task_is_sent_and_its_output_comes_as_it_is_written
        accounts_and_tokens_are_looked_after
        a_link_from_another_site_arrives_signed_in
        the_widget_of_a_dashboard_that_is_there_works
    }
}

#[test]
fn alone_n11_a_lock_is_on_an_open_page_without_a_reload() {
    case("n11");
}

#[test]
fn alone_the_first_page_is_small() {
    case("first_page");
}
