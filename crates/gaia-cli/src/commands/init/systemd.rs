//! A unit of systemd's manager for one user.

use super::service::Service;
use crate::exit::Failure;

/// The unit.
///
/// # Errors
/// For a home or a binary that no unit can name.
pub fn unit(service: &Service) -> Result<String, Failure> {
    let Service { program, home } = service;
    if home.ends_with('\\') {
        let why = format!("a unit cannot name {home:?}: it ends with a backslash");
        return Err(Failure::usage(why));
    }
    Ok(format!(
        "\
[Unit]
Description=GAIA gives tasks to coding agents

[Service]
Type=exec
ExecStart={} up
Environment={}
WorkingDirectory=-{}
Restart=on-failure
RestartSec=5
# Each task that runs has a keeper beside it, in this unit's control group. It
# outlives gaia, and the next start takes it over: so gaia alone is ended, not
# the whole group, which is what systemd does by default.
KillMode=process
# Told to end, gaia waits for what runs; after this it is killed, and what runs
# goes on under its keepers.
TimeoutStopSec=15

[Install]
WantedBy=default.target
",
        start(program)?,
        quoted(&format!("GAIA_HOME={home}")),
        percent(home),
    ))
}

/// The program to start. systemd starts none whose path holds quotes or
/// backslashes; env starts it then, and becomes it.
fn start(program: &str) -> Result<String, Failure> {
    if !program.contains(['"', '\'', '\\']) {
        return Ok(quoted(program));
    }
    if program.contains('=') {
        let why = format!("systemd cannot start {program:?}: it holds quotes and an equals sign");
        return Err(Failure::usage(why).hint("move the binary, such as to ~/.local/bin"));
    }
    // In what follows the program a dollar begins a variable.
    Ok(format!(
        "/usr/bin/env {}",
        quoted(program).replace('$', "$$")
    ))
}

/// One word, taken literally. A dollar stands for itself here: in the path of
/// the program and in Environment= nothing is put in its place, and doubled it
/// would be two.
fn quoted(text: &str) -> String {
    let text = percent(text).replace('\\', r"\\").replace('"', "\\\"");
    format!("\"{text}\"")
}

/// A percent begins what systemd puts in its place.
fn percent(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(program: &str, home: &str) -> String {
        let (program, home) = (program.to_owned(), home.to_owned());
        unit(&Service { program, home }).unwrap_or_default()
    }

    #[test]
    fn a_unit_as_it_is_written() {
        let unit = of("/usr/local/bin/gaia", "/home/you/.gaia");
        assert_eq!(unit, include_str!("golden/gaia.service"));
    }

    #[test]
    fn what_systemd_would_read_otherwise_is_quoted() {
        let unit = of(
            "/opt/my $tools/100%/g\"a'ia",
            "/home/a b/$HOME/50%/back\\slash",
        );
        assert_eq!(unit, include_str!("golden/odd.service"));
        assert!(of("/gaia", "/home\\").is_empty(), "it would join two lines");
        assert!(of("/g'=/gaia", "/home").is_empty(), "nobody starts it");
        let unit = of("/opt/$a/gaia", "/home");
        assert!(unit.contains("ExecStart=\"/opt/$a/gaia\" up\n"), "{unit}");
    }
}
