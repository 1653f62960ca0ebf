"""Imitates an earlier assigner, with plain SQL on Python's own SQLite.

    assigner.py DATABASE sql            runs what comes on stdin
    assigner.py DATABASE rows QUERY     prints rows as JSON
    assigner.py DATABASE work STOP      works until the file STOP is there
    assigner.py DATABASE insert COUNT   queues tasks, one transaction each
    assigner.py DATABASE hold STOP      has it open, and changes nothing until the file STOP is there
    assigner.py DATABASE poll STOP      opens it, looks and closes it, until the file STOP is there
"""

import json
import os
import sqlite3
import sys
import time
from datetime import datetime, timezone


def now():
    return datetime.now(timezone.utc).replace(tzinfo=None).isoformat(sep=" ")


def connect(path):
    return sqlite3.connect(path, timeout=30)


def take(db):
    row = db.execute(
        "SELECT id FROM prompts WHERE status = 'pending' ORDER BY priority DESC, created_at LIMIT 1"
    ).fetchone()
    if row is None:
        return
    db.execute(
        "UPDATE prompts SET status = 'assigned', assigned_session = 'pane-1', assigned_at = ? WHERE id = ?",
        (now(), row[0]),
    )
    db.commit()
    db.execute("UPDATE prompts SET status = 'in_progress' WHERE id = ?", row)
    db.commit()
    db.execute(
        "UPDATE prompts SET status = 'completed', completed_at = ?, response = 'by the earlier one' WHERE id = ?",
        (now(), row[0]),
    )
    db.commit()


def work(db, stop):
    while not os.path.exists(stop):
        db.execute(
            "UPDATE sessions SET last_activity = ?, updated_at = ? WHERE name = 'pane-1'", (now(), now())
        )
        db.commit()
        take(db)
        time.sleep(0.05)


def look(db):
    db.execute("SELECT count(*) FROM prompts WHERE status = 'pending'").fetchone()


def hold(db, stop):
    look(db)
    while not os.path.exists(stop):
        time.sleep(0.05)


def poll(path, stop):
    while not os.path.exists(stop):
        db = connect(path)
        look(db)
        db.close()
        time.sleep(0.3)


def insert(db, count):
    for number in range(count):
        db.execute(
            "INSERT INTO prompts (content, source, priority, metadata) VALUES (?, 'script', ?, ?)",
            (f"echo script {number}", number % 3, json.dumps({"tags": []})),
        )
        db.commit()


def main():
    path, verb = sys.argv[1:3]
    db = connect(path)
    if verb == "sql":
        db.executescript(sys.stdin.read())
        db.commit()
    elif verb == "rows":
        print(json.dumps(db.execute(sys.argv[3]).fetchall()))
    elif verb == "work":
        work(db, sys.argv[3])
    elif verb == "hold":
        hold(db, sys.argv[3])
    elif verb == "poll":
        db.close()
        poll(path, sys.argv[3])
    elif verb == "insert":
        insert(db, int(sys.argv[3]))


main()
