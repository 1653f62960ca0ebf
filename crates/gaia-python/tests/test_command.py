"""`python -m gaia_lock_manager`."""

import json
import subprocess
import sys


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "gaia_lock_manager", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_status_as_a_table_and_as_json(manager, folder, locks_dir):
    place = ("--locks-dir", locks_dir)
    assert run("--status", *place) == (0, "No active locks: all folders are available\n", "")
    manager.acquire_lock(folder + "/a", "ana", 7)
    manager.acquire_lock(folder + "/b", "be\u202en", 8)
    status, out, _ = run("--status", *place)
    assert status == 0 and folder + "/a" in out and "ana" in out and "\u202e" not in out
    status, out, _ = run("--status", "--session", "ana", "--json", *place)
    assert status == 0 and json.loads(out)["count"] == 1


def test_release_and_cleanup(manager, folder, locks_dir):
    place = ("--locks-dir", locks_dir)
    manager.acquire_lock(folder, "ana", 7)
    status, out, err = run("--release", folder, "--session", "ben", *place)
    assert (status, out) == (4, "") and "not held" in err
    assert run("--release", folder, "--session", "ana", *place)[0] == 0
    assert run("--release", folder, "--session", "ana", "--json", *place)[0] == 4
    assert run("--cleanup", *place) == (0, "0 locks cleaned up\n", "")
    assert json.loads(run("--cleanup", "--json", *place)[1]) == {"ended": 0}


def test_wrong_usage_and_a_database_that_cannot_be_used(tmp_path, folder):
    assert run()[0] == 2
    assert run("--release", folder)[0] == 2
    assert run("--status", "--token", "1")[0] == 2
    assert run("--status", "--session", "", "--locks-dir", tmp_path / "l")[0] == 2
    (tmp_path / "file").write_text("")
    status, out, err = run("--status", "--locks-dir", tmp_path / "file" / "locks")
    assert (status, out) == (5, "") and "file" in err
    status, out, _ = run("--status", "--json", "--locks-dir", tmp_path / "file" / "locks")
    assert status == 5 and json.loads(out)["error"]["code"] == "StoreUnavailable"
