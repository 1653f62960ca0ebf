"""The asyncio variant."""

import asyncio
import inspect
import threading

import pytest

from conftest import until
from gaia_lock_manager.aio import _run
from gaia_lock_manager import AsyncGaiaLockManager, Deadlock, GaiaLockManager, Held, LockLost


@pytest.fixture
def aio(locks_dir):
    return AsyncGaiaLockManager(locks_dir)


async def soon(condition):
    while not condition():
        await asyncio.sleep(0.005)


def test_every_call_is_there_with_the_same_arguments(aio):
    calls = {name for name in dir(GaiaLockManager) if not name.startswith("_")} - {"locks_dir"}
    for name in calls - {"database", "lock"}:
        assert inspect.iscoroutinefunction(getattr(AsyncGaiaLockManager, name)), name
    assert calls <= set(dir(AsyncGaiaLockManager))


def test_the_calls_answer_as_the_others_do(aio, folder):
    async def main():
        assert await aio.acquire_lock(folder, "ana", 7) is True
        assert await aio.acquire_lock(folder, "ben", 8) is False
        assert (await aio.is_locked(folder))[0] is True
        assert (await aio.get_lock_status())["count"] == 1
        assert await aio.cleanup_expired_locks() == 0
        assert await aio.release_lock(folder, "ana") is True
        assert len(await aio.history(folder)) == 1
        with pytest.raises(ValueError):
            await aio.acquire_lock("", "ana", 1)

    asyncio.run(main())


def test_a_block(aio, folder):
    async def main():
        async with aio.lock(folder, "ana", 7) as lock:
            lock.check()
            with pytest.raises(Held):
                async with aio.lock(folder, "ben", 8):
                    pass
        assert await aio.is_locked(folder) == (False, None)
        with pytest.raises(LockLost):
            async with aio.lock(folder, "ana", 7) as lock:
                await aio.force_release(lock.token, "needed elsewhere")

    asyncio.run(main())


def test_many_tasks_wait_and_the_loop_goes_on(aio, folder):
    """More of them than any pool has threads."""
    served = []

    async def work(name):
        async with aio.lock(folder, name, 1, wait=60):
            served.append(name)

    async def main():
        async with aio.lock(folder, "first", 1):
            tasks = [asyncio.ensure_future(work(f"w{number}")) for number in range(60)]
            await soon(lambda: len(aio.manager.get_lock_status()["waiters"]) == 60)
        await asyncio.wait_for(asyncio.gather(*tasks), 60)

    asyncio.run(main())
    assert len(served) == 60


def test_a_cancelled_task_leaves_the_line(aio, folder):
    async def main():
        await aio.acquire_lock(folder, "ana", 1)
        for wait in (aio.acquire_lock(folder, "ben", 1, wait=True), aio.lock(folder, "ben", 1, wait=True).acquire()):
            task = asyncio.ensure_future(wait)
            await soon(lambda: len(aio.manager.get_lock_status()["waiters"]) == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 5)
            assert aio.manager.get_lock_status()["waiters"] == []
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(aio.acquire_lock(folder, "ben", 1, wait=True), 0.2)
        assert aio.manager.get_lock_status()["waiters"] == []

    asyncio.run(main())


def test_a_task_cancelled_in_the_moment_of_its_grant_keeps_nothing(aio, folder):
    async def main():
        for _ in range(50):
            await aio.acquire_lock(folder, "ana", 1)
            task = asyncio.ensure_future(aio.acquire_lock(folder, "ben", 1, wait=True))
            await soon(lambda: len(aio.manager.get_lock_status()["waiters"]) == 1)
            await asyncio.gather(aio.release_lock(folder, "ana"), cancel(task), return_exceptions=True)
            granted = False
            try:
                granted = await task
            except asyncio.CancelledError:
                pass
            assert aio.manager.is_locked(folder)[0] == granted
            aio.manager.release_lock(folder, "ben")

    async def cancel(task):
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(main())


def test_a_task_cancelled_twice_keeps_nothing():
    """The second time while the call that was too quick is still under way."""
    started, may_end, undone = threading.Event(), threading.Event(), []

    def call(_):
        started.set()
        assert may_end.wait(20)
        return "granted"

    async def main():
        task = asyncio.ensure_future(_run(call, undone.append))
        await soon(started.is_set)
        for _ in range(3):
            task.cancel()
            # Until it has heard of it and waits again.
            for _ in range(5):
                await asyncio.sleep(0)
        assert not task.done()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert undone == ["granted"]


def test_a_circle_is_an_error_here_too(aio, folder):
    a, b = folder + "/a", folder + "/b"

    async def main():
        await aio.acquire_lock(a, "ana", 1)
        await aio.acquire_lock(b, "ben", 2)
        task = asyncio.ensure_future(aio.acquire_lock(b, "ana", 1, wait=30))
        await soon(lambda: len(aio.manager.get_lock_status()["waiters"]) == 1)
        with pytest.raises(Deadlock, match="circle"):
            await aio.acquire_lock(a, "ben", 2, wait=30)
        await aio.release_lock(b, "ben")
        assert await task

    asyncio.run(main())


def test_a_loop_that_ends_during_a_wait_leaves_no_lock(aio, folder):
    async def main():
        await aio.acquire_lock(folder, "ana", 1)
        asyncio.ensure_future(aio.acquire_lock(folder, "ben", 1, wait=30))
        await soon(lambda: len(aio.manager.get_lock_status()["waiters"]) == 1)

    asyncio.run(main())
    until(lambda: aio.manager.get_lock_status()["waiters"] == [])
