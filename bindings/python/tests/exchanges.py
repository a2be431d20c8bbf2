"""Requests to applications in this process, as a server of ASGI or of WSGI brings them."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from counterfoil.asgi import ASGIApp, Message, Scope
from counterfoil.wsgi import Environ, WSGIApp
from orders import event

PATH: Final = "/webhooks/handl"


@dataclass(frozen=True)
class Sent:
    """A request."""

    headers: tuple[tuple[str, str], ...]
    chunks: tuple[bytes, ...]
    method: str = "POST"
    path: str = PATH
    query: str = ""
    version: str = "1.1"
    declares_length: bool = True

    @classmethod
    def order(cls, event_id: str, note: str = "") -> Self:
        """An order event, signed now."""
        headers, body = event(event_id, note)
        return cls((*headers.items(), ("content-type", "application/json")), (body,))

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def header(self, name: str, *values: str) -> Self:
        """With these values of a header in the place of others."""
        kept = tuple(pair for pair in self.headers if pair[0] != name)
        return replace(self, headers=kept + tuple((name, value) for value in values))

    def with_body(self, body: bytes) -> Self:
        return replace(self, chunks=(body,))

    def declaring(self, length: str) -> Self:
        """With this for a length."""
        return replace(self.header("content-length", length), declares_length=False)

    def in_chunks(self, size: int) -> Self:
        """In chunks, without a length."""
        body = self.body
        chunks = tuple(body[at : at + size] for at in range(0, len(body), size))
        return replace(self, chunks=chunks, declares_length=False)

    def all_headers(self) -> list[tuple[str, str]]:
        headers = [("host", "testserver"), *self.headers]
        if self.declares_length:
            headers.append(("content-length", str(len(self.body))))
        elif "content-length" not in dict(self.headers):
            headers.append(("transfer-encoding", "chunked"))
        return headers


@dataclass
class Reply:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    error: BaseException | None = None
    receives: int = 0

    @property
    def said(self) -> tuple[int, str]:
        """The status, and the code of a refusal, the kind of a duplicate, or the text."""
        if self.headers.get("content-type") == "application/problem+json":
            problem = json.loads(self.body)
            assert problem["status"] == self.status
            return self.status, problem["code"]
        duplicate = self.headers.get("x-webhook-duplicate")
        return self.status, f"duplicate {duplicate}" if duplicate else self.body.decode()


class Exchange:
    """One request over ASGI, which a test can watch and break off."""

    def __init__(self, app: ASGIApp, sent: Sent, **scope: Any) -> None:
        self.reply: Final = Reply()
        self.messages: Final[list[Message]] = []
        self.app: Final = app
        self._chunks: Final = iter(self._numbered(sent.chunks))
        self._gone: Final = asyncio.Event()
        self.scope: Final[Scope] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": sent.version,
            "method": sent.method,
            "scheme": "http",
            "path": sent.path,
            "raw_path": sent.path.encode(),
            "query_string": sent.query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.all_headers()],
            "client": ("127.0.0.1", 50_000),
            "server": ("testserver", 80),
            "state": {},
            **scope,
        }

    @staticmethod
    def _numbered(chunks: tuple[bytes, ...]) -> Iterable[Message]:
        last = len(chunks) - 1
        for number, chunk in enumerate(chunks):
            yield {"type": "http.request", "body": chunk, "more_body": number < last}

    def hang_up(self) -> None:
        self._gone.set()

    async def run(self) -> Reply:
        try:
            await self.app(self.scope, self.receive, self.send)
        except Exception as error:
            self.reply.error = error
        return self.reply

    async def receive(self) -> Message:
        self.reply.receives += 1
        message = next(self._chunks, None)
        if message is not None:
            return message
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.messages.append(dict(message))
        if message["type"] == "http.response.start":
            assert self.reply.status == 0, "a second response"
            self.reply.status = message["status"]
            self.reply.headers.update(
                (name.decode().lower(), value.decode()) for name, value in message.get("headers", [])
            )
        elif message["type"] == "http.response.body":
            assert self.reply.status, "a body ahead of its response"
            self.reply.body += message.get("body", b"")


class Input(io.RawIOBase):
    """A body as servers of WSGI give it, which counts how often it is read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self.reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if size is None or size < 0:
            return b"".join([self._rest, *self._chunks])
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def environ(sent: Sent, source: Input | None = None) -> Environ:
    """A request over WSGI."""
    made: Environ = {
        "REQUEST_METHOD": sent.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": sent.path,
        "QUERY_STRING": sent.query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": f"HTTP/{sent.version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": source or Input(sent.chunks),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in sent.all_headers():
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        # As servers do: what comes twice is joined.
        made[key] = f"{made[key]},{value}" if key in made else value
    return made


def call(app: WSGIApp, made: Environ) -> Reply:
    """Calls an application as a server does."""
    reply = Reply()
    parts: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        if exc_info is not None and parts:
            raise exc_info[1].with_traceback(exc_info[2])
        assert exc_info is not None or reply.status == 0, "a second response"
        reply.status = int(status[:3])
        reply.headers = {name.lower(): value for name, value in headers}
        return parts.append

    try:
        response = app(made, start_response)
        try:
            for part in response:
                assert reply.status, "a body ahead of its response"
                parts.append(part)
        finally:
            close = getattr(response, "close", None)
            if close is not None:
                close()
    except Exception as error:
        reply.error = error
    reply.body = b"".join(parts)
    return reply


def answers(headers: Mapping[str, str]) -> set[str]:
    """The names of headers, but for those that a server adds."""
    return set(headers) - {"content-length", "date", "server"}
