"""Who is asked: our package, the packages of others, and a few lines of the standard library."""

from __future__ import annotations

import hmac
import importlib
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Protocol, cast

from counterfoil import ConfigError, Rejection, Verifier
from request import Request
from schemes import OFFSET, URL, Scheme

PAST = 300
FUTURE = 60


@dataclass(frozen=True)
class Verdict:
    """What one side says of a request."""

    accepts: bool
    code: str = ""
    """Why not: our code, or the name of the other's exception."""
    read: tuple[str | None, str | None] = (None, None)
    """The id and the type of the event, where they are read."""

    def __str__(self) -> str:
        return f"accepts, and reads {self.read}" if self.accepts else f"refuses: {self.code}"


@lru_cache(maxsize=64)
def _verifier(sender: str, secret: str) -> Verifier:
    settings: dict[str, Any] = {}
    if sender == "square":
        settings["public_url"] = URL
    if sender == "agency-os-ai-plugin":
        settings["utc_offset"] = "+02:00"
    return Verifier(sender, secret, tolerance=(timedelta(seconds=PAST), timedelta(seconds=FUTURE)), **settings)


def ours(request: Request) -> Verdict:
    """What we say."""
    try:
        verifier = _verifier(request.scheme.name, request.secret)
    except ConfigError:
        return Verdict(False, "config_error")
    try:
        delivery = verifier.verify_at(request.headers, request.body, request.now)
    except Rejection as rejection:
        return Verdict(False, rejection.code)
    return Verdict(True, read=(delivery.event_id, delivery.event_type))


class Refused(Exception):
    """What another implementation raised, or says itself."""


class Side(Protocol):
    """Another implementation."""

    def __call__(self, request: Request) -> tuple[str | None, str | None]:
        """Returns what it reads, or raises `Refused`."""
        ...


def ask(side: Side, request: Request) -> Verdict:
    """What another implementation says."""
    try:
        return Verdict(True, read=side(request))
    except Refused as refused:
        return Verdict(False, str(refused))


@contextmanager
def refusing() -> Generator[None]:
    """Around a call of a package: whatever it raises, the request is not taken."""
    try:
        yield
    except Exception as error:
        raise Refused(type(error).__name__) from error


class Stripe:
    """The package `stripe`."""

    def __init__(self) -> None:
        self.package: Any = importlib.import_module("stripe")
        self.now = 0.0
        clocked: Any = importlib.import_module("stripe._webhook")
        clocked.time = SimpleNamespace(time=lambda: self.now)

    def __call__(self, request: Request) -> tuple[str | None, str | None]:
        self.now = request.now.timestamp()
        header = request.value(request.scheme.header)
        with refusing():
            event = self.package.Webhook.construct_event(request.body, header, request.secret)
        return _text(getattr(event, "id", None)), _text(getattr(event, "type", None))


class Standard:
    """The packages `standardwebhooks` and `svix`."""

    def __init__(self, package: str) -> None:
        self.package: Any = importlib.import_module(f"{package}.webhooks")
        # The one reads the clock for the other.
        clocked: Any = importlib.import_module("standardwebhooks.webhooks")
        self.instant = datetime.now(UTC)
        side = self

        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return side.instant.astimezone(tz)

        self.clock = Clock
        self.clocked = clocked

    def __call__(self, request: Request) -> tuple[str | None, str | None]:
        self.instant = request.now
        self.clocked.datetime = self.clock
        with refusing():
            value: Any = self.package.Webhook(request.secret).verify(request.body, request.seen)
        return None, _text(cast(dict[str, object], value).get("type")) if isinstance(value, dict) else None


class Stdlib:
    """What one writes by hand from a sender's documents."""

    compare: Callable[[bytes, bytes], bool] = staticmethod(hmac.compare_digest)

    def __call__(self, request: Request) -> tuple[str | None, str | None]:
        # All that such lines raise: missing headers and members, other types, numbers out of range.
        try:
            self.verify(request)
        except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError, OSError) as error:
            raise Refused(type(error).__name__) from error
        return None, None

    def verify(self, request: Request) -> None:
        scheme = request.scheme
        if not request.secret.strip():
            raise ValueError("no secret")
        header = request.seen_as_bytes(scheme.header)
        entries = header.split(scheme.separator) if scheme.separator else [header]
        stamp = self.stamp(request, entries)
        content = scheme.content(request.body, stamp=stamp or b"")
        expected = scheme.prefix + scheme.tag(scheme.key(request.secret), content)
        if not any(self.compare(expected, entry) for entry in entries):
            raise ValueError("no such signature")
        if scheme.time:
            text = stamp.decode("latin-1") if stamp is not None else json.loads(request.body)[scheme.time.name]
            age = request.now - read_time(scheme, text)
            if not timedelta(seconds=-FUTURE) <= age <= timedelta(seconds=PAST):
                raise ValueError("not now")

    @staticmethod
    def stamp(request: Request, entries: list[bytes]) -> bytes | None:
        time = request.scheme.in_head
        if not time:
            return None
        if time.place == "header":
            return request.seen_as_bytes(time.name)
        prefix = time.name.encode()
        found = [entry.removeprefix(prefix) for entry in entries if entry.startswith(prefix)]
        return found[0]


def read_time(scheme: Scheme, text: Any) -> datetime:
    """A time as the sender writes it, read as one reads it in Python."""
    form: str = scheme.time.form if scheme.time else ""
    if form == "any":
        form = {10: "seconds", 13: "millis"}.get(len(text), "rfc3339")
    if form == "rfc3339":
        return datetime.fromisoformat(text)
    seconds = int(text) / (1000 if form == "millis" else 1) - (OFFSET if form == "site" else 0)
    return datetime.fromtimestamp(seconds, UTC)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
