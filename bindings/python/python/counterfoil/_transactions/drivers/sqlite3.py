"""Python's own sqlite3, and aiosqlite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from counterfoil._transactions.driver import Driver, SqliteState, Value, bind


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

    async def sqlite_state(self) -> SqliteState:
        return state(self._connection)


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

    async def sqlite_state(self) -> SqliteState:
        return await state_in_thread(self._connection)


def state(connection: sqlite3.Connection) -> SqliteState:
    # From Python 3.12 on there is an `autocommit`, and where it is True a commit does nothing.
    begins = connection.isolation_level is not None and getattr(connection, "autocommit", None) is not True
    return SqliteState(connection.in_transaction, begins)


async def state_in_thread(connection: Any) -> SqliteState:
    """The same of aiosqlite's connection, in whose thread alone `sqlite3` gives an answer."""
    found: SqliteState = await connection._execute(lambda: state(connection._conn))
    return found
