"""What a handler's exception means for its event, and what is answered: the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from counterfoil._core import Answer
from counterfoil.errors import ConfigError, LeaseLost, NotClaimed, Reject, StoreError

if TYPE_CHECKING:
    from counterfoil._core import Lease

_T = TypeVar("_T")

DELIBERATE: Final = (Reject, NotClaimed, LeaseLost)
"""What a handler raises on purpose. It is answered, and is no error of the application's."""


class Meaning(NamedTuple):
    """How an event is settled, and what is answered where that does not say it."""

    status: int | None = None
    reject: str | None = None
    answer: Answer | None = None


def settle(lease: Lease, error: BaseException | None) -> Answer | None:
    """Settles what a handler left without a response, by its exception where there is one.

    Returns:
        The answer, or None where the handler had settled before it failed: then there is nothing of ours to say.
    """
    status, reject, answer = meaning(error)
    settled = lease.settle(status, reject=reject)
    return answer or settled


async def asettle(lease: Lease, error: BaseException | None) -> Answer | None:
    """As `settle`. What is settled is so even where this is cancelled."""
    status, reject, answer = meaning(error)
    settled = await lease.asettle(status, reject=reject)
    return answer or settled


def meaning(error: BaseException | None) -> Meaning:
    """What becomes of an event whose handler raised this, or nothing; in a framework, and in a lease's own block."""
    if isinstance(error, Reject):
        return Meaning(500, str(error))
    if isinstance(error, NotClaimed | LeaseLost):
        # What another one has completed is complete, whatever our own lease says.
        return Meaning(error.answer.status, None, error.answer)
    if isinstance(error, StoreError) and error.transient:
        answer = Answer.store_unavailable()
        return Meaning(answer.status, None, answer)
    return Meaning()


def present(value: _T | None, what: str) -> _T:
    """The value that a receiver has left for the handler.

    Raises:
        ConfigError: There is none, because no receiver stands in front of this handler.
    """
    if value is None:
        raise ConfigError(f"there is no {what}: no receiver stands in front of this handler")
    return value
