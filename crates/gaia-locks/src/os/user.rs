//! Who the user is.

use std::ffi::CStr;

/// The name of the user that this process acts for, from the system and not from the environment,
/// which anybody can set.
#[must_use]
pub fn user() -> String {
    let id = rustix::process::getuid().as_raw();
    name_of(id).unwrap_or_else(|| format!("uid {id}"))
}

fn name_of(id: u32) -> Option<String> {
    let mut buffer = vec![0 as libc::c_char; 16 * 1024];
    let mut entry = std::mem::MaybeUninit::<libc::passwd>::uninit();
    let mut found = std::ptr::null_mut();
    // SAFETY: the entry and the buffer live as long as the result is read, and
    // their lengths are told.
    let failed = unsafe {
        libc::getpwuid_r(
            id,
            entry.as_mut_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut found,
        )
    };
    if failed != 0 || found.is_null() {
        return None;
    }
    // SAFETY: on success `found` points to the entry, whose name is a string
    // in the buffer.
    let name = unsafe { CStr::from_ptr((*found).pw_name) };
    Some(name.to_string_lossy().into_owned())
}
