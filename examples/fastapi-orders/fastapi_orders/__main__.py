"""Serves until it is told to stop, then finishes what is under way: `python -m fastapi_orders`."""

from __future__ import annotations

import asyncio
import logging
import socket
from types import FrameType

import uvicorn

from orders_ledger import GRACE, announce, port

from .app import app, receivers


class Server(uvicorn.Server):
    """Uvicorn, whose door stays open until the deliveries under way have finished: others are told to come again."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves until it is told to stop."""
        self.loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says where, once connections are taken."""
        await super().startup(sockets)
        announce(self.servers[0].sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Lets the receivers know before the server does."""
        asyncio.run_coroutine_threadsafe(self.stop(), self.loop)

    async def stop(self) -> None:
        """Stops once the deliveries under way have finished."""
        # All at once: a receiver that is not told yet would go on accepting.
        await asyncio.gather(*(receiver.ashutdown(GRACE) for receiver in receivers.values()))
        self.should_exit = True


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    settings = uvicorn.Config(
        app,
        port=port(),
        access_log=False,
        log_config=None,
        http="h11",  # Keeps 64 KiB of a request's head at most. httptools has no such limit.
        timeout_graceful_shutdown=1,  # Deliveries have finished when it stops. What is left are idle connections.
    )
    Server(settings).run()
