"""A receiver in front of Django views.

Example:
    A view, and where it is routed to:

    >>> import os
    >>> from counterfoil import Receiver, SqliteStore
    >>> from counterfoil.django import verified
    >>> from django.http import HttpRequest, HttpResponse
    >>> from django.urls import path
    >>>
    >>> receiver = Receiver("handl", os.environ["HANDL_SECRET"], store=SqliteStore("webhooks.db"))
    >>>
    >>> @verified(receiver)
    ... def order(request: HttpRequest) -> HttpResponse:
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
    ...     async def post(self, request: HttpRequest) -> HttpResponse: ...

A delivery is verified before the view runs, with a body that can be read again; the receiver's size limit counts, not
`DATA_UPLOAD_MAX_MEMORY_SIZE`. A 2xx completes the event; any other status, and an exception, gives it back for the next retry.
What Django answers itself, such as `Http404`, it answers here too; every other exception is reported as Django does, through
the signal and the logger, and the sender gets the receiver's answer. The view needs no CSRF token: the signature is better.

Transactions: the event is settled when the view has returned. Under `ATOMIC_REQUESTS` the view's transaction has ended by
then, because this decorator opens it itself, closer to the view than Django would. As ever it commits whatever the status is,
and only an exception rolls it back. A transaction that something around the decorator has opened would end after the event is
settled: that is a `ConfigError`, as is an `async def` view under `ATOMIC_REQUESTS`, which Django does not have. To commit
effects and event as one, see `counterfoil.transactions`.

Under ASGI Django reads every body to its end before it looks at the request; where that is too late, put
`counterfoil.asgi.WebhookMiddleware` around `get_asgi_application()`. A view of `def` runs in a thread and cannot be stopped: it
runs to its end. One of `async def` is run in a task of its own, because Django cancels it when the sender hangs up.
"""

from __future__ import annotations
