"""A receiver and a handler in each framework, all with the same behaviour."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from types import ModuleType
from typing import Any, Final, Protocol

import django
import fastapi
import flask
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from flask.typing import ResponseReturnValue
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from counterfoil import Receiver, asgi, wsgi
from counterfoil import django as on_django
from counterfoil import fastapi as on_fastapi
from counterfoil import flask as on_flask
from counterfoil import starlette as on_starlette
from exchanges import Exchange, Reply, Sent, call, environ

HANDLED: Final = b"handled"

ROUTE: Final = "/webhooks/handl"


class Script:
    """What a handler does: one act after the other, then 200 for ever. An exception is raised, a number is a status."""

    def __init__(self, *acts: int | BaseException) -> None:
        self._acts: Final = list(acts)
        self._lock: Final = threading.Lock()
        self.bodies: Final[list[bytes]] = []

    def act(self, body: bytes) -> int:
        with self._lock:
            self.bodies.append(body)
            act = self._acts.pop(0) if self._acts else 200
        if isinstance(act, BaseException):
            raise act
        return act


class Place(Protocol):
    """Where a script is played."""

    def send(self, sent: Sent) -> Reply: ...


class OnAsgi:
    """One event loop, and what runs on it."""

    def __init__(self, app: asgi.ASGIApp, runner: asyncio.Runner) -> None:
        self.app: Final = app
        self._runner: Final = runner

    def send(self, sent: Sent) -> Reply:
        async def exchange() -> Reply:
            return await Exchange(self.app, sent).run()

        return self._runner.run(exchange())


class OnWsgi:
    def __init__(self, app: wsgi.WSGIApp) -> None:
        self.app: Final = app

    def send(self, sent: Sent) -> Reply:
        return call(self.app, environ(sent))


def plain_asgi(receiver: Receiver, script: Script) -> asgi.ASGIApp:
    async def handle(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        message = await receive()
        assert not message["more_body"]
        assert message["body"] == scope["state"]["delivery"].body
        status = script.act(message["body"])
        await send({"type": "http.response.start", "status": status})
        await send({"type": "http.response.body", "body": HANDLED})

    return asgi.WebhookMiddleware(handle, receiver)


def starlette(receiver: Receiver, script: Script) -> asgi.ASGIApp:
    async def hook(request: Request) -> Response:
        return Response(HANDLED, script.act(await request.body()))

    return Starlette(routes=[Route(ROUTE, on_starlette.verified(receiver)(hook))])


def starlette_def(receiver: Receiver, script: Script) -> asgi.ASGIApp:
    def hook(request: Request) -> Response:
        return Response(HANDLED, script.act(on_starlette.delivery(request).body))

    return Starlette(routes=[Route(ROUTE, on_starlette.verified(receiver)(hook))])


def starlette_middleware(receiver: Receiver, script: Script) -> asgi.ASGIApp:
    async def hook(request: Request) -> Response:
        return Response(HANDLED, script.act(await request.body()))

    middleware = Middleware(on_starlette.WebhookMiddleware, receiver=receiver, path=ROUTE)
    return Starlette(routes=[Route(ROUTE, hook, methods=["POST"])], middleware=[middleware])


def _fastapi(receiver: Receiver, endpoint: Callable[..., Any]) -> asgi.ASGIApp:
    router = fastapi.APIRouter(route_class=on_fastapi.route_class(receiver))
    router.post(ROUTE)(endpoint)
    app = fastapi.FastAPI()
    app.include_router(router)
    return app


def fastapi_delivered(receiver: Receiver, script: Script) -> asgi.ASGIApp:
    async def hook(delivery: on_fastapi.Delivered) -> Response:
        return Response(HANDLED, script.act(delivery.body))

    return _fastapi(receiver, hook)


def fastapi_request(receiver: Receiver, script: Script) -> asgi.ASGIApp:
    async def hook(request: fastapi.Request, response: fastapi.Response, lease: on_fastapi.Leased) -> Response:
        assert lease.delivery.body == await request.body()
        return Response(HANDLED, script.act(await request.body()))

    return _fastapi(receiver, hook)


def fastapi_def(receiver: Receiver, script: Script) -> asgi.ASGIApp:
    def hook(delivery: on_fastapi.Delivered) -> Response:
        return Response(HANDLED, script.act(delivery.body))

    return _fastapi(receiver, hook)


def plain_wsgi(receiver: Receiver, script: Script) -> wsgi.WSGIApp:
    def handle(environ: wsgi.Environ, start_response: wsgi.StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        assert body == environ["counterfoil.delivery"].body
        status = script.act(body)
        start_response(f"{status} {HTTPStatus(status).phrase}", [])
        return [HANDLED]

    return wsgi.WebhookMiddleware(handle, receiver)


def _flask(view: Callable[[], flask.Response]) -> wsgi.WSGIApp:
    app = flask.Flask(__name__)
    app.route(ROUTE, methods=["GET", "POST"])(view)
    return app


def flask_def(receiver: Receiver, script: Script) -> wsgi.WSGIApp:
    @on_flask.verified(receiver)
    def hook() -> ResponseReturnValue:
        assert flask.g.delivery.body == flask.request.get_data()
        return HANDLED, script.act(flask.request.get_data())

    return _flask(hook)


def flask_async(receiver: Receiver, script: Script) -> wsgi.WSGIApp:
    @on_flask.verified(receiver)
    async def hook() -> ResponseReturnValue:
        return HANDLED, script.act(flask.request.get_data())

    return _flask(hook)


def set_django_up() -> None:
    if not settings.configured:
        settings.configure(DATABASES={}, USE_TZ=True)
    django.setup()


_projects: Final[list[override_settings]] = []


def enter_project(hook: Callable[..., Any], **options: Any) -> None:
    """Makes Django a project of one view, until `leave_projects`."""
    routes = ModuleType("routes")
    routes.urlpatterns = [path(ROUTE.removeprefix("/"), hook)]  # type: ignore[attr-defined]
    csrf = "django.middleware.csrf.CsrfViewMiddleware"
    given = {"ALLOWED_HOSTS": ["*"], "MIDDLEWARE": [csrf], "ROOT_URLCONF": routes, **options}
    project = override_settings(**given)
    project.enable()
    _projects.append(project)


def leave_projects() -> None:
    while _projects:
        _projects.pop().disable()


def django_wsgi(hook: Callable[..., Any]) -> wsgi.WSGIApp:
    enter_project(hook)
    return get_wsgi_application()


def django_asgi(hook: Callable[..., Any]) -> asgi.ASGIApp:
    enter_project(hook)
    return get_asgi_application()  # type: ignore[return-value]


def _django_view(receiver: Receiver, script: Script) -> Callable[..., Any]:
    @on_django.verified(receiver)
    def hook(request: on_django.VerifiedRequest) -> HttpResponse:
        assert request.delivery.body == request.body
        return HttpResponse(HANDLED, status=script.act(request.body))

    return hook


def _django_async_view(receiver: Receiver, script: Script) -> Callable[..., Any]:
    @on_django.verified(receiver)
    async def hook(request: HttpRequest) -> HttpResponse:
        return HttpResponse(HANDLED, status=script.act(request.body))

    return hook


def _django_class(receiver: Receiver, script: Script) -> Callable[..., Any]:
    @method_decorator(on_django.verified(receiver), name="dispatch")
    class Hook(View):
        def post(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse(HANDLED, status=script.act(request.body))

    return Hook.as_view()


def _django_async_class(receiver: Receiver, script: Script) -> Callable[..., Any]:
    @method_decorator(on_django.verified(receiver), name="dispatch")
    class Hook(View):
        async def post(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse(HANDLED, status=script.act(request.body))

    return Hook.as_view()


ASGI: Final[dict[str, Callable[[Receiver, Script], asgi.ASGIApp]]] = {
    "asgi": plain_asgi,
    "starlette": starlette,
    "starlette-def": starlette_def,
    "starlette-middleware": starlette_middleware,
    "fastapi": fastapi_delivered,
    "fastapi-request": fastapi_request,
    "fastapi-def": fastapi_def,
    "django-asgi": lambda receiver, script: django_asgi(_django_view(receiver, script)),
    "django-asgi-async": lambda receiver, script: django_asgi(_django_async_view(receiver, script)),
    "django-asgi-class": lambda receiver, script: django_asgi(_django_async_class(receiver, script)),
}

WSGI: Final[dict[str, Callable[[Receiver, Script], wsgi.WSGIApp]]] = {
    "wsgi": plain_wsgi,
    "flask": flask_def,
    "flask-async": flask_async,
    "django": lambda receiver, script: django_wsgi(_django_view(receiver, script)),
    "django-async": lambda receiver, script: django_wsgi(_django_async_view(receiver, script)),
    "django-class": lambda receiver, script: django_wsgi(_django_class(receiver, script)),
}
