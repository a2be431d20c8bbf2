"""Effects that commit together with their event, in the application's own database.

Whoever has the events in the database of the effects needs no luck between the last effect and the completion: both
commit in one transaction, or neither does, once per event within the retention, whatever crashes. Nothing is opened
here, and nothing committed: the statements run on the given connection, in the transaction that is open on it.

`claim_in` is for receivers without a store. The event counts as handled once the transaction commits, and as never
seen if it does not:

    with connection.transaction(), claim_in(connection, delivery):
        connection.execute("INSERT INTO orders (key, body) VALUES (%s, %s)", (delivery.key, delivery.body))

`complete_in` is for receivers whose `PostgresStore` is in the database of the effects. It has claimed the event
already:

    with connection.transaction():
        connection.execute("INSERT INTO orders (key, body) VALUES (%s, %s)", (delivery.key, delivery.body))
        complete_in(connection, lease.fence)

Connections are those of psycopg 3, asyncpg, sqlite3 and aiosqlite, connections and sessions of SQLAlchemy 2 on these
drivers, and Django's `connection` on PostgreSQL and SQLite. The tables come from `Tables().postgres_migrations()` or
`.sqlite_migrations()`.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Final

from counterfoil._core import Delivery, Fence, Tables
from counterfoil._transactions import steps
from counterfoil._transactions.driver import run
from counterfoil._transactions.event import Asked, Held
from counterfoil._transactions.find import driver

__all__ = ["Claimed", "Tables", "aclaim_in", "acomplete_in", "claim_in", "complete_in"]

_RETENTION: Final = timedelta(days=30)
_TABLES: Final = Tables()


@dataclass(frozen=True, slots=True)
class Claimed:
    """The claim of a transaction.

    Attributes:
        token: Grows with every claim of the event. A system of yours that remembers the highest one it has seen can
            refuse a holder that was overtaken.
    """

    token: int


def claim_in(
    connection: object, delivery: Delivery, *, retention: timedelta = _RETENTION, tables: Tables = _TABLES
) -> AbstractContextManager[Claimed]:
    """Claims the event of `delivery` inside the transaction that is open on `connection`. The block holds its effects.

    Entering claims; leaving the block makes sure that the commit, which stays with the application, will commit the
    claim too. An exception that leaves the block takes back the claim and what the block has done, even if the
    transaction goes on. Let `NotClaimed` end the transaction, and answer with its `answer`; answer 2xx only once the
    commit has succeeded.

    A copy that arrives meanwhile does not wait, on PostgreSQL: it is told that the event is in flight. On SQLite it
    waits for the file, as every writer does. Claim before the transaction reads anything, or begin it by `BEGIN
    IMMEDIATE`: SQLite refuses a transaction that has read what another one has changed since.

    Each delivery needs a connection of its own. Leave `commit` to the transaction around the block: one inside it
    leaves the event to the next delivery, with the effects that it has committed. Do not claim the events of one
    endpoint in a store and in transactions at the same time.

    Args:
        connection: A connection with an open transaction, or one that begins a transaction by itself.
        delivery: What has been verified. Let the verifier accept late retries: `tolerance="retry_safe"`.
        retention: How long the event is remembered. Longer than any copy could still be accepted.
        tables: Where the events are.

    Raises:
        ConfigError: There is no open transaction, or the connection is of no known kind.
        NotClaimed: On entering. Another delivery of the event is being handled, or was.
        RolledBack: The database has rolled the transaction back, perhaps after an error that was passed over; or the
            block has ended it.
        StoreError: The database failed. Nothing was committed.
    """
    return _Claim(steps.Claim(driver(connection, is_async=False), connection, Asked(delivery, retention, tables)))


def aclaim_in(
    connection: object, delivery: Delivery, *, retention: timedelta = _RETENTION, tables: Tables = _TABLES
) -> AbstractAsyncContextManager[Claimed]:
    """As `claim_in`, on an asynchronous connection."""
    return _AsyncClaim(steps.Claim(driver(connection, is_async=True), connection, Asked(delivery, retention, tables)))


def complete_in(connection: object, fence: Fence | None, *, tables: Tables = _TABLES) -> None:
    """Completes the event that `fence` holds, as the last statement of the transaction that holds its effects.

    Coming last, it locks the event's row for no longer than the commit takes. Let an exception end the transaction,
    and answer 2xx only once the commit has succeeded; what the receiver does afterwards changes nothing.

    Args:
        connection: A connection to the database of the receiver's store, with an open transaction.
        fence: `Lease.fence`.
        tables: Where the events are: those of the store.

    Raises:
        ConfigError: There is no open transaction, no fence, or the connection is of no known kind.
        LeaseLost: Another delivery has taken the event over, or a person has settled it.
        RolledBack: The database has rolled the transaction back, perhaps after an error that was passed over.
        StoreError: The database failed. Nothing was committed.
    """
    run(steps.complete(driver(connection, is_async=False), Held.of(fence), tables))


async def acomplete_in(connection: object, fence: Fence | None, *, tables: Tables = _TABLES) -> None:
    """As `complete_in`, on an asynchronous connection."""
    await steps.complete(driver(connection, is_async=True), Held.of(fence), tables)


class _Claim(AbstractContextManager[Claimed]):
    def __init__(self, claim: steps.Claim) -> None:
        self._claim = claim

    def __enter__(self) -> Claimed:
        return Claimed(run(self._claim.enter()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        run(self._claim.leave(failed=kind is not None))


class _AsyncClaim(AbstractAsyncContextManager[Claimed]):
    def __init__(self, claim: steps.Claim) -> None:
        self._claim = claim

    async def __aenter__(self) -> Claimed:
        return Claimed(await self._claim.enter())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self._claim.leave(failed=kind is not None)
