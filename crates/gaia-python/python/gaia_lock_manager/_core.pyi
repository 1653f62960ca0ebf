from datetime import timedelta
from os import PathLike
from types import TracebackType
from typing import (
    Any,
    Callable,
    Dict,
    List,
    Literal,
    Optional,
    Sequence,
    Tuple,
    Type,
    Union,
    final,
)

_Path = Union[str, "PathLike[str]"]
_Seconds = Union[int, float, timedelta]
_Wait = Union[bool, _Seconds, None]
_Mode = Literal["exclusive", "shared"]

__all__ = ["Lock", "GaiaLockManager", "Cancel", "__build__", "__version__"]

__version__: str
__build__: str

@final
class Cancel:
    """Calls a wait off from another thread: the line is left, and the call answers
    that nothing was granted. One Cancel serves one call."""

    def __init__(self) -> None: ...
    def cancel(self) -> None:
        """Calls the wait off. Safe from any thread, and more than once."""
    @property
    def cancelled(self) -> bool: ...

class GaiaLockManager:
    """Leases on folders, in the same database as the command `gaia`."""

    def __new__(
        cls, gaia_locks_dir: Optional[_Path] = None, *, database_url: Optional[str] = None
    ) -> "GaiaLockManager": ...
    def acquire_lock(
        self,
        folder_path: _Path,
        session_id: str,
        task_id: Optional[int] = None,
        *,
        mode: Optional[_Mode] = None,
        ttl: Optional[_Seconds] = None,
        wait: _Wait = None,
        pid: Optional[int] = None,
        request_id: Optional[str] = None,
        cancel: Optional[Cancel] = None,
    ) -> bool:
        """Takes the lock on a folder. True if granted, also when this holder has it
        already; False if another holder has it."""
    def acquire(
        self,
        folders: Union[_Path, Sequence[_Path]],
        session_id: str,
        task_id: Optional[int] = None,
        *,
        mode: Optional[_Mode] = None,
        ttl: Optional[_Seconds] = None,
        wait: _Wait = None,
        pid: Optional[int] = None,
        request_id: Optional[str] = None,
        cancel: Optional[Cancel] = None,
    ) -> Dict[str, Any]:
        """Takes the locks on several folders, all or none; gives the whole answer."""
    def lock(
        self,
        folders: Union[_Path, Sequence[_Path]],
        session_id: str,
        task_id: Optional[int] = None,
        *,
        mode: Optional[_Mode] = None,
        ttl: Optional[_Seconds] = None,
        wait: _Wait = None,
        on_lost: Optional[Callable[[str], object]] = None,
    ) -> Lock:
        """A lock for a `with` block, renewed while the block runs."""
    def is_locked(self, folder_path: _Path) -> Tuple[bool, Optional[Dict[str, Any]]]:
        """Whether an exclusive request by a stranger would be refused, and the lock
        in the way."""
    def release_lock(
        self,
        folder_path: _Path,
        session_id: str,
        task_id: Optional[int] = None,
        *,
        token: Optional[int] = None,
    ) -> bool:
        """Ends what this session holds on exactly this folder: True if something ended."""
    def renew_lock(
        self, token: int, session_id: str, *, ttl: Optional[_Seconds] = None
    ) -> Dict[str, Any]:
        """Extends the lease of the lock with this token."""
    def verify(self, token: int) -> Dict[str, Any]:
        """Whether that very lock is active now: {"active": bool, "lock": …}."""
    def get_lock_status(self, session_id: Optional[str] = None) -> Dict[str, Any]:
        """The active locks: a dict with `locks` and `count`."""
    def cleanup_expired_locks(self) -> int:
        """Ends what lapsed or died; gives how many locks ended."""
    def force_release(self, lock_id: int, reason: str) -> Dict[str, Any]:
        """Ends any lock by its id, as an admin."""
    def history(
        self,
        folder_path: Optional[_Path] = None,
        *,
        session_id: Optional[str] = None,
        task_id: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> List[Dict[str, Any]]:
        """The past and the present, newest first."""
    @property
    def database(self) -> str: ...
    @property
    def locks_dir(self) -> str: ...
    def __getnewargs_ex__(self) -> Tuple[Tuple[()], Dict[str, str]]: ...

@final
class Lock:
    """A lock that a `with` block holds; made by GaiaLockManager.lock."""

    def acquire(self, wait: _Wait = None, *, cancel: Optional[Cancel] = None) -> None:
        """Takes the lock; raises Held, WaitTimedOut or Deadlock when it is not granted."""
    def release(self) -> bool:
        """Gives it back: True if it was held until now."""
    def check(self) -> None:
        """Raises LockLost when it was lost or cannot be trusted any more."""
    @property
    def token(self) -> Optional[int]: ...
    @property
    def tokens(self) -> List[int]: ...
    @property
    def locks(self) -> List[Dict[str, Any]]: ...
    @property
    def lost(self) -> Optional[str]: ...
    @property
    def is_held(self) -> bool: ...
    @property
    def trusted_for(self) -> float: ...
    @property
    def waiting(self) -> int: ...
    def __enter__(self) -> "Lock": ...
    def __exit__(
        self,
        kind: Optional[Type[BaseException]] = None,
        value: Optional[BaseException] = None,
        traceback: Optional[TracebackType] = None,
    ) -> bool: ...
