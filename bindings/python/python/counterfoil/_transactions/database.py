"""What differs between the databases in which a transaction can settle an event."""

from __future__ import annotations

from abc import ABC, abstractmethod

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
        """Claims an event for the transaction. Gives the claim's token."""

    @abstractmethod
    async def before_completion(self, driver: Driver) -> None:
        """Makes sure that there is a transaction that holds the effects."""

    @abstractmethod
    async def before_commit(self, driver: Driver) -> None:
        """Makes sure that the database has not ended the transaction by itself."""

    @abstractmethod
    def completion(self, tables: Tables) -> str:
        """The statement that completes an event."""

    async def complete(self, driver: Driver, held: Held, tables: Tables) -> bool:
        """Completes an event that was claimed here or by a store, unless the claim was lost."""
        return await driver.first(self.completion(tables), held.scope, held.key, held.token) is not None
