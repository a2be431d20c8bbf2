"""What a request looks like to others: read from it alone, without asking anybody."""

from __future__ import annotations

import base64
import hmac
import json
import math
import re
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from request import Request
from sides import read_time

MOST_ENTRIES = 16

FORMS = {
    "seconds": rb"[0-9]{10}",
    "site": rb"[0-9]{10}",
    "millis": rb"[0-9]{13}",
    "rfc3339": rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,18})?(Z|[+-][0-9]{2}:[0-9]{2})",
}
FORMS["any"] = b"|".join([FORMS["seconds"], FORMS["millis"], FORMS["rfc3339"]])


class Number(str):
    """A number of the body, as its text."""


class Pairs(list[tuple[str, Any]]):
    """An object of the body, with every member that it has."""


def _constant(text: str) -> Any:
    raise ValueError(text)


class Looks:
    """Views of one request."""

    def __init__(self, request: Request, peer: str) -> None:
        self.request = request
        self.peer = peer
        self.scheme = request.scheme

    @cached_property
    def header(self) -> bytes:
        """The signature header as the other side sees it."""
        return (self.value(self.scheme.header) or "").encode("latin-1")

    def value(self, name: str) -> str | None:
        """A header as the other side sees it."""
        value = self.request.value(name)
        if value is None and self.peer == "svix":
            return self.request.value(name.replace("svix-", "webhook-"))
        return value

    @cached_property
    def entries(self) -> list[bytes]:
        return self.header.split(self.scheme.separator) if self.scheme.separator else [self.header]

    @cached_property
    def stamps(self) -> list[bytes]:
        """The times in the head."""
        time = self.scheme.in_head
        if not time:
            return []
        if time.place == "header":
            value = self.value(time.name)
            return [] if value is None else [value.encode("latin-1")]
        prefix = time.name.encode()
        return [entry.removeprefix(prefix) for entry in self.entries if entry.startswith(prefix)]

    @property
    def is_strict_time(self) -> bool:
        """Whether the time that counts is of the sender's form, to the letter."""
        assert self.scheme.time
        form = self.scheme.time.form
        if self.scheme.in_head:
            return bool(self.stamps) and re.fullmatch(FORMS[form], self.stamps[0]) is not None
        value = self.member(self.scheme.time.name)
        return isinstance(value, Number) == (form != "rfc3339") and bool(re.fullmatch(FORMS[form], _bytes(value)))

    @cached_property
    def time(self) -> float | None:
        """The time in the head, as the other side reads it, in seconds since 1970."""
        if not self.stamps:
            return None
        text = self.stamps[0].decode("latin-1")
        try:
            match self.peer:
                case "stripe":
                    return int(text.split("=")[0])
                case "standardwebhooks" | "svix":
                    return datetime.fromtimestamp(float(text), UTC).timestamp()
                case _:
                    return read_time(self.scheme, text).timestamp()
        except (ValueError, OverflowError, OSError):
            return None

    @property
    def ahead(self) -> float:
        """How far ahead of us the time in the head lies, in seconds."""
        return -math.inf if self.time is None else self.time - self.request.now.timestamp()

    @cached_property
    def raw_tag(self) -> bytes:
        """The MAC that the other side expects."""
        stamp = self.stamps[0] if self.stamps else b""
        if self.peer != "stdlib" and self.time is not None:
            # They sign what they have read.
            stamp = b"%d" % math.floor(self.time)
        name = self.scheme.id_header
        id = (self.value(name) or "").encode() if name else b""
        return hmac.digest(self.key, self.scheme.content(self.request.body, stamp=stamp, id=id), self.scheme.digest)

    @cached_property
    def key(self) -> bytes:
        secret = self.request.secret
        if self.scheme.whsec:
            return base64.b64decode(secret.removeprefix("whsec_") + "==")
        return secret.encode()

    @cached_property
    def tag(self) -> bytes:
        """The entry that the sender would write."""
        text = base64.b64encode(self.raw_tag) if self.scheme.base64 else self.raw_tag.hex().encode()
        return self.scheme.prefix + text

    def is_good(self, entry: bytes) -> bool:
        """Whether the other side takes this entry."""
        match self.peer:
            case "stripe":
                return entry == self.tag or entry.startswith(self.tag + b"=")
            case "standardwebhooks" | "svix":
                form = entry.count(b",") == 1 and entry.startswith(self.scheme.prefix)
                return form and forgiving(entry) == self.raw_tag
            case _:
                return entry == self.tag

    @property
    def has_strict_tag(self) -> bool:
        """Whether we take one of the entries."""
        return self.tag in self.entries[:MOST_ENTRIES]

    @property
    def ahead_of_the_tag(self) -> list[bytes]:
        """The entries before the good one."""
        return self.entries[: self.entries.index(self.tag)] if self.tag in self.entries else []

    @cached_property
    def json(self) -> Any:
        """The body as the strictest reader has it; an exception where it has none."""
        try:
            # Nesting that Python cannot read says nothing about the members beside it.
            flat = re.sub(rb"\[{999,}", b"[", re.sub(rb"\]{999,}", b"]", self.request.body))
            return json.loads(
                flat.decode(), object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=_constant
            )
        except ValueError as error:
            return error

    def members(self, name: str) -> list[Any]:
        """Every member of that name."""
        return [value for key, value in self.json if key == name] if isinstance(self.json, Pairs) else []

    def member(self, name: str) -> Any:
        """The member of that name, where there is one alone."""
        found = self.members(name)
        return found[0] if len(found) == 1 else None

    @property
    def event_type(self) -> str | None:
        """The type in the body."""
        value: Any = self.json
        for name in self.scheme.type or ():
            found = [inner for key, inner in value if key == name] if isinstance(value, Pairs) else []
            value = found[0] if len(found) == 1 else None
        return value if type(value) is str else None


def forgiving(entry: bytes) -> bytes | None:
    """The bytes of an entry of Standard Webhooks, read as Python reads base64."""
    try:
        return base64.b64decode(entry.partition(b",")[2].decode("ascii"))
    except ValueError:
        return None


def _bytes(value: object) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b""
