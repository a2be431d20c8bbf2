"""asyncpg, and the connections that its pool lends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from counterfoil._transactions.driver import Driver, Value


class Asyncpg(Driver):
    engine = "postgres"
    advice = "write `async with connection.transaction(), aclaim_in(connection, delivery):`"
    errors = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
    is_async = True

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        if values:
            row: Sequence[Any] | None = await self._connection.fetchrow(text, *values)
            return row
        await self._connection.execute(text)
        return None
