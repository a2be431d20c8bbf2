"""Every public call, with arguments that work: what hostile arguments are tried on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import counterfoil
from counterfoil import (
    Answer,
    Delivery,
    FixedClock,
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
)
from orders import SECRET, event, won

AT = datetime(2026, 5, 18, 12, tzinfo=UTC)
BODY = b'{"id":"evt_1","event":"invoice.paid","data":{}}'
LONG = timedelta(minutes=1)


@dataclass(frozen=True)
class Call:
    """One of them. What it is called on is made anew for each, since one that works changes it."""

    name: str
    make: Callable[[], Callable[..., Any]]
    arguments: dict[str, Any]
    is_async: bool = False

    def __call__(self, **changed: Any) -> Any:
        """Calls it with some arguments changed, all by keyword where they have names."""
        arguments = self.arguments | changed
        places = [arguments.pop(name) for name in list(arguments) if name in self.by_place]
        call = self.make()
        if not self.is_async:
            return call(*places, **arguments)

        async def scene() -> Any:
            return await call(*places, **arguments)

        return asyncio.run(scene())

    @property
    def by_place(self) -> frozenset[str]:
        return frozenset({"kind", "error", "trace"})


def verifier() -> Verifier:
    return Verifier("agiled", SECRET, tolerance=(timedelta.max, timedelta.max))


def receiver(**settings: Any) -> Receiver:
    return Receiver("handl", SECRET, **settings)


def lease() -> Lease:
    return won(receiver(store=MemoryStore()).receive(*event("evt_1")))


def intake() -> Intake:
    headers, _ = event("evt_1")
    begun = receiver().begin("POST", "/", headers)
    assert isinstance(begun, Intake)
    return begun


def sender() -> Sender:
    return counterfoil.senders()["angage"]


def calls(folder: Path) -> list[Call]:
    """Each of them. `folder` is one that files may be made in."""
    toml = folder / "senders.toml"
    toml.write_text('[[sender]]\nname = "till"\nkind = "hmac"\nsignature = { header = "X-Sig", encoding = "hex" }\n')
    signed = counterfoil.sign("agiled", SECRET, BODY, at=AT)
    headers, body = event("evt_1")
    request = {"headers": headers, "body": body, "method": "POST", "target": "/"}
    shared = {"endpoint": None, "tolerance": None, "utc_offset": None, "public_url": None, "webhook_id": None}
    left = {"kind": None, "error": None, "trace": None}
    return [
        Call("Secret", lambda: Secret, {"text": SECRET, "encoding": "raw"}),
        Call("Verifier", lambda: Verifier, {"sender": "agiled", "secret": SECRET, "tenant": None, **shared}),
        Call("Verifier.verify", lambda: verifier().verify, {"headers": signed, "body": BODY}),
        Call("Verifier.verify_at", lambda: verifier().verify_at, {"headers": signed, "body": BODY, "now": AT}),
        Call("Verifier.set_secrets", lambda: verifier().set_secrets, {"secret": SECRET}),
        Call("Sender.with_event_id_at", lambda: sender().with_event_id_at, {"pointer": "/id"}),
        Call("Sender.with_event_id_from", lambda: sender().with_event_id_from, {"pointers": ["/id"]}),
        Call("Sender.with_event_type_at", lambda: sender().with_event_type_at, {"pointer": "/type"}),
        Call("Sender.with_api_key", lambda: sender().with_api_key, {"header": "X-Key"}),
        Call(
            "Delivery.assertion",
            lambda: Delivery.assertion,
            {"verifier": verifier(), "body": BODY, "event_id": None, "now": AT},
        ),
        Call("Answer.in_flight", lambda: Answer.in_flight, {"retry_after": LONG}),
        Call(
            "Receiver",
            lambda: Receiver,
            {
                **{"sender": "handl", "secret": SECRET, "store": MemoryStore(), "remote": None, "lease": LONG},
                **{"retention": None, "on_expired": "park", "refuse_conflicts": False, "in_flight_wait": None},
                **{"handler_time": None, "body_limit": 1000, "body_timeout": LONG, "clock": FixedClock(AT), **shared},
            },
        ),
        Call("Receiver.set_secrets", lambda: receiver().set_secrets, {"secret": SECRET}),
        Call("Receiver.begin", lambda: receiver().begin, {"method": "POST", "target": "/", "headers": headers}),
        Call("Receiver.receive", lambda: receiver().receive, request),
        Call("Receiver.areceive", lambda: receiver().areceive, request, is_async=True),
        Call("Receiver.shutdown", lambda: receiver().shutdown, {"grace": timedelta(0)}),
        Call("Receiver.ashutdown", lambda: receiver().ashutdown, {"grace": timedelta(0)}, is_async=True),
        Call("Intake.push", lambda: intake().push, {"chunk": b"{"}),
        Call("Intake.unreadable", lambda: intake().unreadable, {"reason": "it broke off"}),
        Call("Lease.settle", lambda: lease().settle, {"status": 200, "reject": None}),
        Call("Lease.asettle", lambda: lease().asettle, {"status": 200, "reject": None}, is_async=True),
        Call("Lease.bury", lambda: lease().bury, {"reason": "no"}),
        Call("Lease.abury", lambda: lease().abury, {"reason": "no"}, is_async=True),
        Call("Lease.__exit__", lambda: lease().__exit__, left),
        Call("Lease.__aexit__", lambda: lease().__aexit__, left, is_async=True),
        Call("MemoryStore", lambda: MemoryStore, {"capacity": 10}),
        Call("SqliteStore", lambda: SqliteStore, {"path": folder / "webhooks.db"}),
        Call(
            "PostgresStore",
            lambda: PostgresStore,
            {"url": "postgres://h/d", "schema": None, "prefix": None, "migrate": False, "connections": 1},
        ),
        Call("RedisStore", lambda: RedisStore, {"url": "redis://h", "prefix": "p:"}),
        Call(
            "Remote",
            lambda: Remote,
            {"timeout": timedelta(seconds=1), "proxy": None, "bundled_roots": True, "insecure_base_url": None},
        ),
        Call("FixedClock", lambda: FixedClock, {"now": AT}),
        Call("FixedClock.advance", lambda: FixedClock(AT).advance, {"by": LONG}),
        Call("Tables", lambda: Tables, {"schema": None, "prefix": None}),
        Call("Tables.postgres", lambda: Tables().postgres, {"statement": "claim_in"}),
        Call("Tables.sqlite", lambda: Tables().sqlite, {"statement": "claim_in"}),
        Call("load_senders", lambda: counterfoil.load_senders, {"path": toml}),
        Call(
            "sign",
            lambda: counterfoil.sign,
            {"sender": "agiled", "secret": SECRET, "body": BODY, "at": AT, "headers": None, "public_url": None},
        ),
    ]
