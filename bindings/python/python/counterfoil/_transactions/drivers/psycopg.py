"""psycopg 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from counterfoil._transactions.driver import Driver, Value


class Psycopg(Driver):
    engine = "postgres"
    advice = "write `with connection.transaction(), claim_in(connection, delivery):`, or leave `autocommit` off"
    errors = (psycopg.Error,)

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        # Whatever cursors and rows the application has chosen for itself.
        with psycopg.RawCursor(self._connection, row_factory=tuple_row) as cursor:
            cursor.execute(text.encode(), values or None)
            # In a pipeline only this waits for the answer. What has no values has no rows either.
            return cursor.fetchone() if values else None


class AsyncPsycopg(Driver):
    engine = "postgres"
    advice = "write `async with connection.transaction(), aclaim_in(connection, delivery):`, or leave `autocommit` off"
    errors = (psycopg.Error,)
    is_async = True

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        async with psycopg.AsyncRawCursor(self._connection, row_factory=tuple_row) as cursor:
            await cursor.execute(text.encode(), values or None)
            return await cursor.fetchone() if values else None
