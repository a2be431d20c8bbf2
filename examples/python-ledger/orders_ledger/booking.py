"""What an event says of an order or an invoice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, TypeAlias, cast

from counterfoil import BodyError, Delivery

Table: TypeAlias = Literal["orders", "invoices"]

_TABLES: Final[dict[str, Table]] = {
    "order": "orders",
    "project": "orders",  # An agency's project with its budget is what its client ordered.
    "invoice": "invoices",
}
_MAX_ID_BYTES: Final = 1024  # PostgreSQL indexes no more than 2704 bytes of a row.
_AMOUNT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_MAX_AMOUNT_CHARS: Final = 64
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Booking:
    """What is written into a row of `orders` or `invoices`."""

    table: Table
    sender: str
    id: str
    status: str
    total: str | None
    currency: str | None
    key: str
    at: int

    @classmethod
    def of(cls, delivery: Delivery) -> Booking | None:
        """Reads an event. `None` where there is nothing to book: it is acknowledged, and counts as applied.

        A member that cannot be read counts as absent: refusing the event would only make its sender try again, and in
        the end give up on us.
        """
        # Senders differ in how they write it, and AgencyHandy with itself.
        subject, _, verb = (delivery.event_type or "").lower().partition(".")
        table = _TABLES.get(subject)
        if table is None:
            return None
        event = _event(delivery)
        totals = _members(event.get("totals"))
        amounts = (event.get("total"), event.get("amount"), event.get("budget"), totals.get("total"))
        record = _first(map(_id, (event.get("id"), event.get("order_id"), event.get("invoice_id"))))
        at = delivery.occurred_at or delivery.signed_at or delivery.received_at
        return cls(
            table=table,
            sender=delivery.sender,
            id=record if record and len(record.encode()) <= _MAX_ID_BYTES else delivery.key,
            status=_first(map(_text, (event.get("status"), verb))) or "",
            total=_first(map(_amount, amounts)),
            currency=_text(event.get("currency")),
            key=delivery.key,
            at=max(0, (at - _EPOCH) // timedelta(milliseconds=1)),  # Some senders write the year 1 for "not known".
        )

    @property
    def row(self) -> tuple[str, str, str, str | None, str | None, str, int]:
        """All but the table, in the order of its columns."""
        return (self.sender, self.id, self.status, self.total, self.currency, self.key, self.at)


def _event(delivery: Delivery) -> Mapping[str, object]:
    try:
        return _members(delivery.data())
    except BodyError:  # A number of thousands of digits.
        return {}


def _members(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, dict) else {}


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # Half of a surrogate pair.
        return None
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL has no text with a NUL in it.


def _id(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    return _text(value) or None


def _amount(value: object) -> str | None:
    """The sender's digits. Never a float: where a number has a fraction, the JSON was read into a `Decimal`."""
    if isinstance(value, Decimal):
        # As text, Python writes small ones as powers of ten.
        value = f"{value:f}" if -_MAX_AMOUNT_CHARS < value.adjusted() < 0 else str(value)
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if len(text) <= _MAX_AMOUNT_CHARS and _AMOUNT.fullmatch(text) else None
