"""The tables of the books, and what is done with them, for drivers that take SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, LiteralString

SCHEMA: Final = "axum_orders"
"""Everything of ours in PostgreSQL is in it, so that it harms nobody in a database that others use too."""

SQLITE_TABLES: Final = """
CREATE TABLE IF NOT EXISTS applied (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS effects (key TEXT NOT NULL); -- a row for each, so that a second one would show
CREATE TABLE IF NOT EXISTS runs (key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    sender TEXT, id TEXT, status TEXT NOT NULL, total TEXT, currency TEXT, key TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (sender, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS invoices (
    sender TEXT, id TEXT, status TEXT NOT NULL, total TEXT, currency TEXT, key TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (sender, id)) WITHOUT ROWID;
"""

# Services that start together make them one after the other.
POSTGRES_TABLES: Final = """
SELECT pg_advisory_xact_lock(7346510926);
CREATE TABLE IF NOT EXISTS axum_orders.effects (key text NOT NULL);
CREATE TABLE IF NOT EXISTS axum_orders.runs (key text NOT NULL);
CREATE TABLE IF NOT EXISTS axum_orders.orders (
    sender text COLLATE "C", id text COLLATE "C", status text NOT NULL, total text, currency text, key text NOT NULL,
    at bigint NOT NULL, PRIMARY KEY (sender, id));
CREATE TABLE IF NOT EXISTS axum_orders.invoices (
    sender text COLLATE "C", id text COLLATE "C", status text NOT NULL, total text, currency text, key text NOT NULL,
    at bigint NOT NULL, PRIMARY KEY (sender, id));
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One order or invoice as `GET /orders` and `GET /invoices` show it."""

    sender: str
    id: str
    status: str
    total: str | None
    currency: str | None
    key: str


def upsert(table: LiteralString, mark: Literal["?", "%s"]) -> LiteralString:
    """Writes a booking. Events arrive in any order: an older one never overwrites a newer one."""
    marks: LiteralString = ", ".join((mark,) * 7)
    return f"""
        INSERT INTO {table} AS old VALUES ({marks}) ON CONFLICT (sender, id) DO UPDATE SET
            status = excluded.status, total = coalesce(excluded.total, old.total),
            currency = coalesce(excluded.currency, old.currency), key = excluded.key, at = excluded.at
        WHERE excluded.at >= old.at"""


def select_entries(table: LiteralString) -> LiteralString:
    """All of them by sender and id, as the members of `Entry`."""
    return f"SELECT sender, id, status, total, currency, key FROM {table} ORDER BY sender, id"


def select_counts(table: LiteralString) -> LiteralString:
    """Rows by the key of an event."""
    return f"SELECT key, count(*) FROM {table} GROUP BY key ORDER BY key"
