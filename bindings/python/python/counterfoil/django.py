"""A receiver in front of Django views.

Example:
    A view, and where it is routed to:

    >>> import os
    >>> from counterfoil import Receiver, SqliteStore
    >>> from counterfoil.django import VerifiedRequest, verified
    >>> from django.http import HttpResponse
    >>> from django.urls import path
    >>>
    >>> receiver = Receiver("handl", os.environ["HANDL_SECRET"], store=SqliteStore("webhooks.db"))
    >>>
    >>> @verified(receiver)
    ... def order(request: VerifiedRequest) -> HttpResponse:
    ...     print(request.delivery.event_type, request.delivery.json())
    ...     return HttpResponse(status=204)
    >>>
    >>> urlpatterns = [path("webhooks/handl", order)]

    A view that is a class:

    >>> from django.utils.decorators import method_decorator
    >>> from django.views import View
    >>>
    >>> @method_decorator(verified(receiver), name="dispatch")
    ... class Order(View):
    ...     async def post(self, request: VerifiedRequest) -> HttpResponse: ...

A delivery is verified before the view runs, with a body that can be read again; the receiver's size limit counts, not
`DATA_UPLOAD_MAX_MEMORY_SIZE`. A 2xx completes the event; any other status, and an exception, gives it back for the
next retry. What Django answers itself, such as `Http404`, it answers here too; every other exception is reported as
Django does, through the signal and the logger, and the sender gets the receiver's answer. The view needs no CSRF
token: the signature is better.

A response that is rendered late, such as `TemplateResponse`, is rendered here, in the view's transaction and ahead of
any `process_template_response`: that it cannot be rendered is the view's failure.

Transactions: the event is settled when the view has returned. Under `ATOMIC_REQUESTS` the view's transaction has
ended by then, because this decorator opens it itself, closer to the view than Django would. As ever it commits
whatever the status is, and only an exception rolls it back. A transaction that something around the decorator has
opened would end after the event is settled: that is a `ConfigError`, as is an `async def` view under
`ATOMIC_REQUESTS`, which Django does not have. To commit effects and event as one, see `counterfoil.transactions`.

Under ASGI Django reads every body to its end before it looks at the request; where that is too late, put
`counterfoil.asgi.WebhookMiddleware` around `get_asgi_application()`. A view of `def` runs in a thread and cannot be
stopped: it runs to its end. One of `async def` is run in a task of its own, because Django cancels it when the sender
hangs up.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from io import BytesIO
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, overload

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.core.signals import got_request_exception
from django.db import connections, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.utils.log import log_response
from django.views import View

from counterfoil import _asgi, _failure, _wsgi
from counterfoil._core import Answer, Delivery, Intake, Lease, Receiver
from counterfoil._own_task import OwnTask
from counterfoil.errors import ConfigError

__all__ = ["Decorator", "VerifiedRequest", "verified"]

_P = ParamSpec("_P")
_R = TypeVar("_R", bound=HttpResponseBase)

_STATUSES: Final = (
    (Http404, 404),
    (PermissionDenied, 403),
    ((BadRequest, SuspiciousOperation, MultiPartParserError), 400),
)
"""What Django answers for itself."""


class VerifiedRequest(HttpRequest):
    """What a verified view is called with, for annotations.

    Attributes:
        delivery: The proof, and the body.
        lease: What the delivery is handled under, with the fence and the deadline of this attempt.
    """

    delivery: Delivery
    lease: Lease


class Decorator(Protocol):
    """Makes a verified view of a view, asynchronous if that is."""

    @overload
    def __call__(
        self, view: Callable[Concatenate[VerifiedRequest, _P], Awaitable[_R]], /
    ) -> Callable[Concatenate[HttpRequest, _P], Coroutine[Any, Any, _R | HttpResponse]]: ...
    @overload
    def __call__(
        self, view: Callable[Concatenate[VerifiedRequest, _P], _R], /
    ) -> Callable[Concatenate[HttpRequest, _P], _R | HttpResponse]: ...


def verified(receiver: Receiver) -> Decorator:
    """Puts a receiver in front of one view, `def` or `async def`, which finds `request.delivery` and `request.lease`.

    Args:
        receiver: The receiver.

    Returns:
        A decorator, for a view, or with `method_decorator` for a class's `dispatch`.

    Raises:
        ConfigError: At a request, if its body was used up before, or if a transaction would end after the event is
        settled.
    """

    def decorate(view: Any) -> Any:
        transactions = _Transactions(getattr(view, "_non_atomic_requests", ()))
        wrapper = (_async if _is_async(view) else _sync)(receiver, view, transactions)
        wrapper.csrf_exempt = True
        wrapper._non_atomic_requests = transactions
        return wrapper

    return decorate


class _Transactions(set[str]):
    """Tells Django to open no transaction around a view, which this module does in its place.

    Holds the databases that the view's author wants none for.
    """

    def __contains__(self, alias: object) -> bool:
        return True

    def wanted(self) -> list[str]:
        """The databases that `ATOMIC_REQUESTS` wants a transaction for."""
        apart = set(self)
        databases = connections.settings.items()
        return [alias for alias, database in databases if database["ATOMIC_REQUESTS"] and alias not in apart]


def _sync(receiver: Receiver, view: Any, transactions: _Transactions) -> Any:
    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _refuse_transaction()
        intake = _take(receiver, request)
        received = intake if isinstance(intake, Answer) else intake.finish()
        if isinstance(received, Answer):
            return _response(received)
        _replay(request, received)
        try:
            with ExitStack() as stack:
                for alias in transactions.wanted():
                    stack.enter_context(transaction.atomic(using=alias, durable=True))
                response = _rendered(view, _checked(view, view(request, *args, **kwargs)))
            answer = received.settle(response.status_code)
        except BaseException as error:
            status = _status(error)
            answer = _failure.settle(received, error) if status is None else received.settle(status)
            if answer is None or not isinstance(error, Exception):
                raise
            response = _response(answer)
            if not isinstance(error, _failure.DELIBERATE):
                _report(request, response, error)
            return response
        return response if answer is None else _response(answer)

    return wrapper


def _async(receiver: Receiver, view: Any, transactions: _Transactions) -> Any:
    @functools.wraps(view)
    async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if wanted := transactions.wanted():
            raise ConfigError(
                f"ATOMIC_REQUESTS of {', '.join(wanted)} cannot hold for an async view: put "
                "transaction.non_atomic_requests below the receiver's decorator"
            )
        intake = _take(receiver, request)
        received = intake if isinstance(intake, Answer) else await intake.afinish()
        if isinstance(received, Answer):
            return _response(received)
        _replay(request, received)
        task = OwnTask(received)
        return await task.run(_handle(task, request, functools.partial(view, request, *args, **kwargs)))

    return wrapper


async def _handle(
    task: OwnTask, request: HttpRequest, view: Callable[[], Awaitable[HttpResponseBase]]
) -> HttpResponseBase:
    try:
        response = await _arendered(view, _checked(view, await view()))
        answer = await task.settle(response.status_code)
    except GeneratorExit:
        raise
    except BaseException as error:
        status = _status(error)
        answer = await (task.fail(error) if status is None else task.settle(status))
        if answer is None or not (isinstance(error, Exception) or task.is_expected(error)):
            raise
        response = _response(answer)
        if not task.is_expected(error):
            await sync_to_async(_report, thread_sensitive=False)(request, response, error)
        return response
    return response if answer is None else _response(answer)


def _take(receiver: Receiver, request: HttpRequest) -> Intake | Answer:
    """Judges the head, and reads the body: the intake to finish, or the answer."""
    if isinstance(request, ASGIRequest):
        scope = request.scope
        intake = receiver.begin(scope["method"], _asgi.target(scope), scope["headers"])
    else:
        intake = _wsgi.begin(receiver, request.META)
    return intake if isinstance(intake, Answer) else _read(receiver, intake, request) or intake


def _read(receiver: Receiver, intake: Intake, request: HttpRequest) -> Answer | None:
    if hasattr(request, "_body"):
        return _wsgi.drain(receiver, intake, BytesIO(request.body).read)
    if getattr(request, "_read_started", False):
        raise ConfigError(
            "the body was used up before the receiver could verify it: read it with request.body, which keeps it, "
            "before request.POST, request.read() or others do"
        )
    if isinstance(request, ASGIRequest):
        return _wsgi.drain(receiver, intake, request.read)
    return _wsgi.read(receiver, intake, request.META)


def _replay(request: Any, lease: Lease) -> None:
    request._body = lease.delivery.body
    request._stream = BytesIO(request._body)
    request.lease, request.delivery = lease, lease.delivery


def _is_async(view: Any) -> bool:
    # Django's own: with Python 3.11 it knows marks that `inspect` does not.
    if iscoroutinefunction(view):  # pyright: ignore[reportDeprecated]
        return True
    # A class's `dispatch`, which is no coroutine function itself, but returns what its methods do.
    owner = getattr(getattr(view, "func", None), "__self__", None)
    return isinstance(owner, View) and owner.view_is_async and view.func.__name__ == "dispatch"


def _refuse_transaction() -> None:
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            try:
                # Refused inside of every block but a test case's.
                with transaction.atomic(using=connection.alias, durable=True):
                    pass
            except RuntimeError as error:
                raise ConfigError(
                    "a transaction was opened around the receiver's decorator: the event would be settled before "
                    "it is committed. Open it inside of the view; ATOMIC_REQUESTS needs nothing more than decorators "
                    "that keep the attributes of what they decorate, as functools.wraps does"
                ) from error


def _status(error: BaseException) -> int | None:
    return next((status for kinds, status in _STATUSES if isinstance(error, kinds)), None)


def _checked(view: object, response: object) -> HttpResponseBase:
    if not isinstance(response, HttpResponseBase):
        raise TypeError(f"{view!r} returned {type(response).__name__}, which is no response")
    return response


def _is_deferred(response: HttpResponseBase) -> bool:
    """Whether it is one such as `TemplateResponse`, which can still fail."""
    return hasattr(response, "render") and not getattr(response, "is_rendered", False)


def _rendered(view: object, response: HttpResponseBase) -> HttpResponseBase:
    if not _is_deferred(response):
        return response
    deferred: Any = response
    return _checked(view, deferred.render())


async def _arendered(view: object, response: HttpResponseBase) -> HttpResponseBase:
    if not _is_deferred(response):
        return response
    deferred: Any = response
    # As Django would.
    is_async = iscoroutinefunction(deferred.render)  # pyright: ignore[reportDeprecated]
    return _checked(view, await (deferred.render() if is_async else sync_to_async(deferred.render)()))


def _report(request: HttpRequest, response: HttpResponse, error: BaseException) -> None:
    """Tells whoever Django tells of an exception that nobody handled."""
    if settings.DEBUG_PROPAGATE_EXCEPTIONS:
        raise error
    got_request_exception.send(sender=None, request=request)
    log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request, exception=error)


def _response(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status)
    # Without the content type that Django gives to everything.
    del response.headers["content-type"]
    for name, value in answer.headers:
        response.headers[name] = value
    return response
