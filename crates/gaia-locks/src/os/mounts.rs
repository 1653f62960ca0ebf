//! Linux: the mount table, and what it says about paths.
//!
//! One folder can be seen under two paths of one device: a bind mount, a subvolume mounted beside
//! its parent. Strings cannot tell. The table can: every mount names its device and the folder of
//! the device that it shows. Of all mounts that show a folder, the one that shows the most of
//! the device stands for all (the shortest root, then the lowest id), so all processes of one
//! mount namespace choose alike. Where anything is in doubt the path stays as it is.
//!
//! The table is read once per process and again when the kernel says that it changed (poll on the
//! open file), so a path costs one short system call, and where no device is mounted twice
//! nothing more.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::PerProcess;
use super::linux::{folds_always, folds_by_directory};
use crate::folder::{ancestors, is_within};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    id: u32,
    parent: u32,
    device: String,
    root: String,
    point: String,
    kind: String,
}

/// The mounts that can be reached, by where they are mounted.
#[derive(Debug, Default)]
pub(super) struct Table {
    by_point: HashMap<String, Mount>,
    /// Only devices that are mounted more than once: where, the best first.
    aliases: HashMap<String, Vec<String>>,
    folds: bool,
}

static CURRENT: PerProcess<Option<Watched>> = PerProcess::new();

/// Whether any directory anywhere may fold names, as of the last look at the table.
static FOLDS: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const NONE: u8 = 1;
const SOME: u8 = 2;

/// Asks the table as it is now; None where there is none to be read.
pub(super) fn with_table<T>(ask: impl FnOnce(&Table) -> T) -> Option<T> {
    CURRENT.with(|current| {
        if current.is_none() {
            *current = Watched::open().ok();
        }
        let watched = current.as_mut()?;
        if watched.changed() && watched.read().is_err() {
            *current = None;
            return None;
        }
        Some(ask(&watched.table))
    })
}

/// True where no mount that could fold names was there when the table was last looked at. Every
/// path is looked up in the table before its names are, so that saves a second look.
pub(super) fn nothing_folds() -> bool {
    match FOLDS.load(Ordering::Acquire) {
        UNKNOWN => with_table(|table| !table.folds).unwrap_or(false),
        folds => folds == NONE,
    }
}

struct Watched {
    file: File,
    table: Table,
}

impl Watched {
    fn open() -> io::Result<Self> {
        let file = File::open("/proc/self/mountinfo")?;
        let table = Table::default();
        let mut watched = Self { file, table };
        watched.read()?;
        Ok(watched)
    }

    fn changed(&self) -> bool {
        let mut polled = [PollFd::new(&self.file, PollFlags::PRI)];
        let at_once = Timespec::default();
        matches!(poll(&mut polled, Some(&at_once)), Ok(count) if count > 0)
    }

    fn read(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut text)?;
        self.table = Table::parse(&String::from_utf8_lossy(&text));
        FOLDS.store(
            if self.table.folds { SOME } else { NONE },
            Ordering::Release,
        );
        Ok(())
    }
}

impl Table {
    fn parse(text: &str) -> Self {
        let mut mounts: Vec<Mount> = text.lines().filter_map(parse_line).collect();
        mounts.sort_by_key(|mount| mount.point.len()); // Stable: stacked ones keep their order.
        let mut table = Self::default();
        for mount in mounts {
            table.add_if_visible(mount);
        }
        table.folds = table
            .by_point
            .values()
            .any(|mount| folds_always(&mount.kind) || folds_by_directory(&mount.kind));
        table.aliases = aliases(table.by_point.values());
        table
    }

    // A mount is hidden when something was mounted over it or over a folder above it; then the
    // mount that is seen where it stands is not the one that it was put upon.
    fn add_if_visible(&mut self, mount: Mount) {
        let visible = match self.covering(&mount.point) {
            Some(below) => below.id == mount.parent,
            None => mount.point == "/",
        };
        if visible {
            self.by_point.insert(mount.point.clone(), mount);
        }
    }

    /// The mount that a path lies in.
    fn covering(&self, path: &str) -> Option<&Mount> {
        ancestors(path).find_map(|point| self.by_point.get(point))
    }

    pub(super) fn file_system_type(&self, path: &str) -> Option<String> {
        self.covering(path).map(|mount| mount.kind.clone())
    }

    pub(super) fn one_spelling(&self, path: &str) -> Option<String> {
        if self.aliases.is_empty() {
            return None;
        }
        let mount = self.covering(path)?;
        let on_device = graft(path, &mount.point, &mount.root)?;
        let points = self.aliases.get(&mount.device)?;
        for other in points.iter().filter_map(|point| self.by_point.get(point)) {
            if other.id == mount.id {
                return None;
            }
            let Some(spelling) = graft(&on_device, &other.root, &other.point) else {
                continue;
            };
            let shown_there = self
                .covering(&spelling)
                .is_some_and(|seen| seen.id == other.id);
            if shown_there && is_same_file(path, &spelling) {
                return Some(spelling);
            }
        }
        None
    }
}

fn aliases<'a>(mounts: impl Iterator<Item = &'a Mount>) -> HashMap<String, Vec<String>> {
    let mut by_device: HashMap<&str, Vec<&Mount>> = HashMap::new();
    for mount in mounts.filter(|mount| may_alias(mount)) {
        by_device.entry(&mount.device).or_default().push(mount);
    }
    by_device.retain(|_, mounts| mounts.len() > 1);
    by_device
        .into_iter()
        .map(|(device, mut mounts)| {
            mounts.sort_by_key(|mount| (mount.root.len(), mount.id));
            (
                device.to_owned(),
                mounts.iter().map(|mount| mount.point.clone()).collect(),
            )
        })
        .collect()
}

// The mounts of one NFS server can share a device number while each shows "/" as its root. A
// root that was deleted, or lies outside of what can be seen, is no path.
fn may_alias(mount: &Mount) -> bool {
    const SYSTEM: &[&str] = &[
        "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "nsfs",
    ];
    !SYSTEM.contains(&mount.kind.as_str())
        && !mount.kind.starts_with("nfs")
        && !mount.root.starts_with("/..")
        && !mount.root.ends_with("//deleted")
}

/// The path with its beginning `from` replaced by `to`; None if it does not lie within `from`.
fn graft(path: &str, from: &str, to: &str) -> Option<String> {
    if !is_within(path, from) {
        return None;
    }
    let rest = path.get(from.len()..)?.trim_start_matches('/');
    Some(match (to, rest) {
        ("/", rest) => format!("/{rest}"),
        (to, "") => to.to_owned(),
        (to, rest) => format!("{to}/{rest}"),
    })
}

fn is_same_file(one: &str, other: &str) -> bool {
    match (fs::symlink_metadata(one), fs::symlink_metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

// id parent device root point options [optional fields] - type source options
fn parse_line(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ');
    Some(Mount {
        id: fields.next()?.parse().ok()?,
        parent: fields.next()?.parse().ok()?,
        device: fields.next()?.to_owned(),
        root: unescape(fields.next()?),
        point: unescape(fields.next()?),
        kind: after.split(' ').next()?.to_owned(),
    })
}

// Blank, tab, newline and backslash stand there as three octal digits.
fn unescape(field: &str) -> String {
    let (tab, newline, blank) = ("\\011", "\\012", "\\040");
    field
        .replace(blank, " ")
        .replace(tab, "\t")
        .replace(newline, "\n")
        .replace("\\043", "#")
        .replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "\
27 1 254:0 / / rw - ext4 /dev/vda rw
22 27 0:21 / /proc rw - proc proc rw
24 27 0:6 / /dev rw - devtmpfs devtmpfs rw
26 24 0:24 / /dev/pts rw - devpts devpts rw
29 26 0:26 / /dev/pts rw - devpts devpts rw
";

    #[test]
    fn without_a_device_mounted_twice_there_are_no_aliases() {
        let table = Table::parse(PLAIN);
        assert!(table.aliases.is_empty());
        assert_eq!(table.one_spelling("/home/x"), None);
        assert_eq!(table.file_system_type("/home/x").as_deref(), Some("ext4"));
        assert_eq!(table.covering("/dev/pts/3").map(|mount| mount.id), Some(29));
    }

    #[test]
    fn a_mount_under_a_later_one_is_hidden() {
        let hidden = "40 27 0:50 / /a/b rw - tmpfs t rw\n41 27 0:51 / /a rw - tmpfs t rw\n";
        let table = Table::parse(&format!("{PLAIN}{hidden}"));
        assert_eq!(table.covering("/a/b/c").map(|mount| mount.id), Some(41));
    }

    #[test]
    fn what_is_in_doubt_stays_as_it_is() {
        // Neither path exists, so nothing proves that they are one.
        let bind = "50 27 254:0 /no/such /also/none rw - ext4 /dev/vda rw\n";
        let table = Table::parse(&format!("{PLAIN}{bind}"));
        assert_eq!(table.aliases.len(), 1);
        assert_eq!(table.one_spelling("/also/none/x"), None);
    }

    #[test]
    fn points_with_blanks_are_read() {
        let line = r"60 27 0:9 / /mnt/my\040disk\134x rw - vfat /dev/sdb rw";
        let table = Table::parse(&format!("{PLAIN}{line}"));
        assert_eq!(
            table.file_system_type("/mnt/my disk\\x/y").as_deref(),
            Some("vfat")
        );
        assert!(table.folds);
    }

    #[test]
    fn grafting_keeps_whole_components() {
        assert_eq!(
            graft("/mnt/b/x", "/mnt/b", "/data").as_deref(),
            Some("/data/x")
        );
        assert_eq!(graft("/mnt/b", "/mnt/b", "/").as_deref(), Some("/"));
        assert_eq!(graft("/x/y", "/", "/data").as_deref(), Some("/data/x/y"));
        assert_eq!(graft("/mnt/bc", "/mnt/b", "/data"), None);
    }
}
