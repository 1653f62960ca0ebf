//! Cleanup: files and database are made to agree again, whatever was killed,
//! deleted by hand, or could not be written at the time.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::AsFd as _;

use super::files::{self, Files, Found, file_name, look};
use super::{Markers, On, Truth};
use crate::model::Lock;

impl Markers {
    /// Makes the files agree with the active locks.
    pub fn repair(&self, truth: &dyn Truth) {
        if let Some(on) = &self.on {
            let repaired = on.repair(truth);
            on.complain(repaired);
        }
    }
}

type ByName<'a> = HashMap<String, Vec<&'a Lock>>;

impl On {
    /// A turn for each file rather than one for all: nobody who is granted a
    /// lock meanwhile waits long.
    fn repair(&self, truth: &dyn Truth) -> io::Result<()> {
        let present = self.present()?;
        let Some(active) = truth.all() else {
            return Ok(()); // The next cleanup asks again.
        };
        let active = self.by_name(&active);
        for locks in active.values() {
            self.restore(locks, truth)?;
        }
        let stale = present
            .into_iter()
            .filter(|name| !active.contains_key(name));
        let stale: Vec<String> = stale.collect();
        stale
            .chunks(50)
            .try_for_each(|names| self.clear(names, truth))
    }

    /// The names of all files in the locks directory that may be markers.
    fn present(&self) -> io::Result<Vec<String>> {
        self.turns.take(&self.locks_dir, |locks_dir| {
            files::sweep(locks_dir);
            Ok(())
        })?;
        let is_marker = |name: &String| name.starts_with(".gaia_") && name.ends_with(".lock");
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.locks_dir)? {
            names.extend(entry?.file_name().into_string().ok().filter(is_marker));
        }
        Ok(names)
    }

    fn by_name<'a>(&self, locks: &'a [Lock]) -> ByName<'a> {
        let mut by_name = ByName::new();
        for lock in locks.iter().filter(|lock| lock.scope == self.scope) {
            by_name
                .entry(file_name(lock.folder.path()))
                .or_default()
                .push(lock);
        }
        by_name
    }

    fn restore(&self, locks: &[&Lock], truth: &dyn Truth) -> io::Result<()> {
        let Some(lock) = locks.first() else {
            return Ok(());
        };
        self.turns.take(&self.locks_dir, |locks_dir| {
            self.agree(&self.files(locks_dir, lock), lock, truth)
        })
    }

    /// Removes the files of folders that nobody holds.
    fn clear(&self, names: &[String], truth: &dyn Truth) -> io::Result<()> {
        self.turns.take(&self.locks_dir, |locks_dir| {
            let Some(active) = truth.all() else {
                return Ok(());
            };
            let active = self.by_name(&active);
            for name in names.iter().filter(|name| !active.contains_key(*name)) {
                let Found::Marker(content, _) = look(locks_dir.as_fd(), name) else {
                    continue;
                };
                // Whoever wrote it names the folder; the name of the file proves it.
                let files = Files::of(locks_dir, &content.folder_path, self.in_folders);
                if files.name == *name {
                    self.say(&files, &[])?;
                }
            }
            Ok(())
        })
    }
}
