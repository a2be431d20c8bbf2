"""Python's own sqlite3, and aiosqlite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from counterfoil._transactions.driver import Driver, Sqlite3, Value, bind


class Sqlite(Driver):
    engine = "sqlite"
    advice = 'begin one by `connection.execute("BEGIN IMMEDIATE")`'
    errors = (sqlite3.Error,)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        cursor = self._connection.cursor()
        try:
            cursor.row_factory = None
            cursor.execute(*bind(text, values, "qmark"))
            row: Sequence[Any] | None = cursor.fetchone()
            return row
        finally:
            # A statement that was not read to its end would stand in the way of the commit.
            cursor.close()

    async def sqlite3(self) -> Sqlite3:
        return self._connection


class AioSqlite(Driver):
    engine = "sqlite"
    advice = 'begin one by `await connection.execute("BEGIN IMMEDIATE")`'
    # A ValueError, where the connection is closed.
    errors = (sqlite3.Error, ValueError)
    is_async = True

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        async with self._connection.execute(*bind(text, values, "qmark")) as cursor:
            cursor.row_factory = None
            row: Sequence[Any] | None = await cursor.fetchone()
            return row

    async def sqlite3(self) -> Sqlite3:
        return underneath(self._connection)


def underneath(connection: Any) -> Sqlite3:
    """The connection of `sqlite3` that one of aiosqlite runs in a thread."""
    inner: Sqlite3 = getattr(connection, "_conn", connection)
    return inner
