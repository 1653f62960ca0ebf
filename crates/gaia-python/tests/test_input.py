"""Wrong input is a ValueError that names the argument and what would be right."""

import datetime
import os
import pickle
from collections import UserList, deque
from pathlib import Path

import pytest

from gaia_lock_manager import (
    Deadlock,
    GaiaError,
    GaiaLockManager,
    Held,
    InvalidInput,
    InvalidSetting,
    NotGranted,
    WaitTimedOut,
    WrongType,
)


@pytest.mark.parametrize(
    "folder", ["", "a\0b", None, 5, b"/bytes", 3.5, ["/a"], "/" + "x" * 5000, True, "\udcff\ud800"]
)
def test_a_folder_that_cannot_be_one(manager, folder):
    with pytest.raises(ValueError):
        manager.acquire_lock(folder, "ana", 1)
    with pytest.raises(ValueError):
        manager.is_locked(folder)
    with pytest.raises(ValueError):
        manager.release_lock(folder, "ana")


@pytest.mark.parametrize("session", ["", "  ", None, 5, "a\nb", "x" * 600, b"ana", "\ud800"])
def test_a_session_that_cannot_be_one(manager, folder, session):
    with pytest.raises(ValueError, match="session"):
        manager.acquire_lock(folder, session, 1)
    with pytest.raises(ValueError, match="session"):
        manager.release_lock(folder, session)


@pytest.mark.parametrize("task", [-1, "7", 1.5, True, 2**63, [1], object()])
def test_a_task_that_cannot_be_one(manager, folder, task):
    with pytest.raises(ValueError, match="task_id"):
        manager.acquire_lock(folder, "ana", task)


@pytest.mark.parametrize(
    "more",
    [
        {"mode": "other"},
        {"mode": 1},
        {"ttl": 0},
        {"ttl": 0.5},
        {"ttl": -1},
        {"ttl": 31 * 86400},
        {"ttl": float("nan")},
        {"ttl": float("inf")},
        {"ttl": "30m"},
        {"ttl": True},
        {"wait": -1},
        {"wait": "long"},
        {"wait": float("nan")},
        {"pid": 0},
        {"pid": -5},
        {"pid": 2**40},
        {"pid": 4194999},
        {"pid": "me"},
        {"request_id": ""},
        {"request_id": 5},
    ],
)
def test_a_keyword_that_cannot_be_used(manager, folder, more):
    with pytest.raises(ValueError, match=next(iter(more)).replace("_", ".") + "|lease"):
        manager.acquire_lock(folder, "ana", 1, **more)
    assert manager.get_lock_status()["count"] == 0


@pytest.mark.parametrize("limit", [-1, "x", True, 1.5])
def test_a_limit_that_cannot_be_one(manager, limit):
    with pytest.raises(ValueError, match="limit"):
        manager.history(limit=limit)
    assert manager.history(limit=2**40) == []


def test_a_callback_that_cannot_be_called(manager, folder):
    with pytest.raises(ValueError, match="on_lost"):
        manager.lock(folder, "ana", on_lost=5)


def test_several_folders_in_any_sequence(manager, folder):
    for several in (deque([folder]), UserList([folder + "/a", folder + "/b"])):
        with manager.lock(several, "ana") as lock:
            assert len(lock.tokens) == len(several)


def test_no_folder_at_all(manager):
    with pytest.raises(ValueError):
        manager.acquire([], "ana", 1)
    with pytest.raises(ValueError):
        manager.lock((), "ana", 1)


def test_a_wrong_type_is_a_type_error_too(manager):
    with pytest.raises(TypeError):
        manager.acquire_lock(None, "ana", 1)
    assert issubclass(WrongType, ValueError) and issubclass(InvalidInput, GaiaError)


@pytest.mark.parametrize("call", ["verify", "renew"])
@pytest.mark.parametrize("token", [0, -1, "1", None, 1.0])
def test_a_token_that_cannot_be_one(manager, call, token):
    with pytest.raises(ValueError):
        manager.verify(token) if call == "verify" else manager.renew_lock(token, "ana")


def test_paths_and_lengths_of_time_as_python_has_them(manager, folder):
    assert manager.acquire_lock(Path(folder), "ana", 1, ttl=datetime.timedelta(minutes=5))
    assert 290 < manager.is_locked(Path(folder))[1]["expires_in"] <= 300
    assert manager.acquire_lock(Path(folder), "ben", 1, wait=datetime.timedelta(milliseconds=1)) is False


def test_a_relative_folder_counts_from_the_current_one(manager, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert manager.acquire_lock("sub/../part", "ana", 1)
    assert manager.is_locked(folder + "/part")[1]["folder_path"] == folder + "/part"


def test_names_of_any_script(manager, folder):
    name = folder + "/ordner ü 文件夹 🙂 'quoted' \"so\""
    assert manager.acquire_lock(name, "sitzung ü 🙂", 1)
    assert manager.is_locked(name)[1]["session_id"] == "sitzung ü 🙂"


def test_a_link_is_the_folder_that_it_leads_to(manager, folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert manager.acquire_lock(link, "ana", 1)
    assert manager.acquire_lock(folder, "ben", 1) is False


@pytest.mark.parametrize("given", ["", 5, b"/x", "a\0b"])
def test_a_locks_directory_that_cannot_be_one(given):
    with pytest.raises(ValueError):
        GaiaLockManager(given)


@pytest.mark.parametrize("url", ["", "mysql://x", "sqlite://relative/x.db", 5])
def test_a_database_that_cannot_be_one(url):
    with pytest.raises(ValueError):
        GaiaLockManager(database_url=url)


def test_a_setting_that_cannot_be_read_is_named_with_its_value(monkeypatch, locks_dir):
    monkeypatch.setenv("GAIA_LOCK_TIMEOUT_HOURS", "often")
    with pytest.raises(InvalidSetting, match="GAIA_LOCK_TIMEOUT_HOURS.*often"):
        GaiaLockManager(locks_dir)


def test_exceptions_survive_pickle(manager, folder):
    manager.acquire_lock(folder, "ana", 1)
    with pytest.raises(Held) as caught:
        manager.lock(folder, "ben", 1).acquire()
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.answer) == (str(caught.value), caught.value.answer)
    assert isinstance(WaitTimedOut("x"), TimeoutError) and issubclass(Deadlock, NotGranted)


def test_a_refusal_says_who_since_when_until_when_and_what_to_do(manager, folder):
    with manager.lock(folder, "ana", 7):
        with pytest.raises(Held) as caught:
            manager.lock(folder + "/x", "ben", 1).acquire()
    said = str(caught.value)
    for fact in ["ana", "task 7", folder, "since", "until", "lives", "in line", "wait="]:
        assert fact in said
    conflict = caught.value.conflicts[0]
    assert conflict["alive"] is True and conflict["lock"]["pid"] == os.getpid()
