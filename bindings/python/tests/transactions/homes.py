"""All homes there are."""

from __future__ import annotations

from .frameworks import (
    AsyncSqlAlchemy,
    AsyncSqlAlchemyPsycopg,
    AsyncSqlAlchemySession,
    AsyncSqlAlchemySqlite,
    Django,
    DjangoSqlite,
    SqlAlchemy,
    SqlAlchemyPsycopg2,
    SqlAlchemySession,
    SqlAlchemySessionSqlite,
    SqlAlchemySqlite,
)
from .home import Home
from .plain import (
    AioSqlite,
    Asyncpg,
    AsyncpgPool,
    AsyncPsycopg,
    Psycopg,
    PsycopgByItself,
    Sqlite,
    SqliteDeferred,
    SqliteExplicit,
)

HOMES: list[type[Home]] = [
    Psycopg,
    PsycopgByItself,
    AsyncPsycopg,
    Asyncpg,
    AsyncpgPool,
    Sqlite,
    SqliteExplicit,
    SqliteDeferred,
    AioSqlite,
    SqlAlchemy,
    SqlAlchemyPsycopg2,
    SqlAlchemySqlite,
    SqlAlchemySession,
    SqlAlchemySessionSqlite,
    AsyncSqlAlchemy,
    AsyncSqlAlchemyPsycopg,
    AsyncSqlAlchemySqlite,
    AsyncSqlAlchemySession,
    Django,
    DjangoSqlite,
]
