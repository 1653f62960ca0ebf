//! What names this machine, over restarts and changes of its host's name.

use sha2::{Digest as _, Sha256};

use crate::ids::Scope;

/// The scope of this machine's paths where several machines share locks. It is
/// a digest: the machine's own id is meant to be kept from others.
#[must_use]
pub fn scope() -> Option<Scope> {
    let id = id().filter(|id| !id.is_empty())?;
    let mut digest = Sha256::new();
    digest.update(b"gaia scope ");
    digest.update(id);
    let hex: String = digest.finalize()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Scope::new(format!("machine-{hex}")).ok()
}

#[cfg(target_os = "linux")]
fn id() -> Option<Vec<u8>> {
    let places = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
    let read = |place: &&str| std::fs::read_to_string(place).ok();
    let id = places.iter().find_map(read)?;
    Some(id.trim().as_bytes().to_vec())
}

#[cfg(target_os = "macos")]
fn id() -> Option<Vec<u8>> {
    let mut id = [0_u8; 16];
    let at_once = libc::timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    // SAFETY: the buffer holds the sixteen bytes that are written, the time is only read.
    let result = unsafe { libc::gethostuuid(id.as_mut_ptr(), &raw const at_once) };
    (result == 0).then(|| id.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_one_name_and_it_tells_nothing() {
        let Some(name) = scope() else {
            eprintln!("\n!!! NOT TESTED: this machine has no id\n");
            return;
        };
        assert_eq!(scope(), Some(name.clone()));
        let id = String::from_utf8_lossy(&id().unwrap()).into_owned();
        assert!(!name.as_str().contains(&id), "{name}");
    }
}
