"""A handler in a task of its own, which only its receiver stops."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from counterfoil import _failure

if TYPE_CHECKING:
    from counterfoil._core import Answer, Lease

_T = TypeVar("_T")

_LOOK_AGAIN: Final = 0.05
"""Seconds until a handler that waits for a thread is looked at again."""

_THREADS: Final = {"AsyncIOBackend.run_sync_in_worker_thread", "to_thread", "SyncToAsync.__call__"}
"""Where anyio, asyncio and asgiref wait for a thread."""

_abandoned: set[asyncio.Task[Any]] = set()
"""Handlers whose request is gone. A loop itself does not keep a task alive."""


class OwnTask:
    """Runs one handler. A sender that hangs up does not cancel it, nor does anything around it; the receiver does."""

    __slots__ = ("_is_over", "_task", "_was_stopped", "lease")

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self._task: asyncio.Task[Any] | None = None
        self._is_over = False
        self._was_stopped = False

    async def run(self, handler: Coroutine[Any, Any, _T]) -> _T:
        """Waits for the handler. Where that is cancelled, the handler goes on."""
        task = _start(handler)
        self._task = task
        try:
            if not task.done():
                await asyncio.sleep(0)
            if not task.done():
                self.lease.on_stop(self._stop)
                await asyncio.wait((task,))
        except asyncio.CancelledError:
            _abandoned.add(task)
            task.add_done_callback(_abandoned.discard)
            self.lease.on_stop(self._stop)
            self._on_abandoned()
            raise
        return task.result()

    async def settle(self, status: int) -> Answer | None:
        """Settles by the status of the handler's response. Called in the handler's own task."""
        self._end()
        return await self.lease.asettle(status)

    async def fail(self, error: BaseException | None) -> Answer | None:
        """Settles what has no response. Called in the handler's own task."""
        self._end()
        return await _failure.asettle(self.lease, error)

    def is_expected(self, error: BaseException) -> bool:
        """Whether an exception is what was asked for, and nobody's error."""
        is_stop = self._was_stopped and isinstance(error, asyncio.CancelledError)
        return is_stop or isinstance(error, _failure.DELIBERATE)

    def _on_abandoned(self) -> None:
        """The handler goes on without anybody who waits for it."""

    def _end(self) -> None:
        self._is_over = True
        if self._was_stopped and self._task is not None:
            self._task.uncancel()

    def _stop(self) -> None:
        """Called by the loop, between two steps of the task."""
        task = self._task
        if task is None or self._is_over or task.done():
            return
        if _waits_for_thread(task):
            # A thread runs to its end. Cancelled, the task would leave it behind, and give the event away meanwhile.
            asyncio.get_running_loop().call_later(_LOOK_AGAIN, self._stop)
        else:
            self._was_stopped = True
            task.cancel()


def _start(handler: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """Starts a task, where that is possible at once: most handlers then end before anything has to wait for them."""
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12) and loop.get_task_factory() is None:
        return asyncio.Task(handler, loop=loop, eager_start=True)
    return loop.create_task(handler)


def _waits_for_thread(task: asyncio.Task[Any]) -> bool:
    awaited: object = task.get_coro()
    while awaited is not None:
        code = next((getattr(awaited, name) for name in ("cr_code", "ag_code") if hasattr(awaited, name)), None)
        if code is not None and code.co_qualname in _THREADS:
            return True
        awaited = _awaited_by(awaited)
    return False


def _awaited_by(awaited: object) -> object:
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        if hasattr(awaited, name):
            return getattr(awaited, name)
    # The step of an asynchronous generator, and the iterator of a coroutine, do not say what they are a step of.
    inner = (Coroutine, AsyncGenerator, Generator)
    return next((referent for referent in gc.get_referents(awaited) if isinstance(referent, inner)), None)
