//! From a path as written to the folder it means, by looking at the file system.
//!
//! Nearly every path that is locked is clean and goes through no link. The kernel settles such a
//! one in a single call. Every other path is walked here, name by name, because none of the
//! system's own ways resolves a path of which a part does not exist yet.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::clean::{check_length, check_shape, is_clean, names, pop_name, push_name};
use super::error::{InvalidFolder, Reason};
use crate::os::{self, Inode};

// The kernel's own limit.
const MOST_LINKS: usize = 40;

pub(super) struct Resolved {
    pub(super) resolved: String,
    /// Only if it differs.
    pub(super) written: Option<String>,
    /// What stands there, if anything does that can be seen.
    pub(super) found: Option<Inode>,
}

pub(super) fn resolve(path: &Path, base: &Path) -> Result<Resolved, InvalidFolder> {
    let Some(text) = path.to_str() else {
        return Err(InvalidFolder::new(path.to_string_lossy(), Reason::NotText));
    };
    let resolved = absolute(text, base).and_then(|absolute| resolve_absolute(&absolute));
    resolved.map_err(|reason| InvalidFolder::new(text, reason))
}

fn absolute<'a>(text: &'a str, base: &Path) -> Result<Cow<'a, str>, Reason> {
    check_shape(text)?;
    if text.starts_with('/') {
        return Ok(Cow::Borrowed(text));
    }
    let base = base.to_str().ok_or(Reason::NotText)?;
    if !base.starts_with('/') {
        return Err(Reason::NoBase);
    }
    check_shape(base)?;
    Ok(Cow::Owned(format!("{base}/{text}")))
}

fn resolve_absolute(path: &str) -> Result<Resolved, Reason> {
    let written = without_dots(path)?;
    check_length(&written)?;
    let (resolved, found) = match os::settled(&written) {
        Some(settled) => settled,
        None => walk(&written)?.end(),
    };
    check_length(&resolved)?;
    let written = (resolved != *written).then(|| written.into_owned());
    Ok(Resolved {
        resolved,
        written,
        found,
    })
}

/// The path as written, but clean. `x/..` is not what it seems when x is a link, so what stands
/// before the last `..` is resolved; the links behind it stay.
fn without_dots(path: &str) -> Result<Cow<'_, str>, Reason> {
    if is_clean(path) {
        return Ok(Cow::Borrowed(path));
    }
    let all: Vec<&str> = names(path).collect();
    let after_dots = all
        .iter()
        .rposition(|name| *name == "..")
        .map_or(0, |last| last + 1);
    let (before, behind) = all.split_at(after_dots);
    let mut clean = walk(&before.join("/"))?.path();
    behind.iter().for_each(|name| push_name(&mut clean, name));
    Ok(Cow::Owned(clean))
}

/// How far a walk has come.
struct Walk {
    /// What exists of the path, resolved.
    existing: String,
    /// What is below that and does not exist, or cannot be seen.
    missing: Vec<String>,
    /// Names still to come, those of links that were met included.
    ahead: VecDeque<String>,
    links: usize,
}

/// Resolves a path from the root, as far as it exists; the rest is taken as written.
fn walk(path: &str) -> Result<Walk, Reason> {
    let mut walk = Walk {
        existing: "/".to_owned(),
        missing: Vec::new(),
        ahead: names(path).map(str::to_owned).collect(),
        links: 0,
    };
    while let Some(name) = walk.ahead.pop_front() {
        walk.step(name)?;
    }
    if let Some(spelling) = os::one_spelling(&walk.existing) {
        walk.existing = spelling;
    }
    Ok(walk)
}

impl Walk {
    fn end(self) -> (String, Option<Inode>) {
        let exists = self.missing.is_empty();
        let path = self.path();
        let found = exists.then(|| rustix::fs::lstat(&*path).ok()).flatten();
        (path, found.map(|found| Inode::of(&found)))
    }

    fn path(self) -> String {
        let mut path = self.existing;
        self.missing
            .iter()
            .for_each(|name| push_name(&mut path, name));
        path
    }

    fn step(&mut self, name: String) -> Result<(), Reason> {
        if name == ".." {
            if self.missing.pop().is_none() {
                pop_name(&mut self.existing);
            }
            return Ok(());
        }
        if !self.missing.is_empty() {
            self.missing.push(name);
            return Ok(());
        }
        let above = self.existing.len();
        push_name(&mut self.existing, &name);
        self.look(above, name)
    }

    // `existing` ends with a name that nobody has looked at yet; without it, it is `above` long.
    fn look(&mut self, above: usize, name: String) -> Result<(), Reason> {
        match rustix::fs::readlink(&*self.existing, Vec::new()) {
            Ok(target) => self.follow(above, target.to_bytes()),
            Err(Errno::INVAL) => Ok(()), // It exists and is no link.
            // No permission to look into the folder above: whoever asks cannot work there
            // either, but may speak for one who can. A link that hides there is covered by the
            // path as written, which the one who can see it has in common with this one.
            // (macOS says PERM for what it keeps private.)
            Err(Errno::NOENT | Errno::ACCESS | Errno::PERM) => {
                self.existing.truncate(above);
                self.missing.push(name);
                Ok(())
            }
            Err(error) => Err(self.refusal(above, error)),
        }
    }

    fn follow(&mut self, above: usize, target: &[u8]) -> Result<(), Reason> {
        self.links += 1;
        if self.links > MOST_LINKS {
            let link = self.existing.clone();
            return Err(Reason::LinkLoop { link });
        }
        let target = std::str::from_utf8(target).map_err(|_| Reason::NotText)?;
        self.existing
            .truncate(if target.starts_with('/') { 1 } else { above });
        for name in names(target).collect::<Vec<_>>().into_iter().rev() {
            self.ahead.push_front(name.to_owned());
        }
        Ok(())
    }

    fn refusal(&self, above: usize, error: Errno) -> Reason {
        let place = self.existing.clone();
        match error {
            Errno::NOTDIR => Reason::ThroughFile {
                file: self.existing.get(..above).unwrap_or("/").to_owned(),
            },
            Errno::LOOP => Reason::LinkLoop { link: place },
            Errno::NAMETOOLONG => Reason::TooLong {
                length: place.len(),
                most: super::clean::MOST,
            },
            error => Reason::Unreadable {
                place,
                message: io::Error::from(error).to_string(),
            },
        }
    }
}
