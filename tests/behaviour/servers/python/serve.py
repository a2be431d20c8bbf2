"""Serves a framework on a real server, with whatever receiver and handler a test asks for on the port beside it.

`serve.py FastapiOnUvicorn` prints the two ports as JSON, and ends with its standard input.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
import threading

import control
import launch
from stage import Stage

STACKS = {
    "AsgiOnUvicorn": ("plain_asgi", launch.uvicorn),
    "AsgiOnHypercorn": ("plain_asgi", launch.hypercorn),
    "StarletteOnUvicorn": ("on_starlette", launch.uvicorn_in_python),
    "FastapiOnUvicorn": ("on_fastapi", launch.uvicorn),
    "DjangoOnUvicorn": ("on_django_async", launch.uvicorn),
    "WsgiOnGunicorn": ("plain_wsgi", launch.gunicorn),
    "FlaskOnGunicorn": ("on_flask", launch.gunicorn),
    "DjangoOnGunicorn": ("on_django", launch.gunicorn),
}


def main() -> None:
    module, serve = STACKS[sys.argv[1]]
    stage = Stage(importlib.import_module(module).application)
    server, controller = (socket.create_server(("127.0.0.1", 0), backlog=128) for _ in range(2))
    ports = {"server": server.getsockname()[1], "control": controller.getsockname()[1]}
    print(json.dumps(ports), flush=True)
    # Nobody reads on.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def begin() -> None:
        """Called in the process that serves, which need not be this one."""
        threading.Thread(target=end_with_input, daemon=True).start()
        threading.Thread(target=control.serve, args=(controller, stage), daemon=True).start()

    serve(stage, server, begin)


def end_with_input() -> None:
    """Whoever started us may be killed, and would leave us behind."""
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
