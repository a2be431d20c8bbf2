"""Finds the adapter for a connection, without importing a driver that is not in use."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from counterfoil._transactions.driver import Driver
from counterfoil.errors import ConfigError

#: A class's package and name, and the adapter for its instances and those of its subclasses.
_ADAPTERS: Final = {
    ("psycopg", "Connection"): "psycopg.Psycopg",
    ("psycopg", "AsyncConnection"): "psycopg.AsyncPsycopg",
    ("asyncpg", "Connection"): "asyncpg.Asyncpg",
    ("asyncpg", "PoolConnectionProxy"): "asyncpg.Asyncpg",
    ("sqlite3", "Connection"): "sqlite3.Sqlite",
    ("aiosqlite", "Connection"): "sqlite3.AioSqlite",
    ("sqlalchemy", "Connection"): "sqlalchemy.SqlAlchemy",
    ("sqlalchemy", "Session"): "sqlalchemy.SqlAlchemy",
    ("sqlalchemy", "scoped_session"): "sqlalchemy.SqlAlchemy",
    ("sqlalchemy", "AsyncConnection"): "sqlalchemy.AsyncSqlAlchemy",
    ("sqlalchemy", "AsyncSession"): "sqlalchemy.AsyncSqlAlchemy",
    ("sqlalchemy", "async_scoped_session"): "sqlalchemy.AsyncSqlAlchemy",
    ("django", "BaseDatabaseWrapper"): "django.Django",
    ("django", "ConnectionProxy"): "django.Django",
}


def driver(connection: object, is_async: bool) -> Driver:
    """The adapter for a connection.

    Raises:
        ConfigError: It is of no known driver, or belongs to the other kind of code.
    """
    for kind in type(connection).__mro__:
        adapter = _ADAPTERS.get((kind.__module__.partition(".")[0], kind.__name__))
        if adapter is not None:
            return _made(adapter, connection, is_async)
    raise ConfigError(
        f"a `{type(connection).__module__}.{type(connection).__qualname__}` is no connection that is known here: give "
        "one of psycopg 3, asyncpg, sqlite3 or aiosqlite, a connection or session of SQLAlchemy 2, or Django's "
        "`connection`"
    )


def _made(adapter: str, connection: object, is_async: bool) -> Driver:
    module, _, name = adapter.partition(".")
    found = getattr(import_module(f"{__package__}.drivers.{module}"), name)
    if found.is_async and not is_async:
        raise ConfigError("the connection is asynchronous: use `aclaim_in` and `acomplete_in`")
    if is_async and not found.is_async:
        raise ConfigError(
            "the connection is synchronous: use `claim_in` and `complete_in`, in a thread where code is async"
        )
    made: Driver = found(connection)
    return made
