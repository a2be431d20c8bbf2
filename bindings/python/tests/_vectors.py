"""The requests of `tests/vectors`, which Rust and Python read alike."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import counterfoil
from counterfoil import Verifier

FOLDER = Path(__file__).parents[3] / "tests" / "vectors"

BUILT_IN = ("agency-os-ai", "agency-os-ai-plugin", "agiled", "angage", "angage-marketplace", "handl")
"""The built-in senders whose signature is checked here. The first vector of each is a plain valid request."""


@dataclass(frozen=True)
class Vector:
    """One request and the outcome that the rules give it."""

    sender: str
    name: str
    secrets: tuple[str, ...]
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    at: datetime
    tolerance: str
    utc_offset: str | None
    expected: str
    event_id: str | None
    event_type: str | None
    signed_at: datetime | None
    public_url: str | None
    challenge: str | None

    @property
    def is_valid(self) -> bool:
        return self.expected == "valid"

    @property
    def text_headers(self) -> list[tuple[str, str]]:
        """The headers as a server decodes them."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers]

    @property
    def settings(self) -> dict[str, Any]:
        """What a verifier or receiver of this vector is told besides its sender."""
        settings: dict[str, Any] = {
            "secret": list(self.secrets),
            "tolerance": self.tolerance.replace("-", "_"),
            "public_url": self.public_url,
        }
        return settings if self.utc_offset is None else settings | {"utc_offset": self.utc_offset}

    def verifier(self, **changed: Any) -> Verifier:
        """A verifier with this vector's settings."""
        return Verifier(self.sender, **(self.settings | changed))


def files() -> list[Path]:
    """Every file of vectors of a sender."""
    found = [*sorted(FOLDER.glob("*.json")), *sorted((FOLDER / "catalogue").glob("*.json"))]
    return [path for path in found if path.name != "rfc4231.json"]


def read(path: Path) -> list[Vector]:
    """Every vector of a file."""
    file = json.loads(path.read_bytes())
    return [_vector(file["sender"], **vector) for vector in file["vectors"]]


def first(sender: str) -> Vector:
    """The plain valid request of a sender."""
    [path] = [path for path in files() if path.stem == sender]
    return next(vector for vector in read(path) if vector.is_valid)


def signable() -> list[str]:
    """Every sender whose deliveries can be signed here."""
    return [name for name in counterfoil.senders() if name != "agencyhandy"]


def _vector(
    sender: str,
    *,
    secrets: list[str],
    headers: list[tuple[str, str | dict[str, str]]],
    body: str,
    at: str,
    signed_at: str | None = None,
    event_id: str | None = None,
    event_type: str | None = None,
    public_url: str | None = None,
    challenge: str | None = None,
    **rest: Any,
) -> Vector:
    def value(text: str | dict[str, str]) -> bytes:
        return text.encode("ascii") if isinstance(text, str) else b64decode(text["base64"])

    return Vector(
        sender=sender,
        secrets=tuple(secrets),
        headers=tuple((name.encode("ascii"), value(text)) for name, text in headers),
        body=b64decode(body),
        at=datetime.fromisoformat(at),
        signed_at=datetime.fromisoformat(signed_at) if signed_at else None,
        event_id=event_id,
        event_type=event_type,
        public_url=public_url,
        challenge=challenge,
        **rest,
    )
