"""Django: `django.db.connection`, or `connections[alias]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import Error
from django.db.transaction import TransactionManagementError

from counterfoil._transactions.driver import Driver, Engine, SqliteState, Style, Value, bind
from counterfoil._transactions.drivers.sqlite3 import state
from counterfoil.errors import ConfigError

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
        self.engine: Engine = known[0]
        self._style: Style = known[1]

    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        with self._connection.cursor() as cursor:
            cursor.execute(*bind(text, values, self._style))
            row: Sequence[Any] | None = cursor.fetchone() if cursor.description else None
            return row

    async def sqlite_state(self) -> SqliteState:
        self._connection.ensure_connection()
        return state(self._connection.connection)
