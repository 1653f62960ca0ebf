//! Doing what was planned: each file whole or not at all.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use super::plan::{Change, Text, What, on_disk, unusable};
use crate::context::Context;
use crate::exit::{Failure, Status};

/// A folder that holds what agents were told and said.
const PRIVATE: u32 = 0o700;
/// What the umask takes from.
const OPEN: u32 = 0o777;

/// Makes one change.
///
/// # Errors
/// When the place cannot be written, or is not as it was when the change was
/// planned.
pub fn make(context: &Context, change: &Change) -> Result<(), Failure> {
    let path = &change.path;
    match &change.what {
        What::Folder => make_folder(path, OPEN).map_err(|error| unusable(path, &error)),
        What::PrivateFolder => make_folder(path, PRIVATE).map_err(|error| unusable(path, &error)),
        What::Moved { to } => move_aside(path, to),
        What::Database => context.service().map(drop),
        What::File { before, after } => {
            if on_disk(path)? != *before {
                return Err(changed(path));
            }
            put(path, after.as_ref()).map_err(|error| unusable(path, &error))
        }
    }
}

fn changed(path: &Path) -> Failure {
    let message = format!("{} was changed in between", path.display());
    Failure::new("changed", Status::Failed, message)
        .hint("run it again, and look at the change once more")
}

fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// Makes the home, in which the journal lies.
///
/// # Errors
/// When it cannot be made.
pub fn make_home(home: &Path) -> io::Result<()> {
    if let Some(above) = home.parent() {
        fs::create_dir_all(above)?;
    }
    make_folder(home, PRIVATE)
}

/// Never over another file.
fn move_aside(path: &Path, to: &Path) -> Result<(), Failure> {
    if to.symlink_metadata().is_ok() {
        return Err(changed(to));
    }
    fs::rename(path, to).map_err(|error| unusable(path, &error))
}

/// Takes it back: the file has its own name again.
///
/// # Errors
/// When it cannot be moved, or another file has the name now.
pub fn move_back(path: &Path, to: &Path) -> Result<(), Failure> {
    move_aside(to, path)
}

/// Gives a file its text, or removes it; on disk when this returns.
pub fn put(path: &Path, text: Option<&Text>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    match text {
        Some(Text { text, mode }) => {
            let mut whole = tempfile::NamedTempFile::new_in(folder)?;
            whole.write_all(text.as_bytes())?;
            let permissions = Permissions::from_mode(*mode);
            whole.as_file().set_permissions(permissions)?;
            whole.as_file().sync_all()?;
            whole.persist(path)?;
        }
        None => fs::remove_file(path)?,
    }
    File::open(folder)?.sync_all()
}
