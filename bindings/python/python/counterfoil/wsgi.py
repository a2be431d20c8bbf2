"""A receiver in front of any WSGI application.

A request reaches the application exactly when it is a POST within the limits, its signature is the sender's over the
bytes on the wire, and no earlier delivery of the event was completed, is being handled, or was rejected for good. A
2xx completes the event, and goes out once that is so; any other status, or an exception, gives the event back for the
next retry.

Example:
    A whole application, for `gunicorn hooks:app`:

    >>> import os
    >>> from counterfoil import Receiver, SqliteStore
    >>> from counterfoil.wsgi import WebhookMiddleware
    >>>
    >>> def handle(environ, start_response):
    ...     delivery = environ["counterfoil.delivery"]
    ...     print(delivery.event_type, delivery.json())
    ...     start_response("204 No Content", [])
    ...     return []
    >>>
    >>> receiver = Receiver("handl", os.environ["HANDL_SECRET"], store=SqliteStore("webhooks.db"))
    >>> app = WebhookMiddleware(handle, receiver)

The event is settled when the application has given its first bytes, or has ended: until then it may fail, or think
better of its status. An exception that gets here is logged to `counterfoil`; most frameworks answer for their
exceptions themselves, and `raise Reject(..)` inside of one is no more than a 500 to what stands around it.
`counterfoil.flask` and `counterfoil.django` put a receiver in front of a single view.

What WSGI itself cannot do: a header that came twice has been joined by the server, so that the answer is
`signature_malformed` and not `signature_repeated`, and `credentials_invalid` for a token; no application says what
becomes of a connection, so that it is the server that closes one whose body was not read (gunicorn's threads keep it,
unless a `pre_request` hook calls `req.force_close()`); and a handler cannot be stopped: it runs to its end, and learns
from `lease.must_stop` that it should have ended. The time limit of a body is looked at between two reads; one that
never returns is the server's to end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from types import TracebackType
from typing import Final, Protocol, TypeAlias

from counterfoil import _failure, _wsgi
from counterfoil._core import Answer, Lease, Receiver
from counterfoil._paths import Paths
from counterfoil._wsgi import Environ

__all__ = ["Environ", "StartResponse", "WSGIApp", "WebhookMiddleware", "Write"]

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
Write: TypeAlias = Callable[[bytes], object]


class StartResponse(Protocol):
    """What a server gives to an application to begin its response with."""

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = ..., /) -> Write: ...


WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

_log: Final = logging.getLogger("counterfoil")


class WebhookMiddleware:
    """Puts receivers in front of an application. Everything that is not theirs goes through untouched.

    The application finds the delivery and its lease in the environment, as `counterfoil.delivery` and
    `counterfoil.lease`, and can read the body again. A handler that takes its event from the delivery cannot be
    reached without one, whatever the paths.

    Args:
        app: The application.
        receiver: The receiver; or several, by the path that each one's sender was given.
        path: The path that is the receiver's. Without one every request is.

    Raises:
        ConfigError: Both a path and several receivers, or a path that does not begin with a slash.

    Example:
        >>> receivers = {f"/webhooks/{receiver.endpoint}": receiver for receiver in (handl, agiled)}
        >>> app = WebhookMiddleware(app, receivers)
    """

    def __init__(self, app: WSGIApp, receiver: Receiver | Mapping[str, Receiver], *, path: str | None = None) -> None:
        self._app: Final = app
        self._paths: Final = Paths(receiver, path)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        receiver = self._paths.receiver(_path(environ))
        if receiver is None:
            return self._app(environ, start_response)
        received = _wsgi.receive(receiver, environ)
        if isinstance(received, Answer):
            return _respond(start_response, received)
        return _Exchange(received, start_response).run(self._app, environ)


class _Exchange:
    """A verified request, and what the application answers."""

    def __init__(self, lease: Lease, start_response: StartResponse) -> None:
        self._lease: Final = lease
        self._start_response: Final = start_response
        self._status: int | None = None
        self._head: tuple[str, list[tuple[str, str]]] = ("", [])
        self._is_settled = False
        self._write: Write | None = None
        self._answer: Iterable[bytes] | None = None

    def run(self, app: WSGIApp, environ: Environ) -> Iterable[bytes]:
        _replay(environ, self._lease.delivery.body)
        environ["counterfoil.lease"], environ["counterfoil.delivery"] = self._lease, self._lease.delivery
        response: Iterable[bytes] = ()
        try:
            response = app(environ, self._start)
            chunks = iter(response)
            first = next(filter(None, chunks), b"")
            self._settle()
        except BaseException as error:
            has_answer = self._has_answer_to(error)
            _close(response)
            if not has_answer:
                raise
        else:
            if self._answer is None:
                return _Response(first, chunks, response)
            _close(response)
        return self._answer or ()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None, /) -> Write:
        if self._write is not None:
            # Bytes are out, or about to be: what can still be changed is between the application and the server.
            return self._start_response(status, headers, exc_info)
        if self._status is not None and exc_info is None:
            raise AssertionError("start_response was called before; a second call needs its exc_info")
        code = int(status[:3])
        if code < 100:
            raise ValueError(f"{status!r} is no status")
        self._status, self._head = code, (status, headers)
        return self._send

    def _send(self, data: bytes) -> None:
        """The `write` of applications that do not return their body."""
        if data:
            self._settle()
        if self._write is not None:
            self._write(data)

    def _settle(self) -> None:
        if self._is_settled:
            return
        self._is_settled = True
        answer = self._lease.settle(self._status)
        if answer is not None:
            self._answer = _respond(self._start_response, answer)
        elif self._status is None:
            raise AssertionError("the application has settled its event, and has not called start_response")
        else:
            self._write = self._start_response(*self._head)

    def _has_answer_to(self, error: BaseException) -> bool:
        if not self._is_settled:
            self._is_settled = True
            answer = _failure.settle(self._lease, error)
            if answer is not None and isinstance(error, Exception):
                self._answer = _respond(self._start_response, answer)
        if self._answer is None:
            return False
        if not isinstance(error, _failure.DELIBERATE):
            _log.error("the application failed at a delivery", exc_info=error)
        return True


class _Response:
    """The application's body, whose first bytes it has given already."""

    def __init__(self, first: bytes, chunks: Iterator[bytes], response: Iterable[bytes]) -> None:
        self._first: Final = first
        self._chunks: Final = chunks
        self._response: Final = response

    def __iter__(self) -> Iterator[bytes]:
        if self._first:
            yield self._first
        yield from self._chunks

    def close(self) -> None:
        _close(self._response)


def _respond(start_response: StartResponse, answer: Answer) -> Iterable[bytes]:
    body = answer.body
    start_response(_wsgi.status_line(answer), [*answer.headers, ("content-length", str(len(body)))])
    return [body]


def _close(response: Iterable[bytes]) -> None:
    close: Callable[[], object] | None = getattr(response, "close", None)
    if close is not None:
        close()


def _replay(environ: Environ, body: bytes) -> None:
    environ["wsgi.input"], environ["wsgi.input_terminated"] = BytesIO(body), True
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)


def _path(environ: Environ) -> str:
    path: str = environ.get("PATH_INFO", "")
    return path.encode("latin-1", errors="replace").decode(errors="replace")
