"""Claims in PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from counterfoil._core import Tables
from counterfoil._transactions import event
from counterfoil._transactions.database import Database
from counterfoil._transactions.driver import Driver
from counterfoil._transactions.event import Asked, Lost
from counterfoil._transactions.failure import Translation, unsettled
from counterfoil.errors import StoreError

_COMPLETION: Final = "counterfoil_completion"


class Postgres(Database):
    """Nothing here waits for another transaction that has the same event."""

    async def begin(self, driver: Driver, savepoint: str, translation: Translation) -> bool:
        """The server refuses a savepoint outside a transaction, whatever the driver believes."""
        try:
            await driver.set_savepoint(savepoint)
        except driver.errors as error:
            raise translation(driver, error) from error
        return False

    async def claim(self, driver: Driver, asked: Asked) -> int | Lost:
        delivery = asked.delivery
        # PostgreSQL has no text with a NUL in it. What is kept here is for people.
        note = delivery.note.replace("\0", "\ufffd")
        text, millis = asked.tables.postgres("claim_in"), asked.micros / 1000
        row = await driver.first(text, delivery.scope, asked.key, delivery.fingerprint, millis, note)
        if row is None:
            raise StoreError("the database gave no answer to a claim", transient=False)
        answer, busy_seconds, token = row
        # Bytes, where the connection's encoding is SQL_ASCII.
        match answer.decode() if isinstance(answer, bytes) else answer:
            case "won":
                return int(token)
            case "duplicate":
                return event.duplicate()
            case "conflict":
                return event.conflict()
            case "dead":
                return event.dead()
            case _:
                return event.in_flight(event.SOON if busy_seconds is None else timedelta(seconds=busy_seconds))

    async def before_completion(self, driver: Driver) -> None:
        """Released at once: the completion is to be the transaction's own, like the effects, and not a savepoint's."""
        await self.begin(driver, _COMPLETION, unsettled)
        await driver.release_savepoint(_COMPLETION)

    async def before_commit(self, driver: Driver) -> None:
        """PostgreSQL keeps a transaction in which a statement has failed, and refuses the next one."""
        return

    def completion(self, tables: Tables) -> str:
        return tables.postgres("complete_in")
