"""A receiver in front of any ASGI application.

A request reaches the application exactly when

1. it is a POST without a content encoding, within the size limit, and arrives in time;
2. its signature is the sender's, over the bytes on the wire, within the tolerance;
3. no earlier delivery of the event was completed, is being handled, or was rejected for good.

The application then runs in a task of its own: a sender that hangs up does not cancel it. A 2xx completes the event,
and goes out once that is so; any other status, an exception, or running out of time gives the event back for the next
retry.

Example:
    A whole application, for `uvicorn hooks:app`:

    >>> import os
    >>> from counterfoil import Receiver, SqliteStore
    >>> from counterfoil.asgi import WebhookMiddleware
    >>>
    >>> async def handle(scope, receive, send):
    ...     delivery = scope["state"]["delivery"]
    ...     print(delivery.event_type, delivery.json())
    ...     await send({"type": "http.response.start", "status": 204})
    ...     await send({"type": "http.response.body"})
    >>>
    >>> receiver = Receiver("handl", os.environ["HANDL_SECRET"], store=SqliteStore("webhooks.db"))
    >>> app = WebhookMiddleware(handle, receiver)

Where to put it: inside whatever answers for exceptions. A framework's outermost layer turns them into responses of
its own, and `raise Reject(..)` is no more than a 500 to what stands around that. In Starlette and FastAPI the list of
middleware is the right place; `counterfoil.starlette` and `counterfoil.fastapi` put a receiver in front of a single
route.

Whatever rewrites or decompresses the body before the receiver sees it breaks the signature. The event loop is
asyncio's, or uvloop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from counterfoil import _asgi
from counterfoil._asgi import ASGIApp, Message, Receive, Scope, Send
from counterfoil._core import Receiver
from counterfoil._paths import Paths

__all__ = ["ASGIApp", "Message", "Receive", "Scope", "Send", "WebhookMiddleware"]


class WebhookMiddleware:
    """Puts receivers in front of an application. Everything that is not theirs goes through untouched.

    The application finds `delivery`, `lease` and `fence` in `scope["state"]`, which is Starlette's `request.state`,
    and can read the body again. A handler that takes its event from the delivery cannot be reached without one,
    whatever the paths.

    Args:
        app: The application.
        receiver: The receiver; or several, by the path that each one's sender was given.
        path: The path that is the receiver's. Without one every HTTP request is.

    Raises:
        ConfigError: Both a path and several receivers, or a path that does not begin with a slash.

    Example:
        >>> receivers = {f"/webhooks/{receiver.endpoint}": receiver for receiver in (handl, agiled)}
        >>> app = WebhookMiddleware(app, receivers)
    """

    def __init__(self, app: ASGIApp, receiver: Receiver | Mapping[str, Receiver], *, path: str | None = None) -> None:
        self._app: Final = app
        self._paths: Final = Paths(receiver, path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        receiver = self._paths.receiver(_path(scope)) if scope["type"] == "http" else None
        if receiver is None:
            await self._app(scope, receive, send)
        else:
            await _asgi.serve(receiver, self._app, scope, receive, send)


def _path(scope: Scope) -> str:
    """The path within the application, where that is mounted somewhere."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    inside = path.removeprefix(root)
    return inside if inside.startswith("/") else path
