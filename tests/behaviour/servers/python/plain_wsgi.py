"""The middleware around an application without a framework."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from counterfoil.wsgi import Environ, StartResponse, WebhookMiddleware, WSGIApp
from script import HANDLED, Script


def application(script: Script) -> WSGIApp:
    def handle(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status = script.perform(environ["wsgi.input"].read())
        start_response(f"{status} {HTTPStatus(status).phrase}", [("content-length", str(len(HANDLED)))])
        return [HANDLED]

    return WebhookMiddleware(handle, script.receiver)
