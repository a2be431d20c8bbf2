"""The steps of a claim and of a completion, the same for every driver and database."""

from __future__ import annotations

from typing import Final

from counterfoil._core import Answer, Tables
from counterfoil._transactions.database import Database
from counterfoil._transactions.driver import Driver, Engine
from counterfoil._transactions.event import SOON, Asked, Held, Lost
from counterfoil._transactions.failure import translated, unclaimed, unsettled
from counterfoil._transactions.postgres import Postgres
from counterfoil._transactions.sqlite import Sqlite
from counterfoil._transactions.turn import Turn
from counterfoil.errors import LeaseLost, NotClaimed, RolledBack

_DATABASES: Final[dict[Engine, Database]] = {"postgres": Postgres(), "sqlite": Sqlite()}

_SAVEPOINT: Final = "counterfoil_claim"


class Claim:
    """An event that is claimed before its effects, and committed with them.

    Claim and effects lie above a savepoint. An exception that leaves the block undoes both, even where the
    application catches it and commits the transaction all the same. The event is completed last: a commit in the middle
    of the block leaves it to the next delivery, and a savepoint that is gone when the block ends shows it.
    """

    def __init__(self, driver: Driver, connection: object, asked: Asked) -> None:
        self._driver = driver
        self._turn = Turn(connection)
        self._asked = asked
        self._database: Database
        self._begun = False
        self._held: Held

    async def enter(self) -> int:
        """Claims the event, and gives the claim's token."""
        self._turn.take()
        try:
            return await self._enter()
        except BaseException:
            self._turn.give_up()
            raise

    async def _enter(self) -> int:
        driver, asked = self._driver, self._asked
        with translated(driver, unclaimed):
            await driver.prepare()
        # What was noted down before the claim is not the claim's to take back.
        await driver.flush()
        self._database = _DATABASES[driver.engine]
        self._begun = await self._database.begin(driver, _SAVEPOINT, unclaimed)
        try:
            with translated(driver, unclaimed):
                said = await self._database.claim(driver, asked)
        except BaseException:
            await self._undo()
            raise
        if isinstance(said, Lost):
            await self._undo()
            raise NotClaimed(said.reason, said.answer)
        self._held = Held(asked.delivery.scope, asked.key, said)
        return said

    async def leave(self, failed: bool) -> None:
        """Makes sure that the commit will commit the claim, or takes claim and effects back."""
        try:
            if failed:
                await self._undo()
            else:
                await self._complete()
        finally:
            self._turn.give_up()

    async def _complete(self) -> None:
        try:
            await self._driver.flush()
            with translated(self._driver, unsettled):
                await self._database.before_commit(self._driver)
                if not await self._database.complete(self._driver, self._held, self._asked.tables):
                    raise RolledBack(
                        "the transaction does not hold the event any more: it was rolled back in the block"
                    )
                await self._driver.release_savepoint(_SAVEPOINT)
        except BaseException:
            await self._undo()
            raise

    async def _undo(self) -> None:
        try:
            await self._driver.undo_savepoint(_SAVEPOINT)
            if self._begun:
                await self._driver.first("ROLLBACK")
        except self._driver.errors:
            # The transaction is over already, and perhaps its connection too.
            return


async def complete(driver: Driver, held: Held, tables: Tables) -> None:
    """Completes an event that a store has claimed, as the last statement of the effects' transaction."""
    with translated(driver, unsettled):
        await driver.prepare()
    await driver.flush()
    database = _DATABASES[driver.engine]
    with translated(driver, unsettled):
        await database.before_completion(driver)
        if not await database.complete(driver, held, tables):
            text = "the lease was lost: another delivery has the event, or had it; or the fence is of another store"
            raise LeaseLost(text, Answer.in_flight(SOON))
