"""What the tests of the installed module share. Each test has a home of its own."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from gaia_lock_manager import GaiaLockManager

ROOT = Path(__file__).resolve().parents[3]


def not_tested(why):
    """Skips a test whose part is not installed here. Where CI=true all parts are
    there to be installed, and a test that did not run proves nothing."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(f"!!! NOT TESTED: {why}")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of the test's own; nobody's settings reach it."""
    for name in [name for name in os.environ if name.startswith("GAIA_")]:
        monkeypatch.delenv(name)
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("GAIA_HOME", str(place / "gaia"))
    return place


@pytest.fixture
def locks_dir(tmp_path):
    return tmp_path / "locks"


@pytest.fixture
def manager(locks_dir):
    return GaiaLockManager(locks_dir)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "work"
    place.mkdir()
    return str(place)


class Program:
    """A Python process of its own. It talks by lines: `say` there, `heard` here."""

    def __init__(self, code, *arguments):
        prelude = """
            import os, signal, sys, time
            # A shell's background jobs are started with it ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            from gaia_lock_manager import *
            argv = sys.argv[1:]
            def say(*words): print(*words, flush=True)
            def told(): return sys.stdin.readline().strip()
        """
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(code)]
            + [str(argument) for argument in arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def heard(self):
        """The next line that it says."""
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return line.strip()

    def tell(self, line="go"):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        return self.process.wait(20)

    def end(self):
        """Its last words, once it has ended by itself."""
        out, err = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, err
        return out.strip()


@pytest.fixture
def program():
    """Starts programs, and ends those that a test leaves behind."""
    started = []

    def start(code, *arguments):
        started.append(Program(code, *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def until(condition, within=10.0, what="what was awaited"):
    """Awaits a condition."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {within} s"
        time.sleep(0.005)
