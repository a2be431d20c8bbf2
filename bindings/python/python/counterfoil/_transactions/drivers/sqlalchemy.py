"""SQLAlchemy 2: connections and sessions, synchronous and asynchronous."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import exc

from counterfoil._transactions.driver import Driver, Engine, SqliteState, Style, Value, bind
from counterfoil._transactions.drivers.sqlite3 import state, state_in_thread
from counterfoil.errors import ConfigError

_ENGINES: Final[dict[tuple[str, str], tuple[Engine, Style]]] = {
    ("postgresql", "psycopg"): ("postgres", "pyformat"),
    ("postgresql", "psycopg2"): ("postgres", "pyformat"),
    ("postgresql", "asyncpg"): ("postgres", "native"),
    ("sqlite", "pysqlite"): ("sqlite", "qmark"),
    ("sqlite", "aiosqlite"): ("sqlite", "qmark"),
}


class _SqlAlchemy(Driver):
    # An OSError, where asyncpg's connection breaks.
    errors = (exc.SQLAlchemyError, OSError)
    over = (exc.InvalidRequestError,)

    def __init__(self, connection: Any) -> None:
        self._given = connection
        self._connection: Any = None
        self._nested: Any = None
        self._style: Style = "native"

    @property
    def _is_session(self) -> bool:
        return self._given is not self._connection

    def _use(self, connection: Any) -> None:
        name = (connection.dialect.name, connection.dialect.driver)
        known = _ENGINES.get(name)
        if known is None:
            text = f"SQLAlchemy's `{'+'.join(name)}` is not known here: use psycopg, asyncpg, pysqlite or aiosqlite"
            raise ConfigError(text)
        self._connection, (self.engine, self._style) = connection, known


class SqlAlchemy(_SqlAlchemy):
    advice = (
        "write `with engine.begin() as connection, claim_in(connection, delivery):` without the isolation level "
        "AUTOCOMMIT, and on SQLite begin it by BEGIN IMMEDIATE where `sqlite3` is told to begin none"
    )

    async def prepare(self) -> None:
        with _bound():
            self._use(_connected(self._given))
        if self.engine == "sqlite":
            # SQLAlchemy, or the application's event handlers, begin what they begin before the first statement.
            self._connection.exec_driver_sql("SELECT 1").close()

    async def flush(self) -> None:
        if self._is_session:
            self._given.flush()

    async def set_savepoint(self, name: str) -> None:
        # The session's own, so that what it has noted down is taken back with what it has sent.
        if self._is_session:
            self._nested = self._given.begin_nested()
            # Which sets the savepoint: a session does so where it is used next.
            self._connection = self._given.connection()
        else:
            await super().set_savepoint(name)

    async def release_savepoint(self, name: str) -> None:
        if self._is_session:
            self._nested.commit()
        else:
            await super().release_savepoint(name)

    async def undo_savepoint(self, name: str) -> None:
        if not self._is_session:
            await super().undo_savepoint(name)
        elif self._nested is not None and self._nested.is_active:
            self._nested.rollback()

    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        return _first(self._connection.exec_driver_sql(*bind(text, values, self._style)))

    async def sqlite_state(self) -> SqliteState:
        return state(self._connection.connection.driver_connection)


class AsyncSqlAlchemy(_SqlAlchemy):
    advice = (
        "write `async with engine.begin() as connection, aclaim_in(connection, delivery):` without the isolation level "
        "AUTOCOMMIT, and on SQLite begin it by BEGIN IMMEDIATE where `sqlite3` is told to begin none"
    )
    is_async = True

    async def prepare(self) -> None:
        with _bound():
            connection = _connected(self._given)
            self._use(connection if connection is self._given else await connection)
        if self.engine == "sqlite":
            (await self._connection.exec_driver_sql("SELECT 1")).close()

    async def flush(self) -> None:
        if self._is_session:
            await self._given.flush()

    async def set_savepoint(self, name: str) -> None:
        if self._is_session:
            self._nested = await self._given.begin_nested()
            # Which sets the savepoint: a session does so where it is used next.
            self._connection = await self._given.connection()
        else:
            await super().set_savepoint(name)

    async def release_savepoint(self, name: str) -> None:
        if self._is_session:
            await self._nested.commit()
        else:
            await super().release_savepoint(name)

    async def undo_savepoint(self, name: str) -> None:
        if not self._is_session:
            await super().undo_savepoint(name)
        elif self._nested is not None and self._nested.is_active:
            await self._nested.rollback()

    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        return _first(await self._connection.exec_driver_sql(*bind(text, values, self._style)))

    async def sqlite_state(self) -> SqliteState:
        raw = await self._connection.get_raw_connection()
        return await state_in_thread(raw.driver_connection)


def _connected(given: Any) -> Any:
    """The connection itself, or what a session gives for it."""
    return given if hasattr(given, "exec_driver_sql") else given.connection()


@contextmanager
def _bound() -> Generator[None]:
    try:
        yield
    except exc.UnboundExecutionError as error:
        raise ConfigError(
            "the session has several databases: give that of the effects, as `session.connection(bind_arguments=...)`"
        ) from error


def _first(result: Any) -> Sequence[Any] | None:
    try:
        row: Sequence[Any] | None = result.fetchone() if result.returns_rows else None
        return row
    finally:
        result.close()
