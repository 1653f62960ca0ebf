"""Many processes and threads, killed holders, forks, multiprocessing."""

import multiprocessing
import os
import signal
import sqlite3
import threading

import pytest

from conftest import until
from gaia_lock_manager import GaiaLockManager

ROUNDS = 1000


def race(locks_dir, folder, name, start, wins):
    """One racer: asks for the folder of each round when all are ready for it."""
    manager = GaiaLockManager(locks_dir)
    for round_ in range(ROUNDS):
        start.wait()
        if manager.acquire_lock(f"{folder}/{round_}", name, 1):
            wins.append(round_)


def race_and_tell(locks_dir, folder, name, start, queue):
    wins = []
    race(locks_dir, folder, name, start, wins)
    queue.put(wins)


def judge(*wins):
    everything = sorted(round_ for one in wins for round_ in one)
    assert everything == list(range(ROUNDS)), "one winner in each round"


def test_two_processes_race_a_thousand_times_one_winner_each(locks_dir, folder, monkeypatch):
    monkeypatch.setenv("GAIA_MARKERS", "off")
    context = multiprocessing.get_context("spawn")
    start, queue = context.Barrier(2), context.Queue()
    racers = [
        context.Process(target=race_and_tell, args=(locks_dir, folder, name, start, queue))
        for name in ("ana", "ben")
    ]
    for racer in racers:
        racer.start()
    judge(*[queue.get(timeout=60) for _ in racers])
    for racer in racers:
        racer.join(20)
    assert GaiaLockManager(locks_dir).get_lock_status()["count"] == ROUNDS


@pytest.mark.parametrize("shared", [True, False], ids=["one manager", "a manager each"])
def test_two_threads_race_a_thousand_times_one_winner_each(locks_dir, folder, monkeypatch, shared):
    monkeypatch.setenv("GAIA_MARKERS", "off")
    start, wins = threading.Barrier(2), ([], [])
    one = GaiaLockManager(locks_dir)

    def work(at):
        manager = one if shared else GaiaLockManager(locks_dir)
        for round_ in range(ROUNDS):
            start.wait()
            if manager.acquire_lock(f"{folder}/{round_}", f"s{at}", 1):
                wins[at].append(round_)

    threads = [threading.Thread(target=work, args=(at,)) for at in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    judge(*wins)


HOLDER = """
    pid = os.getpid() if argv[2] == "bound" else None
    say(GaiaLockManager(argv[0]).acquire_lock(argv[1], "ana", 1, pid=pid, ttl=float(argv[3])))
    told()
"""


def test_a_killed_holder_bound_to_its_process_frees_the_folder_at_once(
    manager, locks_dir, folder, program
):
    holder = program(HOLDER, locks_dir, folder, "bound", 3600)
    assert holder.heard() == "True"
    assert manager.acquire_lock(folder, "ben", 1) is False
    assert manager.is_locked(folder)[1]["pid"] == holder.process.pid
    holder.kill()
    assert manager.is_locked(folder) == (False, None)
    assert manager.acquire_lock(folder, "ben", 1) is True
    assert manager.history(folder)[1]["end_reason"] == "died"


def test_a_killed_holder_without_pid_holds_until_its_lease_ends(manager, locks_dir, folder, program):
    holder = program(HOLDER, locks_dir, folder, "free", 2)
    assert holder.heard() == "True"
    holder.kill()
    assert manager.acquire_lock(folder, "ben", 1) is False
    assert manager.acquire_lock(folder, "ben", 1, wait=10) is True
    assert manager.history(folder)[1]["end_reason"] == "lapsed"


def test_a_block_ends_with_its_killed_process(manager, locks_dir, folder, program):
    holder = program(
        """
        with GaiaLockManager(argv[0]).lock(argv[1], "ana", 1):
            say("held"); told()
        """,
        locks_dir,
        folder,
    )
    assert holder.heard() == "held"
    waiting = threading.Thread(target=manager.acquire_lock, args=(folder, "ben", 1), kwargs={"wait": 20})
    waiting.start()
    holder.kill()
    waiting.join(10)
    assert manager.is_locked(folder)[1]["session_id"] == "ben"


def test_a_program_that_ends_inside_its_block_leaves_no_lock(manager, locks_dir, folder, program):
    for end in ("sys.exit(0)", "return_ = 1", "os._exit(0)"):
        holder = program(f"""
            with GaiaLockManager(argv[0]).lock(argv[1], "ana", 1):
                {end}
            """, locks_dir, folder)
        holder.end()
        assert manager.acquire_lock(folder, "ben", 1)
        manager.release_lock(folder, "ben")


def in_child(work):
    """Runs `work` in a forked child; fails when it fails there."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(7 if work() else 1)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(2)
    return pid


def went_well(pid):
    def over():
        ended, status = os.waitpid(pid, os.WNOHANG)
        went_well.status = status
        return ended == pid

    until(over, 20, "the end of a child")
    return os.waitstatus_to_exitcode(went_well.status) == 7


def test_a_forked_child_goes_on_with_the_manager_it_inherited(manager, folder):
    assert manager.acquire_lock(folder, "ana", 1)

    def work():
        assert manager.acquire_lock(folder, "ben", 1) is False
        assert manager.acquire_lock(folder + "-child", "ben", 1)
        return manager.get_lock_status()["count"] == 2

    assert went_well(in_child(work))
    assert manager.get_lock_status()["count"] == 2


def test_a_fork_inside_a_block_ends_nothing_of_the_parents(manager, folder):
    with manager.lock(folder, "ana", 1, ttl=2) as lock:

        def work():
            assert not lock.is_held and lock.token is None and lock.release() is False
            lock.__exit__(None, None, None)
            own = manager.lock(folder + "/x", "ana", 1)
            with own:
                own.check()
            lock.acquire()  # the child's own, beside the parent's
            assert lock.is_held and lock.release() is True
            return manager.acquire_lock(folder, "ben", 1) is False

        assert went_well(in_child(work))
        lock.check()
        assert manager.is_locked(folder)[1]["session_id"] == "ana"
        assert manager.acquire_lock(folder, "ben", 1, wait=3) is False, "it is still renewed"


def test_a_child_forked_while_threads_work_can_lock_too(manager, folder, monkeypatch):
    over = threading.Event()

    def hammer(name):
        while not over.is_set():
            manager.acquire_lock(f"{folder}/{name}", name, 1)
            manager.release_lock(f"{folder}/{name}", name)

    def wait(name):
        while not over.is_set():
            manager.acquire_lock(folder + "/held", name, 1, wait=0.05)

    manager.acquire_lock(folder + "/held", "holder", 1)
    threads = [threading.Thread(target=hammer, args=(f"s{at}",)) for at in range(3)]
    threads.append(threading.Thread(target=wait, args=("waiter",)))
    for thread in threads:
        thread.start()
    try:
        for round_ in range(50):
            child = in_child(
                lambda: manager.acquire_lock(f"{folder}/child", "child", 1)
                and manager.acquire_lock(folder + "/held", "child", 1, wait=0.01) is False
                and manager.release_lock(f"{folder}/child", "child")
            )
            assert went_well(child), round_
    finally:
        over.set()
        for thread in threads:
            thread.join(20)


def test_parent_and_forked_child_race_one_winner_each(manager, folder, monkeypatch):
    start = multiprocessing.get_context("fork").Barrier(2)
    said, heard = os.pipe()
    rounds = 300

    def work(name):
        wins = bytearray()
        for round_ in range(rounds):
            start.wait()
            wins.append(manager.acquire_lock(f"/race/{round_}", name, 1))
        return wins

    child = in_child(lambda: os.write(heard, work("child")) == rounds)
    own = work("parent")
    theirs = os.read(said, rounds)
    assert went_well(child)
    assert [a + b for a, b in zip(own, theirs)] == [1] * rounds


def in_pool(job):
    manager, folder, number = job
    granted = manager.acquire_lock(f"{folder}/{number % 10}", f"worker-{os.getpid()}-{number}", 1)
    return granted


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(manager, folder, method):
    """A manager goes to the workers of a pool, inherited or pickled."""
    context = multiprocessing.get_context(method)
    with context.Pool(3) as pool:
        granted = pool.map(in_pool, [(manager, folder, number) for number in range(40)])
    assert sum(granted) == 10


def test_a_copy_of_sqlite_in_the_same_process_takes_no_lock_away(
    manager, folder, locks_dir, program
):
    """Python's own sqlite3 opens and closes the file again and again, while this
    process and another race for the same folders."""
    rival = program(
        """
        manager = GaiaLockManager(argv[0])
        for line in sys.stdin:
            say(int(manager.acquire_lock(f"{argv[1]}/{line.strip()}", "rival", 1)))
        """,
        locks_dir,
        folder,
    )
    file = locks_dir / "assigner.db"
    over = threading.Event()
    wrote = []

    def meddle():
        while not over.is_set():
            other = sqlite3.connect(file, timeout=10)
            other.execute("PRAGMA synchronous=OFF")
            other.execute("SELECT count(*) FROM lock_history").fetchone()
            with other:
                other.execute("INSERT INTO prompts (content) VALUES ('from sqlite3')")
            wrote.append(1)
            other.close()
            over.wait(0.002)

    meddler = threading.Thread(target=meddle)
    meddler.start()
    try:
        for round_ in range(100):
            rival.tell(str(round_))
            own = manager.acquire_lock(f"{folder}/{round_}", "own", 1)
            assert own + int(rival.heard()) == 1, round_
    finally:
        over.set()
        meddler.join(20)
    checked = sqlite3.connect(file)
    assert checked.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert checked.execute("SELECT count(*) FROM prompts").fetchone()[0] == len(wrote) > 0
    assert manager.get_lock_status()["count"] == 100


def test_sigkill_in_the_middle_of_work_leaves_nothing_wedged(manager, locks_dir, folder, program):
    for _ in range(5):
        worker = program(
            """
            manager = GaiaLockManager(argv[0])
            say("begun")
            while True:
                manager.acquire_lock(argv[1], "worker", 1, pid=os.getpid())
                manager.release_lock(argv[1], "worker")
            """,
            locks_dir,
            folder,
        )
        worker.heard()
        manager.acquire_lock(folder + "/x", "me", 1, wait=0.05)
        assert worker.kill() == -signal.SIGKILL
        assert manager.acquire_lock(folder, "me", 1, wait=5)
        assert manager.release_lock(folder, "me")
