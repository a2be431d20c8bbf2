"""What a handler's exception means for its event, and what is answered: the same in every framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from counterfoil._core import Answer
from counterfoil.errors import ConfigError, LeaseLost, NotClaimed, Reject, StoreError

if TYPE_CHECKING:
    from counterfoil._core import Lease

_T = TypeVar("_T")

DELIBERATE: Final = (Reject, NotClaimed, LeaseLost)
"""What a handler raises on purpose. It is answered, and is no error of the application's."""


class _Meaning(NamedTuple):
    status: int | None = None
    reject: str | None = None
    answer: Answer | None = None


def settle(lease: Lease, error: BaseException | None) -> Answer | None:
    """Settles what a handler left without a response, by its exception where there is one.

    Returns:
        The answer, or None where the handler had settled before it failed: then there is nothing of ours to say.
    """
    meaning = _meaning(error)
    settled = lease.settle(meaning.status, reject=meaning.reject)
    return meaning.answer or settled


async def asettle(lease: Lease, error: BaseException | None) -> Answer | None:
    """As `settle`. What is settled is so even where this is cancelled."""
    meaning = _meaning(error)
    settled = await lease.asettle(meaning.status, reject=meaning.reject)
    return meaning.answer or settled


def _meaning(error: BaseException | None) -> _Meaning:
    if isinstance(error, Reject):
        return _Meaning(500, str(error))
    if isinstance(error, NotClaimed | LeaseLost):
        # What another one has completed is complete, whatever our own lease says.
        return _Meaning(error.answer.status, None, error.answer)
    if isinstance(error, StoreError) and error.transient:
        answer = Answer.store_unavailable()
        return _Meaning(answer.status, None, answer)
    return _Meaning()


def present(value: _T | None, what: str) -> _T:
    """The value that a receiver has left for the handler.

    Raises:
        ConfigError: There is none, because no receiver stands in front of this handler.
    """
    if value is None:
        raise ConfigError(f"there is no {what}: no receiver stands in front of this handler")
    return value
