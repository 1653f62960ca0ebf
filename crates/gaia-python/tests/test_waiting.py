"""Waiting in line: the GIL is free, Ctrl-C works, circles are named."""

import signal
import threading
import time

import pytest

from conftest import until
from gaia_lock_manager import Cancel, Deadlock, WaitTimedOut


def waiters(manager):
    return len(manager.get_lock_status()["waiters"])


def test_a_wait_that_runs_out_is_false(manager, folder):
    manager.acquire_lock(folder, "ana", 1)
    assert manager.acquire_lock(folder, "ben", 1, wait=0) is False
    assert manager.acquire_lock(folder, "ben", 1, wait=0.1) is False
    assert manager.acquire_lock(folder, "ben", 1, wait=False) is False
    with pytest.raises(WaitTimedOut) as caught:
        manager.lock(folder, "ben", 1, wait=0.1).acquire()
    assert isinstance(caught.value, TimeoutError)
    assert waiters(manager) == 0


def test_a_waiter_gets_its_turn_while_other_threads_run(manager, folder):
    manager.acquire_lock(folder, "ana", 1)
    counted, granted = [0], []

    def count():
        while not granted:
            counted[0] += 1

    def wait():
        granted.append(manager.acquire_lock(folder, "ben", 1, wait=True))

    threads = [threading.Thread(target=work) for work in (wait, count)]
    for thread in threads:
        thread.start()
    until(lambda: waiters(manager) == 1)
    before = counted[0]
    until(lambda: counted[0] > before + 1000, what="work beside the wait")
    manager.release_lock(folder, "ana")
    for thread in threads:
        thread.join(20)
    assert granted == [True]


def test_waiters_are_served_in_order(manager, folder):
    manager.acquire_lock(folder, "first", 1)
    order, threads = [], []

    def work(name):
        assert manager.acquire_lock(folder, name, 1, wait=30)
        order.append(name)
        manager.release_lock(folder, name)

    for number in range(5):
        threads.append(threading.Thread(target=work, args=(f"w{number}",)))
        threads[-1].start()
        until(lambda: waiters(manager) == number + 1)
    manager.release_lock(folder, "first")
    for thread in threads:
        thread.join(20)
    assert order == [f"w{number}" for number in range(5)]


def test_ctrl_c_ends_a_wait_and_leaves_the_line(manager, folder, locks_dir, program):
    manager.acquire_lock(folder, "ana", 1)
    waiter = program(
        """
        manager = GaiaLockManager(argv[0])
        try:
            say("granted", manager.acquire_lock(argv[1], "ben", 1, wait=True))
        except KeyboardInterrupt:
            say("interrupted", manager.get_lock_status("ben")["waiters"])
        """,
        locks_dir,
        folder,
    )
    until(lambda: waiters(manager) == 1)
    begun = time.monotonic()
    waiter.process.send_signal(signal.SIGINT)
    assert waiter.end() == "interrupted []"
    assert time.monotonic() - begun < 2
    assert waiters(manager) == 0


def test_a_signal_handler_that_raises_nothing_lets_the_wait_go_on(manager, folder, locks_dir, program):
    manager.acquire_lock(folder, "ana", 1)
    waiter = program(
        """
        import signal
        signal.signal(signal.SIGUSR1, lambda *_: say("heard"))
        say(GaiaLockManager(argv[0]).acquire_lock(argv[1], "ben", 1, wait=True))
        """,
        locks_dir,
        folder,
    )
    until(lambda: waiters(manager) == 1)
    waiter.process.send_signal(signal.SIGUSR1)
    assert waiter.heard() == "heard"
    manager.release_lock(folder, "ana")
    assert waiter.end() == "True"


def test_a_wait_is_called_off_from_another_thread(manager, folder):
    manager.acquire_lock(folder, "ana", 1)
    cancel, said = Cancel(), []
    waiter = threading.Thread(
        target=lambda: said.append(manager.acquire_lock(folder, "ben", 1, wait=True, cancel=cancel))
    )
    waiter.start()
    until(lambda: waiters(manager) == 1)
    cancel.cancel()
    waiter.join(10)
    assert said == [False] and cancel.cancelled and waiters(manager) == 0


def test_a_circle_is_refused_at_once_and_named(manager, folder):
    a, b = folder + "/a", folder + "/b"
    manager.acquire_lock(a, "ana", 1)
    manager.acquire_lock(b, "ben", 2)
    waiter = threading.Thread(target=manager.acquire_lock, args=(b, "ana", 1), kwargs={"wait": 30})
    waiter.start()
    until(lambda: waiters(manager) == 1)
    with pytest.raises(Deadlock, match="circle") as caught:
        manager.acquire_lock(a, "ben", 2, wait=30)
    assert {holder["session_id"] for holder in caught.value.cycle} == {"ana", "ben"}
    assert manager.acquire(a, "ben", 2, wait=30)["cycle"]
    manager.release_lock(b, "ben")
    waiter.join(20)
    assert manager.is_locked(b)[1]["session_id"] == "ana"


def test_a_wait_longer_than_the_lease_gives_a_whole_lease(manager, folder):
    manager.acquire_lock(folder, "ana", 1, ttl=3)
    with manager.lock(folder, "ben", 1, ttl=1, wait=20) as lock:
        lock.check()
        assert lock.trusted_for > 0.5
