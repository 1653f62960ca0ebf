"""What can go wrong. All of it is a GaiaError.

    GaiaError
    ├── InvalidInput (a ValueError)     an argument that cannot be used
    │   ├── WrongType (a TypeError)     … of the wrong type
    │   └── InvalidSetting              a setting that cannot be read
    ├── StoreUnavailable                the database cannot be reached or trusted
    ├── NotGranted                      a lock was not granted; `answer` says why
    │   ├── Held                        another holds the folder
    │   ├── WaitTimedOut (a TimeoutError)   the wait ran out
    │   ├── Deadlock                    the wait would have closed a circle
    │   └── OtherDatabase               it is locked through another database
    ├── NotHeld                         the lock is not held (any more)
    │   └── LockLost                    it was lost while its block ran
    ├── NotAllowed                      it is another's, or ends with its task
    ├── UnknownLock                     no lock was ever granted under this id
    └── AlreadyEnded                    that lock is over
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself is not imported: see __init__.py
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

__all__ = [
    "AlreadyEnded",
    "Deadlock",
    "GaiaError",
    "Held",
    "InvalidInput",
    "InvalidSetting",
    "LockLost",
    "NotAllowed",
    "NotGranted",
    "NotHeld",
    "OtherDatabase",
    "StoreUnavailable",
    "UnknownLock",
    "WaitTimedOut",
    "WrongType",
]


class GaiaError(Exception):
    """Whatever this module raises on purpose."""


class InvalidInput(GaiaError, ValueError):
    """An argument that cannot be used; the text names it, its value and what would be right."""


class WrongType(InvalidInput, TypeError):
    """An argument of the wrong type."""


class InvalidSetting(InvalidInput):
    """A setting that cannot be read; the text names it, its value and where that came from."""


class StoreUnavailable(GaiaError):
    """The database cannot be reached or trusted. Nobody is granted anything."""


class NotGranted(GaiaError):
    """A lock was not granted.

    answer: the whole answer as a dict, with `conflicts`: who holds what, since
    when and until when, whether the holder shows signs of life, how many wait.
    """

    def __init__(self, message: str, answer: Optional[Dict[str, Any]] = None) -> None:
        super().__init__(message, answer)
        self.message = message
        self.answer: Dict[str, Any] = answer if answer is not None else {"granted": False}

    def __str__(self) -> str:
        return self.message

    @property
    def conflicts(self) -> List[Dict[str, Any]]:
        """What is in the way, locks first."""
        return list(self.answer.get("conflicts", []))


class Held(NotGranted):
    """Another holder has the folder, or one above or inside it."""


class WaitTimedOut(NotGranted, TimeoutError):
    """The wait ran out before the folder was free."""


class Deadlock(NotGranted):
    """The wait would have closed a circle of holders who wait for each other."""

    @property
    def cycle(self) -> List[Dict[str, Any]]:
        """The holders of the circle, in order."""
        return list(self.answer.get("cycle") or [])


class OtherDatabase(NotGranted):
    """The folder is locked through another database; the text names both."""


class NotHeld(GaiaError):
    """The lock is not held (any more) by whoever asked."""


class LockLost(NotHeld):
    """A lock was lost while its block ran: another may be at work there."""


class NotAllowed(GaiaError):
    """The lock is another's, or ends with its task only."""


class UnknownLock(GaiaError):
    """No lock was ever granted under this id."""


class AlreadyEnded(GaiaError):
    """That lock is over already; the text says how it ended."""
