"""The same calls through a server (GAIA_SERVER, GAIA_TOKEN)."""

import json
import socket
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

from conftest import until
from gaia_lock_manager import GaiaError, GaiaLockManager, StoreUnavailable
from test_mixed import gaia


def is_up(url):
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A real server on a port of its own; the environment names it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = ["--database", f"sqlite://{tmp_path}/server.db"]
    monkeypatch.setenv("GAIA_LISTEN", f"127.0.0.1:{port}")
    make = [gaia(), "--json", "token", "create", "py", "--role", "agent", *database]
    made = subprocess.run(make, capture_output=True, text=True, timeout=60)
    token = json.loads(made.stdout)["token"]
    with open(tmp_path / "server.log", "w") as log:
        process = subprocess.Popen([gaia(), "serve", *database], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    until(lambda: is_up(url), 30, "the server")
    monkeypatch.setenv("GAIA_SERVER", url)
    monkeypatch.setenv("GAIA_TOKEN", token)
    yield process
    process.terminate()
    process.wait(20)


def test_the_calls_answer_as_on_a_database(server, folder):
    manager = GaiaLockManager()
    assert manager.acquire_lock(folder, "py/ana", 7) is True
    assert manager.acquire_lock(folder, "py/ben", 8) is False
    locked, info = manager.is_locked(folder)
    assert locked and info["session_id"] == "py/ana" and info["folder_path"] == folder
    assert manager.get_lock_status()["count"] == 1
    assert manager.verify(info["id"])["active"] is True
    said = []
    waiter = threading.Thread(
        target=lambda: said.append(manager.acquire_lock(folder, "py/ben", 8, wait=30))
    )
    waiter.start()
    until(lambda: manager.get_lock_status()["waiters"])
    assert manager.release_lock(folder, "py/ana") is True
    assert manager.release_lock(folder, "py/ana") is False
    waiter.join(30)
    assert said == [True]
    manager.release_lock(folder, "py/ben")
    with manager.lock(folder, "py/cat", 1) as lock:
        lock.check()
    assert manager.is_locked(folder) == (False, None)


def test_a_server_that_is_gone_is_an_error_and_never_false(server, folder):
    manager = GaiaLockManager()
    assert manager.acquire_lock(folder, "py/ana", 7)
    server.terminate()
    server.wait(20)
    with pytest.raises(GaiaError) as caught:
        manager.acquire_lock(folder, "py/ben", 8)
    assert isinstance(caught.value, StoreUnavailable)
