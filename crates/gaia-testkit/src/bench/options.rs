//! What is measured, how long, and where other programs are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is measured and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A few seconds in all: to see that it runs, not to judge by.
    pub quick: bool,
    /// Only these figures; empty: all.
    pub only: Vec<String>,
    /// The program `gaia`, for figures about whole processes.
    pub gaia: Option<PathBuf>,
    /// A Python that has the Python baselines.
    pub python: Option<PathBuf>,
    /// Words that make this program come to [`super::worker_main`], where its
    /// environment alone does not.
    pub worker_words: Vec<OsString>,
}

impl Options {
    /// Whether a figure was asked for.
    pub fn wants(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only.eq_ignore_ascii_case(id))
    }

    /// Finds what was not named: `gaia` beside this program or one folder
    /// above it, Python where `scripts/install` puts it, above this program or
    /// in the current folder.
    #[must_use]
    pub fn find_programs(mut self) -> Self {
        let exe = std::env::current_exe().unwrap_or_default();
        if self.gaia.is_none() {
            self.gaia = exe
                .ancestors()
                .skip(1)
                .take(2)
                .map(|folder| folder.join("gaia"))
                .find(|path| path.is_file());
        }
        if self.python.is_none() {
            self.python = named_python().or_else(|| installed_python(&exe));
        }
        self
    }

    pub(super) fn rounds(&self) -> usize {
        if self.quick { 3 } else { 21 }
    }

    /// How long a round of one subject lasts.
    pub(super) fn budget(&self) -> Duration {
        Duration::from_millis(if self.quick { 10 } else { 60 })
    }

    /// How many times several processes work beside each other.
    pub(super) fn windows(&self) -> usize {
        if self.quick { 2 } else { 9 }
    }

    /// How long several processes work beside each other, each time.
    pub(super) fn window(&self) -> Duration {
        Duration::from_millis(if self.quick { 100 } else { 800 })
    }

    /// "Many locks".
    pub(super) fn many(&self) -> usize {
        if self.quick { 10_000 } else { 1_000_000 }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "names a tool of the measurement, no setting of GAIA"
)]
fn named_python() -> Option<PathBuf> {
    std::env::var_os("GAIA_BENCH_PYTHON").map(PathBuf::from)
}

fn installed_python(exe: &Path) -> Option<PathBuf> {
    exe.ancestors()
        .chain([Path::new(".")])
        .map(|folder| folder.join(".tools/venv/bin/python"))
        .find(|path| path.is_file())
}
