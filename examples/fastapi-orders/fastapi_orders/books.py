"""The books: in the store's own PostgreSQL database, or in a SQLite file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, LiteralString, TypeAlias

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from counterfoil import Delivery, Fence, Tables
from counterfoil.transactions import acomplete_in
from orders_ledger import Booking, Config, Entry, SqliteBooks, sql

EVENTS: Final = Tables(schema=sql.SCHEMA)


class PostgresBooks:
    """Orders and invoices beside the store's events."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def apply(self, delivery: Delivery, fence: Fence | None) -> None:
        """Applies the event in the transaction that completes it: both commit, or neither.

        Nothing remembers what was applied, because an event that was completed does not come here again, and a handler
        that has lost the event to another one cannot commit.
        """
        key = (delivery.key,)
        async with self._pool.connection() as connection:
            # Apart from the transaction: a run that comes to nothing counts too.
            await connection.execute("INSERT INTO axum_orders.runs VALUES (%s)", key)
            async with connection.transaction():
                if booking := Booking.of(delivery):
                    await connection.execute(sql.upsert(f"axum_orders.{booking.table}", "%s"), booking.row)
                await connection.execute("INSERT INTO axum_orders.effects VALUES (%s)", key)
                await acomplete_in(connection, fence, tables=EVENTS)

    async def entries(self, table: LiteralString) -> list[Entry]:
        """All orders, or all invoices, by sender and id."""
        async with self._pool.connection() as connection:
            rows = await connection.execute(sql.select_entries(f"axum_orders.{table}"))
            return [Entry(*row) async for row in rows]

    async def counts(self, table: LiteralString) -> dict[str, int]:
        """Rows of `effects` or `runs` by the key of an event."""
        async with self._pool.connection() as connection:
            rows = await connection.execute(sql.select_counts(f"axum_orders.{table}"))
            return dict(await rows.fetchall())


class BooksInThreads:
    """The books in a SQLite file, used where blocking harms nobody."""

    def __init__(self, books: SqliteBooks) -> None:
        self._books = books

    async def apply(self, delivery: Delivery, fence: Fence | None) -> None:
        """Applies the event, unless it was applied before."""
        await asyncio.to_thread(self._books.apply, delivery, fence)

    async def entries(self, table: LiteralString) -> list[Entry]:
        """All orders, or all invoices, by sender and id."""
        return await asyncio.to_thread(self._books.entries, table)

    async def counts(self, table: LiteralString) -> dict[str, int]:
        """Rows of `effects` or `runs` by the key of an event."""
        return await asyncio.to_thread(self._books.counts, table)


Books: TypeAlias = PostgresBooks | BooksInThreads
Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[TupleRow]]


@asynccontextmanager
async def open_books(config: Config) -> AsyncGenerator[Books]:
    """Opens the books where the environment has them."""
    if config.postgres is None:
        yield BooksInThreads(SqliteBooks(config.db))
        return
    # A delivery waits less long for a connection than its sender for an answer.
    pool: Pool = AsyncConnectionPool(config.postgres, max_size=8, timeout=4, open=False, kwargs={"autocommit": True})
    async with pool:
        yield PostgresBooks(pool)
