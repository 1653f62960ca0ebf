//! Which file systems a database may lie on [R18].
//!
//! SQLite's WAL works only among processes of one kernel that see the same memory. On network and
//! shared-folder file systems (Docker Desktop's mounts among them) it corrupts without an error,
//! so these are refused before the database is opened. The folders that are locked may lie
//! anywhere.

use std::io;
use std::path::{Path, PathBuf};

use super::mount_of;

/// A file system, as far as trusting a database to it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystem {
    /// Its type, as the system names it: ext4, nfs4, fuse.sshfs, apfs.
    pub name: String,
    /// Whether a database may lie there.
    pub trust: Trust,
}

/// Whether only this machine's kernel writes to a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// It does, as far as can be seen.
    Local,
    /// Others may, or the memory of a mapped file is not shared; and why that is thought.
    Shared(String),
}

/// The file system that a path lies on, or will lie on: of what does not exist yet, the deepest
/// folder that does counts.
pub fn file_system_of(path: &Path) -> io::Result<FileSystem> {
    let existing = deepest_existing(path)?;
    // The table first: it knows what a FUSE file system is called, and a server that is out of
    // reach does not keep it from answering.
    let by_table = mount_of(&existing.to_string_lossy());
    if let Some((name, reason)) = by_table.as_deref().and_then(distrusted) {
        return Ok(shared(name, reason));
    }
    let by_kernel = kind_by_kernel(&existing)?;
    if let Some((name, reason)) = distrusted(&by_kernel.name) {
        return Ok(shared(name, reason));
    }
    let name = by_table.unwrap_or(by_kernel.name);
    if by_kernel.remote {
        return Ok(shared(&name, "it is not on a local disk"));
    }
    let trust = Trust::Local;
    Ok(FileSystem { name, trust })
}

fn distrusted(name: &str) -> Option<(&str, &'static str)> {
    reason_to_distrust(name).map(|reason| (name, reason))
}

fn shared(name: &str, reason: &str) -> FileSystem {
    FileSystem {
        name: name.to_owned(),
        trust: Trust::Shared(reason.to_owned()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "asks where the file lies, not which folder is meant"
)]
fn deepest_existing(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    for ancestor in absolute.ancestors() {
        match ancestor.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
            found => return found,
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

fn reason_to_distrust(name: &str) -> Option<&'static str> {
    const NETWORK: &str = "other machines can write to it";
    const SHARED_FOLDER: &str = "it is a folder shared with the host of this virtual machine";
    const FUSE: &str = "what a program serves (FUSE) need not share memory between processes";
    match name {
        "nfs" | "nfs3" | "nfs4" | "smb" | "smb2" | "smb3" | "smbfs" | "cifs" | "afs" | "afpfs"
        | "ceph" | "coda" | "gfs" | "gfs2" | "glusterfs" | "gpfs" | "lustre" | "ncpfs"
        | "ocfs2" | "orangefs" | "pvfs2" | "beegfs" | "webdav" | "davfs" | "davfs2" | "ftp"
        | "acfs" => Some(NETWORK),
        "9p" | "virtiofs" | "vboxsf" | "vboxfs" | "prl_fs" | "prlfs" | "prlufs" | "vmhgfs"
        | "hgfs" | "drvfs" | "wslfs" => Some(SHARED_FOLDER),
        "fuse" | "fuseblk" | "osxfuse" | "macfuse" | "fusefs" | "fskit" => Some(FUSE),
        _ if name.starts_with("fuse.") => Some(FUSE),
        _ if name.starts_with("macfuse") || name.starts_with("osxfuse") => Some(FUSE),
        _ => None,
    }
}

struct Kind {
    name: String,
    remote: bool,
}

#[cfg(target_os = "linux")]
fn kind_by_kernel(path: &Path) -> io::Result<Kind> {
    let magic = rustix::fs::statfs(path)?.f_type as u32;
    let name = match magic {
        0x6969 => "nfs",
        0x517b => "smbfs",
        0xff53_4d42 => "cifs",
        0xfe53_4d42 => "smb3",
        0x0102_1997 => "9p",
        0x6573_5546 => "fuse",
        0x6a65_6a63 | 0x7669_7274 => "virtiofs",
        0x5346_414f | 0x6b41_4653 => "afs",
        0x00c3_6400 => "ceph",
        0x0116_1970 => "gfs2",
        0x0bd0_0bd0 => "lustre",
        0x7461_636f => "ocfs2",
        0x4750_4653 => "gpfs",
        0x7375_7245 => "coda",
        0x564c => "ncpfs",
        0x2003_0528 => "orangefs",
        0x1983_0326 => "beegfs",
        0x786f_4256 => "vboxsf",
        0x7c7c_6673 => "prl_fs",
        0xbacb_acbc => "vmhgfs",
        0x5346_4846 => "wslfs",
        0xef53 => "ext4",
        _ => "unknown",
    };
    Ok(Kind {
        name: name.to_owned(),
        remote: false,
    })
}

#[cfg(target_os = "macos")]
fn kind_by_kernel(path: &Path) -> io::Result<Kind> {
    let found = rustix::fs::statfs(path)?;
    let name = found
        .f_fstypename
        .iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| *byte as u8);
    Ok(Kind {
        name: String::from_utf8_lossy(&name.collect::<Vec<u8>>()).into_owned(),
        remote: found.f_flags & (libc::MNT_LOCAL as u32) == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r18_network_and_shared_folder_file_systems_are_told_by_name() {
        for name in [
            "nfs4",
            "cifs",
            "9p",
            "virtiofs",
            "fuse.sshfs",
            "fuse.osxfs",
            "vboxsf",
        ] {
            assert!(reason_to_distrust(name).is_some(), "{name}");
        }
        for name in [
            "ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "apfs", "hfs", "f2fs",
        ] {
            assert_eq!(reason_to_distrust(name), None, "{name}");
        }
    }

    #[test]
    fn r18_a_path_that_does_not_exist_is_judged_by_what_does() {
        let there = tempfile::tempdir().unwrap();
        let absent = there.path().join("a/b/c.db");
        assert_eq!(
            file_system_of(&absent).unwrap(),
            file_system_of(there.path()).unwrap()
        );
        assert_eq!(file_system_of(there.path()).unwrap().trust, Trust::Local);
    }
}
