"""A verified view of Django's, as WSGI calls it."""

from __future__ import annotations

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse

from counterfoil.django import verified
from routes import configure, handled, set_route
from script import Script

configure()
_handler = get_wsgi_application()


def application(script: Script) -> WSGIHandler:
    @verified(script.receiver)
    def hook(request: HttpRequest, sender: str) -> HttpResponse:
        return handled(script.perform(request.body))

    set_route(hook)
    return _handler
