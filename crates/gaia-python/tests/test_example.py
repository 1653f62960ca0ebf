"""The example project runs: the assigner's loop, the endpoints, and the page in a real browser."""

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

from conftest import ROOT, not_tested, until
from gaia_lock_manager import GaiaLockManager

EXAMPLE = ROOT / "examples" / "flask-assigner"
ODD = "/srv/<img src=x onerror=document.title=1>/a b?c#d%2F"


@pytest.fixture(autouse=True)
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE))


@pytest.fixture
def assigner(manager):
    from assigner import Assigner

    return Assigner(manager)


def row(assigner, task):
    return dict(assigner.db.execute("SELECT * FROM prompts WHERE id = ?", (task,)).fetchone())


def test_a_task_runs_under_the_lock_on_its_folder_and_completes(assigner, manager, folder):
    task = assigner.add("echo $GAIA_TASK $GAIA_LOCK_TOKEN; test -e .gaia && echo marked", folder)
    assert assigner.run_next() == task
    done = row(assigner, task)
    token = manager.history(folder)[0]["id"]
    assert (done["status"], done["error"]) == ("completed", None)
    assert done["response"] == f"{task} {token}\nmarked\n"
    assert manager.history(folder)[0]["end_reason"] == "released"
    assert not manager.is_locked(folder)[0] and assigner.run_next() is None


def test_a_task_fails_or_times_out_and_its_folder_is_free(manager, folder):
    from assigner import Assigner

    assigner = Assigner(manager, time_limit=0.5)
    failing, slow = assigner.add("exit 3", folder), assigner.add("sleep 60 & sleep 60", folder)
    assert assigner.run_next() == failing and assigner.run_next() == slow
    assert row(assigner, failing)["error"] == "it ended with status 3"
    assert (row(assigner, slow)["status"], row(assigner, slow)["error"]) == ("failed", "timed out")
    assert not manager.is_locked(folder)[0]


def test_a_task_whose_folder_is_locked_is_passed_over(assigner, manager, folder):
    manager.acquire_lock(folder + "/taken", "another", 1)
    held, free = assigner.add("true", folder + "/taken", priority=9), assigner.add("true", folder)
    also = assigner.add("true")
    assert assigner.run_next() == also, "the parent of a locked folder is not free either"
    manager.release_lock(folder + "/taken", "another")
    os.mkdir(folder + "/taken")
    assert assigner.run_next() == held and assigner.run_next() == free


def test_what_a_killed_assigner_left_is_queued_again(assigner, manager, folder, locks_dir, program):
    task = assigner.add("echo begun > begun; sleep 60", folder)
    other = program(
        """
        sys.path.insert(0, argv[1])
        from assigner import Assigner
        Assigner(GaiaLockManager(argv[0])).run_next()
        """,
        locks_dir,
        EXAMPLE,
    )
    until(lambda: os.path.exists(folder + "/begun"))
    assert assigner.clean_up() == [], "it is at work"
    agents = subprocess.run(["pgrep", "-P", str(other.process.pid)], capture_output=True, text=True)
    other.kill()
    subprocess.run(["pkill", "-9", "-g", agents.stdout.split()[0]])
    assert assigner.clean_up() == [task]
    assert row(assigner, task)["status"] == "pending" and not manager.is_locked(folder)[0]


def test_the_loop_as_a_program(folder, locks_dir, monkeypatch):
    monkeypatch.setenv("GAIA_LOCKS_DIR", str(locks_dir))

    def run(*words):
        words = [sys.executable, EXAMPLE / "assigner.py", *words]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout

    assert run("--add", "echo hello", "--dir", folder) == "task 1\n"
    assert "task 1 is over" in run("--once")


@pytest.fixture
def site(locks_dir, manager):
    """The dashboard, served on a port of its own."""
    from werkzeug.serving import make_server

    from app import create_app

    server = make_server("127.0.0.1", 0, create_app(locks_dir), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)


def call(url, data=None, method=None, **headers):
    sent = None if data is None else json.dumps(data).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, sent, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            text = refused.read()
        return refused.code, json.loads(text) if text.startswith(b"{") else None


def test_the_endpoints(site, manager, folder):
    assert call(f"{site}/api/gaia/locks") == (200, {"count": 0, "locks": []})
    manager.acquire_lock(folder + "/a b", "ana", 7)
    status, answer = call(f"{site}/api/gaia/locks")
    assert (status, answer["count"]) == (200, 1)
    lock = answer["locks"][0]
    for path in (folder[1:] + "/a%20b", folder + "/a%20b/inside"):
        status, answer = call(f"{site}/api/gaia/locks/{path}")
        assert status == 200 and answer["is_locked"] and answer["lock_info"]["id"] == lock["id"]
    assert call(f"{site}/api/gaia/locks/elsewhere")[1]["lock_info"] is None
    release = f"{site}/api/gaia/locks/{lock['id']}/release"
    assert call(release, {})[0] == 403, "what another site's form could send"
    own = {"X-Requested-With": "fetch"}
    assert call(release, {"reason": "needed"}, **own)[1]["success"] is True
    assert manager.history()[0]["reason"] == "needed"
    assert call(release, {}, **own)[0] == 409
    assert call(f"{site}/api/gaia/locks/999999/release", {}, **own)[0] == 404
    assert call(f"{site}/api/gaia/locks/0/release", {}, **own)[0] == 400


class Browser:
    """A real Chromium, driven over WebDriver."""

    def __init__(self, driver, place):
        self.driver = subprocess.Popen(
            [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for line in self.driver.stdout:
            if "successfully on port" in line:
                port = line.rstrip(".\n").rsplit(" ", 1)[1]
                break
        self.base = f"http://127.0.0.1:{port}/session"
        switches = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        switches += ["--disable-background-networking", "--disable-component-update"]
        switches += ["--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={place}"]
        always = {"goog:chromeOptions": {"args": switches}, "unhandledPromptBehavior": "ignore"}
        made = self.send("", {"capabilities": {"alwaysMatch": always}})
        self.base += "/" + made["sessionId"]

    def send(self, verb, data=None, method=None):
        status, answer = call(self.base + verb, data, method)
        assert status == 200, answer
        return answer["value"]

    def read(self, script):
        return self.send("/execute/sync", {"script": f"return {script}", "args": []})

    def close(self):
        self.send("", method="DELETE")
        self.driver.terminate()
        self.driver.communicate(timeout=20)


@pytest.fixture
def browser(tmp_path, home):
    driver = shutil.which("chromedriver")
    if not driver or not (shutil.which("chromium") or shutil.which("google-chrome")):
        not_tested("there is no Chromium here (scripts/install packages)")
    browser = Browser(driver, tmp_path / "chromium")
    yield browser
    browser.close()


def test_the_page_shows_names_as_text_and_ends_a_lock_after_a_question(site, manager, browser):
    browser.send("/url", {"url": site})
    until(lambda: browser.read("!document.getElementById('none').hidden"), what="the empty page")
    assert "all folders are available" in browser.read("document.body.innerText")
    manager.acquire_lock(ODD, "<b>ana</b>", 7)
    until(lambda: browser.read("document.getElementById('count').textContent") == "1")
    cells = browser.read("[...document.querySelectorAll('#locks td')].map(c => c.textContent)")
    assert cells[:3] == [ODD, "<b>ana</b>", "7"]
    assert browser.read("document.querySelectorAll('#locks img, #locks b').length") == 0
    found = browser.send("/element", {"using": "css selector", "value": "#locks button"})
    browser.send(f"/element/{next(iter(found.values()))}/click", {})
    assert ODD in browser.send("/alert/text")
    browser.send("/alert/text", {"text": "needed elsewhere"})
    browser.send("/alert/accept", {})
    until(lambda: manager.get_lock_status()["count"] == 0, what="the release")
    until(lambda: browser.read("document.getElementById('count').textContent") == "0")
    assert manager.history()[0]["reason"] == "needed elsewhere"
    assert browser.read("document.title") == "Locks", "nothing of the name was run"
