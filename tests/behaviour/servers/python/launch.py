"""The servers, each on a socket that listens already. `begin` is called in the process that serves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from socket import socket
from typing import Any, TypeAlias, cast

from stage import Stage

Begin: TypeAlias = Callable[[], None]

_THREADS = 32
"""More than the copies that wait for one another in any test."""


def uvicorn(stage: Stage, listener: socket, begin: Begin) -> None:
    """On what is fastest: uvloop and httptools."""
    _uvicorn(stage, listener, begin, loop="uvloop", http="httptools")


def uvicorn_in_python(stage: Stage, listener: socket, begin: Begin) -> None:
    """On what it runs on where neither is installed."""
    _uvicorn(stage, listener, begin, loop="asyncio", http="h11")


def _uvicorn(stage: Stage, listener: socket, begin: Begin, **options: Any) -> None:
    from uvicorn import Config, Server

    begin()
    Server(Config(stage.asgi, interface="asgi3", lifespan="off", **options)).run(sockets=[listener])


def hypercorn(stage: Stage, listener: socket, begin: Begin) -> None:
    """The one that speaks HTTP/2."""
    import hypercorn.asyncio
    from hypercorn.config import Config

    begin()
    # Its types leave out what they are lists and dictionaries of.
    serve: Any = cast(Any, hypercorn.asyncio).serve
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    asyncio.run(serve(stage.asgi, config))


def gunicorn(stage: Stage, listener: socket, begin: Begin) -> None:
    """With threads, so that a delivery that waits keeps no other waiting."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):
        def load_config(self) -> None:
            self.cfg.set("bind", f"fd://{listener.fileno()}")
            self.cfg.set("worker_class", "gthread")
            self.cfg.set("threads", _THREADS)

        def load(self) -> Any:
            begin()
            return stage.wsgi

    Server().run()
