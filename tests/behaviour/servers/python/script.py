"""What a test says: which receiver is to stand there, and what its handler does."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from counterfoil import MemoryStore, Receiver, Reject, Remote, Sender, load_senders, senders

HANDLED: Final = b"handler"
"""The body of each of the handler's answers."""

_LOOK_AGAIN: Final = 0.005


class Script:
    """One receiver, and the acts of its handler: one after the other, then 200 for ever."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self.receiver: Final = _receiver(said["setup"])
        self.bodies: Final[list[bytes]] = []
        self.finished = 0
        self._acts: Final = deque[Any](said["acts"])
        self._released: Final = threading.Event()
        self._lock: Final = threading.Lock()

    def release(self) -> None:
        """Lets every run go on that holds, or will."""
        self._released.set()

    def perform(self, body: bytes) -> int:
        """Runs the next act on a body, and says what to answer."""
        kind, what = self._next(body)
        if kind == "sleep":
            time.sleep(_duration(what).total_seconds())
        elif kind == "hold":
            self._released.wait()
        return self._end(kind, what)

    async def aperform(self, body: bytes) -> int:
        """As `perform`, for handlers that let others run while they wait."""
        kind, what = self._next(body)
        if kind == "sleep":
            await asyncio.sleep(_duration(what).total_seconds())
        while kind == "hold" and not self._released.is_set():
            await asyncio.sleep(_LOOK_AGAIN)
        return self._end(kind, what)

    def _next(self, body: bytes) -> tuple[str, Any]:
        with self._lock:
            self.bodies.append(body)
            act = self._acts.popleft() if self._acts else {"answer": 200}
        return (act, None) if isinstance(act, str) else next(iter(act.items()))

    def _end(self, kind: str, what: Any) -> int:
        if kind == "panic":
            raise RuntimeError("the handler was told to fail")
        with self._lock:
            self.finished += 1
        match kind:
            case "answer":
                return int(what)
            case "reject":
                raise Reject(what)
            case "sleep" | "hold":
                return 200
            case _:
                raise ValueError(f"no handler in Python can {kind}")


def _receiver(setup: Mapping[str, Any]) -> Receiver:
    times = ("in_flight_wait", "handler_time", "body_timeout")
    options: dict[str, Any] = {name: _duration(setup[name]) for name in times if setup[name] is not None}
    if setup["body_limit"] is not None:
        options["body_limit"] = setup["body_limit"]
    if asked := setup["asked"]:
        options["webhook_id"] = asked["webhook_id"]
        options["remote"] = Remote(insecure_base_url=asked["base_url"])
    return Receiver(
        _sender(setup["sender"]),
        setup["secret"] or (),
        store=MemoryStore(setup["capacity"]),
        refuse_conflicts=setup["refuse_conflicts"],
        **options,
    )


def _sender(whose: Mapping[str, Any]) -> Sender:
    sender = _known(whose["file"])[whose["name"]]
    match whose["proof"]:
        case "bearer":
            sender = sender.with_bearer()
        case "basic":
            sender = sender.with_basic()
        case {"api_key": header}:
            sender = sender.with_api_key(header)
        case "insecure_unsigned":
            sender = sender.insecure_unsigned()
        case proof:
            assert proof is None
    return sender.with_event_id_at(whose["event_id_at"]) if whose["event_id_at"] else sender


def _known(file: str | None) -> dict[str, Sender]:
    if file is None:
        return senders()
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as described:
        described.write(file)
        described.flush()
        return load_senders(described.name)


def _duration(said: Mapping[str, int]) -> timedelta:
    return timedelta(seconds=said["secs"], microseconds=said["nanos"] / 1000)
