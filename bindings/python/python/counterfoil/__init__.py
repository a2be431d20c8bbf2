"""Receives webhooks: proves each delivery, says why not, and handles each event once.

Example:
    >>> from counterfoil import Receiver, SqliteStore
    >>> receiver = Receiver("handl", "whsec_example_0123", store=SqliteStore("webhooks.db"))  # doctest: +SKIP

`counterfoil.fastapi`, `.starlette`, `.asgi`, `.flask`, `.django` and `.wsgi` put a receiver in front of a handler;
`counterfoil.transactions` commits effects together with their event.
"""

from __future__ import annotations

import atexit
from datetime import timedelta

from counterfoil import _core
from counterfoil._core import (
    Answer,
    Completion,
    Delivery,
    Fence,
    FixedClock,
    Health,
    Intake,
    Lease,
    MemoryStore,
    PostgresStore,
    Receiver,
    RedisStore,
    Remote,
    Secret,
    Sender,
    SqliteStore,
    Tables,
    Verifier,
    load_senders,
    senders,
    sign,
)
from counterfoil.errors import (
    BodyError,
    ConfigError,
    LeaseLost,
    NotClaimed,
    NotReady,
    Reject,
    Rejection,
    RequestError,
    RolledBack,
    SignatureError,
    StoreError,
    TimestampError,
    WebhookError,
)

__all__ = [
    "Answer",
    "BodyError",
    "Completion",
    "ConfigError",
    "Delivery",
    "Fence",
    "FixedClock",
    "Health",
    "Intake",
    "Lease",
    "LeaseLost",
    "MemoryStore",
    "NotClaimed",
    "NotReady",
    "PostgresStore",
    "Receiver",
    "RedisStore",
    "Reject",
    "Rejection",
    "Remote",
    "RequestError",
    "RolledBack",
    "Secret",
    "Sender",
    "SignatureError",
    "SqliteStore",
    "StoreError",
    "Tables",
    "TimestampError",
    "Verifier",
    "WebhookError",
    "load_senders",
    "senders",
    "sign",
]

# What was settled a moment before the interpreter ends is still on its way to the store.
atexit.register(_core.flush, timedelta(seconds=2))
