"""Claims in SQLite.

The claim has to see what every other writer has committed. A transaction that has read already sees the past, and
SQLite refuses to let it write once somebody else has; one that begins with the claim takes the write lock and a fresh
view at once, even a deferred one. So what is begun here is begun `IMMEDIATE`, and what the application has begun
itself is either right or refused, as busy.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import Final

from counterfoil import _sqlite_guard
from counterfoil._core import Tables
from counterfoil._transactions import event
from counterfoil._transactions.database import Database
from counterfoil._transactions.driver import Driver
from counterfoil._transactions.event import Asked, Lost
from counterfoil._transactions.failure import Translation, translated
from counterfoil.errors import ConfigError, RolledBack, StoreError

_COMPLETED: Final = 2
_DEAD: Final = 3


class Sqlite(Database):
    """Claims wait for the file, as every writer does."""

    async def begin(self, driver: Driver, savepoint: str, translation: Translation) -> bool:
        with translated(driver, translation):
            await _check_files(driver)
            state = await driver.sqlite_state()
            if not state.in_transaction:
                if not state.begins:
                    raise ConfigError(f"there is no open transaction: {driver.advice}")
                await _begin(driver)
            await driver.set_savepoint(savepoint)
            return not state.in_transaction

    async def claim(self, driver: Driver, asked: Asked) -> int | Lost:
        delivery, tables = asked.delivery, asked.tables
        key, fingerprint, now = asked.key, delivery.fingerprint, _now()
        text = tables.sqlite("claim_in")
        won = await driver.first(text, delivery.scope, key, fingerprint, now, asked.micros, delivery.note)
        if won is not None:
            return int(won[0])
        row = await driver.first(tables.sqlite("look"), delivery.scope, key, fingerprint, now)
        if row is None:
            raise StoreError("the database gave no answer to a claim", transient=False)
        state, same_body, micros_left = row
        if state == _DEAD:
            return event.dead()
        if state == _COMPLETED:
            return event.duplicate() if same_body else event.conflict()
        return event.in_flight(timedelta(microseconds=micros_left))

    async def before_completion(self, driver: Driver) -> None:
        await _check_files(driver)
        await self.before_commit(driver)

    async def before_commit(self, driver: Driver) -> None:
        """SQLite ends a transaction by itself where the disk is full, or a statement says `OR ROLLBACK`.

        What is run after that is committed at once, alone.
        """
        if not (await driver.sqlite_state()).in_transaction:
            raise RolledBack("there is no open transaction: SQLite has ended it by itself, or none was begun")

    def completion(self, tables: Tables) -> str:
        return tables.sqlite("complete_in")


async def _begin(driver: Driver) -> None:
    try:
        await driver.first("BEGIN IMMEDIATE")
    except BaseException:
        # aiosqlite carries a statement out though nobody waits for it any more.
        with suppress(*driver.errors):
            await driver.first("ROLLBACK")
        raise


async def _check_files(driver: Driver) -> None:
    if not _sqlite_guard.watches():
        return
    index = 0
    while row := await driver.first("SELECT file FROM pragma_database_list LIMIT 1 OFFSET ?1", index):
        _sqlite_guard.refuse(row[0])
        index += 1


def _now() -> int:
    """Microseconds since 1970 by this machine's clock, which is that of the file."""
    return max(0, time.time_ns() // 1000)
