//! The live marker of another database keeps a lock from being granted: two
//! databases know nothing of each other, and both holders would be right.
//!
//! What is looked at: the marker of the folder and of every folder above it,
//! and their files in the locks directory, which may be shared by several
//! databases. Not: what lies inside the folder; looking there would cost more
//! than all the rest.

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
                Err(Error::OtherDatabase {
                    folder: folder.path().to_owned(),
                    ours: self.database.clone(),
                    theirs: content.database.into_owned(),
                })
            }
            _ => Ok(()),
        }
    }

    fn is_live_elsewhere(&self, content: &Content<'_>) -> bool {
        !is_same_database(&content.database, &self.database)
            && content.is_live(self.clock.now().wall)
    }
}

/// One file may be known under two paths.
pub(super) fn is_same_database(theirs: &str, ours: &str) -> bool {
    theirs == ours
        || match (fs::metadata(theirs), fs::metadata(ours)) {
            (Ok(theirs), Ok(ours)) => (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino()),
            _ => false,
        }
}
