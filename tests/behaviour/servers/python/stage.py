"""What is served now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from counterfoil.asgi import Receive, Scope, Send
from counterfoil.wsgi import Environ, StartResponse
from script import Script


class Stage:
    """One script after the other, each behind an application of its own."""

    def __init__(self, application: Callable[[Script], Callable[..., Any]]) -> None:
        self._make = application
        self._application: Callable[..., Any] | None = None
        self.script: Script | None = None

    def set(self, said: Mapping[str, Any]) -> None:
        """Puts another script in the place of the one before."""
        if self.script is not None:
            self.script.release()
        script = Script(said)
        self._application, self.script = self._make(script), script

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application, as a server of ASGI calls it."""
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
        else:
            assert self._application is not None
            await self._application(scope, receive, send)

    def wsgi(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The application, as a server of WSGI calls it."""
        assert self._application is not None
        response: Iterable[bytes] = self._application(environ, start_response)
        return response
