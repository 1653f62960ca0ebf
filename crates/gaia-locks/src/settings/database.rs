//! Which database: a file of SQLite, or a PostgreSQL server.
//!
//! A relative file is refused rather than guessed at: the same words would mean another database
//! in each folder, and two databases are two worlds of locks in which both holders are right.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// The database that holds the locks.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of the embedded database, absolute.
    Sqlite(PathBuf),
    /// The URL of a server. It may hold a password: `Display` and `Debug` leave it out.
    Postgres(String),
}

impl Database {
    /// Reads `sqlite:///absolute/path` or `postgres://…`.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        if let Some(rest) = url.strip_prefix("sqlite:") {
            return sqlite_path(rest).map(Self::Sqlite);
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(match url.starts_with('/') {
                true => "a path alone is not a URL; put sqlite:// before it".to_owned(),
                false => "it starts neither with sqlite:/// nor with postgres://".to_owned(),
            });
        }
        if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("it holds spaces or control characters; percent-encode them".to_owned());
        }
        Ok(Self::Postgres(url.to_owned()))
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => {
                let path = path.to_string_lossy().replace('%', "%25");
                let path = path.replace('?', "%3F").replace('#', "%23");
                write!(f, "sqlite://{path}")
            }
            Self::Postgres(url) => f.write_str(&without_secrets(url)),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}

fn sqlite_path(rest: &str) -> Result<PathBuf, String> {
    if rest.contains(":memory:") {
        return Err("a database in memory is seen by one process only".to_owned());
    }
    let Some(path) = rest.strip_prefix("//").filter(|path| path.starts_with('/')) else {
        return Err("the path is not absolute; three slashes come before it".to_owned());
    };
    if path.contains(['?', '#']) {
        let reason = "parameters are not known here; in a path write %3F for ? and %23 for #";
        return Err(reason.to_owned());
    }
    let bytes = percent_decoded(path)?;
    let path = one_leading_slash(&bytes);
    // Elsewhere three slashes and `./` mean the current folder: here that would be the root.
    if [&b"/./"[..], b"/../", b"/~"]
        .iter()
        .any(|start| path.starts_with(start))
    {
        return Err("the path is not absolute; . .. and ~ cannot start it".to_owned());
    }
    if path.ends_with(b"/") {
        return Err("it names no file".to_owned());
    }
    Ok(PathBuf::from(OsString::from_vec(path)))
}

/// One slash at the start, however many were written.
fn one_leading_slash(bytes: &[u8]) -> Vec<u8> {
    let slashes = bytes.iter().take_while(|byte| **byte == b'/').count();
    [b"/", &bytes[slashes..]].concat()
}

fn percent_decoded(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex_pair(rest.next(), rest.next()).ok_or("% needs two hex digits after it")?,
            _ => byte,
        });
    }
    if bytes.contains(&0) {
        return Err("a path cannot hold NUL".to_owned());
    }
    Ok(bytes)
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// A URL with its passwords replaced, however badly it is written: from the first colon after the
/// scheme to the last `@`, and the value of every parameter whose name ends in `password`.
pub(super) fn without_secrets(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    let start = url.find("://").map_or(0, |at| at + 3);
    let mut text = url.to_owned();
    if let Some(end) = url.rfind('@').filter(|end| *end >= start)
        && let Some(colon) = url[start..end].find(':')
    {
        text.replace_range(start + colon + 1..end, "***");
    }
    let pieces = text.split_inclusive('&').map(without_password);
    pieces.collect()
}

fn without_password(piece: &str) -> String {
    const NAME: &str = "password=";
    let Some(at) = piece.to_ascii_lowercase().find(NAME) else {
        return piece.to_owned();
    };
    let end = if piece.ends_with('&') { "&" } else { "" };
    format!("{}***{end}", &piece[..at + NAME.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_an_absolute_path() {
        let table = [
            ("sqlite:///var/gaia.db", "/var/gaia.db"),
            ("sqlite:////var/gaia.db", "/var/gaia.db"),
            ("sqlite:///a%20b/c%3Fd%25.db", "/a b/c?d%.db"),
            ("sqlite:///stra%C3%9Fe.db", "/straße.db"),
            ("sqlite:///a/../b.db", "/a/../b.db"),
            ("sqlite:///.hidden.db", "/.hidden.db"),
        ];
        for (url, path) in table {
            let database = Database::parse(url);
            assert_eq!(database, Ok(Database::Sqlite(path.into())), "{url}");
            let again = database.map(|database| Database::parse(&database.to_string()));
            assert_eq!(again, Ok(Ok(Database::Sqlite(path.into()))), "{url}");
        }
    }

    #[test]
    fn other_files_are_refused_with_a_reason() {
        let table = [
            ("sqlite://gaia.db", "not absolute"),
            ("sqlite:gaia.db", "not absolute"),
            ("sqlite:/gaia.db", "not absolute"),
            ("sqlite://", "not absolute"),
            ("sqlite:///./gaia.db", "not absolute"),
            ("sqlite:///../gaia.db", "not absolute"),
            ("sqlite:///~/gaia.db", "not absolute"),
            ("sqlite://:memory:", "in memory"),
            ("sqlite:///:memory:", "in memory"),
            ("sqlite:///", "no file"),
            ("sqlite:///var/", "no file"),
            ("sqlite:///a?mode=ro", "parameters"),
            ("sqlite:///a#b", "parameters"),
            ("sqlite:///a%2", "two hex digits"),
            ("sqlite:///a%+1", "two hex digits"),
            ("sqlite:///a%00", "NUL"),
            ("/var/gaia.db", "put sqlite://"),
            ("mysql://host/x", "neither"),
            ("postgres://host/a b", "spaces"),
        ];
        for (url, reason) in table {
            let refused = Database::parse(url);
            let said = refused.as_ref().is_err_and(|said| said.contains(reason));
            assert!(said, "{url}: {refused:?}");
        }
    }

    #[test]
    fn passwords_are_never_shown() {
        let table = [
            ("postgres://u:secret@h/db", "postgres://u:***@h/db"),
            ("postgresql://u:se/cr@et@h/db", "postgresql://u:***@h/db"),
            ("postgres://u@h:5432/db", "postgres://u@h:5432/db"),
            (
                "postgres://h/db?password=secret&x=1",
                "postgres://h/db?password=***&x=1",
            ),
            (
                "postgres://h/db?x=1&sslPassword=secret",
                "postgres://h/db?x=1&sslPassword=***",
            ),
            ("postgres:/u:secret@h", "postgres:***@h"),
        ];
        for (url, shown) in table {
            assert_eq!(without_secrets(url), shown);
        }
        let database = Database::Postgres("postgres://u:secret@h/db".to_owned());
        assert!(!format!("{database} {database:?}").contains("secret"));
    }
}
