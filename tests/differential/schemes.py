"""How senders sign, written down from what they document, apart from the code under test; and the signing itself."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from typing import Final, Literal

Part = Literal["timestamp", "body", "id", "url"] | bytes

URL: Final = "https://example.com/webhooks/square?shop=1"
"""What `url` stands for: configuration, which no request changes."""

OFFSET: Final = 2 * 3600
"""The seconds that a site's clock is ahead of UTC, where a sender signs local time."""


@dataclass(frozen=True)
class Time:
    """Where a signed time is: a header, an entry's prefix, or a member of the body."""

    place: Literal["header", "entry", "body"]
    name: str
    form: Literal["seconds", "millis", "rfc3339", "any", "site"]


@dataclass(frozen=True)
class Scheme:
    """The rules of one sender."""

    name: str
    header: str
    secret: str
    prefix: bytes = b""
    base64: bool = False
    separator: bytes | None = None
    signed: tuple[Part, ...] = ("body",)
    digest: str = "sha256"
    time: Time | None = None
    id_header: str | None = None
    id: str | None = None
    type: tuple[str, ...] | None = None
    event_header: str | None = None
    whsec: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every header that must be there once."""
        stamp = self.time.name if self.time and self.time.place == "header" else None
        return tuple(name for name in (self.header, self.id_header, stamp) if name)

    @property
    def in_head(self) -> Time | None:
        """The signed time, where it is outside the body."""
        return self.time if self.time and self.time.place != "body" else None

    def key(self, secret: str) -> bytes:
        """The key of a secret of the usual form."""
        return base64.b64decode(secret.removeprefix("whsec_")) if self.whsec else secret.encode()

    def content(self, body: bytes, *, stamp: bytes = b"", id: bytes = b"") -> bytes:
        """The bytes under the MAC."""
        parts = {"timestamp": stamp, "body": body, "id": id, "url": URL.encode()}
        return b"".join(part if isinstance(part, bytes) else parts[part] for part in self.signed)

    def tag(self, key: bytes, content: bytes) -> bytes:
        """The MAC as the sender writes it, without its prefix."""
        raw = hmac.digest(key, content, self.digest)
        return base64.b64encode(raw) if self.base64 else raw.hex().encode()


def _standard(name: str, brand: str) -> Scheme:
    return Scheme(
        name=name,
        header=f"{brand}-signature",
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        prefix=b"v1,",
        base64=True,
        separator=b" ",
        signed=("id", b".", "timestamp", b".", "body"),
        time=Time("header", f"{brand}-timestamp", "seconds"),
        id_header=f"{brand}-id",
        type=("type",),
        whsec=True,
    )


STRIPE: Final = Scheme(
    name="stripe",
    header="Stripe-Signature",
    secret="whsec_of_the_differential_run",
    prefix=b"v1=",
    separator=b",",
    signed=("timestamp", b".", "body"),
    time=Time("entry", "t=", "seconds"),
    id="id",
    type=("type",),
)
STANDARD: Final = _standard("standard-webhooks", "webhook")
SVIX: Final = _standard("svix", "svix")

_SECRET: Final = "a_secret_of_the_differential_run"

PLAIN: Final = (
    Scheme(
        name="agency-os-ai",
        header="X-AOSAI-Signature",
        secret=_SECRET,
        prefix=b"sha256=",
        signed=("timestamp", "body"),
        time=Time("header", "X-AOSAI-Timestamp", "any"),
        type=("event",),
        event_header="X-AOSAI-Event",
    ),
    Scheme(
        name="agency-os-ai-plugin",
        header="X-AOSAI-Signature",
        secret=_SECRET,
        prefix=b"sha256=",
        time=Time("body", "timestamp", "site"),
        type=("event",),
        event_header="X-AOSAI-Event",
    ),
    Scheme(
        name="agiled",
        header="X-Agiled-Webhook-Signature",
        secret=_SECRET,
        signed=("timestamp", b".", "body"),
        time=Time("header", "X-Agiled-Webhook-Timestamp", "any"),
        id="id",
        type=("event",),
        event_header="X-Agiled-Webhook-Event",
    ),
    Scheme(
        name="handl",
        header="X-HanDl-Signature",
        secret=_SECRET,
        time=Time("body", "created_at", "rfc3339"),
        id="id",
        type=("type",),
    ),
    Scheme(
        name="angage",
        header="X-Angage-Signature",
        secret=_SECRET,
        prefix=b"sha256=",
        time=Time("body", "timestamp", "rfc3339"),
        type=("event",),
    ),
    Scheme(
        name="angage-marketplace",
        header="X-Webhook-Signature",
        secret=_SECRET,
        prefix=b"sha256=",
        time=Time("body", "timestamp", "rfc3339"),
        type=("event",),
    ),
    Scheme(
        name="github",
        header="X-Hub-Signature-256",
        secret=_SECRET,
        prefix=b"sha256=",
        event_header="X-GitHub-Event",
    ),
    Scheme(
        name="slack",
        header="X-Slack-Signature",
        secret=_SECRET,
        prefix=b"v0=",
        signed=(b"v0:", "timestamp", b":", "body"),
        time=Time("header", "X-Slack-Request-Timestamp", "seconds"),
        id="event_id",
        type=("event", "type"),
    ),
    Scheme(name="shopify", header="X-Shopify-Hmac-Sha256", secret=_SECRET, base64=True, event_header="X-Shopify-Topic"),
    Scheme(
        name="paddle",
        header="Paddle-Signature",
        secret=_SECRET,
        prefix=b"h1=",
        separator=b";",
        signed=("timestamp", b":", "body"),
        time=Time("entry", "ts=", "seconds"),
        id="event_id",
        type=("event_type",),
    ),
    Scheme(
        name="square",
        header="x-square-hmacsha256-signature",
        secret=_SECRET,
        base64=True,
        signed=("url", "body"),
        time=Time("body", "created_at", "rfc3339"),
        id="event_id",
        type=("type",),
    ),
    Scheme(
        name="zendesk",
        header="X-Zendesk-Webhook-Signature",
        secret=_SECRET,
        base64=True,
        signed=("timestamp", "body"),
        time=Time("header", "X-Zendesk-Webhook-Signature-Timestamp", "rfc3339"),
        id="id",
        type=("type",),
    ),
    Scheme(
        name="linear",
        header="Linear-Signature",
        secret=_SECRET,
        time=Time("body", "webhookTimestamp", "millis"),
        type=("type",),
        event_header="Linear-Event",
    ),
    Scheme(
        name="intercom",
        header="X-Hub-Signature",
        secret=_SECRET,
        prefix=b"sha1=",
        digest="sha1",
        id="id",
        type=("topic",),
    ),
    Scheme(
        name="typeform",
        header="Typeform-Signature",
        secret=_SECRET,
        prefix=b"sha256=",
        base64=True,
        id="event_id",
        type=("event_type",),
    ),
    Scheme(
        name="calendly",
        header="Calendly-Webhook-Signature",
        secret=_SECRET,
        prefix=b"v1=",
        separator=b",",
        signed=("timestamp", b".", "body"),
        time=Time("entry", "t=", "seconds"),
        type=("event",),
    ),
)
"""Senders without a package of their own: their documents show a few lines of the standard library."""
