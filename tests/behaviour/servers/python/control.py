"""The port on which a test says what is to be served, and asks what became of it."""

from __future__ import annotations

import base64
import json
import socket
import traceback
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from stage import Stage

_GRACE: Final = timedelta(minutes=1)


def serve(listener: socket.socket, stage: Stage) -> None:
    """Serves for ever."""

    class Handler(_Handler):
        pass

    Handler.stage = stage
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """Head and body in one packet: the second of two would wait for the first to be acknowledged."""
    stage: Stage

    def do_PUT(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the log is the server's."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            status, text = 200, json.dumps(self._result(body))
        except Exception:
            status, text = 500, traceback.format_exc()
        self.send_response(status)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _result(self, body: bytes) -> Any:
        if self.path == "/script":
            return self.stage.set(json.loads(body))
        script = self.stage.script
        assert script is not None
        match self.path:
            case "/state":
                health = script.receiver.health()
                state = {"runs": len(script.bodies), "finished": script.finished}
                return state | {"waiting": health.waiting, "is_ready": health.is_ready}
            case "/bodies":
                return [base64.b64encode(seen).decode() for seen in script.bodies]
            case "/release":
                return script.release()
            case "/shutdown":
                return script.receiver.shutdown(_GRACE)
            case _:
                raise ValueError(self.path)
