//! What can be told of a path by its letters alone.

use super::error::{InvalidFolder, Reason};

/// The most bytes a path may have: the kernel wants room for a NUL in its 4096.
pub(super) const MOST: usize = 4095;
/// The most bytes one name in it may have, on every file system that matters.
pub(super) const MOST_IN_A_NAME: usize = 255;

/// The names in a path, without the empty ones and `.`.
pub(super) fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter(|name| !name.is_empty() && *name != ".")
}

/// Whether an absolute path is as short as it can be written: no `//`, `.`, `..`, trailing slash.
pub(super) fn is_clean(path: &str) -> bool {
    path == "/"
        || path
            .split('/')
            .skip(1)
            .all(|name| !matches!(name, "" | "." | ".."))
}

pub(super) fn check_shape(path: &str) -> Result<(), Reason> {
    if path.is_empty() {
        return Err(Reason::Empty);
    }
    if path.contains('\0') {
        return Err(Reason::Nul);
    }
    match path.split('/').find(|name| name.len() > MOST_IN_A_NAME) {
        Some(name) => Err(Reason::NameTooLong {
            name: name.to_owned(),
            length: name.len(),
            most: MOST_IN_A_NAME,
        }),
        None => Ok(()),
    }
}

pub(super) fn check_length(path: &str) -> Result<(), Reason> {
    if path.len() <= MOST {
        return Ok(());
    }
    let length = path.len();
    Err(Reason::TooLong { length, most: MOST })
}

/// A path whose files cannot be seen: cleaned by its letters.
pub(super) fn clean_elsewhere(path: &str) -> Result<String, InvalidFolder> {
    let checked = check_shape(path).and_then(|()| match path.starts_with('/') {
        true => Ok(()),
        false => Err(Reason::Relative),
    });
    let cleaned = checked.map(|()| {
        let mut kept = Vec::new();
        for name in names(path) {
            if name == ".." {
                kept.pop();
            } else {
                kept.push(name);
            }
        }
        joined(&kept)
    });
    cleaned
        .and_then(|cleaned| check_length(&cleaned).map(|()| cleaned))
        .map_err(|reason| InvalidFolder::new(path, reason))
}

fn joined(names: &[&str]) -> String {
    if names.is_empty() {
        return "/".to_owned();
    }
    names.iter().fold(String::new(), |mut path, name| {
        push_name(&mut path, name);
        path
    })
}

/// Goes down: `/` or "" and a name become `/name`.
pub(super) fn push_name(path: &mut String, name: &str) {
    if !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(name);
}

/// Goes up. From `/` there is no up.
pub(super) fn pop_name(path: &mut String) {
    let end = path.rfind('/').unwrap_or(0).max(1);
    path.truncate(end);
}
