"""One request on WSGI: the head judged, the body streamed, both as the server gives them."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from counterfoil._core import Answer, Intake, Lease, Receiver

Environ: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[[int], bytes]

_AT_ONCE: Final = 16_384
"""Bytes. A read blocks until it has them all, so that more would keep the time limit waiting."""


def begin(receiver: Receiver, environ: Environ) -> Intake | Answer:
    """Judges the head."""
    return receiver.begin(environ["REQUEST_METHOD"], _target(environ), _headers(environ))


def receive(receiver: Receiver, environ: Environ) -> Lease | Answer:
    """Takes a request that nobody has read from."""
    intake = begin(receiver, environ)
    if isinstance(intake, Answer):
        return intake
    return read(receiver, intake, environ) or intake.finish()


def read(receiver: Receiver, intake: Intake, environ: Environ) -> Answer | None:
    """Reads the body of a request that nobody has read from. The answer to one that could not be read."""
    source: Read = environ["wsgi.input"].read
    length = _length(environ)
    if length is None:
        # Without a length only a server that ends the body itself gives one that can be read safely.
        return drain(receiver, intake, source) if environ.get("wsgi.input_terminated") else None
    left = length

    def bounded(size: int) -> bytes:
        nonlocal left
        chunk = source(min(size, left)) if left else b""
        left -= len(chunk)
        return chunk

    answer = drain(receiver, intake, bounded)
    if answer is None and left:
        return intake.unreadable(f"the body ended {left} bytes early")
    return answer


def drain(receiver: Receiver, intake: Intake, source: Read) -> Answer | None:
    """Reads to the end of a source."""
    over_at = time.monotonic() + receiver.body_timeout.total_seconds()
    while True:
        try:
            chunk = source(_AT_ONCE)
        except Exception as error:
            # Servers raise what they like. Its text may hold what the client sent.
            return intake.unreadable(type(error).__name__)
        if not chunk:
            return None
        answer = intake.push(chunk)
        if answer is not None:
            return answer
        if time.monotonic() > over_at:
            return intake.timed_out()


def status_line(answer: Answer) -> str:
    """The status as WSGI wants it."""
    return f"{answer.status} {HTTPStatus(answer.status).phrase}"


def _length(environ: Environ) -> int | None:
    text: str = environ.get("CONTENT_LENGTH") or ""
    if environ.get("HTTP_TRANSFER_ENCODING") or not (text.isascii() and text.isdigit()):
        return None
    # Python takes no number of more than some thousand digits, and a length may have as many zeros ahead.
    return int(text.lstrip("0") or "0")


def _headers(environ: Environ) -> list[tuple[str | bytes, str | bytes]]:
    headers: list[tuple[str | bytes, str | bytes]] = [
        (name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")
    ]
    headers += [(name.replace("_", "-"), environ[name]) for name in _BARE if environ.get(name)]
    return headers


_BARE: Final = ("CONTENT_TYPE", "CONTENT_LENGTH")
"""Headers that CGI gives without the prefix."""


def _target(environ: Environ) -> str:
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    query: str = environ.get("QUERY_STRING", "")
    # Django has decoded it already.
    target = quote(path, encoding="latin-1", errors="replace")
    return f"{target}?{query}" if query else target
