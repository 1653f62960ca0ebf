"""The stubs say what is there, and a type checker reads a program's use of it."""

import subprocess
import sys

USE = """
from typing import Any, Dict, Optional
from gaia_lock_manager import AsyncGaiaLockManager, GaiaLockManager, Held

manager = GaiaLockManager("/x")
granted: bool = manager.acquire_lock("/a", "s", None, wait=True, mode="shared")
info: Optional[Dict[str, Any]] = manager.is_locked("/a")[1]
try:
    with manager.lock(["/a"], "s", 1, wait=1.5) as lock:
        token: Optional[int] = lock.token
except Held as held:
    print(held.conflicts)

async def main() -> None:
    aio = AsyncGaiaLockManager()
    async with aio.lock("/x", "s") as lock:
        lock.check()
    granted: bool = await aio.acquire_lock("/a", "s", wait=3)
"""


def run(*words):
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_the_stubs_are_what_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, said = run("mypy.stubtest", "--ignore-disjoint-bases", "gaia_lock_manager")
    assert status == 0, said


def test_a_program_is_checked_against_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "use.py").write_text(USE)
    assert run("mypy", "--strict", "use.py")[0] == 0
    (tmp_path / "use.py").write_text(USE.replace("wait=3", "wait=3, mode=5").replace('"/x"', "5"))
    status, said = run("mypy", "--strict", "use.py")
    assert status == 1 and "incompatible type" in said
