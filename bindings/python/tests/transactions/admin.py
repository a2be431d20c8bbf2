"""Deliveries to claim, and a look at the tables that goes past everything that is tested."""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from counterfoil import Delivery, Verifier
from counterfoil.transactions import Tables

READY, CLAIMED, DONE, DEAD = range(4)

#: Drivers write a negative number into a statement in ways of their own: half of all scopes are negative.
VERIFIER = next(
    verifier
    for number in count()
    if (verifier := Verifier("handl", "whsec_example", endpoint=f"orders-{number}", tolerance="retry_safe")).scope < 0
)

_numbers = count()


def delivery(number: int | None = None, remark: str = "") -> Delivery:
    """An event of its own, or the one of this number. With another remark it is the same event with another body."""
    number = next(_numbers) if number is None else number
    body = {
        "id": f"evt_{number}",
        "type": "order.created",
        "created_at": "2026-01-01T00:00:00Z",
        "data": {"remark": remark},
    }
    return Delivery.assertion(VERIFIER, json.dumps(body).encode())


@dataclass(frozen=True)
class Event:
    """A row of the table of events."""

    state: int
    token: int
    attempts: int
    fingerprint: bytes
    expires_in: timedelta
    note: str


@dataclass(frozen=True)
class Claim:
    """What `Lease.fence` is, without a store."""

    scope: int
    key: str
    token: int
    attempt: int = 1


class Admin(ABC):
    """The tables, over a connection of its own on which every statement commits at once."""

    @abstractmethod
    def rows(self, text: str, *values: Any) -> list[tuple[Any, ...]]: ...
    @abstractmethod
    def time(self, shift: timedelta) -> Any: ...
    @abstractmethod
    def until(self, time: Any) -> timedelta: ...

    def effects(self, delivery: Delivery) -> int:
        [(number,)] = self.rows("SELECT count(*) FROM effects WHERE key = %s", delivery.key)
        assert isinstance(number, int)
        return number

    def event(self, delivery: Delivery, table: str = "counterfoil_event") -> Event | None:
        columns = "state, token, attempts, fingerprint, expires_at, note"
        key = bytes.fromhex(delivery.key)
        rows = self.rows(f"SELECT {columns} FROM {table} WHERE scope = %s AND key = %s", delivery.scope, key)
        if not rows:
            return None
        [(state, token, attempts, fingerprint, expires_at, note)] = rows
        return Event(state, token, attempts, bytes(fingerprint), self.until(expires_at), note)

    def put(
        self,
        delivery: Delivery,
        state: int,
        *,
        lease: timedelta = timedelta(minutes=1),
        expires: timedelta = timedelta(days=1),
        fingerprint: bytes | None = None,
    ) -> Claim:
        """The event as a store would have left it."""
        token = 1_000
        key = bytes.fromhex(delivery.key)
        self.rows(
            "INSERT INTO counterfoil_event "
            "(scope, key, fingerprint, state, token, attempts, lease_until, first_at, expires_at, note) "
            "VALUES (%s, %s, %s, %s, %s, 4, %s, %s, %s, '')",
            delivery.scope,
            key,
            fingerprint or delivery.fingerprint,
            state,
            token,
            self.time(lease),
            self.time(timedelta(hours=-1)),
            self.time(expires),
        )
        return Claim(delivery.scope, delivery.key, token)

    @abstractmethod
    def make_tables(self, tables: Tables) -> None: ...
    @abstractmethod
    def close(self) -> None: ...


class PostgresAdmin(Admin):
    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)

    def rows(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(text.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def time(self, shift: timedelta) -> Any:
        return datetime.now(UTC) + shift

    def until(self, time: Any) -> timedelta:
        left = time - datetime.now(UTC)
        assert isinstance(left, timedelta)
        return left

    def make_tables(self, tables: Tables) -> None:
        self.connection.execute(tables.postgres_migrations().encode())

    def close(self) -> None:
        self.connection.close()


class SqliteAdmin(Admin):
    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, timeout=30, isolation_level=None)

    def rows(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(text.replace("%s", "?"), values).fetchall()

    def time(self, shift: timedelta) -> Any:
        return (datetime.now(UTC) + shift - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    def until(self, time: Any) -> timedelta:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time) - datetime.now(UTC)

    def make_tables(self, tables: Tables) -> None:
        self.connection.executescript(tables.sqlite_migrations())

    def close(self) -> None:
        self.connection.close()
