"""The books in the store's own PostgreSQL database."""

from __future__ import annotations

from typing import Final, LiteralString

from psycopg_pool import ConnectionPool

from counterfoil import Delivery, Fence, Tables
from counterfoil.transactions import complete_in
from orders_ledger import Booking, sql

EVENTS: Final = Tables(schema=sql.SCHEMA)


class PostgresBooks:
    """Orders and invoices beside the store's events."""

    def __init__(self, url: str) -> None:
        # A delivery waits less long for a connection than its sender for an answer.
        self._pool = ConnectionPool(url, min_size=1, max_size=8, timeout=4, open=True, kwargs={"autocommit": True})

    def apply(self, delivery: Delivery, fence: Fence | None) -> None:
        """Applies the event in the transaction that completes it: both commit, or neither.

        Nothing remembers what was applied, because an event that was completed does not come here again, and a handler
        that has lost the event to another one cannot commit.
        """
        key = (delivery.key,)
        with self._pool.connection() as connection:
            # Apart from the transaction: a run that comes to nothing counts too.
            connection.execute("INSERT INTO axum_orders.runs VALUES (%s)", key)
            with connection.transaction():
                if booking := Booking.of(delivery):
                    connection.execute(sql.upsert(f"axum_orders.{booking.table}", "%s"), booking.row)
                connection.execute("INSERT INTO axum_orders.effects VALUES (%s)", key)
                complete_in(connection, fence, tables=EVENTS)

    def entries(self, table: LiteralString) -> list[sql.Entry]:
        """All orders, or all invoices, by sender and id."""
        with self._pool.connection() as connection:
            rows = connection.execute(sql.select_entries(f"axum_orders.{table}"))
            return [sql.Entry(*row) for row in rows]

    def counts(self, table: LiteralString) -> dict[str, int]:
        """Rows of `effects` or `runs` by the key of an event."""
        with self._pool.connection() as connection:
            return dict(connection.execute(sql.select_counts(f"axum_orders.{table}")))
