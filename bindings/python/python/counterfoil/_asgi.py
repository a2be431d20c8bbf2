"""One request on ASGI: the head judged, the body streamed, the application run, its event settled, in this order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping, MutableMapping
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from counterfoil._core import Answer, Intake, Lease, Receiver
from counterfoil._own_task import OwnTask

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_MESSAGES_AT_ONCE: Final = 64
"""A body that always has one more message must keep neither its time limit nor other tasks waiting."""


async def serve(receiver: Receiver, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers one HTTP request, running `app` where there is an event to handle."""
    intake = receiver.begin(scope["method"], target(scope), scope["headers"])
    if isinstance(intake, Answer):
        return await _respond(send, intake, _closing(scope))
    try:
        step = _Step(receive())
        if step.message is not None and not step.message.get("more_body", False):
            # Most bodies have arrived with their head: then no timer is made.
            answer = _take(intake, step.message)
        else:
            answer = await _read(receiver, intake, step, receive)
    except Exception as error:
        # Servers raise what they like. Its text may hold what the client sent.
        answer = intake.unreadable(type(error).__name__)
    if answer is not None:
        return await _respond(send, answer, _closing(scope))
    received = await intake.afinish()
    if isinstance(received, Answer):
        return await _respond(send, received)
    exchange = _Exchange(received, app, scope, receive, send)
    return await exchange.run(exchange.handle())


class _Exchange(OwnTask):
    """A verified request, and what the application answers."""

    __slots__ = ("_app", "_is_replayed", "_passes", "_receive", "_scope", "_send")

    def __init__(self, lease: Lease, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(lease)
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._is_replayed = False
        self._passes = False
        state = scope.setdefault("state", {})
        state["lease"], state["delivery"], state["fence"] = lease, lease.delivery, lease.fence

    async def handle(self) -> None:
        """Runs the application."""
        try:
            await self._app(self._scope, self._replay, self._watch)
        except GeneratorExit:
            raise
        except BaseException as error:
            if self.is_over:
                raise
            answer = await self.fail(error)
            if answer is not None:
                # A server closes the connection of an application that raises.
                closing = None if self.is_expected(error) else _closing(self._scope)
                await _respond(self._send, answer, closing)
            if answer is None or not self.is_expected(error):
                raise
        else:
            if not self.is_over and (answer := await self.fail(None)):
                await _respond(self._send, answer)

    def _on_abandoned(self) -> None:
        self._send = _nowhere

    async def _replay(self) -> Message:
        """What the application reads: the whole body, and then what becomes of the connection."""
        if self._is_replayed:
            return await self._receive()
        self._is_replayed = True
        return {"type": "http.request", "body": self.lease.delivery.body, "more_body": False}

    async def _watch(self, message: Message) -> None:
        """What the application sends. Its event is settled before the first byte goes out."""
        if self._passes:
            await self._send(message)
        elif message["type"] != "http.response.start":
            # Ahead of the response it is a hint that promises nothing; after it, part of one that is not sent.
            if not self.is_over:
                await self._send(message)
        elif not self.is_over:
            answer = await self.settle(message["status"])
            if answer is None:
                self._passes = True
                await self._send(message)
            else:
                await _respond(self._send, answer)


async def _nowhere(message: Message) -> None:
    """What is sent to nobody: whoever waited for it is gone, and a server takes no more of it."""


async def _respond(send: Send, answer: Answer, extra: list[tuple[bytes, bytes]] | None = None) -> None:
    body = answer.body
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers + (extra or [])})
    await send({"type": "http.response.body", "body": body})


def _closing(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The connection carries no other request: the rest of a body is never read, or the server is about to close it.
    Saying so keeps the sender from putting its next delivery on it."""
    return [(b"connection", b"close")] if scope.get("http_version", "1.1").startswith("1") else []


def target(scope: Mapping[str, Any]) -> str:
    """Path and query, as they arrived."""
    path: bytes | None = scope.get("raw_path")
    target = path.decode("latin-1") if path else quote(scope["path"], errors="replace")
    query: bytes = scope.get("query_string", b"")
    return f"{target}?{query.decode('latin-1')}" if query else target


async def _read(receiver: Receiver, intake: Intake, step: _Step, receive: Receive) -> Answer | None:
    """Reads a body to its end. The answer to one that could not be read, or that took or grew too much."""
    try:
        async with asyncio.timeout(receiver.body_timeout.total_seconds()):
            message = step.message or await step
            taken = 0
            while True:
                answer = _take(intake, message)
                if answer is not None or not message.get("more_body", False):
                    return answer
                taken += 1
                if taken % _MESSAGES_AT_ONCE == 0:
                    await asyncio.sleep(0)
                message = await receive()
    except TimeoutError:
        return intake.timed_out()


def _take(intake: Intake, message: Message) -> Answer | None:
    if message.get("type") != "http.request":
        return intake.unreadable("the client disconnected")
    chunk = message.get("body", b"")
    return intake.push(chunk) if chunk else None


class _Step:
    """An awaitable that is begun at once. Its message, or what awaiting it gives."""

    __slots__ = ("_steps", "_waits_for", "message")

    def __init__(self, awaitable: Awaitable[Message]) -> None:
        self._steps = awaitable.__await__()
        self._waits_for: object = None
        self.message: Message | None = None
        try:
            self._waits_for = self._steps.send(None)
        except StopIteration as ended:
            self.message = ended.value

    def __await__(self) -> Generator[Any, Any, Message]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    given = yield waits_for
                except BaseException as error:
                    waits_for = self._steps.throw(error)
                else:
                    waits_for = self._steps.send(given)
        except StopIteration as ended:
            message: Message = ended.value
            return message
