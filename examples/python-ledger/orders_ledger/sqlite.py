"""The books in a SQLite file, which knows nothing of the store."""

from __future__ import annotations

import sqlite3
from threading import Lock
from typing import LiteralString

from counterfoil import Delivery, Fence

from .booking import Booking
from .sql import Entry, select_counts, select_entries, upsert


class SqliteBooks:
    """Orders and invoices in a SQLite file. May be used by any thread."""

    def __init__(self, path: str) -> None:
        self._lock = Lock()
        self._connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous = full")

    def apply(self, delivery: Delivery, fence: Fence | None) -> None:
        """Applies the event, unless it was applied before: the key and the effect commit together or not at all.

        The store is another database, so a process that dies between this commit and the store's makes the handler run
        again. It then finds the key.
        """
        key = (delivery.key,)
        with self._lock, self._connection:
            # Apart from the transaction: a run that comes to nothing counts too.
            self._connection.execute("INSERT INTO runs VALUES (?)", key)
            self._connection.execute("BEGIN IMMEDIATE")
            applied = self._connection.execute("INSERT INTO applied VALUES (?) ON CONFLICT DO NOTHING", key)
            if applied.rowcount == 1:
                if booking := Booking.of(delivery):
                    self._connection.execute(upsert(booking.table, "?"), booking.row)
                self._connection.execute("INSERT INTO effects VALUES (?)", key)

    def entries(self, table: LiteralString) -> list[Entry]:
        """All orders, or all invoices, by sender and id."""
        with self._lock:
            return [Entry(*row) for row in self._connection.execute(select_entries(table))]

    def counts(self, table: LiteralString) -> dict[str, int]:
        """Rows of `effects` or `runs` by the key of an event."""
        with self._lock:
            return dict(self._connection.execute(select_counts(table)).fetchall())
