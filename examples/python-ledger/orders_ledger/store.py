"""What `STORE` names: where events are claimed, and with it where their effects go."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import TypeAlias, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from counterfoil import ConfigError, MemoryStore, PostgresStore, RedisStore, SqliteStore, StoreError

from .sql import POSTGRES_TABLES, SCHEMA, SQLITE_TABLES

T = TypeVar("T")
Store: TypeAlias = MemoryStore | SqliteStore | PostgresStore | RedisStore


def told(what: str, make: Callable[[], T]) -> T:
    """Makes something of a variable.

    Raises:
        ConfigError: It cannot be made. Without a traceback of what was tried, which may show a password.
    """
    try:
        return make()
    except (ValueError, OverflowError, StoreError, psycopg.Error, sqlite3.Error) as error:
        raise ConfigError(f"{what}: {error}") from None


def open_store(url: str) -> Store:
    """Opens the store at `url`. Where that is PostgreSQL, makes the tables of the books beside the events.

    Raises:
        ConfigError: It cannot be used. Does not repeat the URL, which may hold a password.
    """
    store = told("STORE cannot be used", lambda: _opened(url))
    if store is None:
        scheme, colon, _ = url.partition(":")
        named = f"={scheme}:..." if colon else ""
        raise ConfigError(
            f"STORE{named} names no store: give `memory:`, `sqlite:FILE`, `postgres://...` or `redis://...`"
        )
    return store


def make_sqlite_tables(path: str) -> None:
    """Makes the books in a SQLite file.

    Raises:
        ConfigError: The file cannot be used.
    """

    def make() -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = wal")
            connection.executescript(SQLITE_TABLES)

    told(f"DB={path} cannot be used", make)


def postgres_parameters(url: str) -> dict[str, str]:
    """The parts of a URL of PostgreSQL.

    Raises:
        ConfigError: psycopg cannot read it. Does not repeat it, as psycopg does.
    """
    try:
        return {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        raise ConfigError("the URL is none that psycopg reads") from None


def _opened(url: str) -> Store | None:
    match url.partition(":"):
        case "memory", ":", "":
            return MemoryStore()
        case "sqlite", ":", path:
            sqlite = SqliteStore(path)
            sqlite.open()
            return sqlite
        case "postgres" | "postgresql", ":", _:
            return _opened_postgres(url)
        case "redis" | "rediss" | "redis+unix", ":", _:
            redis = RedisStore(url)
            redis.open()
            return redis
        case _:
            return None


def _opened_postgres(url: str) -> PostgresStore:
    store = PostgresStore(url, schema=SCHEMA, migrate=True)
    store.open()
    postgres_parameters(url)
    with psycopg.connect(url, connect_timeout=4) as connection:
        connection.execute(POSTGRES_TABLES)
    return store
