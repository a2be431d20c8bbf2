"""A handler in a task of its own, which only its receiver stops."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import Callable, Coroutine
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from counterfoil import _failure

if TYPE_CHECKING:
    from counterfoil._core import Answer, Lease

_T = TypeVar("_T")

_LOOK_AGAIN: Final = 0.05
"""Seconds until a handler that waits for a thread is looked at again."""

_THREADS: Final = {"AsyncIOBackend.run_sync_in_worker_thread", "to_thread", "SyncToAsync.__call__"}
"""Where anyio, asyncio and asgiref wait for a thread."""

_SUSPENDED: Final = (CoroutineType, AsyncGeneratorType, GeneratorType)

abandoned: set[asyncio.Task[Any]] = set()
"""Handlers whose request is gone. A loop itself does not keep a task alive."""


class OwnTask:
    """Runs one handler. A sender that hangs up does not cancel it, nor does anything around it; the receiver does."""

    __slots__ = ("_stop", "is_over", "lease")

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.is_over = False
        self._stop: _Stop | None = None

    async def run(self, handler: Coroutine[Any, Any, _T]) -> _T:
        """Waits for the handler. Where that is cancelled, the handler goes on."""
        task = _start(handler)
        try:
            if not task.done():
                await asyncio.sleep(0)
            if not task.done():
                self._watch_over(task)
                await asyncio.wait((task,))
        except asyncio.CancelledError:
            abandoned.add(task)
            task.add_done_callback(abandoned.discard)
            self._watch_over(task)
            self._on_abandoned()
            raise
        return task.result()

    async def settle(self, status: int) -> Answer | None:
        """Settles by the status of the handler's response. Called in the handler's own task."""
        settled = self.lease.asettle(status)
        self._end()
        return await settled

    async def fail(self, error: BaseException | None) -> Answer | None:
        """Settles what has no response. Called in the handler's own task."""
        self._end()
        return await _failure.asettle(self.lease, error)

    def is_expected(self, error: BaseException) -> bool:
        """Whether an exception is what was asked for, and nobody's error."""
        was_asked_for = self._stop is not None and self._stop.has_fired and isinstance(error, asyncio.CancelledError)
        return was_asked_for or isinstance(error, _failure.DELIBERATE)

    def _watch_over(self, task: asyncio.Task[Any]) -> None:
        if self._stop is None and not self.is_over:
            self._stop = _Stop(task)
            self.lease.on_stop(self._stop)

    def _end(self) -> None:
        self.is_over = True
        if self._stop is not None:
            self._stop.end()

    def _on_abandoned(self) -> None:
        """The handler goes on without anybody who waits for it."""


class _Stop:
    """Stops a handler, once. A receiver may keep this for as long as the lease lives: it keeps neither."""

    __slots__ = ("_task", "has_fired")

    def __init__(self, task: asyncio.Task[Any]) -> None:
        # Not the task itself: nobody would ever find one of a closed loop that only a receiver leads to.
        self._task: Callable[[], asyncio.Task[Any] | None] = weakref.ref(task)
        self.has_fired = False

    def __call__(self) -> None:
        """Called by the loop, between two steps of the task."""
        task = self._task()
        if task is None or task.done() or self.has_fired:
            return
        if _waits_for_thread(task):
            # A thread runs to its end. Cancelled, the task would leave it behind, and give the event away meanwhile.
            asyncio.get_running_loop().call_later(_LOOK_AGAIN, self)
        else:
            self.has_fired = True
            task.cancel()

    def end(self) -> None:
        """The handler has come to its end. What it does after that is not stopped, and not cancelled either."""
        task, self._task = self._task(), _none
        if task is not None and self.has_fired:
            task.uncancel()


def _none() -> None:
    """The task of a handler that has ended."""


def _start(handler: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """Starts a task, where that is possible at once: most handlers then end before anything has to wait for them."""
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12) and loop.get_task_factory() is None:
        return asyncio.Task(handler, loop=loop, eager_start=True)
    return loop.create_task(handler)


def _waits_for_thread(task: asyncio.Task[Any]) -> bool:
    awaited: Any = task.get_coro()
    seen = set[int]()
    # What is awaited may hold the one that awaits it.
    while awaited is not None and id(awaited) not in seen:
        seen.add(id(awaited))
        code = next((getattr(awaited, name) for name in ("cr_code", "ag_code") if hasattr(awaited, name)), None)
        if code is not None and code.co_qualname in _THREADS:
            return True
        awaited = _awaited_by(awaited)
    return False


def _awaited_by(awaited: Any) -> Any:
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        if hasattr(awaited, name):
            return getattr(awaited, name)
    # The step of an asynchronous generator, and the iterator of a coroutine, do not say what they are a step of.
    return next((referent for referent in gc.get_referents(awaited) if type(referent) in _SUSPENDED), None)
