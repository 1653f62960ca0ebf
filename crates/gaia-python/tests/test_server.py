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


def test_others_go_on_while_what_cannot_be_kept_is_let_go(server, folder, program):
    """The second of two locks cannot be renewed, and the thread that renews the
    first is just telling of its loss: it is waited for, and meanwhile other
    threads run, of which one lets it end."""
    code = """
        import http.client, http.server, json, os, threading, urllib.parse

        there, (a, b) = urllib.parse.urlsplit(os.environ["GAIA_SERVER"]).netloc, argv
        direct, told, answered, go = GaiaLockManager(), *(threading.Event() for _ in range(3))
        renewed = []

        class Between(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                renew = b'"renew"' in body and json.loads(body)["call"]["renew"]
                if renew:
                    renewed.append(renew["token"])
                if len(renewed) == 2 and renew:
                    direct.release_lock(a, "py/ana")
                    assert told.wait(20)
                    body = body.replace(b'"token":%d' % renew["token"], b'"token":99999999')
                there_too = http.client.HTTPConnection(there)
                kept = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
                there_too.request(self.command, self.path, body, kept)
                answer = there_too.getresponse()
                said = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)
                if len(renewed) == 2 and renew:
                    answered.set()

            do_POST = do_GET

        between = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
        between.daemon_threads = True
        threading.Thread(target=between.serve_forever, daemon=True).start()
        os.environ["GAIA_SERVER"] = "http://127.0.0.1:%d" % between.server_port

        def lost(why):
            told.set()
            go.wait()

        def give_way():
            # A wait of more than a tenth of the lease: then it is renewed first.
            time.sleep(0.6)
            direct.release_lock(a, "py/ben")

        def go_on():
            answered.wait()
            for _ in range(20):
                time.sleep(0.01)
            go.set()

        direct.acquire_lock(a, "py/ben", 1)
        for work in (give_way, go_on):
            threading.Thread(target=work, daemon=True).start()
        lock = GaiaLockManager().lock([a, b], "py/ana", 1, ttl=5, on_lost=lost)
        try:
            lock.acquire(wait=20)
        except NotHeld:
            say("not held", go.is_set(), len(renewed), direct.get_lock_status()["count"])
    """
    assert program(code, folder + "/a", folder + "/b").end() == "not held True 2 0"
