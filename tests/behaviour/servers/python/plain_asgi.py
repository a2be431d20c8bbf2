"""The middleware around an application without a framework."""

from __future__ import annotations

from counterfoil.asgi import ASGIApp, Receive, Scope, Send, WebhookMiddleware
from script import HANDLED, Script


def application(script: Script) -> ASGIApp:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status = await script.aperform(body)
        await send({"type": "http.response.start", "status": status})
        await send({"type": "http.response.body", "body": HANDLED})

    return WebhookMiddleware(handle, script.receiver)
