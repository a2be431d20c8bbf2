"""The contenders of the FastAPI bench: one application, with a check of another kind in front of the same handler."""

from __future__ import annotations

import hashlib
import hmac
import json
import os

from fastapi import FastAPI, Request, Response

from counterfoil import MemoryStore, Receiver
from counterfoil.asgi import WebhookMiddleware
from counterfoil.fastapi import Delivered, route_class

SECRET = os.environ["HANDL_SECRET"]
KEY = SECRET.encode()
LENGTH = 1024

handled = 0


def handler(body: bytes) -> Response:
    global handled
    handled += len(body) == LENGTH
    return Response()


def is_genuine(body: bytes, signature: str) -> bool:
    """What people write by hand."""
    return hmac.compare_digest(hmac.new(KEY, body, hashlib.sha256).hexdigest(), signature)


async def bare(request: Request) -> Response:
    return handler(await request.body())


async def inline(request: Request) -> Response:
    body = await request.body()
    if not is_genuine(body, request.headers.get("x-handl-signature", "")):
        return Response(status_code=401)
    return handler(body)


async def inline_reading(request: Request) -> Response:
    body = await request.body()
    if not is_genuine(body, request.headers.get("x-handl-signature", "")):
        return Response(status_code=401)
    event = json.loads(body)
    return handler(body) if event["type"] == "order.created" else Response(status_code=400)


async def delivered(delivery: Delivered) -> Response:
    return handler(delivery.body)


async def stated(request: Request) -> Response:
    return handler(request.state.delivery.body)


async def count() -> int:
    return handled


def application(contender: str) -> FastAPI:
    app = FastAPI()
    app.get("/handled")(count)
    match contender:
        case "bare" | "inline" | "inline_reading":
            app.post("/")(globals()[contender])
        case "verifying":
            app.router.route_class = route_class(Receiver("handl", SECRET))
            app.post("/")(delivered)
        case "verifying_state":
            app.router.route_class = route_class(Receiver("handl", SECRET))
            app.post("/")(stated)
        case "once":
            store = MemoryStore(1_000_000)
            app.router.route_class = route_class(Receiver("handl", SECRET, store=store))
            app.post("/")(delivered)
        case "middleware":
            app.post("/")(bare)
            app.add_middleware(WebhookMiddleware, Receiver("handl", SECRET), path="/")
        case _:
            raise SystemExit(f"there is no contender {contender}")
    return app


app = application(os.environ["CONTENDER"])
