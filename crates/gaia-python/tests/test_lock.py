"""The context manager, renewal, loss, tokens."""

import gc
import threading

import pytest

from conftest import until
from gaia_lock_manager import Held, LockLost, NotAllowed, NotHeld, UnknownLock, AlreadyEnded


def test_a_block_holds_the_lock_and_gives_it_back(manager, folder):
    with manager.lock(folder, "ana", 7) as lock:
        assert lock.is_held and lock.lost is None and lock.token == lock.tokens[0]
        info = manager.is_locked(folder)[1]
        assert (info["id"], info["session_id"], info["task_id"]) == (lock.token, "ana", 7)
        lock.check()
    assert manager.is_locked(folder) == (False, None)
    assert lock.token is None and not lock.is_held
    with pytest.raises(NotHeld):
        lock.check()


def test_it_is_given_back_when_the_block_raises_and_that_goes_on(manager, folder):
    with pytest.raises(ZeroDivisionError):
        with manager.lock(folder, "ana", 7):
            1 / 0
    assert not manager.is_locked(folder)[0]


def test_it_is_a_lock_of_its_own_beside_others_of_the_holder(manager, folder):
    manager.acquire_lock(folder, "ana", 7)
    with manager.lock(folder, "ana", 7) as one, manager.lock(folder, "ana", 7) as other:
        assert one.token != other.token
        assert manager.get_lock_status()["count"] == 3
    assert manager.is_locked(folder)[0], "what was held before is held on"


def test_several_folders_together_or_none(manager, folder):
    manager.acquire_lock(folder + "/b", "ben", 1)
    with pytest.raises(Held):
        manager.lock([folder + "/a", folder + "/b"], "ana", 1).acquire()
    assert not manager.is_locked(folder + "/a")[0]
    with manager.lock([folder + "/a", folder + "/c"], "ana", 1) as lock:
        assert len(lock.tokens) == 2 == len(lock.locks)
    assert manager.get_lock_status()["count"] == 1


def test_it_is_renewed_while_the_block_runs(manager, folder):
    with manager.lock(folder, "ana", 1, ttl=1) as lock:
        first = manager.is_locked(folder)[1]["expires_at"]
        until(lambda: manager.is_locked(folder)[1]["expires_at"] > first, what="a renewal")
        until(lambda: manager.is_locked(folder)[1]["expires_in"] > 0.9)
        # Asked at any moment of three lease lengths it is held.
        assert manager.acquire_lock(folder, "ben", 1, wait=3) is False
        assert lock.is_held and 0 < lock.trusted_for <= 1


def test_a_loss_is_told_at_once_and_at_the_end_of_the_block(manager, folder):
    told = []
    with pytest.raises(LockLost, match="forced"):
        with manager.lock(folder, "ana", 1, on_lost=told.append) as lock:
            manager.force_release(lock.token, "needed elsewhere")
            until(lambda: told, what="the news of the loss")
            assert "forced" in told[0] and "forced" in lock.lost and not lock.is_held
            with pytest.raises(LockLost):
                lock.check()
    assert len(told) == 1


def test_a_loss_is_told_at_the_end_of_a_block_that_gave_the_lock_back_when_it_heard_of_it(
    manager, folder
):
    released = []
    lock = manager.lock(folder, "ana", 1, on_lost=lambda why: released.append(lock.release()))
    for why in ("first", "second"):
        with pytest.raises(LockLost, match="forced"):
            with lock:
                manager.force_release(lock.token, why)
                until(lambda: released, what="the news of the loss")
        assert released.pop() is False
    with lock:
        assert lock.release() is True


def test_a_loss_does_not_hide_what_the_block_raised(manager, folder):
    with pytest.raises(ZeroDivisionError):
        with manager.lock(folder, "ana", 1) as lock:
            manager.force_release(lock.token, "needed elsewhere")
            1 / 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_callback_that_raises_harms_nobody(manager, folder):
    def bad(reason):
        raise RuntimeError("from the callback")

    lock = manager.lock(folder, "ana", 1, on_lost=bad)
    lock.acquire()
    manager.force_release(lock.token, "x")
    until(lambda: lock.lost)
    assert lock.release() is False


def test_acquire_and_release_again_and_again(manager, folder):
    lock = manager.lock(folder, "ana", 1)
    tokens = []
    for _ in range(3):
        lock.acquire()
        tokens.append(lock.token)
        with pytest.raises(ValueError, match="already"):
            lock.acquire()
        assert lock.release() is True and lock.release() is False
    assert tokens == sorted(set(tokens))


def test_two_threads_that_take_one_lock_object_at_once_hold_it_once(manager, folder):
    lock, said = manager.lock(folder, "ana", 1), []
    start = threading.Barrier(4)

    def take():
        start.wait()
        try:
            lock.acquire()
            said.append(True)
        except ValueError:
            said.append(False)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(said) == [False, False, False, True]
    assert manager.get_lock_status()["count"] == 1
    assert lock.release() is True


def test_one_that_nobody_has_any_more_is_given_back(manager, folder):
    manager.lock(folder, "ana", 1).acquire()
    gc.collect()
    assert not manager.is_locked(folder)[0]


def test_it_counts_who_waits(manager, folder):
    with manager.lock(folder, "ana", 1) as lock:
        waiter = threading.Thread(target=manager.acquire_lock, args=(folder, "ben", 1), kwargs={"wait": 20})
        waiter.start()
        until(lambda: lock.waiting == 1, what="the news of a waiter")
    waiter.join(20)
    assert manager.is_locked(folder)[1]["session_id"] == "ben"


def test_renew_needs_holder_and_token(manager, folder):
    token = manager.acquire(folder, "ana", 1, ttl=60)["locks"][0]["id"]
    assert 590 < manager.renew_lock(token, "ana", ttl=600)["expires_in"] <= 600
    with pytest.raises(NotAllowed):
        manager.renew_lock(token, "ben")
    manager.release_lock(folder, "ana")
    with pytest.raises(NotHeld):
        manager.renew_lock(token, "ana")


def test_verify_tells_a_token_that_is_over(manager, folder):
    token = manager.acquire(folder, "ana", 1)["locks"][0]["id"]
    assert manager.verify(token)["active"] is True
    manager.release_lock(folder, "ana")
    answer = manager.verify(token)
    assert answer["active"] is False and answer["lock"]["end_reason"] == "released"
    assert manager.verify(10**9) == {"active": False, "lock": None}


def test_force_release_says_what_is_not_there(manager, folder):
    with pytest.raises(UnknownLock):
        manager.force_release(10**9, "x")
    token = manager.acquire(folder, "ana", 1)["locks"][0]["id"]
    ended = manager.force_release(token, "needed elsewhere")
    assert (ended["end_reason"], ended["reason"]) == ("forced", "needed elsewhere")
    with pytest.raises(AlreadyEnded):
        manager.force_release(token, "again")
    with pytest.raises(ValueError):
        manager.force_release(token, " ")


def test_force_release_keeps_the_system_user_whatever_the_environment_says(manager, folder, monkeypatch):
    import os
    import pwd

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")
    token = manager.acquire(folder, "ana", 1)["locks"][0]["id"]
    ended = manager.force_release(token, "needed elsewhere")
    assert ended["ended_by"] == pwd.getpwuid(os.getuid()).pw_name


def test_history_has_every_grant(manager, folder):
    for session in ("ana", "ben"):
        manager.acquire_lock(folder, session, 1)
        manager.release_lock(folder, session)
    rows = manager.history(folder)
    assert [row["session_id"] for row in rows] == ["ben", "ana"]
    assert len(manager.history(session_id="ana")) == 1 == len(manager.history(limit=1))


def test_a_request_id_takes_no_second_lock(manager, folder):
    first = manager.acquire(folder, "ana", 1, request_id="r1", pid=None)
    again = manager.acquire(folder, "ana", 1, request_id="r1")
    assert first["locks"][0]["id"] == again["locks"][0]["id"]
    with pytest.raises(ValueError, match="r1"):
        manager.acquire(folder + "/other", "ana", 1, request_id="r1")
    manager.release_lock(folder, "ana")
    assert manager.acquire_lock(folder, "ana", 1, request_id="r1") is False, "that lock is over"
