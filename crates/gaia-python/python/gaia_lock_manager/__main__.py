"""`python -m gaia_lock_manager`: a look, a clean-up and a release from the shell.

Exit status as the command `gaia` has it: 0 done, 1 failed, 2 wrong usage, 4 not
held or not allowed, 5 the database cannot be reached.
"""

import argparse
import json
import sys
from typing import Any, Dict, List, Optional

from . import GaiaLockManager, __version__
from .errors import GaiaError, InvalidInput, NotAllowed, NotHeld, StoreUnavailable


def main(arguments: Optional[List[str]] = None) -> int:
    """Does what the arguments say; gives the exit status."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.release is not None and asked.session is None:
        parser.error("--release needs --session: whose lock is meant")
    if asked.release is None and (asked.task is not None or asked.token is not None):
        parser.error("--task and --token belong to --release")
    try:
        manager = GaiaLockManager(asked.locks_dir, database_url=asked.database)
        return _act(manager, asked)
    except GaiaError as error:
        return _fail(error, asked.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gaia_lock_manager",
        description="Who holds which folder; clean up; release. "
        "The command `gaia` does the same and more.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--status", action="store_true", help="the active locks")
    what.add_argument("--cleanup", action="store_true", help="end what lapsed")
    what.add_argument("--release", metavar="FOLDER", help="end a session's lock on a folder")
    parser.add_argument("--session", metavar="S", help="this session's only; for --release: whose")
    parser.add_argument("--task", metavar="N", type=int, help="for --release: only this task's")
    parser.add_argument("--token", metavar="T", type=int, help="for --release: only this very lock")
    parser.add_argument("--locks-dir", metavar="DIR", help="the locks directory")
    parser.add_argument("--database", metavar="URL", help="the database: sqlite:///path")
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    parser.add_argument("--version", action="version", version=f"gaia_lock_manager {__version__}")
    return parser


def _act(manager: GaiaLockManager, asked: argparse.Namespace) -> int:
    if asked.status:
        status = manager.get_lock_status(asked.session)
        print(json.dumps(status, indent=2) if asked.json else _table(status))
        return 0
    if asked.cleanup:
        ended = manager.cleanup_expired_locks()
        print(json.dumps({"ended": ended}) if asked.json else _cleaned(ended))
        return 0
    released = manager.release_lock(asked.release, asked.session, asked.task, token=asked.token)
    if asked.json:
        print(json.dumps({"released": released}))
    elif released:
        print(f"released {_plain(asked.release)}")
    else:
        print(f"{_plain(asked.release)} is not held by {_plain(asked.session)}", file=sys.stderr)
    return 0 if released else 4


def _table(status: Dict[str, Any]) -> str:
    if not status["locks"]:
        return "No active locks: all folders are available"
    rows = [("ID", "FOLDER", "SESSION", "TASK", "MODE", "SINCE", "EXPIRES")]
    for lock in status["locks"]:
        names = ("id", "folder_path", "session_id", "task_id", "mode", "created_at", "expires_at")
        rows.append(tuple(_plain(lock[name]) for name in names))  # type: ignore[arg-type]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _cleaned(ended: int) -> str:
    return f"{ended} lock{'' if ended == 1 else 's'} cleaned up"


def _plain(value: Any) -> str:
    """Names that others chose do not steer the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in str(value))


def _fail(error: GaiaError, as_json: bool) -> int:
    statuses = ((InvalidInput, 2), (NotHeld, 4), (NotAllowed, 4), (StoreUnavailable, 5))
    status = next((number for kind, number in statuses if isinstance(error, kind)), 1)
    if as_json:
        told = {"code": type(error).__name__, "message": str(error), "hint": None}
        print(json.dumps({"error": told}))
    else:
        print(f"error: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
