"""Leases on folders, shared with the command `gaia` and everything else of GAIA.

    from gaia_lock_manager import GaiaLockManager

    manager = GaiaLockManager()
    if manager.acquire_lock("/work/app", "session-1", 7):
        try:
            ...
        finally:
            manager.release_lock("/work/app", "session-1")

or, renewed while the block runs and freed at once if this process dies:

    with manager.lock("/work/app", "session-1", 7, wait=60) as lock:
        ...

In asyncio programs `AsyncGaiaLockManager` has the same calls as coroutines.
`python -m gaia_lock_manager --status` shows who holds what.
"""

from __future__ import annotations

from ._core import Cancel, GaiaLockManager, Lock, __version__
from .errors import (
    AlreadyEnded,
    Deadlock,
    GaiaError,
    Held,
    InvalidInput,
    InvalidSetting,
    LockLost,
    NotAllowed,
    NotGranted,
    NotHeld,
    OtherDatabase,
    StoreUnavailable,
    UnknownLock,
    WaitTimedOut,
    WrongType,
)

# What type checkers alone look at: importing `typing` would cost a script more
# than the rest of this module.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .aio import AsyncGaiaLockManager, AsyncLock

__all__ = [
    "AlreadyEnded",
    "AsyncGaiaLockManager",
    "AsyncLock",
    "Cancel",
    "Deadlock",
    "GaiaError",
    "GaiaLockManager",
    "Held",
    "InvalidInput",
    "InvalidSetting",
    "Lock",
    "LockLost",
    "NotAllowed",
    "NotGranted",
    "NotHeld",
    "OtherDatabase",
    "StoreUnavailable",
    "UnknownLock",
    "WaitTimedOut",
    "WrongType",
    "__version__",
]


def __getattr__(name: str) -> object:
    """The asyncio variant is imported by those who use it."""
    if name in ("AsyncGaiaLockManager", "AsyncLock"):
        from . import aio

        return getattr(aio, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
