"""The events that are claimed, and what a claim comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from counterfoil._core import Answer, Delivery, Fence, Tables
from counterfoil.errors import ConfigError

#: Any longer time is this one: added to a date of this century, it is still a date.
_LONGEST: Final = timedelta(days=100 * 366)
#: How long another transaction may have the event, where nothing says more.
SOON: Final = timedelta(seconds=1)

_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """An event to be claimed."""

    delivery: Delivery
    retention: timedelta
    tables: Tables

    def __post_init__(self) -> None:
        if self.retention <= timedelta():
            raise ConfigError("`retention` is not longer than nothing: every retry would be handled again")

    @property
    def key(self) -> bytes:
        return bytes.fromhex(self.delivery.key)

    @property
    def micros(self) -> int:
        """The retention in microseconds."""
        return min(self.retention, _LONGEST) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Held:
    """A claim of an event, by its token."""

    scope: int
    key: bytes
    token: int

    @classmethod
    def of(cls, fence: Fence | None) -> Held:
        if fence is None:
            raise ConfigError("there is no fence, because the receiver has no store: use `claim_in`")
        return cls(fence.scope, bytes.fromhex(fence.key), fence.token)


@dataclass(frozen=True, slots=True)
class Lost:
    """Why an event could not be claimed."""

    reason: str
    answer: Answer


def duplicate() -> Lost:
    return Lost("the event was completed before", Answer.duplicate())


def conflict() -> Lost:
    return Lost("an event of this key was completed before, with another body", Answer.conflict())


def dead() -> Lost:
    return Lost("the event is dead: it was put aside, never to be handled", Answer.dead())


def in_flight(retry_after: timedelta) -> Lost:
    reason = (
        "another delivery of the event is being handled; or the receiver's own store has claimed it: with such a "
        "store, use `complete_in`"
    )
    return Lost(reason, Answer.in_flight(retry_after))
