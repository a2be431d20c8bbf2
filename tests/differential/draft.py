"""A request in the making: valid, unless something is done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

import bodies
from request import Joins, Request
from schemes import Scheme

NOON = datetime(2026, 5, 18, 12, tzinfo=UTC)

FIRST = 0.25
"""Of the cases, those with nothing done to them but to their body."""

AGES = (0, 1, 59, 60, 61, 298, 299, 300, 301, 302, -1, -58, -59, -60, -61, -62, -298, -299, -300, -301)
"""Around every bound that one of them has."""

Stage = Literal["secret", "time", "signed", "tag", "entries", "headers", "body"]
STAGES: tuple[Stage, ...] = ("secret", "time", "signed", "tag", "entries", "headers", "body")


@dataclass
class Draft:
    """What a request is made of, as far as it is made."""

    scheme: Scheme
    rng: Random
    now: datetime
    at: datetime
    secret: str
    key: bytes
    body: bytes = b""
    id: bytes = b""
    id_signed: bytes = b""
    stamp: bytes = b""
    stamp_signed: bytes = b""
    entry: bytes = b""
    before: list[bytes] = field(default_factory=list[bytes])
    after: list[bytes] = field(default_factory=list[bytes])
    headers: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    story: list[str] = field(default_factory=list[str])

    def write_time(self) -> None:
        """The time in the head, as the sender writes it."""
        if self.scheme.in_head:
            self.stamp = bodies.written(self.scheme, self.at, self.rng).strip('"').encode()
        self.stamp_signed = self.stamp

    def write_body(self) -> None:
        if self.rng.random() < 0.3:
            kind, self.body = bodies.odd(self.scheme, self.at, self.rng)
            self.story.append(f"body: {kind}")
        else:
            self.body = bodies.ordinary(self.scheme, self.at, self.rng)

    def sign(self) -> None:
        content = self.scheme.content(self.body, stamp=self.stamp_signed, id=self.id_signed)
        self.entry = self.scheme.prefix + self.scheme.tag(self.key, content)

    def assemble(self) -> None:
        """The headers, the signature's own with its entries."""
        scheme, time = self.scheme, self.scheme.in_head
        entries = [*self.before, self.entry, *self.after]
        if time and time.place == "entry":
            place = 0 if self.rng.random() < 0.8 else self.rng.randrange(len(entries) + 1)
            entries.insert(place, time.name.encode() + self.stamp)
        value = (scheme.separator or b"").join(entries)
        self.headers = [(scheme.header.encode(), value)]
        if time and time.place == "header":
            self.headers.append((time.name.encode(), self.stamp))
        if scheme.id_header:
            self.headers.append((scheme.id_header.encode(), self.id))
        self.rng.shuffle(self.headers)


@dataclass(frozen=True)
class Mutation:
    """Something that is done to a request at one stage of its making."""

    stage: Stage
    name: str
    change: Callable[[Draft], str | None]
    """Says what it did, where there is a choice."""
    applies: Callable[[Scheme], bool]


def make(scheme: Scheme, rng: Random, mutations: list[Mutation]) -> Request:
    """One random request."""
    now = NOON + timedelta(seconds=rng.randrange(10**6), microseconds=125_000 * rng.randrange(8))
    age = rng.choice(AGES) if rng.random() < 0.5 else rng.randrange(-50, 290)
    at = now - timedelta(seconds=age)
    if not (scheme.time and scheme.time.place == "body" and rng.random() < 0.3):
        at = at.replace(microsecond=0)
    draft = Draft(scheme, rng, now, at, scheme.secret, scheme.key(scheme.secret))
    draft.id = draft.id_signed = b"msg_%d" % rng.randrange(10**6) if scheme.id_header else b""
    chosen = choose(scheme, rng, mutations)
    for stage in STAGES:
        prepare(draft, stage)
        for mutation in (mutation for mutation in chosen if mutation.stage == stage):
            said = mutation.change(draft)
            draft.story.append(f"{mutation.name}: {said}" if said else mutation.name)
    joins: Joins = rng.choice(["first", "last", "joined"])
    return Request(scheme, draft.secret, tuple(draft.headers), draft.body, now, joins, tuple(draft.story))


def choose(scheme: Scheme, rng: Random, mutations: list[Mutation]) -> list[Mutation]:
    if rng.random() < FIRST:
        return []
    fit = [mutation for mutation in mutations if mutation.applies(scheme)]
    chosen = rng.sample(fit, rng.choice([1, 1, 1, 1, 2, 2, 3]))
    # What changes a secret or a tag expects a whole one.
    once: dict[Stage, Mutation] = {
        mutation.stage: mutation for mutation in chosen if mutation.stage in ("secret", "tag")
    }
    return [mutation for mutation in chosen if once.get(mutation.stage, mutation) is mutation]


def prepare(draft: Draft, stage: Stage) -> None:
    """What every request has by then."""
    match stage:
        case "time":
            draft.write_time()
            draft.write_body()
        case "tag":
            draft.sign()
        case "headers":
            draft.assemble()
        case _:
            pass
