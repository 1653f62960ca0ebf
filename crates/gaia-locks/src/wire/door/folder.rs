//! A folder on its way to a server: resolved where the files are [R12], with
//! both of its names.

use serde::{Deserialize, Serialize};

use crate::folder::{Folder, InvalidFolder, StoredFolder};
use crate::os::Inode;

/// A folder, as whoever sees the files has resolved it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written_key: Option<String>,
    /// Device and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<(u64, u64)>,
}

impl Named {
    /// As it is sent.
    pub fn of(folder: &Folder) -> Self {
        let stored = folder.to_stored();
        Self {
            path: stored.path,
            path_key: stored.path_key,
            written: stored.written,
            written_key: stored.written_key,
            found: stored.found.map(|found| (found.dev, found.ino)),
        }
    }

    /// As it is meant. What is sent must look as a resolved folder does.
    ///
    /// # Errors
    /// When a path in it cannot be a folder.
    pub fn into_folder(self) -> Result<Folder, InvalidFolder> {
        Ok(Folder::from_stored(StoredFolder {
            path: cleaned(&self.path)?,
            path_key: self.path_key.as_deref().map(cleaned).transpose()?,
            written: self.written.as_deref().map(cleaned).transpose()?,
            written_key: self.written_key.as_deref().map(cleaned).transpose()?,
            found: self.found.map(|(dev, ino)| Inode { dev, ino }),
        }))
    }
}

fn cleaned(path: &str) -> Result<String, InvalidFolder> {
    Ok(Folder::clean(path)?.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r12_both_names_arrive_and_what_is_no_folder_is_refused() {
        let sent = |text: &str| serde_json::from_str::<Named>(text).unwrap().into_folder();
        let folder = sent(r#"{"path":"/real/a","written":"/link/a","found":[1,2]}"#).unwrap();
        assert_eq!(
            (folder.path(), folder.written()),
            ("/real/a", Some("/link/a"))
        );
        assert_eq!(Named::of(&folder).into_folder().unwrap(), folder);
        for wrong in [
            r#"{"path":""}"#,
            r#"{"path":"a"}"#,
            r#"{"path":"/a\u0000"}"#,
        ] {
            assert!(sent(wrong).is_err(), "{wrong}");
        }
        let folder = sent(r#"{"path":"/a/../b//c/"}"#).unwrap();
        assert_eq!(folder.path(), "/b/c");
    }
}
