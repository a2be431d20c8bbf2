"""What differs between the databases in which a transaction can settle an event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from counterfoil._core import Tables
from counterfoil._transactions.driver import Driver
from counterfoil._transactions.event import Asked, Held, Lost
from counterfoil._transactions.failure import Translation


class Database(ABC):
    """The statements of one database. Each runs on the application's connection, in its transaction."""

    @abstractmethod
    async def begin(self, driver: Driver, savepoint: str, translation: Translation) -> bool:
        """Sets a savepoint in the open transaction, or in one that is begun for it. Says whether one was.

        Raises:
            ConfigError: There is no transaction, and the driver would begin none by itself.
        """

    @abstractmethod
    async def claim(self, driver: Driver, asked: Asked) -> int | Lost:
        """Claims and completes an event in one step. Gives the claim's token."""

    @abstractmethod
    async def before_completion(self, driver: Driver) -> None:
        """Makes sure that there is a transaction that holds the effects."""

    @abstractmethod
    async def before_commit(self, driver: Driver) -> None:
        """Makes sure that the database has not ended the transaction by itself."""

    @abstractmethod
    def text(self, tables: Tables, statement: Literal["holds_in", "complete_in"]) -> str: ...

    async def holds(self, driver: Driver, held: Held, tables: Tables) -> bool:
        """Whether the transaction still has what it has claimed itself."""
        return await driver.first(self.text(tables, "holds_in"), held.scope, held.key, held.token) is not None

    async def complete(self, driver: Driver, held: Held, tables: Tables) -> bool:
        """Completes an event that a store has claimed, unless the lease was lost."""
        return await driver.first(self.text(tables, "complete_in"), held.scope, held.key, held.token) is not None
