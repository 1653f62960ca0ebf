//! macOS: who is a process, told by libproc.

use std::io;
use std::mem::MaybeUninit;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::clock::BootId;
use crate::liveness::{Sighting, Viewpoint};

pub(crate) fn viewpoint() -> io::Result<Viewpoint> {
    Ok(Viewpoint {
        boot: BootId::current(),
        pid_namespace: 0,
        time_namespace: 0,
    })
}

pub(crate) fn own_start_time() -> io::Result<u64> {
    match sight(std::process::id()) {
        Sighting::Running { start_time } => Ok(start_time),
        _ => Err(io::Error::other(
            "the system does not tell when this process started",
        )),
    }
}

pub(crate) fn sight(pid: u32) -> Sighting {
    let Some(valid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Sighting::Absent;
    };
    match describe(valid) {
        Some(found) if found.pbi_status == libc::SZOMB => Sighting::Zombie,
        Some(found) => Sighting::Running {
            start_time: found.pbi_start_tvsec * 1_000_000 + found.pbi_start_tvusec,
        },
        // Processes of other users may be hidden; only the kernel's "no such process" is proof.
        None => match test_kill_process(valid) {
            Err(Errno::SRCH) => Sighting::Absent,
            _ => Sighting::Hidden,
        },
    }
}

fn describe(pid: Pid) -> Option<libc::proc_bsdinfo> {
    const WITH_ZOMBIES: u64 = 1;
    let mut found = MaybeUninit::<libc::proc_bsdinfo>::uninit();
    let size = i32::try_from(size_of::<libc::proc_bsdinfo>()).ok()?;
    // SAFETY: the buffer is as large as is said, and only written to.
    let written = unsafe {
        libc::proc_pidinfo(
            pid.as_raw_nonzero().get(),
            libc::PROC_PIDTBSDINFO,
            WITH_ZOMBIES,
            found.as_mut_ptr().cast(),
            size,
        )
    };
    if written != size {
        return None;
    }
    // SAFETY: the call says that it wrote all of it.
    Some(unsafe { found.assume_init() })
}
