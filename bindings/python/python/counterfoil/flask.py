"""A receiver in front of Flask views.

Example:
    A whole application, for `gunicorn hooks:app`:

    >>> import os
    >>> from counterfoil import Receiver, SqliteStore
    >>> from counterfoil.flask import verified
    >>> from flask import Flask, g, request
    >>>
    >>> app = Flask(__name__)
    >>> receiver = Receiver("handl", os.environ["HANDL_SECRET"], store=SqliteStore("webhooks.db"))
    >>>
    >>> @app.post("/webhooks/handl")
    ... @verified(receiver)
    ... def order():
    ...     print(g.delivery.event_type, request.get_json())
    ...     return "", 204

A delivery is verified before the view runs, with a body that can be read again in every way that Flask has. A 2xx
completes the event; any other status gives it back for the next retry, whether it is returned, comes of `abort(..)`,
or of an error handler of yours. An exception that nobody handles gives it back too: Flask logs it as ever, and the
sender gets the receiver's answer. The status that counts is the view's, before `after_request` functions and before a
streamed body runs.

The body must not have been read before: a `before_request` function that wants it calls `request.get_data()`, which
keeps it. The receiver's size limit counts, not `MAX_CONTENT_LENGTH`. What `counterfoil.wsgi` says about WSGI holds
here too.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import ParamSpec, TypeAlias

from flask import Response, after_this_request, current_app, g, request
from flask.typing import ResponseReturnValue

from counterfoil import _failure, _wsgi
from counterfoil._core import Answer, Intake, Lease, Receiver
from counterfoil.errors import ConfigError

__all__ = ["verified"]

_P = ParamSpec("_P")
_View: TypeAlias = Callable[_P, ResponseReturnValue] | Callable[_P, Awaitable[ResponseReturnValue]]


def verified(receiver: Receiver) -> Callable[[_View[_P]], Callable[_P, Response]]:
    """Puts a receiver in front of one view, `def` or `async def`, which finds `g.delivery` and `g.lease`.

    Args:
        receiver: The receiver.

    Returns:
        A decorator, to stand below the route's.

    Raises:
        ConfigError: At a request, if something before the view has used up its body.
    """

    def decorate(view: _View[_P]) -> Callable[_P, Response]:
        @functools.wraps(view)
        def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> Response:
            received = _receive(receiver)
            if isinstance(received, Answer):
                return _response(received)
            g.lease, g.delivery = received, received.delivery
            return _handle(received, functools.partial(current_app.ensure_sync(view), *args, **kwargs))

        return wrapper

    return decorate


def _receive(receiver: Receiver) -> Lease | Answer:
    intake = _wsgi.begin(receiver, request.environ)
    if isinstance(intake, Answer):
        return intake
    received = _read(receiver, intake) or intake.finish()
    if isinstance(received, Lease):
        _replay(received.delivery.body)
    return received


def _read(receiver: Receiver, intake: Intake) -> Answer | None:
    if "stream" not in request.__dict__:
        return _wsgi.read(receiver, intake, request.environ)
    # Somebody has been here. What they kept is as good as the wire; what they did not is gone.
    body = request.get_data()
    if not body and (request.content_length or "form" in request.__dict__):
        raise ConfigError(
            "the body was used up before the receiver could verify it: read it with request.get_data(), which keeps "
            "it, before request.form, request.stream or others do"
        )
    return _wsgi.drain(receiver, intake, BytesIO(body).read)


def _replay(body: bytes) -> None:
    found = request.__dict__
    found["stream"] = BytesIO(body)
    request.get_data()
    found["stream"] = BytesIO(body)


def _handle(lease: Lease, view: Callable[[], ResponseReturnValue]) -> Response:
    try:
        response = current_app.make_response(_returned(view))
        answer = lease.settle(response.status_code)
    except BaseException as error:
        answer = _failure.settle(lease, error)
        if answer is None or not isinstance(error, Exception):
            raise
        if isinstance(error, _failure.DELIBERATE):
            return _response(answer)
        # Flask is to see the exception, and the sender the answer.
        after_this_request(lambda _: _response(answer))
        raise
    return response if answer is None else _response(answer)


def _returned(view: Callable[[], ResponseReturnValue]) -> ResponseReturnValue:
    try:
        return view()
    except _failure.DELIBERATE:
        raise
    except Exception as error:
        # As Flask itself would: what a registered handler makes of it, or the exception again.
        return current_app.handle_user_exception(error)


def _response(answer: Answer) -> Response:
    response = Response(answer.body, answer.status)
    # Without the content type that Flask gives to everything.
    response.headers.clear()
    response.headers.extend(answer.headers)
    return response
