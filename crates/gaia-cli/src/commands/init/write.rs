//! Doing what was planned: each file whole or not at all.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use super::plan::{Change, FOLDER_MODE, Text, What, on_disk, unusable};
use crate::context::Context;
use crate::exit::{Failure, Status};

/// Makes one change.
///
/// # Errors
/// When the place cannot be written, or is not as it was when the change was
/// planned.
pub fn make(context: &Context, change: &Change) -> Result<(), Failure> {
    let path = &change.path;
    match &change.what {
        What::Folder => make_folder(path).map_err(|error| unusable(path, &error)),
        What::Database => context.service().map(drop),
        What::File { before, after } => {
            if on_disk(path)? != *before {
                let message = format!("{} was changed in between", path.display());
                return Err(Failure::new("changed", Status::Failed, message)
                    .hint("run it again, and look at the change once more"));
            }
            put(path, after.as_ref()).map_err(|error| unusable(path, &error))
        }
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
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
