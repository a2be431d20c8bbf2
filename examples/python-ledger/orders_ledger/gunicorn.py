"""Gunicorn's settings, for the services that run on it: `gunicorn -c python:orders_ledger.gunicorn ...`."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING

from orders_ledger import GRACE, announce, load_config, port

if TYPE_CHECKING:
    from gunicorn.http.message import Request
    from gunicorn.workers.base import Worker

bind = f"127.0.0.1:{port()}"
worker_class = "gthread"
threads = 16
# There may be more with any store that processes share, which is all but `memory:`.
workers = 1
graceful_timeout = 30
# Services of one user would take each other's.
control_socket_disable = True

# Of a body that nobody wants, gunicorn reads so much.
DRAINED = 64 * 1024


def pre_request(worker: Worker, req: Request) -> None:
    """Says of a connection with much of a refused body left in it that it is closed: nobody reads the rest."""
    if int(dict(req.headers).get("CONTENT-LENGTH", "0")) > DRAINED:
        req.force_close()


def post_worker_init(worker: Worker) -> None:
    """Makes the service ready: what it lacks shows here, and not when the first delivery comes."""
    load_config()

    def stop(*_: object) -> None:
        Thread(target=_stop, args=[worker]).start()

    # SIGQUIT is what gunicorn makes of Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, stop)
    if worker.age == 1:
        announce(worker.sockets[0].getsockname()[1])


def _stop(worker: Worker) -> None:
    """Lets the receivers know before the server does: that would close its door at once."""
    receivers = load_config().receivers
    with ThreadPoolExecutor(len(receivers)) as together:
        # All at once: a receiver that is not told yet would go on accepting.
        for receiver in receivers:
            together.submit(receiver.shutdown, GRACE)
    worker.handle_exit(signal.SIGTERM, None)
