"""An application's database: how it connects, runs statements, and begins and ends a transaction.

Everything is written as `async`, so that each law is written once. Nothing waits in the synchronous ones.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Coroutine
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg
import psycopg.conninfo

from counterfoil import Delivery
from counterfoil.transactions import Claimed, aclaim_in, acomplete_in, claim_in, complete_in


@dataclass(frozen=True)
class Place:
    """Where the databases are."""

    postgres: str
    sqlite: Path
    #: Seconds for which SQLite waits for the file.
    patience: float = 0.5

    def parts(self) -> dict[str, Any]:
        """The parts of PostgreSQL's URL."""
        return dict(psycopg.conninfo.conninfo_to_dict(self.postgres))

    def asyncpg(self) -> dict[str, Any]:
        """The same for asyncpg, which takes no folder of a socket out of a URL."""
        names = {"host": "host", "port": "port", "user": "user", "password": "password", "database": "dbname"}
        parts = self.parts()
        return {name: parts[part] for name, part in names.items() if part in parts}

    def sqlalchemy(self, driver: str) -> str:
        if driver in ("pysqlite", "aiosqlite"):
            return f"sqlite+{driver}:///{self.sqlite}?timeout={self.patience}"
        return f"postgresql+{driver}://{self.postgres.partition('://')[2]}"


class Home(ABC):
    engine: Literal["postgres", "sqlite"] = "postgres"
    #: Whether a connection that commits each statement by itself can be had.
    has_autocommit = True

    def __init__(self, place: Place) -> None:
        self.place = place

    @abstractmethod
    def run(self, law: Coroutine[Any, Any, None]) -> None: ...
    @abstractmethod
    def connect(self, autocommit: bool = False) -> AbstractAsyncContextManager[Any]:
        """A connection, closed at the end. With `autocommit`: one on which nothing begins a transaction by itself."""

    @abstractmethod
    def block(self, connection: Any) -> AbstractAsyncContextManager[None]:
        """The driver's own transaction: commits at the end, and rolls back on an exception."""

    @abstractmethod
    def nested(self, connection: Any) -> AbstractAsyncContextManager[None]:
        """A savepoint in it."""

    @abstractmethod
    def claim(self, connection: Any, delivery: Delivery, **options: Any) -> AbstractAsyncContextManager[Claimed]: ...
    @abstractmethod
    async def complete(self, connection: Any, fence: Any, **options: Any) -> None: ...
    @abstractmethod
    async def execute(self, connection: Any, text: str) -> None: ...

    @asynccontextmanager
    async def work(self, connection: Any, delivery: Delivery, **options: Any) -> AsyncGenerator[Claimed]:
        """The transaction and the claim, as an application writes them."""
        async with self.block(connection), self.claim(connection, delivery, **options) as claimed:
            yield claimed

    async def apply(self, connection: Any, delivery: Delivery) -> None:
        await self.execute(connection, f"INSERT INTO effects (key) VALUES ('{delivery.key}')")

    async def break_off(self, connection: Any) -> None:
        """A statement that fails, and takes the transaction with it. The application passes it over."""
        bad = "SELECT 1 / 0" if self.engine == "postgres" else "INSERT OR ROLLBACK INTO once VALUES (1), (1)"
        try:
            await self.execute(connection, bad)
        except Exception:
            return
        raise AssertionError("the statement has to fail")


class SyncHome(Home):
    def run(self, law: Coroutine[Any, Any, None]) -> None:
        # Without an event loop: Django refuses to work under one.
        try:
            law.send(None)
        except StopIteration:
            return
        raise AssertionError("a synchronous home has waited")

    @abstractmethod
    def open(self, autocommit: bool) -> Any: ...
    @abstractmethod
    def begin(self, connection: Any) -> AbstractContextManager[Any]: ...
    @abstractmethod
    def begin_nested(self, connection: Any) -> AbstractContextManager[Any]: ...
    @abstractmethod
    def do(self, connection: Any, text: str) -> None: ...

    def close(self, connection: Any) -> None:
        connection.close()

    @asynccontextmanager
    async def connect(self, autocommit: bool = False) -> AsyncGenerator[Any]:
        connection = self.open(autocommit)
        try:
            yield connection
        finally:
            self.close(connection)

    @asynccontextmanager
    async def block(self, connection: Any) -> AsyncGenerator[None]:
        with self.begin(connection):
            yield

    @asynccontextmanager
    async def nested(self, connection: Any) -> AsyncGenerator[None]:
        with self.begin_nested(connection):
            yield

    @asynccontextmanager
    async def claim(self, connection: Any, delivery: Delivery, **options: Any) -> AsyncGenerator[Claimed]:
        with claim_in(connection, delivery, **options) as claimed:
            yield claimed

    async def complete(self, connection: Any, fence: Any, **options: Any) -> None:
        complete_in(connection, fence, **options)

    async def execute(self, connection: Any, text: str) -> None:
        self.do(connection, text)


class AsyncHome(Home):
    def run(self, law: Coroutine[Any, Any, None]) -> None:
        asyncio.run(law)

    def claim(self, connection: Any, delivery: Delivery, **options: Any) -> AbstractAsyncContextManager[Claimed]:
        return aclaim_in(connection, delivery, **options)

    async def complete(self, connection: Any, fence: Any, **options: Any) -> None:
        await acomplete_in(connection, fence, **options)

    async def execute(self, connection: Any, text: str) -> None:
        await connection.execute(text)


def database_url() -> str:
    url = os.environ.get("DATABASE_URL")
    assert url, (
        "set DATABASE_URL: `cargo run -p counterfoil-testkit -- env` prints one, and keeps its server up meanwhile"
    )
    return url
