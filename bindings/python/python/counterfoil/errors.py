"""Everything that counterfoil raises. One base, so that one `except` catches all of it.

Example:
    >>> from counterfoil.errors import Rejection, SignatureError, WebhookError
    >>> issubclass(SignatureError, Rejection) and issubclass(Rejection, WebhookError)
    True
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from counterfoil import Answer

__all__ = [
    "BodyError",
    "ConfigError",
    "LeaseLost",
    "NotClaimed",
    "NotReady",
    "Reject",
    "Rejection",
    "RequestError",
    "RolledBack",
    "SignatureError",
    "StoreError",
    "TimestampError",
    "WebhookError",
]


class WebhookError(Exception):
    """The base of every exception of this package."""


class ConfigError(WebhookError, ValueError):
    """A setting that cannot work. Raised when something is built; says what to change."""


class StoreError(WebhookError):
    """The store could not do what it was asked. Never a statement about the event.

    Attributes:
        transient: Whether the same call may succeed later.
    """

    def __init__(self, reason: str, transient: bool = True) -> None:
        super().__init__(reason, transient)
        self.transient = transient

    def __str__(self) -> str:
        return str(self.args[0])


class Rejection(WebhookError):
    """A delivery is refused.

    The text is the full reason, for the operator. Only the code and the status are for the sender.

    Attributes:
        code: The stable code, such as `signature_mismatch`.
        status: The HTTP status that goes with it.
        reason: What an operator needs to find the cause. Holds no byte of a secret or of a body.
        retry_after: When the sender should try again, where a time is to be named.
    """

    def __init__(self, code: str, status: int, reason: str, retry_after: timedelta | None = None) -> None:
        super().__init__(code, status, reason, retry_after)
        self.code = code
        self.status = status
        self.reason = reason
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


class SignatureError(Rejection):
    """The signature or the credential is missing, malformed, repeated, or not one of ours."""


class TimestampError(Rejection):
    """The signed time is missing, malformed, repeated, too old, or in the future."""


class BodyError(Rejection):
    """What was signed is no event of this sender, or could not be read."""


class RequestError(Rejection):
    """The request cannot be a delivery: its method, its encoding, its length, the time that it took."""


class NotReady(Rejection):
    """Nothing is wrong with the delivery; it cannot be handled now, and a retry may be."""


class LeaseLost(WebhookError):
    """The event is not this handler's any more, or could not be settled.

    Attributes:
        answer: What to answer: 503, or 200 where another handler has completed the event.
    """

    def __init__(self, reason: str, answer: Answer) -> None:
        super().__init__(reason)
        self.answer = answer


class NotClaimed(WebhookError):
    """The event cannot be claimed in this transaction, which is to be rolled back: another delivery has it or had it.

    Attributes:
        answer: What to answer: 200 for a duplicate, 503 while another delivery is handled, 500 for a dead event.
    """

    def __init__(self, reason: str, answer: Answer) -> None:
        super().__init__(reason)
        self.answer = answer


class RolledBack(WebhookError):
    """The transaction does not hold the event any more; committing it would commit nothing, or not all."""


class Reject(WebhookError):
    """Raised by a handler for an event that no retry will make acceptable.

    The event is buried with the reason, never handled again, and answered with 500.
    """


_CLASSES: Final[dict[str, type[Rejection]]] = {
    "signature": SignatureError,
    "credentials": SignatureError,
    "timestamp": TimestampError,
    "event": BodyError,
    "body_unreadable": BodyError,
    "body_not_an_object": BodyError,
    "body": RequestError,
    "method": RequestError,
    "content": RequestError,
    "in_flight": NotReady,
    "store": NotReady,
    "could_not_verify": NotReady,
    "shutting": NotReady,
}


def rejection(code: str, status: int, reason: str, retry_after: timedelta | None) -> Rejection:
    """Makes the exception for a code. An unknown code, from a newer engine, is a plain `Rejection`."""
    family = _CLASSES.get(code) or _CLASSES.get(code.partition("_")[0], Rejection)
    return family(code, status, reason, retry_after)
