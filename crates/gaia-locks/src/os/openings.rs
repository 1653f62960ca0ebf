//! Who else has a file open, and whether anybody opens it.
//!
//! A program that holds no lock and writes nothing cannot be seen in a database, but it opens the
//! file: once for as long as it runs, or anew each time it looks. Linux tells both; elsewhere
//! neither is told, and nobody may be taken to be gone.

use std::io;
use std::path::Path;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
use elsewhere as system;

/// Listens for the openings of one file.
#[derive(Debug)]
pub struct Openings(system::Openings);

impl Openings {
    /// From now on, whoever opens it is noticed; `None` where the system does not tell.
    ///
    /// # Errors
    /// What the system said.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        Ok(system::Openings::of(path)?.map(Self))
    }

    /// Whether anybody, this process too, has opened it since this was asked last.
    ///
    /// # Errors
    /// What the system said.
    pub fn were_there(&self) -> io::Result<bool> {
        self.0.were_there()
    }
}

/// Whether another process of those that can be seen from here has `file` open without having
/// `companion` open too.
///
/// # Errors
/// What the system said; also where it does not tell.
pub fn is_open_without(file: &Path, companion: &Path) -> io::Result<bool> {
    system::is_open_without(file, companion)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn who_opens_a_file_is_noticed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        let file = File::create(&path).unwrap();
        let openings = Openings::of(&path).unwrap().unwrap();
        std::fs::metadata(&path).unwrap();
        file.set_len(7).unwrap();
        assert!(!openings.were_there().unwrap());
        drop(File::open(&path).unwrap());
        assert!(openings.were_there().unwrap());
        assert!(!openings.were_there().unwrap());
    }

    /// `read` answers once the shell has its files open.
    #[test]
    fn another_that_has_it_open_is_found_and_one_of_ours_is_not() {
        use std::io::{BufRead as _, BufReader};
        let home = tempfile::tempdir().unwrap();
        let (path, companion) = (home.path().join("file"), home.path().join("companion"));
        let _mine = [
            File::create(&path).unwrap(),
            File::create(&companion).unwrap(),
        ];
        assert!(!is_open_without(&path, &companion).unwrap(), "this process");
        for (opens, expected) in [("3<file", true), ("3<file 4<companion", false)] {
            let script = format!("exec {opens}; echo ready; read line");
            let mut child = Command::new("sh")
                .args(["-c", &script])
                .current_dir(&home)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap())
                .read_line(&mut line)
                .unwrap();
            let found = is_open_without(&path, &companion);
            drop(child.stdin.take());
            child.wait().unwrap();
            assert_eq!(found.unwrap(), expected, "{opens}");
        }
    }
}
