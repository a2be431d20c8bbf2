"""What the service answers."""

from __future__ import annotations

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse

from counterfoil.django import VerifiedRequest

from . import books
from .models import Effect, Entry, Invoice, Order, Run


def receive(request: VerifiedRequest) -> HttpResponse:
    """A crash can make this run again for one event. How it is applied once all the same is the books' affair."""
    books.apply(request.delivery, request.lease.fence)
    return HttpResponse()


def orders(request: HttpRequest) -> JsonResponse:
    """All orders, by sender and id."""
    return _entries(Order)


def invoices(request: HttpRequest) -> JsonResponse:
    """All invoices, by sender and id."""
    return _entries(Invoice)


def applied(request: HttpRequest) -> JsonResponse:
    """Committed effects by the key of the event: 1 for every event, whatever happened."""
    return _counts(Effect)


def runs(request: HttpRequest) -> JsonResponse:
    """Handler runs by the key of the event: more than 1 where a handler failed or its process died."""
    return _counts(Run)


def _entries(model: type[Entry]) -> JsonResponse:
    entries = model.objects.order_by("sender", "id").values("sender", "id", "status", "total", "currency", "key")
    return JsonResponse(list(entries), safe=False)


def _counts(model: type[Effect | Run]) -> JsonResponse:
    return JsonResponse(dict(model.objects.order_by("key").values_list("key", Count("key"))))
