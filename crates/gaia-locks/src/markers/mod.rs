//! Marker files: what people see of the locks with `ls` and `cat` (section 5).
//!
//! # Who rules
//! The database. Files are written after the commit, outside the transaction,
//! and whatever fails here fails no lock: it is logged, and the next cleanup
//! mends it. Nothing is ever granted because of a file; only the live marker
//! of *another* database keeps a lock from being granted, since two databases
//! know nothing of each other.
//!
//! # How they agree
//! Commits come in an order, their files are written in any. So a file is
//! compared and changed in one turn (`turn`), and only three cases are
//! decided by what the writer itself knows: nothing is there and one lock was
//! granted; what is there names only the one lock that ended, or was renewed;
//! what is there names only locks that ended with this grant. In every other
//! case the database is asked again, within the turn, which locks are on the
//! folder now. Whoever commits later takes his turn later.
//!
//! # What is not promised
//! A lock that an admin ends in the instant between its grant and its marker
//! leaves a marker until the next cleanup. A person who edits a marker
//! deceives only people, until then.

mod content;
mod files;
mod refuse;
mod repair;
mod turn;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, io};

use crate::clock::{Clock, Now};
use crate::ids::Scope;
use crate::model::Lock;
use crate::settings;

use content::Content;
use files::{Files, Found};
use turn::Turns;

/// Writes and removes marker files; the database rules, the files follow.
#[derive(Clone, Default)]
pub struct Markers {
    on: Option<Arc<On>>,
}

struct On {
    in_folders: bool,
    locks_dir: PathBuf,
    database: String,
    id: Option<String>,
    scope: Scope,
    clock: Arc<dyn Clock>,
    turns: Turns,
    complained: AtomicBool,
}

/// What a transaction has changed.
#[derive(Default, Debug)]
pub struct Changes {
    /// New locks.
    pub granted: Vec<Lock>,
    /// Locks with another lease end or binding.
    pub extended: Vec<Lock>,
    /// Locks that ended.
    pub ended: Vec<Lock>,
    /// Whether any of the new ones is somebody else's, who may have been quick
    /// and released it before anybody wrote a file.
    pub handed_on: bool,
}

/// The database, asked again where files and changes do not tell enough.
pub trait Truth {
    /// The active locks on exactly this lock's folder; none if it cannot say.
    fn beside(&self, lock: &Lock) -> Option<Vec<Lock>>;
    /// All active locks; none if it cannot say.
    fn all(&self) -> Option<Vec<Lock>>;
}

impl Markers {
    /// No marker files, and none that refuses.
    pub fn off() -> Self {
        Self::default()
    }

    /// Marker files as the settings say, for one database and the scope of
    /// the paths here. The clock is that of the leases.
    pub fn new(
        choice: settings::Markers,
        locks_dir: &Path,
        database: String,
        scope: Scope,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let in_folders = match choice {
            settings::Markers::Off => return Self::off(),
            settings::Markers::Locks => false,
            settings::Markers::On => true,
        };
        let on = On {
            in_folders,
            locks_dir: locks_dir.to_owned(),
            database,
            id: None,
            scope,
            clock,
            turns: Turns::new(),
            complained: AtomicBool::new(false),
        };
        Self {
            on: Some(Arc::new(on)),
        }
    }

    /// The same for a database of which the id is known: another one that stood
    /// at its path is another database.
    #[must_use]
    pub fn of_database(mut self, id: String) -> Self {
        if let Some(on) = self.on.as_mut().and_then(Arc::get_mut) {
            on.id = Some(id);
        }
        self
    }

    /// Follows what a transaction has granted, extended and ended.
    pub fn follow(&self, changes: &Changes, truth: &dyn Truth) {
        if let Some(on) = &self.on {
            on.follow(changes, truth);
        }
    }
}

impl fmt::Debug for Markers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.on {
            None => f.write_str("Markers(off)"),
            Some(on) => write!(f, "Markers({})", on.locks_dir.display()),
        }
    }
}

/// What has changed on one folder.
#[derive(Default)]
struct OnFolder<'a> {
    granted: Vec<&'a Lock>,
    extended: Vec<&'a Lock>,
    ended: Vec<&'a Lock>,
    handed_on: bool,
}

impl Changes {
    fn on(&self, scope: &Scope, folder_path: &str) -> OnFolder<'_> {
        let is_there = |lock: &&Lock| lock.folder.path() == folder_path && lock.scope == *scope;
        OnFolder {
            granted: self.granted.iter().filter(is_there).collect(),
            extended: self.extended.iter().filter(is_there).collect(),
            ended: self.ended.iter().filter(is_there).collect(),
            handed_on: self.handed_on,
        }
    }

    /// One lock for each folder that has changed.
    fn folders(&self, scope: &Scope) -> Vec<&Lock> {
        let all = self.granted.iter().chain(&self.extended).chain(&self.ended);
        let mut folders: Vec<&Lock> = Vec::with_capacity(1);
        for lock in all.filter(|lock| lock.scope == *scope) {
            if !folders
                .iter()
                .any(|known| known.folder.path() == lock.folder.path())
            {
                folders.push(lock);
            }
        }
        folders
    }
}

impl On {
    fn follow(&self, changes: &Changes, truth: &dyn Truth) {
        for lock in changes.folders(&self.scope) {
            let on_folder = changes.on(&self.scope, lock.folder.path());
            let followed = self.turns.take(&self.locks_dir, |locks_dir| {
                let files = self.files(locks_dir, lock);
                self.follow_on(&files, lock, &on_folder, truth)
            });
            self.complain(followed);
        }
    }

    fn files<'a>(&self, locks_dir: &'a std::os::fd::OwnedFd, lock: &Lock) -> Files<'a> {
        Files::of(locks_dir, lock.folder.path(), self.in_folders)
    }

    fn follow_on(
        &self,
        files: &Files<'_>,
        lock: &Lock,
        changes: &OnFolder<'_>,
        truth: &dyn Truth,
    ) -> io::Result<()> {
        let now = self.clock.now();
        let done = match (&*changes.granted, &*changes.extended, &*changes.ended) {
            ([_], [], []) if changes.handed_on => false,
            ([_], [], ended) => self.granted(files, &changes.granted, ended, now)?,
            ([], [_], []) => self.extended(files, &changes.extended, now)?,
            ([], [], [_]) => self.ended(files, &changes.ended)?,
            _ => false,
        };
        if done {
            Ok(())
        } else {
            self.agree(files, lock, truth)
        }
    }

    /// One lock was granted and perhaps others ended for it. False: it takes
    /// more to know what is right.
    fn granted(
        &self,
        files: &Files<'_>,
        granted: &[&Lock],
        ended: &[&Lock],
        now: Now,
    ) -> io::Result<bool> {
        let Some(content) = Content::of(granted, self, now) else {
            return Ok(false);
        };
        let bytes = content.to_bytes();
        if ended.is_empty() {
            return files.create(&bytes);
        }
        self.overwrite(files, &bytes, ended)
    }

    /// One lock's lease has another end.
    fn extended(&self, files: &Files<'_>, extended: &[&Lock], now: Now) -> io::Result<bool> {
        match Content::of(extended, self, now) {
            Some(content) => self.overwrite(files, &content.to_bytes(), extended),
            None => Ok(false),
        }
    }

    /// Writes where both files are one and name only these locks.
    fn overwrite(&self, files: &Files<'_>, bytes: &[u8], known: &[&Lock]) -> io::Result<bool> {
        match files.in_locks_dir() {
            Found::Marker(found, inode) if self.is_only_of(&found, known) => {
                let folder = files.is_one_inode(inode);
                let elsewhere = !folder && !matches!(files.in_folder(), Found::Nothing);
                if elsewhere {
                    return Ok(false);
                }
                files.replace(bytes, true, true)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// One lock ended and nobody was granted anything.
    fn ended(&self, files: &Files<'_>, ended: &[&Lock]) -> io::Result<bool> {
        match files.in_locks_dir() {
            Found::Marker(found, inode) if self.is_only_of(&found, ended) => {
                if files.is_one_inode(inode) || self.is_marker_of(&files.in_folder(), ended) {
                    files.remove_from_folder();
                }
                files.remove_from_locks_dir()?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn is_only_of(&self, found: &Content<'_>, locks: &[&Lock]) -> bool {
        found.database == self.database && self.agrees_on_id(found) && found.names_only(locks)
    }

    fn is_marker_of(&self, found: &Found, locks: &[&Lock]) -> bool {
        matches!(found, Found::Marker(content, _) if self.is_only_of(content, locks))
    }

    /// Makes both files say what the database says now.
    fn agree(&self, files: &Files<'_>, lock: &Lock, truth: &dyn Truth) -> io::Result<()> {
        let Some(active) = truth.beside(lock) else {
            return Ok(()); // The next cleanup asks again.
        };
        let active: Vec<&Lock> = active.iter().collect();
        self.say(files, &active)
    }

    /// Makes both files name these locks, or none.
    fn say(&self, files: &Files<'_>, active: &[&Lock]) -> io::Result<()> {
        let now = self.clock.now();
        let (locks_dir, folder) = (files.in_locks_dir(), files.in_folder());
        if let Some(content) = Content::of(active, self, now) {
            let (first, second) = (self.may_replace(&locks_dir), self.may_replace(&folder));
            return files.replace(&content.to_bytes(), first, second);
        }
        if self.is_ours(&folder) {
            files.remove_from_folder();
        }
        if self.is_ours(&locks_dir) {
            files.remove_from_locks_dir()?;
        }
        Ok(())
    }

    fn is_ours(&self, found: &Found) -> bool {
        matches!(found, Found::Marker(content, _) if self.is_same_database(content))
    }

    fn may_replace(&self, found: &Found) -> bool {
        match found {
            Found::Nothing => true,
            Found::Odd => false,
            Found::Marker(content, _) => {
                self.is_ours(found) || !content.is_live(self.clock.now().wall)
            }
        }
    }

    /// A lock is not worth less without its marker: said once, then quietly.
    fn complain(&self, result: io::Result<()>) {
        let Err(error) = result else {
            return;
        };
        let locks_dir = self.locks_dir.display();
        if self.complained.swap(true, Ordering::Relaxed) {
            tracing::debug!(%error, %locks_dir, "a marker file was not written");
        } else {
            tracing::warn!(%error, %locks_dir, "marker files cannot be kept; the locks hold without them");
        }
    }
}
