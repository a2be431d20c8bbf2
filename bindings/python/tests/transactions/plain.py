"""Homes by the drivers themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import Any, Literal

import psycopg
import psycopg.rows

from .home import AsyncHome, SyncHome


@contextmanager
def savepoint(execute: Any) -> Generator[None]:
    """For drivers that leave savepoints to the application."""
    execute("SAVEPOINT own")
    try:
        yield
    except BaseException:
        execute("ROLLBACK TO own")
        raise
    finally:
        execute("RELEASE own")


def named(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Any:
    """Rows of the application's taste."""
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


class Psycopg(SyncHome):
    def open(self, autocommit: bool) -> Any:
        return psycopg.connect(self.place.postgres, autocommit=True)

    def begin(self, connection: Any) -> AbstractContextManager[Any]:
        manager: AbstractContextManager[Any] = connection.transaction()
        return manager

    begin_nested = begin

    def do(self, connection: Any, text: str) -> None:
        connection.execute(text)


class PsycopgByItself(Psycopg):
    """Transactions that psycopg begins with the first statement, and rows and cursors of the application's taste."""

    def open(self, autocommit: bool) -> Any:
        rows: Any = psycopg.rows.dict_row
        cursors = psycopg.ClientCursor
        return psycopg.connect(self.place.postgres, autocommit=autocommit, row_factory=rows, cursor_factory=cursors)

    @contextmanager
    def begin(self, connection: Any) -> Generator[None]:
        try:
            yield
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


class AsyncPsycopg(AsyncHome):
    @asynccontextmanager
    async def connect(self, autocommit: bool = False) -> AsyncGenerator[Any]:
        connection = await psycopg.AsyncConnection.connect(self.place.postgres, autocommit=True)
        async with connection:
            yield connection

    def block(self, connection: Any) -> AbstractAsyncContextManager[None]:
        manager: AbstractAsyncContextManager[None] = connection.transaction()
        return manager

    nested = block


class Asyncpg(AsyncHome):
    @asynccontextmanager
    async def connect(self, autocommit: bool = False) -> AsyncGenerator[Any]:
        import asyncpg

        connection = await asyncpg.connect(**self.place.asyncpg())
        try:
            yield connection
        finally:
            await connection.close()

    def block(self, connection: Any) -> AbstractAsyncContextManager[None]:
        manager: AbstractAsyncContextManager[None] = connection.transaction()
        return manager

    nested = block


class AsyncpgPool(Asyncpg):
    @asynccontextmanager
    async def connect(self, autocommit: bool = False) -> AsyncGenerator[Any]:
        import asyncpg

        async with asyncpg.create_pool(**self.place.asyncpg(), min_size=1) as pool, pool.acquire() as connection:
            yield connection


class Sqlite(SyncHome):
    """As `sqlite3` does it unless told otherwise: a transaction begins before the first change."""

    engine = "sqlite"

    def open(self, autocommit: bool) -> Any:
        level: Literal["DEFERRED"] | None = None if autocommit else "DEFERRED"
        connection = sqlite3.connect(self.place.sqlite, timeout=self.place.patience, isolation_level=level)
        connection.row_factory = named
        connection.text_factory = bytes
        return connection

    @contextmanager
    def begin(self, connection: Any) -> Generator[None]:
        with connection:
            yield

    def begin_nested(self, connection: Any) -> AbstractContextManager[Any]:
        return savepoint(connection.execute)

    def do(self, connection: Any, text: str) -> None:
        connection.execute(text)


class SqliteExplicit(Sqlite):
    """Transactions that the application begins."""

    mode = "IMMEDIATE"

    def open(self, autocommit: bool) -> Any:
        return sqlite3.connect(self.place.sqlite, timeout=self.place.patience, isolation_level=None)

    @contextmanager
    def begin(self, connection: Any) -> Generator[None]:
        connection.execute(f"BEGIN {self.mode}")
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


class SqliteDeferred(SqliteExplicit):
    mode = "DEFERRED"


class AioSqlite(AsyncHome):
    engine = "sqlite"

    @asynccontextmanager
    async def connect(self, autocommit: bool = False) -> AsyncGenerator[Any]:
        import aiosqlite

        level: Literal["DEFERRED"] | None = None if autocommit else "DEFERRED"
        async with aiosqlite.connect(
            self.place.sqlite, timeout=self.place.patience, isolation_level=level
        ) as connection:
            rows: Any = named
            connection.row_factory = rows
            yield connection

    @asynccontextmanager
    async def block(self, connection: Any) -> AsyncGenerator[None]:
        try:
            yield
        except BaseException:
            await connection.rollback()
            raise
        await connection.commit()

    @asynccontextmanager
    async def nested(self, connection: Any) -> AsyncGenerator[None]:
        await connection.execute("SAVEPOINT own")
        try:
            yield
        except BaseException:
            await connection.execute("ROLLBACK TO own")
            raise
        finally:
            await connection.execute("RELEASE own")
