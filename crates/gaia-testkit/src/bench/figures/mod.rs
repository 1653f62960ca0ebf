//! The figures, one file for each.

mod n12_python;
mod n13_up;
mod n1_cycle;
mod n2_processes;
mod n3_hand_off;
mod n4_run;
mod n5_many_locks;
mod n6_markers;
mod n7_hook;
mod n8_queue;
mod n9_queue;
mod start;

use std::path::{Path, PathBuf};

use super::{Figure, Options, Trouble};
pub(super) use start::agent;

/// How a figure is taken.
pub type Take = fn(&Options) -> Result<Figure, Trouble>;

/// All figures by name, in order.
pub const FIGURES: &[(&str, Take)] = &[
    ("N1", n1_cycle::take),
    ("N2", n2_processes::take),
    ("N3", n3_hand_off::take),
    ("N4", n4_run::take),
    ("N5", n5_many_locks::take),
    ("N6", n6_markers::take),
    ("N7", n7_hook::take),
    ("N8", n8_queue::take),
    ("N9", n9_queue::take),
    ("N12", n12_python::take),
    ("N13", n13_up::take),
    ("START", start::take),
];

/// A new folder in a folder.
fn folder_in(parent: &Path, name: &str) -> Result<PathBuf, Trouble> {
    let folder = parent.join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
