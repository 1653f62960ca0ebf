"""Python, the command line and the server on one database, under load, judged by
the history checker (`gaia check --judge`).

Each worker writes down what it asks and is told, as the checker's own workers
do; the server sweeps and watches beside them.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from conftest import ROOT, not_tested

SECONDS = float(os.environ.get("GAIA_MIXED_SECONDS", "5"))
FOLDERS = ["a", "a/b", "a/b/c", "d", "d/e", "f"]


def gaia():
    """The command line of this tree, or an installed one."""
    built = os.environ.get("GAIA_TEST_BINARY") or ROOT / "target" / "debug" / "gaia"
    found = built if Path(built).exists() else shutil.which("gaia")
    if not found:
        not_tested("there is no gaia here (cargo build -p gaia-cli)")
    return str(found)


class Pen:
    """Writes a worker's journal."""

    def __init__(self, workshop, name):
        journals = Path(workshop) / "journals"
        journals.mkdir(parents=True, exist_ok=True)
        self.file = open(journals / f"{name}.jsonl", "a", buffering=1)
        self.asks = 0
        self.write(event="started", pid=os.getpid())

    def write(self, **line):
        clock = time.CLOCK_BOOTTIME if hasattr(time, "CLOCK_BOOTTIME") else time.CLOCK_MONOTONIC
        self.file.write(json.dumps({"at": time.clock_gettime_ns(clock), **line}) + "\n")

    def asked(self, folder, session, shared, ttl, wait):
        self.asks += 1
        want = {
            "folders": [folder],
            "session": session,
            "task": 0,
            "mode": "shared" if shared else "exclusive",
            "ttl_ms": ttl * 1000,
            "bound": False,
            "own": False,
            "limit_ms": None if wait is None else int(wait * 1000),
        }
        self.write(event="asked", ask=self.asks, want=want)

    def answered(self, answer):
        if answer["granted"]:
            tokens = [lock["id"] for lock in answer["locks"]]
            held_before = answer["held_before"]
            self.write(event="granted", ask=self.asks, tokens=tokens, held_before=held_before)
            return tokens[0]
        self.write(event="refused", ask=self.asks, circle=bool(answer.get("cycle")))
        return None


def by_python(database):
    from gaia_lock_manager import GaiaLockManager

    manager = GaiaLockManager(database_url=database)

    def acquire(folder, session, shared, ttl, wait):
        mode = "shared" if shared else "exclusive"
        return manager.acquire(folder, session, mode=mode, ttl=ttl, wait=wait)

    def release(folder, session, token):
        return manager.release_lock(folder, session, token=token)

    return acquire, release


def by_command(database):
    def run(*words):
        words = [os.environ["GAIA_BINARY"], "--json", "--database", database, *words]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        answer = json.loads(done.stdout)
        assert "error" not in answer, answer
        return answer

    def acquire(folder, session, shared, ttl, wait):
        more = ["--shared"] if shared else []
        more += [] if wait is None else [f"--wait={wait}s"]
        return run("acquire", folder, "--session", session, "--ttl", f"{ttl}s", *more)

    def release(folder, session, token):
        return run("release", folder, "--session", session, "--token", str(token))["released"]

    return acquire, release


def work(kind, name, database, shop, workshop, seconds):
    """One worker: takes locks at random, works in them and gives them back."""
    draw = random.Random(name)
    acquire, release = {"python": by_python, "command": by_command}[kind](database)
    pen = Pen(workshop, name)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        folder = f"{shop}/{draw.choice(FOLDERS)}"
        shared, ttl = draw.random() < 0.3, 60
        wait = draw.choice([None, 0.05, 1])
        pen.asked(folder, name, shared, ttl, wait)
        token = pen.answered(acquire(folder, name, shared, ttl, wait))
        if token is None:
            continue
        time.sleep(draw.random() * 0.003)
        pen.write(event="releasing", token=token)
        pen.write(event="released", token=token, ended=release(folder, name, token))
    pen.write(event="leaving")


def test_python_command_line_and_server_on_one_database(tmp_path, monkeypatch):
    binary = gaia()
    monkeypatch.setenv("GAIA_BINARY", binary)
    monkeypatch.setenv("GAIA_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("GAIA_MARKERS", "off")
    monkeypatch.setenv("GAIA_LOCK_CLEANUP_INTERVAL", "1")
    place, database = tmp_path / "place", f"sqlite://{tmp_path}/place/locks.db"
    place.mkdir()
    server = subprocess.Popen(
        [binary, "serve", "--database", database],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=open(tmp_path / "server.log", "w"),
    )
    kinds = ["python"] * 4 + ["command"] * 2
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, kind, f"{kind}-{number}", database, place / "shop"]
            + [place / "shop", str(SECONDS)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, kind in enumerate(kinds)
    ]
    try:
        for worker in workers:
            _, said = worker.communicate(timeout=SECONDS + 90)
            assert worker.returncode == 0, said
        assert server.poll() is None, (tmp_path / "server.log").read_text()
    finally:
        server.terminate()
        server.wait(20)
    judged = subprocess.run(
        [binary, "--json", "check", "--judge", place], capture_output=True, text=True, timeout=120
    )
    verdict = json.loads(judged.stdout)
    assert judged.returncode == 0, json.dumps(verdict, indent=1)[:4000]
    assert len(list((place / "shop" / "journals").glob("*.jsonl"))) == len(kinds)
    rows = sum(1 for _ in (place / "shop" / "journals").glob("command*"))
    assert rows == 2
    print(verdict)


def test_a_paused_folder_counts_as_locked(manager, folder, locks_dir):
    def run(*words):
        done = [gaia(), *words, "--database", f"sqlite://{locks_dir}/assigner.db"]
        subprocess.run(done, check=True, capture_output=True, timeout=60)

    run("pause", folder, "--reason", "maintenance")
    assert manager.is_locked(folder + "/inside") == (True, None)
    assert manager.acquire_lock(folder, "ana", 1) is False
    assert "maintenance" in str(manager.acquire(folder, "ana", 1)["conflicts"])
    run("resume", folder)
    assert manager.is_locked(folder) == (False, None)


def test_the_judge_can_fail(tmp_path):
    """A grant that nobody gave is found."""
    binary = gaia()
    place, database = tmp_path / "place", f"sqlite://{tmp_path}/place/locks.db"
    place.mkdir()
    work("python", "liar", database, place / "shop", place / "shop", 0.2)
    pen = Pen(place / "shop", "other")
    pen.asked("/x", "other", False, 60, None)
    pen.answered({"granted": True, "locks": [{"id": 10**6}], "held_before": False})
    judged = subprocess.run([binary, "check", "--judge", place], capture_output=True, timeout=60)
    assert judged.returncode == 1


if __name__ == "__main__":
    work(*sys.argv[1:])
