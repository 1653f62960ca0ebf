//! From text to values. Each function says what is wrong as a reason without the value itself:
//! the caller adds name, value, origin and what is allowed, and leaves secrets out.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::database;
use crate::duration;

/// How long a lease may be (R3).
pub const LEASE_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);

/// An absolute path: `~/` is the user's home, a relative one starts at `folder`.
pub(super) fn path(
    text: &OsStr,
    folder: &Path,
    user_home: Option<&Path>,
) -> Result<PathBuf, String> {
    if text.as_encoded_bytes().contains(&0) {
        return Err("a path cannot hold NUL".to_owned());
    }
    let mut parts = Path::new(text).components().peekable();
    let start = match parts.peek() {
        Some(Component::Normal(first)) if first.as_encoded_bytes().starts_with(b"~") => {
            if *first != "~" {
                return Err("only ~/ is expanded; write ./~… for such a name".to_owned());
            }
            parts.next();
            user_home.ok_or("the user has no home folder, so ~/ means nothing")?
        }
        _ => folder,
    };
    // Joined part by part, so that `./` and doubled slashes go; `..` stays, it may follow a link.
    Ok(start
        .join(parts.collect::<PathBuf>())
        .components()
        .collect())
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("it is neither true nor false".to_owned()),
    }
}

/// A lease in hours. Rounded to milliseconds, so that 1 s written in hours is not refused.
pub(super) fn lease_hours(text: &str) -> Result<Duration, String> {
    let exact = duration::count_of(Duration::from_hours(1), text)
        .map_err(|_| "it is not a number of hours".to_owned())?;
    let millis = (exact + Duration::from_micros(500)).as_millis();
    let rounded = u64::try_from(millis).map_or(Duration::MAX, Duration::from_millis);
    within_lease_range(rounded)
}

pub(super) fn interval(text: &str) -> Result<Duration, String> {
    within_lease_range(duration::parse(text).map_err(|error| error.to_string())?)
}

fn within_lease_range(duration: Duration) -> Result<Duration, String> {
    if LEASE_RANGE.contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("{} is out of range", duration::human(duration)))
    }
}

/// An age for pruning. A bare number is refused here: who writes 90 means days, and would lose
/// all history that is older than a minute and a half.
pub(super) fn retention(text: &str) -> Result<Option<Duration>, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    if text.ends_with(|c: char| c.is_ascii_digit()) {
        return Err("a number without its unit".to_owned());
    }
    let age = duration::parse(text).map_err(|error| error.to_string())?;
    if age < Duration::from_secs(1) {
        return Err("it is less than 1 s".to_owned());
    }
    Ok(Some(age))
}

pub(super) fn scope(text: &str) -> Result<String, String> {
    let bad = |c: char| c.is_whitespace() || c.is_control();
    match text.chars().count() {
        1..=128 if !text.contains(bad) => Ok(text.to_owned()),
        1..=128 => Err("it holds spaces or control characters".to_owned()),
        _ => Err("it is empty or too long".to_owned()),
    }
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let wrong = || "it is not an IP address with a port".to_owned();
    match text.strip_prefix("localhost:") {
        Some(port) => {
            let port = port.parse::<u16>().map_err(|_| wrong())?;
            Ok((Ipv4Addr::LOCALHOST, port).into())
        }
        None => text.parse().map_err(|_| wrong()),
    }
}

/// The server's address without a slash at its end.
pub(super) fn server(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or("it starts neither with http:// nor with https://")?;
    if rest.contains('@') {
        return Err("a user or password does not belong here; use GAIA_TOKEN".to_owned());
    }
    if rest.contains(|c: char| c.is_whitespace() || c.is_control() || "?#\\".contains(c)) {
        return Err("it holds spaces, ?, # or a backslash".to_owned());
    }
    host_and_port(rest.split('/').next().unwrap_or(""))?;
    Ok(text.trim_end_matches('/').to_owned())
}

/// A port that cannot be read must not pass: who connects would take the scheme's own instead, and
/// show the token to whoever listens there.
fn host_and_port(place: &str) -> Result<(), String> {
    let (host, port) = match place.strip_prefix('[') {
        Some(bracketed) => bracketed
            .split_once(']')
            .filter(|(address, _)| address.parse::<Ipv6Addr>().is_ok())
            .ok_or("what begins with [ is no IPv6 address in brackets")?,
        None => place.split_at(place.find(':').unwrap_or(place.len())),
    };
    if host.is_empty() {
        return Err("it names no host".to_owned());
    }
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port != 0)
    };
    match port.is_empty() || port.strip_prefix(':').is_some_and(is_port) {
        true => Ok(()),
        false => Err("it names no port from 1 to 65535".to_owned()),
    }
}

pub(super) fn token(text: &str) -> Result<super::Secret, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it is empty or holds spaces or other than visible ASCII".to_owned());
    }
    Ok(super::Secret::new(text))
}

/// A log filter: a level, or levels for targets. Stricter than what reads it later: there a
/// mistyped level would be taken as the name of a target and silence all the rest.
pub(super) fn log(text: &str) -> Result<String, String> {
    let parts: Result<Vec<_>, _> = text.split(',').map(str::trim).map(log_part).collect();
    Ok(parts?.join(","))
}

fn log_part(part: &str) -> Result<&str, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let (target, level) = part.split_once('=').unwrap_or(("gaia", part));
    let named = |c: char| c.is_ascii_alphanumeric() || "_:-".contains(c);
    if target.is_empty() || !target.chars().all(named) {
        return Err(format!("`{target}` is not the name of a part"));
    }
    match LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)) {
        true => Ok(part),
        false => Err(format!("`{level}` is not a level")),
    }
}

/// A value as an error may show it: no token, no password.
pub(super) fn shown(name: &str, text: &OsStr) -> String {
    let text = text.to_string_lossy();
    match name {
        "GAIA_TOKEN" => "(hidden)".to_owned(),
        "GAIA_DATABASE_URL" | "GAIA_SERVER" => plain(&database::without_secrets(&text)),
        _ => plain(&text),
    }
}

/// A text without what could move a terminal's cursor or break a line of the log.
pub(super) fn plain(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}
