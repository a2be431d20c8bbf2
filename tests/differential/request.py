"""One request, as both sides are asked about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from schemes import Scheme

Joins = Literal["first", "last", "joined"]


@dataclass(frozen=True)
class Request:
    """What arrives, and the settings that it is judged by."""

    scheme: Scheme
    secret: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    now: datetime
    joins: Joins
    """What a framework makes of a header that came twice, before a package that takes one text sees it."""
    story: tuple[str, ...]
    """What was done to it."""

    def values(self, name: str) -> list[bytes]:
        """Every value of a header, in the order in which they came."""
        wanted = name.lower().encode()
        return [value for key, value in self.headers if key.lower() == wanted]

    @cached_property
    def seen(self) -> dict[str, str]:
        """The headers as a framework shows them: text, by the name that came first, one value each."""
        seen: dict[str, tuple[str, list[str]]] = {}
        for name, value in self.headers:
            text = name.decode("latin-1")
            seen.setdefault(text.lower(), (text, []))[1].append(value.decode("latin-1"))
        return {name: self.one_of(values) for name, values in seen.values()}

    def one_of(self, values: list[str]) -> str:
        match self.joins:
            case "first":
                return values[0]
            case "last":
                return values[-1]
            case "joined":
                return ",".join(values)

    def value(self, name: str) -> str | None:
        """One header as a framework shows it."""
        return next((value for key, value in self.seen.items() if key.lower() == name.lower()), None)

    def seen_as_bytes(self, name: str) -> bytes:
        """The same, as it came. Raises where it did not."""
        value = self.value(name)
        if value is None:
            raise KeyError(name)
        return value.encode("latin-1")

    def shown(self, most: int) -> str:
        """Everything about it, with so many bytes of the body at most."""
        lines = [
            f"sender   {self.scheme.name}",
            f"story    {', '.join(self.story) or 'nothing was done to it'}",
            f"secret   {self.secret!r}",
            f"now      {self.now.isoformat()}",
            f"joins    {self.joins}",
            *(f"header   {name!r}: {value!r}" for name, value in self.headers),
            f"body     {len(self.body)} bytes: {self.body[:most]!r}",
            f"in hex   {self.body[:most].hex()}",
        ]
        return "\n".join(lines)
