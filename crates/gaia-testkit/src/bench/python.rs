//! Locks from PyPI. Each runs in one Python process that is told how long a
//! round is and answers how long one acquire and release took in it, so that
//! no pipe is in the figure.

use std::path::Path;
use std::process::Command;

use super::Options;
use super::program::Server;
use super::race::{Missing, Subject};

/// Python's filelock, held in this process.
pub(super) const FILELOCK: &str = "Python filelock";
/// GAIA's own module.
pub(super) const GAIA: &str = "gaia_lock_manager";
/// Python's fasteners, a lock between processes.
pub(super) const FASTENERS: &str = "Python fasteners";
/// Python's portalocker.
pub(super) const PORTALOCKER: &str = "Python portalocker";
/// agent-lease-mcp, through its own store class.
pub(super) const AGENT_LEASE: &str = "agent-lease-mcp";

/// As installed by `pip install .`; an unoptimised one, which the tests install,
/// would say nothing.
const GAIA_CYCLE: &str = "
os.environ['GAIA_MARKERS'] = 'off'
from gaia_lock_manager import GaiaLockManager, _core
if _core.__build__ != 'release':
    sys.exit('it is a debug build')
manager = GaiaLockManager(database_url='sqlite://' + os.path.join(folder, 'python.db'))
path = os.path.join(folder, 'locked')
os.mkdir(path)
def cycle():
    manager.acquire_lock(path, 'bench', 0)
    manager.release_lock(path, 'bench')
";

const FASTENERS_CYCLE: &str = "
from fasteners import InterProcessLock
lock = InterProcessLock(os.path.join(folder, 'fasteners.lock'))
def cycle():
    lock.acquire()
    lock.release()
";

const PORTALOCKER_CYCLE: &str = "
from portalocker import Lock
lock = Lock(os.path.join(folder, 'portalocker.lock'))
def cycle():
    lock.acquire()
    lock.release()
";

const FILELOCK_CYCLE: &str = "
from filelock import FileLock
lock = FileLock(os.path.join(folder, 'file.lock'))
def cycle():
    lock.acquire()
    lock.release()
";

const AGENT_LEASE_CYCLE: &str = "
from pathlib import Path
from agent_lease_mcp.store import Store
store = Store(Path(folder) / 'lease.db')
path = os.path.join(folder, 'leased')
def cycle():
    store.claim([path], 'bench')
    store.release([path], 'bench')
";

const ROUNDS: &str = "
import sys, time
cycle()
print('@ready', flush=True)
for line in sys.stdin:
    budget = int(line)
    start = time.perf_counter_ns()
    times = passed = 0
    while passed < budget:
        cycle()
        times += 1
        passed = time.perf_counter_ns() - start
    print('@%f' % (passed / times), flush=True)
";

pub(super) fn filelock(options: &Options, folder: &Path) -> Result<Subject<'static>, Missing> {
    subject(FILELOCK, FILELOCK_CYCLE, options, folder)
}

pub(super) fn gaia(options: &Options, folder: &Path) -> Result<Subject<'static>, Missing> {
    subject(GAIA, GAIA_CYCLE, options, folder)
}

pub(super) fn fasteners(options: &Options, folder: &Path) -> Result<Subject<'static>, Missing> {
    subject(FASTENERS, FASTENERS_CYCLE, options, folder)
}

pub(super) fn portalocker(options: &Options, folder: &Path) -> Result<Subject<'static>, Missing> {
    subject(PORTALOCKER, PORTALOCKER_CYCLE, options, folder)
}

pub(super) fn agent_lease(options: &Options, folder: &Path) -> Result<Subject<'static>, Missing> {
    subject(AGENT_LEASE, AGENT_LEASE_CYCLE, options, folder)
}

fn subject(
    name: &str,
    cycle: &str,
    options: &Options,
    folder: &Path,
) -> Result<Subject<'static>, Missing> {
    let missing = |why: String| {
        Missing::new(
            name,
            format!("{why} (scripts/install python; GAIA_BENCH_PYTHON names a Python that has it)"),
        )
    };
    let python = options.python.as_deref().unwrap_or(Path::new("python3"));
    let script = format!("import os, sys\nfolder = sys.argv[1]\n{cycle}{ROUNDS}");
    let mut command = Command::new(python);
    command
        .arg("-c")
        .arg(script)
        .arg(folder)
        .env("HOME", folder);
    let mut server = Server::start(&mut command)
        .map_err(|error| missing(format!("{}: {error}", python.display())))?;
    server
        .hear("@ready")
        .map_err(|_| missing(format!("{} has it not", python.display())))?;
    Ok(Subject::by_round(name, move |budget| {
        server.tell(&budget.as_nanos().to_string())?;
        Ok(server.hear("@")?.parse()?)
    }))
}
