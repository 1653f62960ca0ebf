"""An assigner in Python: each task runs under the lock on its folder.

A task is a row of `prompts`; its folder stands in `metadata` as working_dir, its
text is a shell command here (an agent's prompt in real life). The rules:

- A task whose folder is locked by another is passed over, and others go on.
- The lock lives and dies with this process, and is renewed while the task runs.
- However the task ends, first it has ended, then its folder is free.
- What a dead assigner left behind is found at the start and queued again.
"""

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import time

from gaia_lock_manager import GaiaLockManager, Held


class Assigner:
    """Runs tasks as one session."""

    def __init__(self, manager, session="python-assigner", time_limit=None):
        self.manager = manager
        self.session = session
        self.time_limit = time_limit
        # Python's own SQLite on the same file: the two do each other no harm.
        self.db = sqlite3.connect(manager.database, timeout=10, isolation_level=None)
        self.db.row_factory = sqlite3.Row

    def add(self, content, folder=None, priority=0):
        """Queues a task and gives its id."""
        metadata = json.dumps({"working_dir": folder} if folder else {})
        row = "INSERT INTO prompts (content, source, priority, metadata) VALUES (?, 'python', ?, ?)"
        return self.db.execute(row, (content, priority, metadata)).lastrowid

    def clean_up(self):
        """For the start: ends what lapsed, and queues again what nobody runs any more."""
        self.manager.cleanup_expired_locks()
        orphans = []
        for task in self.db.execute("SELECT id FROM prompts WHERE status = 'in_progress'"):
            held = self.manager.get_lock_status(self.session)["locks"]
            if not any(lock["task_id"] == task["id"] for lock in held):
                orphans.append(task["id"])
        for task_id in orphans:
            back = "UPDATE prompts SET status = 'pending', assigned_session = NULL WHERE id = ?"
            self.db.execute(back, (task_id,))
        return orphans

    def run_next(self):
        """Runs the first task whose folder is free; gives its id, or None."""
        waiting = "SELECT * FROM prompts WHERE status = 'pending' ORDER BY priority DESC, id"
        for task in self.db.execute(waiting).fetchall():
            folder = json.loads(task["metadata"] or "{}").get("working_dir")
            if not folder:
                self.run(task, None)
                return task["id"]
            try:
                with self.manager.lock(folder, self.session, task["id"]) as lock:
                    self.run(task, folder, lock)
                return task["id"]
            except Held as held:
                print(f"task {task['id']} is passed over: {held}")
        return None

    def run(self, task, folder, lock=None):
        """Runs one task to its end and writes down how it ended."""
        if not self.begin(task["id"]):
            return
        limit = self.time_limit or 60 * task["timeout_minutes"]
        token = {"GAIA_LOCK_TOKEN": str(lock.token)} if lock else {}
        agent = subprocess.Popen(
            ["sh", "-c", task["content"]],
            cwd=folder,
            env={**os.environ, **token, "GAIA_SESSION": self.session, "GAIA_TASK": str(task["id"])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = agent.communicate(timeout=limit)
            failed = agent.returncode and f"it ended with status {agent.returncode}"
        except subprocess.TimeoutExpired:
            failed, output = "timed out", None
        finally:
            stop(agent)
        self.end(task["id"], output, failed or None)

    def begin(self, task_id):
        """Whether it is ours: another may have taken it in the meantime."""
        taken = self.db.execute(
            "UPDATE prompts SET status = 'in_progress', assigned_session = ?,"
            " assigned_at = CURRENT_TIMESTAMP WHERE id = ? AND status = 'pending'",
            (self.session, task_id),
        )
        return taken.rowcount == 1

    def end(self, task_id, output, error):
        """Completed, or failed with an error."""
        self.db.execute(
            "UPDATE prompts SET status = ?, response = ?, error = ?,"
            " completed_at = CURRENT_TIMESTAMP WHERE id = ? AND status = 'in_progress'",
            ("failed" if error else "completed", output, error, task_id),
        )


def stop(agent):
    """First stopped, then freed: nothing of its group is left when the lock ends."""
    try:
        os.killpg(agent.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    agent.communicate()


def main():
    parser = argparse.ArgumentParser(description="A small assigner")
    parser.add_argument("--add", metavar="COMMAND", help="queue a task")
    parser.add_argument("--dir", metavar="FOLDER", help="its folder")
    parser.add_argument("--once", action="store_true", help="run what is there, then end")
    asked = parser.parse_args()
    assigner = Assigner(GaiaLockManager())
    if asked.add:
        print(f"task {assigner.add(asked.add, asked.dir and os.path.abspath(asked.dir))}")
        return
    assigner.clean_up()
    while True:
        done = assigner.run_next()
        if done:
            print(f"task {done} is over")
        elif asked.once:
            return
        else:
            time.sleep(1)


if __name__ == "__main__":
    main()
