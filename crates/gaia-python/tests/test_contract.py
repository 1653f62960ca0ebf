"""Section 10's table, row by row, and what stands around it."""

import datetime
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gaia_lock_manager
from conftest import until
from gaia_lock_manager import GaiaLockManager, StoreUnavailable

SITE = str(Path(gaia_lock_manager.__file__).parent.parent)


def test_acquire_lock_is_true_if_granted_and_again_for_the_same_holder(manager, folder):
    assert manager.acquire_lock(folder, "ana", 7) is True
    assert manager.acquire_lock(folder, "ana", 7) is True


def test_acquire_lock_is_false_if_held_by_another_holder(manager, folder):
    assert manager.acquire_lock(folder, "ana", 7)
    assert manager.acquire_lock(folder, "ben", 8) is False
    assert manager.acquire_lock(folder, "ana", 8) is False, "two tasks of one session"
    assert manager.acquire_lock(folder + "/inside", "ben", 8) is False
    assert manager.acquire_lock(os.path.dirname(folder), "ben", 8) is False
    assert manager.acquire_lock(folder + "-beside", "ben", 8) is True


def test_a_task_of_none_is_0_and_one_without_a_row_is_accepted(manager, folder):
    assert manager.acquire_lock(folder, "ana", None)
    assert manager.is_locked(folder)[1]["task_id"] == 0
    assert manager.acquire_lock(folder + "/x", "ana", 987654321)


def test_a_folder_that_does_not_exist_can_be_locked(manager, folder):
    nowhere = folder + "/not/there/yet"
    assert manager.acquire_lock(nowhere, "ana", 1)
    assert manager.is_locked(nowhere)[0]
    assert not os.path.exists(nowhere)


def test_is_locked_gives_the_lock_in_the_way(manager, folder):
    assert manager.is_locked(folder) == (False, None)
    manager.acquire_lock(folder, "ana", 7)
    locked, info = manager.is_locked(folder)
    assert locked is True
    assert info["folder_path"] == folder
    assert (info["session_id"], info["task_id"], info["status"]) == ("ana", 7, "active")
    assert isinstance(info["id"], int)
    created = datetime.datetime.fromisoformat(info["created_at"])
    expires = datetime.datetime.fromisoformat(info["expires_at"])
    assert created.tzinfo is not None
    assert abs((expires - created).total_seconds() - 7200) < 1
    assert 7190 < info["expires_in"] <= 7200


def test_is_locked_names_the_folders_own_lock_first_then_above_then_inside(manager, folder):
    inside, middle = folder + "/a/b", folder + "/a"
    manager.acquire_lock(inside, "ana", 0)
    assert manager.is_locked(middle)[1]["folder_path"] == inside
    manager.acquire_lock(folder, "ana", 0)
    assert manager.is_locked(middle)[1]["folder_path"] == folder
    manager.acquire_lock(middle, "ana", 0)
    assert manager.is_locked(middle)[1]["folder_path"] == middle


def test_is_locked_counts_a_shared_lock_which_an_exclusive_request_would_meet(manager, folder):
    assert manager.acquire_lock(folder, "ana", 1, mode="shared")
    assert manager.acquire_lock(folder, "ben", 2, mode="shared")
    locked, info = manager.is_locked(folder)
    assert locked and info["mode"] == "shared"


def test_release_lock_is_true_if_it_ended_else_false(manager, folder):
    assert manager.release_lock(folder, "ana") is False
    manager.acquire_lock(folder, "ana", 7)
    assert manager.release_lock(folder, "ben") is False
    assert manager.release_lock(folder + "/inside", "ana") is False
    assert manager.release_lock(folder, "ana") is True
    assert manager.release_lock(folder, "ana") is False
    assert manager.is_locked(folder) == (False, None)


def test_release_lock_with_a_token_ends_that_very_lock(manager, folder):
    token = manager.acquire(folder, "ana", 7)["locks"][0]["id"]
    manager.release_lock(folder, "ana")
    manager.acquire_lock(folder, "ana", 7)
    assert manager.release_lock(folder, "ana", token=token) is False, "a later lock stays"
    assert manager.is_locked(folder)[0]


def test_get_lock_status_has_locks_and_count_of_all_or_one_session(manager, folder):
    assert manager.get_lock_status()["locks"] == [] and manager.get_lock_status()["count"] == 0
    manager.acquire_lock(folder + "/a", "ana", 1)
    manager.acquire_lock(folder + "/b", "ben", 2)
    both = manager.get_lock_status()
    assert both["count"] == 2 == len(both["locks"])
    one = manager.get_lock_status("ben")
    assert one["count"] == 1 and one["locks"][0]["session_id"] == "ben"
    assert manager.get_lock_status(session_id="nobody")["count"] == 0


def test_cleanup_gives_how_many_and_the_constructor_cleans_nothing(manager, folder, locks_dir):
    manager.acquire_lock(folder + "/a", "ana", 1, ttl=1)
    manager.acquire_lock(folder + "/b", "ben", 1, ttl=1)
    manager.acquire_lock(folder + "/c", "cat", 1)
    # A look ends nothing.
    until(lambda: manager.get_lock_status()["count"] == 1, what="the end of the leases")
    again = GaiaLockManager(locks_dir)
    rows = sqlite3.connect(locks_dir / "assigner.db").execute("SELECT count(*) FROM active_locks")
    assert rows.fetchone()[0] == 3, "a lapsed row stays until a request or a cleanup"
    assert again.cleanup_expired_locks() == 2
    assert again.cleanup_expired_locks() == 0
    assert manager.get_lock_status()["locks"][0]["session_id"] == "cat"
    assert manager.history(folder + "/a")[0]["end_reason"] == "lapsed"


def test_what_is_given_can_be_given_to_json_dumps(manager, folder):
    manager.acquire_lock(folder, "ana", 7)
    answers = [
        manager.acquire(folder, "ana", 7),
        manager.acquire(folder, "ben", 7),
        manager.is_locked(folder),
        manager.get_lock_status(),
        manager.history(),
        manager.verify(1),
    ]
    for answer in answers:
        assert json.loads(json.dumps(answer)) == json.loads(json.dumps(answer))


def test_the_same_suite_twice_over_one_locks_directory_gives_the_same(folder, locks_dir):
    def suite():
        manager = GaiaLockManager(locks_dir)
        said = [
            manager.acquire_lock(folder, "ana", 1),
            manager.acquire_lock(folder, "ben", 2),
            manager.is_locked(folder)[0],
            manager.acquire_lock(folder + "/x", "ana", 1),
            manager.get_lock_status("ana")["count"],
        ]
        return said

    assert suite() == suite() == [True, False, True, True, 2]


def test_an_unwritable_directory_is_an_error_of_its_own(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(StoreUnavailable, match="file"):
        GaiaLockManager(blocked / "locks")
    assert not issubclass(StoreUnavailable, ValueError)


def test_a_directory_without_write_permission_is_refused_for_a_user(tmp_path, program):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    for place in [tmp_path, *tmp_path.parents][:4]:
        place.chmod(place.stat().st_mode | 0o055)
    user = program(
        """
        if os.geteuid() == 0:
            os.setgid(65534); os.setuid(65534)
        try:
            GaiaLockManager(argv[0])
        except StoreUnavailable as error:
            say(type(error).__name__, error)
        """,
        closed,
    )
    assert str(closed) in user.end()


def test_a_database_that_went_away_raises_and_never_says_false(manager, folder, locks_dir):
    manager.acquire_lock(folder, "ana", 1)
    for file in locks_dir.glob("assigner.db*"):
        file.unlink()
    with pytest.raises(StoreUnavailable):
        for _ in range(1000):  # looked at once a second
            manager.acquire_lock(folder, "ana", 1)
            manager.cleanup_expired_locks()
            time.sleep(0.01)
    with pytest.raises(StoreUnavailable):
        manager.acquire_lock(folder, "ana", 1)


def test_a_damaged_database_is_refused(locks_dir):
    locks_dir.mkdir()
    (locks_dir / "assigner.db").write_text("this is no database, and long enough to be seen so" * 20)
    with pytest.raises(StoreUnavailable):
        GaiaLockManager(locks_dir)


def test_all_names_of_the_module_are_there():
    for name in gaia_lock_manager.__all__:
        assert getattr(gaia_lock_manager, name).__doc__ or name == "__version__"
    assert (Path(gaia_lock_manager.__file__).parent / "py.typed").exists()


def test_importing_it_imports_little():
    """Neither asyncio nor typing: a script pays for what it uses."""
    code = "import sys; import gaia_lock_manager; print(len(set(sys.modules) & {'typing', 'asyncio', 're'}))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, sys.argv[1])\n" + code, SITE], capture_output=True, text=True)
    assert done.stdout == "0\n", done.stderr


def test_each_call_of_the_manager_says_what_it_does():
    for name in dir(GaiaLockManager):
        if not name.startswith("_"):
            assert getattr(GaiaLockManager, name).__doc__, name
