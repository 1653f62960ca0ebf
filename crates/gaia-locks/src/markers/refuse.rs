//! The live marker of another database keeps a lock from being granted: two
//! databases know nothing of each other, and both holders would be right.
//!
//! What is looked at: the marker of the folder and of every folder above it,
//! and their files in the locks directory, which may be shared by several
//! databases. Not: what lies inside the folder; looking there would cost more
//! than all the rest.
//!
//! Another database is one at another path, or of another id at the same path:
//! somebody deleted the first while it was in use.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{AtFlags, CWD};

use super::content::Content;
use super::files::{Found, MARKER, file_name, look};
use super::{Markers, On};
use crate::error::Error;
use crate::folder::{Folder, ancestors};

impl Markers {
    /// Refuses folders that lie under a live marker of another database.
    ///
    /// # Errors
    /// [`Error::OtherDatabase`], naming both.
    pub fn refuse_foreign(&self, folders: &[Folder]) -> Result<(), Error> {
        let Some(on) = &self.on else {
            return Ok(());
        };
        folders.iter().try_for_each(|folder| on.refuse(folder))
    }
}

impl Markers {
    /// Refuses to make a database where locks of one that stood at its path are
    /// live by their markers: it was deleted while it was in use, and who holds
    /// those locks knows nothing of a new one. To be asked before it is made.
    ///
    /// # Errors
    /// [`Error::OtherDatabase`], naming the first such lock's folder and marker.
    pub fn refuse_new(&self) -> Result<(), Error> {
        self.on.as_ref().map_or(Ok(()), |on| on.refuse_new())
    }
}

impl On {
    fn refuse(&self, folder: &Folder) -> Result<(), Error> {
        let mut place = String::with_capacity(folder.path().len() + MARKER.len() + 1);
        for above in ancestors(folder.path()) {
            place.clear();
            place.push_str(above.trim_end_matches('/'));
            place.push('/');
            place.push_str(MARKER);
            self.refuse_by(&place, folder)?;
            // Where folders hold markers, the locks directory knows no more
            // of those above.
            if above.len() == folder.path().len() || !self.in_folders {
                let place = self.locks_dir.join(file_name(above));
                self.refuse_by(&place.to_string_lossy(), folder)?;
            }
        }
        Ok(())
    }

    fn refuse_by(&self, place: &str, folder: &Folder) -> Result<(), Error> {
        // Usually nothing is there, and looking costs less than opening.
        if rustix::fs::statat(CWD, place, AtFlags::SYMLINK_NOFOLLOW).is_err() {
            return Ok(());
        }
        match look(CWD, place) {
            Found::Marker(content, _) if self.is_live_elsewhere(&content) => {
                Err(self.other_database(&content, folder.path(), place))
            }
            _ => Ok(()),
        }
    }

    fn other_database(&self, content: &Content<'_>, folder: &str, place: &str) -> Error {
        let theirs = match content.database == self.database {
            false => content.database.to_string(),
            true => format!(
                "the one that was {} before it was deleted or replaced; if nobody works there any \
                 more, delete {place}",
                content.database
            ),
        };
        Error::OtherDatabase {
            folder: folder.to_owned(),
            ours: self.database.clone(),
            theirs,
        }
    }

    fn is_live_elsewhere(&self, content: &Content<'_>) -> bool {
        !self.is_same_database(content) && content.is_live(self.clock.now().wall)
    }

    pub(super) fn is_same_database(&self, content: &Content<'_>) -> bool {
        self.agrees_on_id(content) && is_same_file(&content.database, &self.database)
    }

    /// Whoever does not tell an id is known by the path alone.
    pub(super) fn agrees_on_id(&self, content: &Content<'_>) -> bool {
        match (&content.database_id, &self.id) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        }
    }

    fn refuse_new(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.locks_dir)
            .into_iter()
            .flatten()
            .flatten()
        {
            let place = entry.path();
            let Found::Marker(content, _) = look(CWD, &place.to_string_lossy()) else {
                continue;
            };
            if content.database == self.database && content.is_live(self.clock.now().wall) {
                let place = place.to_string_lossy();
                return Err(self.other_database(&content, &content.folder_path, &place));
            }
        }
        Ok(())
    }
}

/// One file may be known under two paths.
fn is_same_file(theirs: &str, ours: &str) -> bool {
    theirs == ours
        || match (fs::metadata(theirs), fs::metadata(ours)) {
            (Ok(theirs), Ok(ours)) => (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino()),
            _ => false,
        }
}
