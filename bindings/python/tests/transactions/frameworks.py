"""Homes by SQLAlchemy and Django."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
)
from typing import Any

from .home import AsyncHome, SyncHome


class SqlAlchemy(SyncHome):
    driver = "psycopg"

    def make(self, autocommit: bool) -> Any:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
        return create_engine(self.place.sqlalchemy(self.driver), poolclass=NullPool, **options)

    def open(self, autocommit: bool) -> Any:
        return self.make(autocommit).connect()

    def begin(self, connection: Any) -> AbstractContextManager[Any]:
        manager: AbstractContextManager[Any] = connection.begin()
        return manager

    def begin_nested(self, connection: Any) -> AbstractContextManager[Any]:
        manager: AbstractContextManager[Any] = connection.begin_nested()
        return manager

    def do(self, connection: Any, text: str) -> None:
        from sqlalchemy import text as sql

        connection.execute(sql(text))


class SqlAlchemyPsycopg2(SqlAlchemy):
    driver = "psycopg2"


class SqlAlchemySqlite(SqlAlchemy):
    engine = "sqlite"
    driver = "pysqlite"


class SqlAlchemySession(SqlAlchemy):
    """A session, and effects that it sends only when it has to."""

    def open(self, autocommit: bool) -> Any:
        from sqlalchemy.orm import Session

        return Session(self.make(autocommit))


class SqlAlchemySessionSqlite(SqlAlchemySession):
    engine = "sqlite"
    driver = "pysqlite"


class AsyncSqlAlchemy(AsyncHome):
    driver = "asyncpg"

    def make(self, autocommit: bool) -> Any:
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool

        options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
        return create_async_engine(self.place.sqlalchemy(self.driver), poolclass=NullPool, **options)

    @asynccontextmanager
    async def connect(self, autocommit: bool = False) -> AsyncGenerator[Any]:
        async with self.make(autocommit).connect() as connection:
            yield connection

    def block(self, connection: Any) -> AbstractAsyncContextManager[None]:
        manager: AbstractAsyncContextManager[None] = connection.begin()
        return manager

    def nested(self, connection: Any) -> AbstractAsyncContextManager[None]:
        manager: AbstractAsyncContextManager[None] = connection.begin_nested()
        return manager

    async def execute(self, connection: Any, text: str) -> None:
        from sqlalchemy import text as sql

        await connection.execute(sql(text))


class AsyncSqlAlchemyPsycopg(AsyncSqlAlchemy):
    driver = "psycopg"


class AsyncSqlAlchemySqlite(AsyncSqlAlchemy):
    engine = "sqlite"
    driver = "aiosqlite"


class AsyncSqlAlchemySession(AsyncSqlAlchemy):
    @asynccontextmanager
    async def connect(self, autocommit: bool = False) -> AsyncGenerator[Any]:
        from sqlalchemy.ext.asyncio import AsyncSession

        async with AsyncSession(self.make(autocommit)) as session:
            yield session


class Django(SyncHome):
    """Each connection is an alias of its own: Django has one for an alias and thread."""

    backend = "postgresql"

    def open(self, autocommit: bool) -> Any:
        from django.db import connections

        settings = self.settings()
        alias = f"{self.backend}_{len(connections.settings)}"
        connections.settings[alias] = connections.settings["default"] | settings
        # As `django.db.connection` is one.
        from django.utils.connection import ConnectionProxy

        connections[alias].ensure_connection()
        return ConnectionProxy(connections, alias)

    def settings(self) -> dict[str, Any]:
        parts = self.place.parts()
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts["dbname"],
            "USER": parts.get("user", ""),
            "PASSWORD": parts.get("password", ""),
            "HOST": parts.get("host", ""),
            "PORT": parts.get("port", ""),
        }

    def begin(self, connection: Any) -> AbstractContextManager[Any]:
        from django.db import transaction

        manager: AbstractContextManager[Any] = transaction.atomic(using=connection.alias)
        return manager

    begin_nested = begin

    def do(self, connection: Any, text: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(text)


class DjangoSqlite(Django):
    engine = "sqlite"
    backend = "sqlite3"

    def settings(self) -> dict[str, Any]:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(self.place.sqlite),
            "OPTIONS": {"timeout": self.place.patience},
        }


def set_django_up() -> None:
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(DATABASES={}, USE_TZ=True)
        django.setup()
