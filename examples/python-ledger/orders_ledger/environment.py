"""What the environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Final

from counterfoil import ConfigError, PostgresStore, Receiver, Remote, Secret, senders

from .store import Store, make_sqlite_tables, open_store, told

_SENDERS: Final = (
    "handl",
    "agiled",
    "angage",
    "angage-marketplace",
    "agency-os-ai",
    "agency-os-ai-plugin",
    "agencyhandy",
)

# All of a body goes out again where its sender is asked: far above any event, and little to send.
_ASKED_BODY_LIMIT: Final = 256 * 1024


@dataclass(frozen=True)
class Config:
    """What a service is made of.

    Attributes:
        receivers: One for each sender whose secret is set; the endpoint is the sender's name.
        postgres: The URL of the database that holds the events, and the books beside them.
        db: The SQLite file of the books, where they are not in PostgreSQL.
    """

    receivers: list[Receiver]
    postgres: str | None = field(repr=False)
    db: str


@cache
def load_config() -> Config:
    """Reads the variables that `../ledger/service.md` names, and opens what they name.

    Once in a process. A server that forks calls this in its workers: connections do not survive a fork.

    Raises:
        ConfigError: No secret is set, or a variable is missing or cannot be used. Says which.
    """
    url, db = os.environ.get("STORE", "sqlite:webhooks.db"), os.environ.get("DB", "orders.db")
    store = open_store(url)
    postgres = url if isinstance(store, PostgresStore) else None
    if postgres is None:
        make_sqlite_tables(db)
    seconds = os.environ.get("LEASE_SECONDS", "60")
    lease = told("LEASE_SECONDS", lambda: timedelta(seconds=int(seconds)))
    receivers = [receiver for name in _SENDERS if (receiver := _receiver(name, store, lease)) is not None]
    if not receivers:
        raise ConfigError("no secret is set: give at least one, such as HANDL_SECRET=whsec_...")
    return Config(receivers, postgres, db)


def port() -> int:
    """Where to listen on 127.0.0.1; 0 for a free port."""
    return told("PORT", lambda: int(os.environ.get("PORT", "3000")))


def _receiver(name: str, store: Store, lease: timedelta) -> Receiver | None:
    """`None` where the sender has no secret."""
    prefix = name.upper().replace("-", "_")
    text = os.environ.get(f"{prefix}_SECRET")
    if text is None:
        return None
    secret = told(f"{prefix}_SECRET", lambda: Secret(text))
    if name == "agencyhandy":
        return _asking(name, prefix, secret, store, lease)
    return Receiver(name, secret, store=store, lease=lease)


def _asking(name: str, prefix: str, secret: Secret, store: Store, lease: timedelta) -> Receiver:
    """For a sender that only its own endpoint can check."""
    webhook_id = os.environ.get(f"{prefix}_WEBHOOK_ID", "").strip()
    if not webhook_id:
        raise ConfigError(f"{prefix}_WEBHOOK_ID is not set: {prefix}_SECRET is of no use without it")
    endpoint = f"{prefix}_ENDPOINT"
    return Receiver(
        senders()[name].with_event_type_at("/event"),  # Where it may be: nobody has described its bodies.
        secret,
        store=store,
        lease=lease,
        webhook_id=webhook_id,
        remote=told(endpoint, lambda: Remote(insecure_base_url=os.environ.get(endpoint))),
        body_limit=_ASKED_BODY_LIMIT,
    )
