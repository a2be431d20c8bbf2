"""Applies events to the books."""

from __future__ import annotations

from typing import Final

from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from counterfoil import Delivery, Fence, Tables
from counterfoil.transactions import complete_in
from orders_ledger import Booking, sql

from .models import Applied, Effect, Entry, Invoice, Order, Run

EVENTS: Final = Tables(schema=sql.SCHEMA)
MODELS: Final[dict[str, type[Entry]]] = {"orders": Order, "invoices": Invoice}


def apply(delivery: Delivery, fence: Fence | None) -> None:
    """Applies the event once, whatever happens and however often it is tried.

    PostgreSQL holds the events too: one is completed in the transaction that applies it, so that both commit, or
    neither. A SQLite file knows nothing of the store, so it keeps the keys of what was applied, beside the effects.
    """
    # Apart from the transaction: a run that comes to nothing counts too.
    Run.objects.create(key=delivery.key)
    with transaction.atomic():
        if connection.vendor == "postgresql":
            _book(delivery)
            complete_in(connection, fence, tables=EVENTS)
        elif Applied.objects.get_or_create(key=delivery.key)[1]:
            _book(delivery)


def _book(delivery: Delivery) -> None:
    if booking := Booking.of(delivery):
        _write(booking, MODELS[booking.table])
    Effect.objects.create(key=delivery.key)


def _write(booking: Booking, model: type[Entry]) -> None:
    """Events arrive in any order: an older one never overwrites a newer one."""
    row = {"status": booking.status, "key": booking.key, "at": booking.at}
    entry = model(sender=booking.sender, id=booking.id, total=booking.total, currency=booking.currency, **row)
    # In this order, so that of two that write a new entry at once the newer one stays.
    model.objects.bulk_create([entry], ignore_conflicts=True)
    model.objects.filter(sender=booking.sender, id=booking.id, at__lte=booking.at).update(
        total=Coalesce(Value(booking.total), F("total")),
        currency=Coalesce(Value(booking.currency), F("currency")),
        **row,
    )
