"""The same calls for asyncio.

Each call runs in a thread of its own, so that the event loop goes on: waits of
many tasks must not use up a pool in which a release would then find no place.
A task that is cancelled while it waits leaves the line before it ends.

asyncio itself is imported at the first call: programs without it do not pay.
"""

import threading
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple, TypeVar

from ._core import Cancel, GaiaLockManager, Lock
from .errors import Deadlock

if TYPE_CHECKING:
    import asyncio

__all__ = ["AsyncGaiaLockManager", "AsyncLock"]

T = TypeVar("T")


class AsyncGaiaLockManager:
    """GaiaLockManager with coroutines. Arguments, answers and errors are the same.

    The constructor opens the database, which takes a few milliseconds.
    """

    def __init__(self, gaia_locks_dir: Any = None, *, database_url: Optional[str] = None) -> None:
        self.manager = GaiaLockManager(gaia_locks_dir, database_url=database_url)

    async def acquire_lock(
        self, folder_path: Any, session_id: str, task_id: Optional[int] = None, **more: Any
    ) -> bool:
        """As GaiaLockManager.acquire_lock."""
        answer = await self.acquire([folder_path], session_id, task_id, **more)
        if answer.get("cycle"):
            names = " waits for ".join(f"session {holder['session_id']}" for holder in answer["cycle"])
            raise Deadlock(f"this wait would close a circle: {names}", answer)
        return answer["granted"] and all(lock["status"] == "active" for lock in answer["locks"])

    async def acquire(
        self, folders: Any, session_id: str, task_id: Optional[int] = None, **more: Any
    ) -> Dict[str, Any]:
        """As GaiaLockManager.acquire."""
        return await _run(
            lambda cancel: self.manager.acquire(
                folders, session_id, task_id, cancel=cancel, **more
            ),
            lambda answer: _give_back(self.manager, answer),
        )

    def lock(
        self, folders: Any, session_id: str, task_id: Optional[int] = None, **more: Any
    ) -> "AsyncLock":
        """A lock for an `async with` block; arguments as GaiaLockManager.lock."""
        return AsyncLock(self.manager.lock(folders, session_id, task_id, **more))

    async def is_locked(self, folder_path: Any) -> Tuple[bool, Optional[Dict[str, Any]]]:
        """As GaiaLockManager.is_locked."""
        return await _run(lambda _: self.manager.is_locked(folder_path))

    async def release_lock(
        self,
        folder_path: Any,
        session_id: str,
        task_id: Optional[int] = None,
        *,
        token: Optional[int] = None,
    ) -> bool:
        """As GaiaLockManager.release_lock."""
        return await _run(
            lambda _: self.manager.release_lock(folder_path, session_id, task_id, token=token)
        )

    async def renew_lock(self, token: int, session_id: str, *, ttl: Any = None) -> Dict[str, Any]:
        """As GaiaLockManager.renew_lock."""
        return await _run(lambda _: self.manager.renew_lock(token, session_id, ttl=ttl))

    async def verify(self, token: int) -> Dict[str, Any]:
        """As GaiaLockManager.verify."""
        return await _run(lambda _: self.manager.verify(token))

    async def get_lock_status(self, session_id: Optional[str] = None) -> Dict[str, Any]:
        """As GaiaLockManager.get_lock_status."""
        return await _run(lambda _: self.manager.get_lock_status(session_id))

    async def cleanup_expired_locks(self) -> int:
        """As GaiaLockManager.cleanup_expired_locks."""
        return await _run(lambda _: self.manager.cleanup_expired_locks())

    async def force_release(self, lock_id: int, reason: str) -> Dict[str, Any]:
        """As GaiaLockManager.force_release."""
        return await _run(lambda _: self.manager.force_release(lock_id, reason))

    async def history(self, folder_path: Any = None, **more: Any) -> List[Dict[str, Any]]:
        """As GaiaLockManager.history."""
        return await _run(lambda _: self.manager.history(folder_path, **more))

    @property
    def database(self) -> str:
        """The database in use, as people are shown it."""
        return self.manager.database

    def __repr__(self) -> str:
        return f"<AsyncGaiaLockManager {self.database}>"


class AsyncLock:
    """A lock that an `async with` block holds; `lock` is the Lock itself."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock

    async def acquire(self, wait: Any = None) -> None:
        """As Lock.acquire."""
        await _run(
            lambda cancel: self.lock.acquire(wait, cancel=cancel), lambda _: self.lock.release()
        )

    async def release(self) -> bool:
        """As Lock.release."""
        return await _run(lambda _: self.lock.release())

    async def __aenter__(self) -> Lock:
        await self.acquire()
        return self.lock

    async def __aexit__(self, *raised: Any) -> bool:
        return await _run(lambda _: self.lock.__exit__(*raised))

    def __repr__(self) -> str:
        return f"<Async{repr(self.lock)[1:]}"


def _give_back(manager: GaiaLockManager, answer: Dict[str, Any]) -> None:
    held_before = answer.get("held", [])
    for lock in answer.get("locks", []):
        if lock["id"] not in held_before:
            manager.release_lock(lock["folder_path"], lock["session_id"], token=lock["id"])


async def _run(call: Callable[[Cancel], T], undo: Optional[Callable[[T], Any]] = None) -> T:
    """Runs a call in a thread. When the task is cancelled meanwhile the call is
    called off, waited for, and undone if it was too quick."""
    import asyncio

    loop = asyncio.get_running_loop()
    cancel = Cancel()
    outcome: "asyncio.Future[T]" = loop.create_future()

    def tell(result: Optional[T], error: Optional[BaseException]) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, error = None, None
        try:
            result = call(cancel)
        except BaseException as raised:  # told to the one who awaits it
            error = raised
        try:
            loop.call_soon_threadsafe(tell, result, error)
        except RuntimeError:  # the loop was closed: nobody awaits it any more
            if error is None and undo is not None:
                undo(result)  # type: ignore[arg-type]

    threading.Thread(target=work, name="gaia-call", daemon=True).start()
    try:
        return await asyncio.shield(outcome)
    except asyncio.CancelledError:
        cancel.cancel()
        await _to_its_end(outcome)
        if undo is not None and outcome.exception() is None:
            result, undone = outcome.result(), undo
            giving_back = loop.create_task(_run(lambda _: undone(result)))
            await _to_its_end(giving_back)
            # What cannot be given back now ends with its lease, or this process.
            if not giving_back.cancelled():
                giving_back.exception()
        raise


async def _to_its_end(outcome: "asyncio.Future[Any]") -> None:
    """Waits for it, however often the task is cancelled meanwhile: a lock that
    came in the very moment would be nobody's."""
    import asyncio

    while not outcome.done():
        try:
            await asyncio.wait([outcome])
        except asyncio.CancelledError:
            pass
