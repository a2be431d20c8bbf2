"""A receiver in front of Starlette: of a single route, or of paths.

Example:
    A whole application, for `uvicorn hooks:app`:

    >>> import os
    >>> from counterfoil import Receiver, SqliteStore
    >>> from counterfoil.starlette import delivery, verified
    >>> from starlette.applications import Starlette
    >>> from starlette.requests import Request
    >>> from starlette.responses import Response
    >>> from starlette.routing import Route
    >>>
    >>> receiver = Receiver("handl", os.environ["HANDL_SECRET"], store=SqliteStore("webhooks.db"))
    >>>
    >>> @verified(receiver)
    ... async def order(request: Request) -> Response:
    ...     print(delivery(request).event_type, await request.json())
    ...     return Response(status_code=204)
    >>>
    >>> app = Starlette(routes=[Route("/webhooks/handl", order)])

    The same for paths, among the application's middleware:

    >>> from counterfoil.starlette import WebhookMiddleware
    >>> from starlette.middleware import Middleware
    >>>
    >>> hooks = Middleware(WebhookMiddleware, receiver=receiver, path="/webhooks/handl")
    >>> app = Starlette(routes=[...], middleware=[hooks])

What `counterfoil.asgi` says holds here too. A `def` endpoint runs in a thread, as always; it cannot be stopped, and
runs to its end. Give a verified route no `methods=`: the receiver itself answers what is no POST, some of which asks
for a challenge.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, cast

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import request_response

from counterfoil import _asgi, _failure
from counterfoil._asgi import ASGIApp, Receive, Scope, Send
from counterfoil._core import Delivery, Lease, Receiver
from counterfoil.asgi import WebhookMiddleware

__all__ = ["Endpoint", "Verified", "WebhookMiddleware", "delivery", "lease", "verified"]

Endpoint: TypeAlias = Callable[[Request], Response] | Callable[[Request], Awaitable[Response]] | ASGIApp


def verified(receiver: Receiver) -> Callable[[Endpoint], Verified]:
    """Puts a receiver in front of one endpoint: a function of a request, or, as an object, any ASGI application.

    Args:
        receiver: The receiver.

    Returns:
        A decorator. What it makes is an endpoint for `Route`.
    """
    return lambda endpoint: Verified(endpoint, receiver)


class Verified:
    """An endpoint that only sees verified deliveries, each event once."""

    def __init__(self, endpoint: Endpoint, receiver: Receiver) -> None:
        functools.update_wrapper(self, cast("Callable[..., object]", endpoint), updated=())
        self._app: Final = _app(endpoint)
        self._receiver: Final = receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _asgi.serve(self._receiver, self._app, scope, receive, send)


def delivery(request: HTTPConnection) -> Delivery:
    """The verified delivery that a request is.

    Raises:
        ConfigError: No receiver stands in front of this handler.
    """
    found: Delivery | None = request.scope.get("state", {}).get("delivery")
    return _failure.present(found, "delivery")


def lease(request: HTTPConnection) -> Lease:
    """The lease that a delivery is handled under.

    Raises:
        ConfigError: No receiver stands in front of this handler.
    """
    found: Lease | None = request.scope.get("state", {}).get("lease")
    return _failure.present(found, "lease")


def _app(endpoint: Endpoint) -> ASGIApp:
    function: object = endpoint
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function):
        return request_response(cast("Callable[[Request], Awaitable[Response] | Response]", endpoint))
    return cast("ASGIApp", endpoint)
