"""Django: `django.db.connection`, or `connections[alias]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import Error
from django.db.transaction import TransactionManagementError

from counterfoil.errors import ConfigError
from counterfoil._transactions.driver import Driver, Engine, Sqlite3, Style, Value, bind

_ENGINES: Final[dict[str, tuple[Engine, Style]]] = {
    "postgresql": ("postgres", "pyformat"),
    "sqlite": ("sqlite", "format"),
}


class Django(Driver):
    advice = "write `with transaction.atomic(), claim_in(connection, delivery):`"
    errors = (Error,)
    over = (TransactionManagementError,)

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        known = _ENGINES.get(connection.vendor)
        if known is None:
            raise ConfigError(f"Django's database {connection.vendor!r} is not known here: use PostgreSQL or SQLite")
        self.engine, self._style = known

    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        with self._connection.cursor() as cursor:
            cursor.execute(*bind(text, values, self._style))
            row: Sequence[Any] | None = cursor.fetchone() if cursor.description else None
            return row

    async def sqlite3(self) -> Sqlite3:
        self._connection.ensure_connection()
        inner: Sqlite3 = self._connection.connection
        return inner
