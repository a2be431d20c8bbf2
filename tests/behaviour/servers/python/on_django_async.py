"""A verified asynchronous view of Django's, as ASGI calls it."""

from __future__ import annotations

from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse

from counterfoil.django import verified
from routes import configure, handled, set_route
from script import Script

configure()
_handler = get_asgi_application()


def application(script: Script) -> ASGIHandler:
    @verified(script.receiver)
    async def hook(request: HttpRequest, sender: str) -> HttpResponse:
        return handled(await script.aperform(request.body))

    set_route(hook)
    return _handler
