"""The one wheel works on every CPython that is here, the oldest and the newest above all."""

import glob
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import gaia_lock_manager

SITE = str(Path(gaia_lock_manager.__file__).parent.parent)
PYENV = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import asyncio, json, pickle
from gaia_lock_manager import AsyncGaiaLockManager, GaiaLockManager, Held

manager = GaiaLockManager(sys.argv[2])
assert manager.acquire_lock("/here", "ana", 1) and not manager.acquire_lock("/here", "ben", 2)
json.dumps(manager.get_lock_status())
with manager.lock("/there", "ana", 1) as lock:
    lock.check()
    try:
        manager.lock("/there", "ben", 1).acquire()
    except Held as held:
        pickle.loads(pickle.dumps(held))
assert pickle.loads(pickle.dumps(manager)).is_locked("/here")[0]

async def main():
    aio = AsyncGaiaLockManager(sys.argv[2])
    async with aio.lock("/elsewhere", "ana", wait=1):
        pass
    assert await aio.release_lock("/here", "ana")

asyncio.run(main())
try:
    manager.acquire_lock("", "ana")
except ValueError:
    print("%d.%d" % sys.version_info[:2])
"""


def interpreters():
    named = [shutil.which(f"python3.{minor}") for minor in range(9, 30)]
    pyenv = glob.glob(f"{PYENV}/versions/3.*/bin/python3")
    others = glob.glob("/usr/local/bin/python3.*") + ["/usr/bin/python3", sys.executable]
    found = {}
    for path in [*pyenv, *named, *others]:
        version = path and os.path.exists(path) and version_of(path)
        if version and version >= (3, 9):
            found.setdefault(version, path)
    return found


def version_of(path):
    code = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True)
    told = re.fullmatch(r"cpython (\d+) (\d+)\s*", done.stdout)
    return told and (int(told[1]), int(told[2]))


def test_the_wheel_works_on_every_python_that_is_here(tmp_path, capsys):
    found = interpreters()
    worked = []
    for version, path in sorted(found.items()):
        place = tmp_path / f"{version[1]}"
        done = subprocess.run(
            [path, "-c", PROGRAM, SITE, str(place)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, (path, done.stderr)
        worked.append(done.stdout.strip())
    assert worked == ["%d.%d" % version for version in sorted(found)]
    with capsys.disabled():
        print(f"\nthe wheel works on CPython {', '.join(worked)}")
        if len(worked) < 2:
            print("!!! NOT TESTED: the wheel on another CPython: there is only one here")
