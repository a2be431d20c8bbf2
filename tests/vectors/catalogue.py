#!/usr/bin/env python3
"""Makes the test vectors of the senders that ship as data: catalogue/NAME.json, one for each.

    python3 tests/vectors/catalogue.py           rewrites the files; asks the openssl command about every tag
    python3 tests/vectors/catalogue.py --check   regenerates in memory, without openssl; exit 1 if a file differs
    python3 tests/vectors/catalogue.py --peers   asks the PyPI packages of the vendors about the files of their senders

The third needs the packages; the first two need Python alone:

    python3 -m venv target/peers
    target/peers/bin/pip install -r tests/vectors/requirements.txt
    target/peers/bin/python tests/vectors/catalogue.py --peers

How the expected values come about, and why they can be trusted:

1. Every vector states its expected code by hand, beside the request that earns it.
2. Tags come from Python's `hmac`, and OpenSSL must agree when files are written. Where a vendor publishes an example
   with its signature, `DOCUMENTED` holds it, and the same functions must arrive at it in every mode.
3. `judge` reads each finished vector back from its JSON form, applies the rules on its own, and must reach the stated
   outcome. The senders are written down here a second time; catalogue.toml is not read.
4. With `--peers`, the packages accept every valid vector of stripe, standard-webhooks and svix, refuse the forged and
   the stale ones, and make the same signatures.

The form is that of make.py, with two members more: `public_url`, the receiver's own URL where the sender signs it, and
`challenge`, the text to answer with, where `expected` is `challenge`. Secrets are in the form in which the sender shows
them.
"""

import base64
import binascii
import dataclasses
import datetime
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

# A file of bytecode beside the vectors would be one more thing to look after.
sys.dont_write_bytecode = True

from make import (  # noqa: E402
    FUTURE,
    Integer,
    Refused,
    checked_tag,
    from_header,
    json_object,
    parse_rfc3339,
    python_tag,
    read_id,
    swap,
    to_header,
    write_json,
)

FOLDER = Path(__file__).resolve().parent / "catalogue"
MADE_BY = "Python hmac, cross-checked with OpenSSL, by tests/vectors/catalogue.py; never the code under test"

STRICT_PAST = 300
YEAR = 365 * 24 * 3600

# Times of the examples: 2026-05-18T12:00:00Z.
SECONDS = "1779105600"
NOON = "2026-05-18T12:00:00Z"


@dataclass(frozen=True)
class Time:
    """Where a signed time is: `place` is a header, an entry's prefix or a pointer."""

    kind: str  # header | entry | body
    place: str
    form: str  # seconds | millis | rfc3339


@dataclass(frozen=True)
class Header:
    """A header among the signed parts."""

    name: str


@dataclass(frozen=True)
class Sender:
    """The rules of one sender, and the example from which its vectors are varied."""

    name: str
    header: str
    secret: str
    body: bytes
    event_type: str | None
    event_id: str | None = None
    signed_at: str | None = NOON
    token: bool = False
    digest: str = "sha256"
    secret_form: str = "raw"
    prefix: str = ""
    encoding: str = "hex"
    separator: str | None = None
    signed: tuple = ("body",)
    time: Time | None = None
    stamp: str = SECONDS
    retry_safe: int = STRICT_PAST
    id: str | Header | None = None
    type_at: str | None = None
    unsigned_event: str | None = None
    unsigned_id: str | None = None
    challenge: tuple | None = None
    url: str | None = None


GITHUB = Sender(
    name="github",
    header="X-Hub-Signature-256",
    prefix="sha256=",
    secret="It's a Secret to Everybody",
    body=(
        b'{"action":"opened","issue":{"number":1347,"title":"Found a bug"},'
        b'"repository":{"id":1296269,"full_name":"octocat/Hello-World"},"sender":{"login":"octocat","id":1}}'
    ),
    event_type=None,
    signed_at=None,
    unsigned_event="X-GitHub-Event",
    unsigned_id="X-GitHub-Delivery",
)
STRIPE = Sender(
    name="stripe",
    header="Stripe-Signature",
    prefix="v1=",
    separator=",",
    secret="whsec_stripe_example",
    signed=("timestamp", b".", "body"),
    time=Time("entry", "t=", "seconds"),
    body=(
        b'{"id":"evt_1Example","object":"event","api_version":"2025-03-31.basil","created":1779105599,'
        b'"type":"invoice.paid","livemode":false,"data":{"object":{"id":"in_1Example","amount_paid":2500}}}'
    ),
    id="/id",
    event_id="evt_1Example",
    type_at="/type",
    event_type="invoice.paid",
)
SLACK = Sender(
    name="slack",
    header="X-Slack-Signature",
    prefix="v0=",
    secret="8f742231b10e8888abcd99yyyzzz85a5",
    signed=(b"v0:", "timestamp", b":", "body"),
    time=Time("header", "X-Slack-Request-Timestamp", "seconds"),
    retry_safe=600,
    body=(
        b'{"token":"deprecated","team_id":"T061EG9R6","api_app_id":"A0FFV41KK",'
        b'"event":{"type":"reaction_added","user":"U061F1EUR","reaction":"slightly_smiling_face",'
        b'"event_ts":"1779105599.000200"},"type":"event_callback","event_id":"Ev9UQ52YNA","event_time":1779105599}'
    ),
    id="/event_id",
    event_id="Ev9UQ52YNA",
    type_at="/event/type",
    event_type="reaction_added",
    challenge=("/challenge", "/type", "url_verification"),
)
SHOPIFY = Sender(
    name="shopify",
    header="X-Shopify-Hmac-Sha256",
    encoding="base64",
    secret="shopify_client_secret_example",
    body=(
        b'{"id":820982911946154508,"email":"jon@example.com","total_price":"254.98","currency":"USD",'
        b'"updated_at":"2026-05-18T08:00:00-04:00","line_items":[{"id":866550311766439020,"price":"199.00"}]}'
    ),
    event_type=None,
    signed_at=None,
    unsigned_event="X-Shopify-Topic",
    unsigned_id="X-Shopify-Webhook-Id",
)
STANDARD_WEBHOOKS = Sender(
    name="standard-webhooks",
    header="webhook-signature",
    prefix="v1,",
    encoding="base64",
    separator=" ",
    secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    secret_form="whsec",
    signed=(Header("webhook-id"), b".", "timestamp", b".", "body"),
    time=Time("header", "webhook-timestamp", "seconds"),
    body=(
        b'{"type":"contact.created","timestamp":"2026-05-18T11:59:59.344522Z",'
        b'"data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}'
    ),
    id=Header("webhook-id"),
    event_id="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
    type_at="/type",
    event_type="contact.created",
)
SVIX = dataclasses.replace(
    STANDARD_WEBHOOKS,
    name="svix",
    header="svix-signature",
    signed=(Header("svix-id"), b".", "timestamp", b".", "body"),
    time=Time("header", "svix-timestamp", "seconds"),
    body=(
        b'{"object":"event","type":"user.created","timestamp":1779105599344,'
        b'"data":{"id":"user_29w83sxmDNGwOuEthce5gg56FcC","first_name":"Example"}}'
    ),
    id=Header("svix-id"),
    event_type="user.created",
)
GITLAB = Sender(
    name="gitlab",
    header="X-Gitlab-Token",
    token=True,
    secret="gitlab-example-token",
    body=(
        b'{"object_kind":"push","event_name":"push","ref":"refs/heads/main","project_id":15,'
        b'"checkout_sha":"da1560886d4f094c3e6c9ef40349f7d38b5d27d7","total_commits_count":1}'
    ),
    type_at="/object_kind",
    event_type="push",
    signed_at=None,
    unsigned_id="Idempotency-Key",
)
PADDLE = Sender(
    name="paddle",
    header="Paddle-Signature",
    prefix="h1=",
    separator=";",
    secret="pdl_ntfset_01hsdn8d43dt7mezr1ef2jtbaw_hKkRiCGyyRhbFwIUuqiTBgI7gnWoV0Gr",
    signed=("timestamp", b":", "body"),
    time=Time("entry", "ts=", "seconds"),
    retry_safe=266_400,
    body=(
        b'{"event_id":"evt_01hv8x29kz0t586xy6zn1a62ny","event_type":"transaction.completed",'
        b'"occurred_at":"2026-05-18T11:59:58.123456Z","notification_id":"ntf_01hv8x2axz6rw5y0ptvds0y2tk",'
        b'"data":{"id":"txn_01hv8wptq8987qeep44cyrewp9","status":"completed"}}'
    ),
    id="/event_id",
    event_id="evt_01hv8x29kz0t586xy6zn1a62ny",
    type_at="/event_type",
    event_type="transaction.completed",
)
SQUARE = Sender(
    name="square",
    header="x-square-hmacsha256-signature",
    encoding="base64",
    secret="Ibxx_5AKakO-3qeNVR61Dw",
    url="https://example.com/webhooks/square?shop=1",
    signed=("url", "body"),
    time=Time("body", "/created_at", "rfc3339"),
    retry_safe=93_600,
    body=(
        b'{"merchant_id":"6SSW7HV8K2ST5","type":"payment.updated","event_id":"6a8f5f28-54a1-4eb0-a98a-3111513fd4fc",'
        b'"created_at":"2026-05-18T12:00:00.308Z",'
        b'"data":{"type":"payment","id":"KkAkhdMsgzn59SM8A89WgKwekxLZY","object":{}}}'
    ),
    id="/event_id",
    event_id="6a8f5f28-54a1-4eb0-a98a-3111513fd4fc",
    type_at="/type",
    event_type="payment.updated",
    signed_at="2026-05-18T12:00:00.308Z",
)
ZENDESK = Sender(
    name="zendesk",
    header="X-Zendesk-Webhook-Signature",
    encoding="base64",
    secret="dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==",
    signed=("timestamp", "body"),
    time=Time("header", "X-Zendesk-Webhook-Signature-Timestamp", "rfc3339"),
    stamp=NOON,
    retry_safe=600,
    body=(
        b'{"type":"zen:event-type:user.active_changed","account_id":12514403,'
        b'"id":"2b24ef10-19d4-4740-93cf-8f98ec4776c0","time":"2026-05-18T11:59:59Z",'
        b'"zendesk_event_version":"2022-06-20","subject":"zen:user:6596848315901",'
        b'"detail":{"id":"6596848315901","role":"end-user"},"event":{"current":false,"previous":true}}'
    ),
    id="/id",
    event_id="2b24ef10-19d4-4740-93cf-8f98ec4776c0",
    type_at="/type",
    event_type="zen:event-type:user.active_changed",
    unsigned_id="X-Zendesk-Webhook-Invocation-Id",
)
LINEAR = Sender(
    name="linear",
    header="Linear-Signature",
    secret="linear_example_secret",
    time=Time("body", "/webhookTimestamp", "millis"),
    retry_safe=28_800,
    body=(
        b'{"action":"create","data":{"id":"2174add1-f7c8-44e3-bbf3-2d60b5ea8bc9","body":"Indeed."},"type":"Comment",'
        b'"url":"https://linear.app/issue/LIN-1778/foo-bar","createdAt":"2026-05-18T11:59:58.084Z",'
        b'"organizationId":"dc844923-f9a4-40a3-825c-dea7747e57d6","webhookTimestamp":1779105600508,'
        b'"webhookId":"000042e3-d123-4980-b49f-8e140eef9329"}'
    ),
    type_at="/type",
    event_type="Comment",
    signed_at="2026-05-18T12:00:00.508Z",
    unsigned_event="Linear-Event",
    unsigned_id="Linear-Delivery",
)
INTERCOM = Sender(
    name="intercom",
    header="X-Hub-Signature",
    prefix="sha1=",
    digest="sha1",
    secret="intercom_client_secret_example",
    body=(
        b'{"type":"notification_event","app_id":"q8sn4hth","data":{"type":"notification_event_data",'
        b'"item":{"type":"conversation","id":"12345"}},"links":{},"id":"notif_01hv8x29kz",'
        b'"topic":"conversation.user.created","delivery_status":"pending","delivery_attempts":1,'
        b'"delivered_at":0,"first_sent_at":1779105600,'
        b'"created_at":1779105599,"self":null}'
    ),
    id="/id",
    event_id="notif_01hv8x29kz",
    type_at="/topic",
    event_type="conversation.user.created",
    signed_at=None,
    challenge=("/data/item/message", "/topic", "ping"),
)
TYPEFORM = Sender(
    name="typeform",
    header="Typeform-Signature",
    prefix="sha256=",
    encoding="base64",
    secret="typeform_example_secret",
    body=(
        b'{"event_id":"LtWXD3crgy","event_type":"form_response","form_response":{"form_id":"lT4Z3j",'
        b'"token":"a3a12ec67a1365927098a606107fac15","submitted_at":"2026-05-18T11:59:59Z",'
        b'"landed_at":"2026-05-18T11:50:02Z","answers":[{"type":"boolean","boolean":true}]}}'
    ),
    id="/event_id",
    event_id="LtWXD3crgy",
    type_at="/event_type",
    event_type="form_response",
    signed_at=None,
)
CALENDLY = Sender(
    name="calendly",
    header="Calendly-Webhook-Signature",
    prefix="v1=",
    separator=",",
    secret="calendly_example_signing_key",
    signed=("timestamp", b".", "body"),
    time=Time("entry", "t=", "seconds"),
    retry_safe=90_000,
    body=(
        b'{"event":"invitee.created","created_at":"2026-05-18T11:59:59.000000Z",'
        b'"created_by":"https://api.calendly.com/users/AAAA","payload":{"email":"invitee@example.com",'
        b'"status":"active","uri":"https://api.calendly.com/scheduled_events/EVENT/invitees/INVITEE"}}'
    ),
    type_at="/event",
    event_type="invitee.created",
)


def require(condition, complaint):
    if not condition:
        raise SystemExit(f"catalogue.py: {complaint}")


# ---------------------------------------------------------------- writing


def encode(tag, encoding):
    return tag.hex() if encoding == "hex" else base64.b64encode(tag).decode()


def key_of(secret, form):
    """The bytes of a key, from the text that a sender shows."""
    if form == "raw":
        return secret.encode()
    require(secret.startswith("whsec_"), f"{secret} does not begin with whsec_")
    return base64.b64decode(secret[6:], validate=True)


def rfc3339(instant):
    """Writes an instant in UTC; a fraction only where there is one, without trailing zeros."""
    seconds, nanos = divmod(int(instant * 10**9), 10**9)
    require(seconds + Fraction(nanos, 10**9) == instant, f"{instant} is finer than a nanosecond")
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    fraction = f".{nanos:09}".rstrip("0") if nanos else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def content(sender, stamp, body, event_id, url):
    """The bytes under the MAC."""
    parts = {"timestamp": lambda: stamp, "body": lambda: body, "url": lambda: url}
    written = (
        part if isinstance(part, bytes) else event_id if isinstance(part, Header) else parts[part]()
        for part in sender.signed
    )
    return b"".join(part if isinstance(part, bytes) else part.encode() for part in written)


# ---------------------------------------------------------------- the rules, applied to a finished vector


def judge(sender, vector):
    """The outcome that the rules give this vector, from its JSON form alone."""
    try:
        return receive(sender, vector)
    except Refused as refused:
        return {"expected": str(refused)}


def receive(sender, vector):
    lines = [(name.lower(), from_header(value)) for name, value in vector["headers"]]
    body = base64.b64decode(vector["body"], validate=True)
    now = parse_rfc3339(vector["at"])
    presented = only_line(lines, sender.header, "signature")
    if sender.token:
        if not presented:
            raise Refused("signature_malformed")
        if presented.decode("latin-1") not in vector["secrets"]:
            raise Refused("credentials_invalid")
        stamp = signed_id = None
    else:
        tags = read_tags(sender, presented)
        signed_id = read_signed_id(sender, lines)
        stamp = read_stamp(sender, lines, presented)
        message = content(sender, stamp, body, signed_id, (vector.get("public_url") or "").encode())
        keys = [key_of(secret, sender.secret_form) for secret in vector["secrets"]]
        if not any(python_tag(key, message, sender.digest) in tags for key in keys):
            raise Refused("signature_mismatch")

    event = json_object(body)
    if sender.challenge and point(event, sender.challenge[1]) == sender.challenge[2]:
        judge_time(sender, vector, now, read_time(sender, stamp, event))
        return {"expected": "challenge", "challenge": point(event, sender.challenge[0])}
    event_id = None if signed_id is None else signed_id.decode()
    if isinstance(sender.id, str):
        event_id = read_id(point(event, sender.id))
    event_type = point(event, sender.type_at) if sender.type_at else None
    require(event_type is None or type(event_type) is str, f"{vector['name']}: a type that is no text is left open")
    if sender.unsigned_event:
        claims = {value for name, value in lines if name == sender.unsigned_event.lower()}
        if len(claims | ({event_type.encode()} if event_type is not None else set())) > 1:
            raise Refused("event_contradicted")
    signed_at = read_time(sender, stamp, event)
    judge_time(sender, vector, now, signed_at)
    written = None if signed_at is None else rfc3339(signed_at)
    return {"expected": "valid", "event_id": event_id, "event_type": event_type, "signed_at": written}


def only_line(lines, header, what):
    values = [value for name, value in lines if name == header.lower()]
    if not values:
        raise Refused(f"{what}_missing")
    if len(values) > 1:
        raise Refused(f"{what}_repeated")
    return values[0]


def entries_of(sender, presented):
    return presented.split(sender.separator.encode()) if sender.separator else [presented]


def read_tags(sender, presented):
    begun = [entry for entry in entries_of(sender, presented) if entry.startswith(sender.prefix.encode())]
    tags = [decode_tag(sender, entry[len(sender.prefix) :]) for entry in begun[:16]]
    good = [tag for tag in tags if tag is not None]
    if not good:
        raise Refused("signature_malformed")
    require(len(good) == len(tags), f"{presented}: a malformed tag beside a good one is left open")
    return good


def decode_tag(sender, text):
    width = hashlib.new(sender.digest).digest_size
    if sender.encoding == "hex":
        found = re.fullmatch(rb"[0-9a-fA-F]{%d}" % (2 * width), text)
        return bytes.fromhex(text.decode()) if found else None
    try:
        tag = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    # Python takes stray bits after the last byte.
    return tag if len(tag) == width and base64.b64encode(tag) == text else None


def read_signed_id(sender, lines):
    if not isinstance(sender.id, Header):
        return None
    value = only_line(lines, sender.id.name, "signature")
    if b"." in value:
        raise Refused("signature_malformed")
    require(re.fullmatch(rb"[\x21-\x7e]{1,255}", value), f"{value!r}: ids that are no visible text are left open")
    return value


def read_stamp(sender, lines, presented):
    if not sender.time or sender.time.kind == "body":
        return None
    place = sender.time.place
    if sender.time.kind == "header":
        stamp = only_line(lines, place, "timestamp")
    else:
        entries = entries_of(sender, presented)
        require(len(entries) <= 16 or entries[0].startswith(place.encode()), "a late time in a long list is left open")
        stamps = [entry[len(place) :] for entry in entries if entry.startswith(place.encode())]
        if not stamps:
            raise Refused("timestamp_missing")
        if len(stamps) > 1:
            raise Refused("timestamp_repeated")
        stamp = stamps[0]
    if parse_time(sender.time.form, stamp) is None:
        raise Refused("timestamp_malformed")
    return stamp


def parse_time(form, text):
    if form == "rfc3339":
        return parse_rfc3339(text.decode("latin-1"))
    digits, scale = {"seconds": (10, 1), "millis": (13, 1000)}[form]
    return Fraction(int(text), scale) if re.fullmatch(rb"[0-9]{%d}" % digits, text) else None


def read_time(sender, stamp, event):
    if not sender.time:
        return None
    if stamp is not None:
        return parse_time(sender.time.form, stamp)
    value = point(event, sender.time.place)
    if value is None:
        raise Refused("timestamp_malformed" if has(event, sender.time.place) else "timestamp_missing")
    fitting = str if sender.time.form == "rfc3339" else Integer
    time = parse_time(sender.time.form, value.encode()) if type(value) is fitting else None
    if time is None:
        raise Refused("timestamp_malformed")
    return time


def judge_time(sender, vector, now, time):
    if time is None:
        return
    past = {"strict": STRICT_PAST, "retry-safe": sender.retry_safe}[vector["tolerance"]]
    if time < now - past:
        raise Refused("timestamp_stale")
    if time > now + FUTURE:
        raise Refused("timestamp_future")


def point(value, pointer):
    """What a pointer leads to, or None. No token here needs escapes."""
    for token in pointer[1:].split("/"):
        value = value.get(token) if isinstance(value, dict) else None
    return value


def has(event, pointer):
    parent, _, name = pointer.rpartition("/")
    return name in (point(event, parent) if parent else event)


# ---------------------------------------------------------------- building vectors


@dataclass
class Suite:
    """Collects the vectors of one sender. Whatever a case does not name stays as in the sender's example."""

    sender: Sender
    tag: object
    vectors: list = field(default_factory=list)

    def valid(self, name, **case):
        sender = self.sender
        facts = {"event_id": sender.event_id, "event_type": sender.event_type, "signed_at": sender.signed_at}
        self._add(name, "valid", {fact: case.pop(fact, usual) for fact, usual in facts.items()}, **case)

    def refused(self, name, code, **case):
        self._add(name, code, {}, **case)

    def challenged(self, name, text, **case):
        self._add(name, "challenge", {"challenge": text}, **case)

    def _add(
        self,
        name,
        expected,
        facts,
        *,
        body=None,  # as sent
        stamp=None,  # the timestamp as sent: a text, or (in a header) a list of values
        ids=None,  # the values of the signed id header as sent
        message=None,  # the bytes under the MAC, where they are not those that the request itself implies
        key=None,  # the signing key, where it is not that of the first secret
        secrets=None,
        entries=None,  # from the tag to the entries of the signature header
        lines=None,  # from the header's usual value to its lines
        extra=(),
        url="usual",
        at=None,
        age=10,
        tolerance="strict",
        known=None,
    ):
        sender = self.sender
        body = sender.body if body is None else body
        secrets = secrets or [sender.secret]
        url = sender.url if url == "usual" else url
        ids = [sender.event_id] if ids is None else ids
        stamps = stamp if isinstance(stamp, list) else [sender.stamp if stamp is None else stamp]
        headers = list(extra)
        if sender.token:
            value = sender.secret
        else:
            if message is None:
                message = content(
                    sender, (stamps or [sender.stamp])[0], body, (ids or [sender.event_id])[0], sender.url
                )
            tag = self.tag(key_of(secrets[0], sender.secret_form) if key is None else key, message, sender.digest)
            require(known in (None, encode(tag, sender.encoding)), f"{sender.name}: {name}: the known tag is {known}")
            value = self.compose(entries(tag) if entries else [self.entry(tag)], stamps)
        headers += named(sender.header, lines(value) if lines else [value])
        if sender.time and sender.time.kind == "header":
            headers += named(sender.time.place, stamps)
        if isinstance(sender.id, Header):
            headers += named(sender.id.name, ids)
        instant = parse_rfc3339(sender.signed_at or NOON)
        vector = {
            "name": name,
            "secrets": secrets,
            "headers": [[header, to_header(value)] for header, value in headers],
            "body": base64.b64encode(body).decode(),
            "at": rfc3339(instant + age if at is None else at),
            "tolerance": tolerance,
            "utc_offset": None,
            **({"public_url": url} if sender.url else {}),
            "expected": expected,
            **facts,
        }
        outcome = judge(sender, vector)
        stated = {"expected": expected, **facts}
        require(outcome == stated, f"{sender.name}: {name}: stated {stated}, but the rules give {outcome}")
        self.vectors.append(vector)

    def entry(self, tag):
        return self.sender.prefix + encode(tag, self.sender.encoding)

    def compose(self, entries, stamps):
        sender = self.sender
        if sender.time and sender.time.kind == "entry":
            entries = [sender.time.place + stamp for stamp in stamps] + entries
        require(sender.separator or len(entries) == 1, f"{sender.name} sends one signature")
        return (sender.separator or "").join(entries)

    def with_member(self, pointer, raw):
        """The example's body with another value at a pointer, or without that member. The value is a scalar."""
        body = self.sender.body
        name = re.escape(pointer.rpartition("/")[2].encode())
        for pair in re.finditer(rb'"%s":("[^"]*"|[^,{}\[\]"]+)' % name, body):
            start, end = pair.span(1)
            if point(json.loads(body[:start] + b'"\\u0000"' + body[end:]), pointer) != "\0":
                continue
            if raw is not None:
                return body[:start] + raw + body[end:]
            start = pair.start()
            return body[:start] + body[end + 1 :] if body[end : end + 1] == b"," else body[: start - 1] + body[end:]
        raise SystemExit(f"catalogue.py: {self.sender.name}: no scalar at {pointer}")


def named(header, values):
    return [value if isinstance(value, tuple) else (header, value) for value in values]


# ---------------------------------------------------------------- cases that senders share


def secret_cases(suite):
    sender = suite.sender
    key = key_of(sender.secret, sender.secret_form)
    others = ["another_secret_0001", "another_secret_0002"]
    if sender.secret_form == "whsec":
        others = ["whsec_" + base64.b64encode(f"{text}_24_b".encode()).decode() for text in others]
    other = others[0]
    suite.valid("rotation-old-secret-second", secrets=[other, sender.secret], key=key)
    suite.valid("rotation-new-secret-first", secrets=[other, sender.secret])
    suite.refused("other-secret", "signature_mismatch", key=key_of(other, sender.secret_form))
    suite.refused("none-of-two-secrets", "signature_mismatch", secrets=others, key=key)
    wrong = {"secret-with-newline": key + b"\n", "secret-hashed-first": hashlib.sha256(key).hexdigest().encode()}
    if sender.secret_form == "whsec":
        wrong["secret-as-text"] = sender.secret.encode()
        wrong["secret-as-text-without-prefix"] = sender.secret[6:].encode()
    elif sender.secret.startswith("whsec_"):
        wrong["secret-without-prefix"] = key[6:]
    for decode in (base64.b64decode, base64.urlsafe_b64decode):
        try:
            decoded = decode(key + b"=" * (-len(key) % 4))
        except binascii.Error:
            continue
        if sender.secret_form == "raw":
            wrong.setdefault("secret-decoded-from-base64", decoded)
    for name, key in wrong.items():
        suite.refused(name, "signature_mismatch", key=key)


def signature_cases(suite):
    sender = suite.sender
    prefix, digest = sender.prefix, sender.digest
    hexed = sender.encoding == "hex"
    write = suite.entry
    zeros = prefix + encode(bytes(hashlib.new(digest).digest_size), sender.encoding)

    suite.valid("header-name-lower-case", lines=lambda value: [(sender.header.lower(), value)])
    suite.valid("header-name-upper-case", lines=lambda value: [(sender.header.upper(), value)])
    suite.refused("signature-missing", "signature_missing", lines=lambda value: [])
    suite.refused("signature-under-another-name", "signature_missing", lines=lambda value: [("X-Signature", value)])
    suite.refused("signature-doubled-equal", "signature_repeated", lines=lambda value: [value, value])
    suite.refused(
        "signature-doubled-names-in-other-case",
        "signature_repeated",
        lines=lambda value: [value, (sender.header.lower(), value)],
    )
    suite.refused("signature-doubled-with-malformed", "signature_repeated", lines=lambda value: ["x", value])

    text = lambda tag: encode(tag, sender.encoding)  # noqa: E731
    url_safe = lambda tag: base64.urlsafe_b64encode(tag).decode().rstrip("=")  # noqa: E731
    malformed = {
        "signature-without-last-character": lambda tag: prefix + text(tag)[:-1],
        "signature-without-second-half": lambda tag: prefix + text(tag)[: len(text(tag)) // 2],
        "signature-one-byte-too-long": lambda tag: prefix + encode(tag + b"\0", sender.encoding),
        "signature-one-byte-too-short": lambda tag: prefix + encode(tag[:-1], sender.encoding),
        "signature-of-prefix-alone": lambda tag: prefix or "x",
        "signature-space-inside": lambda tag: f"{prefix}{text(tag)[:20]}\t{text(tag)[20:]}",
        "signature-quoted": lambda tag: f'"{prefix}{text(tag)}"',
        "signature-unpadded-url-safe": lambda tag: prefix + url_safe(tag),
        "signature-hex-of-text": lambda tag: prefix + text(tag).encode().hex(),
        "prefix-doubled": lambda tag: (prefix or "sha256=") + prefix + text(tag),
    }
    if hexed:
        suite.valid("signature-upper-case", entries=lambda tag: [prefix + tag.hex().upper()])
        malformed["signature-base64-for-hex"] = lambda tag: prefix + base64.b64encode(tag).decode()
        malformed["signature-with-0x"] = lambda tag: f"{prefix}0x{tag.hex()}"
        malformed["signature-letter-g"] = lambda tag: prefix + tag.hex()[:-1] + "g"
    else:
        malformed["signature-hex-for-base64"] = lambda tag: prefix + tag.hex()
        malformed["signature-unpadded"] = lambda tag: prefix + text(tag).rstrip("=")
        malformed["signature-stray-bits-at-the-end"] = stray_bits(prefix)
    if prefix:
        malformed["prefix-missing"] = text
        malformed["prefix-upper-case"] = lambda tag: prefix.upper() + text(tag)
        malformed["prefix-of-another-version"] = lambda tag: f"v9{prefix[-1]}{text(tag)}"
        malformed["prefix-space-after"] = lambda tag: f"{prefix}\t{text(tag)}"
    else:
        malformed["prefix-sha256-not-taken"] = lambda tag: f"sha256={text(tag)}"
    if digest == "sha256":
        sha1 = lambda tag: python_tag(b"k", tag, "sha1")  # noqa: E731
        malformed["signature-as-short-as-sha1"] = lambda tag: prefix + encode(sha1(tag), sender.encoding)
    else:
        malformed["signature-as-long-as-sha256"] = lambda tag: prefix + encode(python_tag(b"k", tag), sender.encoding)
        malformed["prefix-sha256-not-taken"] = lambda tag: f"sha256={python_tag(b'k', tag).hex()}"
    for name, form in malformed.items():
        suite.refused(name, "signature_malformed", entries=lambda tag, form=form: [form(tag)])
    suite.refused("signature-header-empty", "signature_malformed", lines=lambda value: [""])

    body = sender.body
    mismatched = {
        "tag-first-bit-flipped": lambda tag: bytes([tag[0] ^ 0x80]) + tag[1:],
        "tag-last-bit-flipped": lambda tag: tag[:-1] + bytes([tag[-1] ^ 1]),
        "tag-all-zero": lambda tag: bytes(len(tag)),
        "tag-bytes-reversed": lambda tag: tag[::-1],
        "plain-hash-for-a-tag": lambda tag: hashlib.new(digest, body).digest(),
    }
    for name, form in mismatched.items():
        suite.refused(name, "signature_mismatch", entries=lambda tag, form=form: [write(form(tag))])
    if sender.separator:
        list_cases(suite, zeros)
    else:
        suite.refused("signature-list-not-taken", "signature_malformed", lines=lambda value: [f"{zeros},{value}"])


def stray_bits(prefix):
    """A base64 text whose last digit has bits beyond the last byte."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    def write(tag):
        text = base64.b64encode(tag).decode()
        digits = text.rstrip("=")
        return prefix + digits[:-1] + alphabet[alphabet.index(digits[-1]) | 1] + text[len(digits) :]

    return write


def list_cases(suite, zeros):
    """A header that holds several entries."""
    sender, write = suite.sender, suite.entry
    mark = sender.prefix[-1]
    unknown = [
        f"v0{mark}{'0' * 64}",
        f"v2{mark}{encode(bytes(32), 'base64')}",
        f"v1a{mark}{encode(bytes(64), 'base64')}",
    ]
    suite.valid("list-good-one-first", entries=lambda tag: [write(tag), zeros])
    suite.valid("list-good-one-last", entries=lambda tag: [zeros, write(tag)])
    suite.valid("list-good-one-twice", entries=lambda tag: [write(tag), write(tag)])
    suite.valid("list-good-one-among-unknown-versions", entries=lambda tag: [unknown[0], write(tag), *unknown[1:]])
    suite.valid("list-good-one-before-unknown-versions", entries=lambda tag: [write(tag), *unknown])
    suite.valid("list-good-one-after-many", entries=lambda tag: [zeros] * 14 + [write(tag)])
    suite.refused("list-good-one-after-too-many", "signature_mismatch", entries=lambda tag: [zeros] * 16 + [write(tag)])
    suite.refused("list-of-unknown-versions", "signature_malformed", entries=lambda tag: unknown)
    suite.refused(
        "list-good-tag-under-an-unknown-version",
        "signature_malformed",
        entries=lambda tag: [f"v0{mark}{encode(tag, sender.encoding)}"],
    )
    suite.refused("list-of-wrong-tags", "signature_mismatch", entries=lambda tag: [zeros, zeros])
    wrong = {",": ";", ";": ",", " ": ","}[sender.separator]
    suite.refused(
        "list-with-another-separator",
        "signature_malformed",
        lines=lambda value: [f"{value}{wrong}{zeros}".replace(sender.separator, wrong)],
    )
    if sender.separator != " ":
        suite.refused(
            "list-with-a-space-after-the-separator",
            "signature_malformed",
            lines=lambda value: [value.replace(sender.separator, sender.separator + " ")],
        )


def body_cases(suite):
    sender, body = suite.sender, suite.sender.body
    suite.valid("body-with-white-space-around", body=b" \r\n" + body + b"\n")
    suite.valid("body-with-raw-utf-8", body=body[:-1] + ',"note":"café 東京 🔑"}'.encode())
    ordered = dict(reversed(json.loads(body).items()))
    changed = {
        "body-first-byte-flipped": bytes([body[0] ^ 1]) + body[1:],
        "body-middle-byte-flipped": body[: len(body) // 2]
        + bytes([body[len(body) // 2] ^ 1])
        + body[len(body) // 2 + 1 :],
        "body-newline-added": body + b"\n",
        "body-cut-short": body[:-1],
        "body-emptied": b"",
        "body-doubled": body + body,
        "body-re-serialised-with-spaces": json.dumps(json.loads(body)).encode(),
        "body-re-serialised-in-other-order": json.dumps(ordered, separators=(",", ":")).encode(),
    }
    if not sender.token:
        message = content(sender, sender.stamp, body, sender.event_id, sender.url)
        for name, sent in changed.items():
            require(sent != body, f"{sender.name}: {name} changes nothing")
            suite.refused(name, "signature_mismatch", body=sent, message=message)
    no_objects = {
        "body-empty": b"",
        "body-null": b"null",
        "body-array": b"[" + body + b"]",
        "body-two-objects": body + body,
        "body-trailing-garbage": body + b"x",
        "body-unfinished": body[:-1],
        "body-with-bom": b"\xef\xbb\xbf" + body,
        "body-invalid-utf-8": body[:-1] + b',"note":"\xe9"}',
        "body-form-encoded": b"payload=%7B%22action%22%3A%22opened%22%7D",
    }
    for name, sent in no_objects.items():
        suite.refused(name, "body_not_an_object", body=sent)


def window_cases(suite):
    past = suite.sender.retry_safe
    suite.valid("no-age", age=0)
    suite.valid("strict-past-edge", age=STRICT_PAST)
    suite.valid("strict-future-edge", age=-FUTURE)
    suite.valid("retry-safe-past-edge", age=past, tolerance="retry-safe")
    suite.refused("strict-stale-by-one-second", "timestamp_stale", age=STRICT_PAST + 1)
    suite.refused("strict-future-by-one-second", "timestamp_future", age=-FUTURE - 1)
    suite.refused("strict-stale-by-a-millisecond", "timestamp_stale", age=STRICT_PAST + Fraction(1, 1000))
    suite.refused("retry-safe-stale-by-one-second", "timestamp_stale", age=past + 1, tolerance="retry-safe")
    suite.refused("retry-safe-future-by-one-second", "timestamp_future", age=-FUTURE - 1, tolerance="retry-safe")
    suite.refused("strict-a-year-late", "timestamp_stale", age=YEAR)
    suite.refused("retry-safe-a-year-early", "timestamp_future", age=-YEAR, tolerance="retry-safe")
    if past > STRICT_PAST:
        suite.valid("retry-safe-late-retry", age=STRICT_PAST + 1, tolerance="retry-safe")
        suite.refused("strict-refuses-the-retry-safe-edge", "timestamp_stale", age=past)


def ageless_cases(suite):
    suite.valid("a-year-late", age=YEAR)
    suite.valid("a-year-early", age=-YEAR)
    suite.valid("a-year-late-retry-safe", age=YEAR, tolerance="retry-safe")


MALFORMED_SECONDS = {
    "empty": "",
    "nine-digits": SECONDS[:9],
    "eleven-digits": SECONDS + "0",
    "milliseconds": SECONDS + "000",
    "float": SECONDS + ".0",
    "plus": "+" + SECONDS[:9],
    "minus": "-" + SECONDS[:9],
    "exponent": "1.779106e9",
    "underscore": SECONDS[:4] + "_" + SECONDS[5:],
    "hex": f"0x{int(SECONDS):x}",
    "rfc3339": NOON,
    "full-width-digit": SECONDS[:7] + "０",
    "200-digits": "1" * 200,
}
MALFORMED_RFC3339 = {
    "empty": "",
    "seconds": SECONDS,
    "no-zone": NOON[:-1],
    "space-for-t": NOON.replace("T", " "),
    "lower-case-t": NOON.replace("T", "t"),
    "date-only": NOON[:10],
    "offset-without-colon": NOON[:-1] + "+0200",
    "month-13": NOON.replace("-05-", "-13-"),
    "hour-24": NOON.replace("T12", "T24"),
    "twice": NOON + NOON,
}


def head_time_cases(suite):
    """A time in a header of its own, or in an entry of the signature's."""
    sender, time = suite.sender, suite.sender.time
    body, stamp = sender.body, sender.stamp
    message = content(sender, stamp, body, sender.event_id, sender.url)
    later = str(int(stamp) + 1) if time.form == "seconds" else NOON.replace(":00Z", ":01Z")
    suite.refused("timestamp-changed-by-one-second", "signature_mismatch", stamp=later, message=message)
    suite.refused("timestamp-not-signed", "signature_mismatch", message=body)
    suite.refused("timestamp-missing", "timestamp_missing", stamp=[], message=message)
    suite.refused("timestamp-doubled-equal", "timestamp_repeated", stamp=[stamp, stamp])
    suite.refused("timestamp-doubled-right-first", "timestamp_repeated", stamp=[stamp, "1000000000"])
    suite.refused("timestamp-doubled-right-last", "timestamp_repeated", stamp=["1000000000", stamp])
    malformed = MALFORMED_SECONDS if time.form == "seconds" else MALFORMED_RFC3339
    for name, text in malformed.items():
        suite.refused(f"timestamp-{name}", "timestamp_malformed", stamp=text)
    if time.form == "seconds":
        far = {"ten-zeros": ("0000000000", "timestamp_stale"), "ten-nines": ("9999999999", "timestamp_future")}
    else:
        far = {
            "year-1970": ("1970-01-01T00:00:00Z", "timestamp_stale"),
            "year-9998": ("9998-12-31T23:59:59Z", "timestamp_future"),
        }
        suite.valid("timestamp-with-offset", stamp="2026-05-18T14:00:00+02:00")
        suite.valid("timestamp-with-fraction", stamp="2026-05-18T12:00:00.250Z", signed_at="2026-05-18T12:00:00.25Z")
    for name, (text, code) in far.items():
        suite.refused(f"timestamp-{name}", code, stamp=text)
        suite.refused(f"timestamp-{name}-retry-safe", code, stamp=text, tolerance="retry-safe")
    if time.kind == "header":
        suite.valid(
            "timestamp-header-name-lower-case", stamp=[stamp], lines=lambda value: [value], extra=[("X-Timestamp", "1")]
        )
    else:
        entry = time.place + stamp
        suite.valid(
            "timestamp-entry-last",
            lines=lambda value: [sender.separator.join([*value.split(sender.separator)[1:], entry])],
        )
        suite.refused(
            "timestamp-entry-upper-case",
            "timestamp_missing",
            lines=lambda value: [time.place.upper() + value[len(time.place) :]],
        )
        suite.refused("timestamp-entry-alone", "signature_malformed", lines=lambda value: [entry])
    suite.refused(
        "order-malformed-signature-and-no-timestamp",
        "signature_malformed",
        stamp=[],
        entries=lambda tag: ["x"],
        message=message,
    )
    suite.refused("order-malformed-timestamp-and-wrong-tag", "timestamp_malformed", stamp="x", key=b"another")
    suite.refused("order-malformed-timestamp-and-garbage", "timestamp_malformed", stamp="x", body=b"not json")


def body_time_cases(suite):
    sender, time = suite.sender, suite.sender.time
    quote = lambda text: f'"{text}"'.encode()  # noqa: E731
    if time.form == "rfc3339":
        malformed = {name: quote(text) for name, text in MALFORMED_RFC3339.items()} | {
            "number": SECONDS.encode(),
            "null": b"null",
        }
        far = {
            "year-1970": (quote("1970-01-01T00:00:00Z"), "timestamp_stale"),
            "year-9998": (quote("9998-12-31T23:59:59Z"), "timestamp_future"),
        }
        other = quote("2026-05-18T12:00:01.308Z")
        suite.valid("timestamp-with-offset", body=suite.with_member(time.place, quote("2026-05-18T14:00:00.308+02:00")))
        suite.valid(
            "timestamp-with-nanoseconds",
            body=suite.with_member(time.place, quote("2026-05-18T12:00:00.308000001Z")),
            signed_at="2026-05-18T12:00:00.308000001Z",
        )
    else:
        malformed = {
            "seconds": SECONDS.encode(),
            "text": quote(SECONDS + "508"),
            "float": f"{SECONDS}508.0".encode(),
            "exponent": b"1.779105600508e12",
            "fourteen-digits": f"{SECONDS}5080".encode(),
            "negative": f"-{SECONDS}508".encode(),
            "rfc3339": quote(NOON),
            "null": b"null",
            "array": f"[{SECONDS}508]".encode(),
        }
        far = {
            "smallest": (b"1000000000000", "timestamp_stale"),
            "thirteen-nines": (b"9999999999999", "timestamp_future"),
        }
        other = f"{int(SECONDS) + 1}508".encode()
    for name, raw in malformed.items():
        suite.refused(f"timestamp-{name}", "timestamp_malformed", body=suite.with_member(time.place, raw))
    for name, (raw, code) in far.items():
        suite.refused(f"timestamp-{name}", code, body=suite.with_member(time.place, raw))
        suite.refused(
            f"timestamp-{name}-retry-safe", code, body=suite.with_member(time.place, raw), tolerance="retry-safe"
        )
    suite.refused("timestamp-missing", "timestamp_missing", body=suite.with_member(time.place, None))
    message = content(sender, None, sender.body, None, sender.url)
    suite.refused(
        "timestamp-changed-by-one-second",
        "signature_mismatch",
        body=suite.with_member(time.place, other),
        message=message,
    )
    suite.refused("order-stale-and-garbage", "body_not_an_object", body=b"not json", age=YEAR)


def id_cases(suite):
    """Where the key is a member of the body."""
    sender = suite.sender
    for name, text in {"id-of-digits": "42", "id-not-ascii": "évt_東京_🔑", "id-1024-bytes": "i" * 1024}.items():
        suite.valid(
            name, body=suite.with_member(sender.id, json.dumps(text, ensure_ascii=False).encode()), event_id=text
        )
    suite.valid("id-integer", body=suite.with_member(sender.id, b"9007199254740993"), event_id="9007199254740993")
    invalid = {
        "id-missing": suite.with_member(sender.id, None),
        "id-null": suite.with_member(sender.id, b"null"),
        "id-empty": suite.with_member(sender.id, b'""'),
        "id-object": suite.with_member(sender.id, b'{"id":"1"}'),
        "id-1025-bytes": suite.with_member(sender.id, b'"' + b"i" * 1025 + b'"'),
        "id-with-newline": suite.with_member(sender.id, rb'"evt_\n1"'),
        "id-fraction": suite.with_member(sender.id, b"1.5"),
        "id-placeholder": suite.with_member(sender.id, b'"{{id}}"'),
    }
    for name, body in invalid.items():
        suite.refused(name, "event_id_invalid", body=body)
    suite.refused("order-id-missing-and-wrong-tag", "signature_mismatch", body=invalid["id-missing"], key=b"another")
    suite.refused(
        "order-id-missing-and-stale" if sender.time else "order-id-missing-and-late",
        "event_id_invalid",
        body=invalid["id-missing"],
        age=YEAR,
    )


def signed_id_cases(suite):
    """Where the key is a signed header."""
    sender = suite.sender
    header, event_id = sender.id.name, sender.event_id
    message = content(sender, sender.stamp, sender.body, event_id, None)
    suite.valid("id-of-digits", ids=["42"], event_id="42")
    suite.valid("id-with-signs", ids=["a/b:c-d_e@f"], event_id="a/b:c-d_e@f")
    suite.valid("id-header-name-upper-case", ids=[(header.upper(), event_id)], message=message)
    suite.valid("id-in-the-body-is-not-consulted", body=sender.body[:-1] + b',"id":"another"}')
    suite.refused("id-changed", "signature_mismatch", ids=[event_id + "0"], message=message)
    suite.refused("id-in-other-case", "signature_mismatch", ids=[event_id.upper()], message=message)
    suite.refused("id-missing", "signature_missing", ids=[], message=message)
    suite.refused(
        "id-missing-and-not-signed",
        "signature_missing",
        ids=[],
        message=content(sender, sender.stamp, sender.body, "", None),
    )
    suite.refused("id-under-another-name", "signature_missing", ids=[("X-Webhook-Id", event_id)], message=message)
    suite.refused("id-doubled-equal", "signature_repeated", ids=[event_id, event_id])
    suite.refused("id-doubled-right-first", "signature_repeated", ids=[event_id, "another"])
    suite.refused("id-doubled-right-last", "signature_repeated", ids=["another", event_id], message=message)
    suite.refused("id-with-the-separator", "signature_malformed", ids=["msg.1"])
    suite.refused("id-ends-in-the-separator", "signature_malformed", ids=[event_id + "."])
    # The dots can be sought at other places in the same signed bytes.
    dotted = f"msg_1.{SECONDS}.{SECONDS}.".encode() + sender.body
    suite.refused("slide-time-into-id", "signature_malformed", ids=[f"msg_1.{SECONDS}"], message=dotted)
    suite.refused(
        "slide-time-into-body",
        "body_not_an_object",
        ids=["msg_1"],
        body=f"{SECONDS}.".encode() + sender.body,
        message=dotted,
    )
    suite.refused(
        "slide-id-into-time", "timestamp_malformed", ids=["msg_1"], stamp=f"{SECONDS}.{SECONDS}", message=dotted
    )
    suite.refused("body-signed-alone", "signature_mismatch", message=sender.body)
    suite.refused("id-not-signed", "signature_mismatch", message=f"{SECONDS}.".encode() + sender.body)
    suite.refused("time-before-id", "signature_mismatch", message=f"{SECONDS}.{event_id}.".encode() + sender.body)
    suite.refused("colons-for-dots", "signature_mismatch", message=message.replace(b".", b":", 2))


def type_cases(suite):
    sender = suite.sender
    raw = suite.with_member(sender.type_at, b'"something.nobody_listed"') if sender.name != "slack" else None
    if raw:
        suite.valid("unknown-event-type", body=raw, event_type="something.nobody_listed")


def unsigned_cases(suite):
    sender = suite.sender
    if sender.unsigned_id:
        suite.valid("unsigned-id-header-is-not-consulted", extra=[(sender.unsigned_id, "another")])
        suite.valid("unsigned-id-header-twice", extra=[(sender.unsigned_id, "one"), (sender.unsigned_id, "another")])
    header = sender.unsigned_event
    if header and sender.event_type:
        suite.valid("event-header-agrees", extra=[(header, sender.event_type)])
        suite.refused("event-header-differs", "event_contradicted", extra=[(header, "Something")])
        suite.refused(
            "event-header-in-other-case", "event_contradicted", extra=[(header, sender.event_type.swapcase())]
        )
        suite.refused(
            "event-header-differs-second",
            "event_contradicted",
            extra=[(header, sender.event_type), (header, "Something")],
        )
        suite.refused(
            "order-event-header-differs-and-wrong-tag", "signature_mismatch", extra=[(header, "x")], key=b"another"
        )
        suite.refused("order-event-header-differs-and-stale", "event_contradicted", extra=[(header, "x")], age=YEAR)
    elif header:
        suite.valid("event-header-once", extra=[(header, "anything")])
        suite.valid("event-header-twice-equal", extra=[(header, "anything"), (header, "anything")])
        suite.refused(
            "event-header-twice-different", "event_contradicted", extra=[(header, "one"), (header, "another")]
        )


def order_cases(suite):
    """Two faults at once: the earlier check names the code."""
    garbage = b"not json"
    suite.refused("order-no-signature-and-garbage", "signature_missing", lines=lambda value: [], body=garbage, age=YEAR)
    suite.refused(
        "order-repeated-signature-and-garbage", "signature_repeated", lines=lambda value: [value, value], body=garbage
    )
    if suite.sender.token:
        suite.refused(
            "order-wrong-token-and-garbage", "credentials_invalid", lines=lambda value: ["another"], body=garbage
        )
        return
    suite.refused(
        "order-malformed-signature-and-garbage",
        "signature_malformed",
        entries=lambda tag: ["x"],
        body=garbage,
        age=YEAR,
    )
    suite.refused("order-wrong-tag-and-garbage", "signature_mismatch", key=b"another", body=garbage)
    suite.refused("order-wrong-tag-and-late", "signature_mismatch", key=b"another", age=YEAR)


# ---------------------------------------------------------------- cases of one sender


def github(suite):
    suite.valid("legacy-sha1-header-is-not-consulted", extra=[("X-Hub-Signature", "sha1=" + "0" * 40)])
    legacy = python_tag(GITHUB.secret.encode(), GITHUB.body, "sha1").hex()
    suite.refused(
        "legacy-sha1-header-alone", "signature_missing", lines=lambda value: [("X-Hub-Signature", f"sha1={legacy}")]
    )
    suite.refused("legacy-signature-in-the-new-header", "signature_malformed", lines=lambda value: [f"sha1={legacy}"])
    suite.refused(
        "documented-example-is-no-object", "body_not_an_object", body=b"Hello, World!", known=DOCUMENTED["github"][-1]
    )


def stripe(suite):
    body = STRIPE.body
    suite.valid(
        "thin-event",
        body=swap(
            swap(body, b'"object":"event"', b'"object":"v2.core.event"'),
            b'"created":1779105599',
            b'"created":"2026-05-18T11:59:59.000Z"',
        ),
    )
    suite.valid("test-mode-with-v0", entries=lambda tag: [suite.entry(tag), "v0=" + "6" * 64])
    suite.refused("v0-alone", "signature_malformed", entries=lambda tag: ["v0=" + tag.hex()])
    suite.refused("time-joined-with-a-colon", "signature_mismatch", message=f"{SECONDS}:".encode() + body)
    suite.refused(
        "dot-moved-into-body", "body_not_an_object", body=b"5." + body, message=f"{SECONDS}.5.".encode() + body
    )


def slack(suite):
    body = SLACK.body
    text = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    hello = f'{{"token":"deprecated","challenge":"{text}","type":"url_verification"}}'.encode()
    suite.challenged("url-verification", text, body=hello)
    suite.challenged("url-verification-with-white-space", text, body=b"\n" + hello.replace(b",", b", ") + b"\n")
    suite.challenged("url-verification-strict-past-edge", text, body=hello, age=STRICT_PAST)
    suite.refused("url-verification-unsigned", "signature_missing", body=hello, lines=lambda value: [])
    suite.refused("url-verification-wrong-tag", "signature_mismatch", body=hello, key=b"another")
    suite.refused(
        "url-verification-changed",
        "signature_mismatch",
        body=hello.replace(b"3eZ", b"4eZ"),
        message=content(SLACK, SECONDS, hello, None, None),
    )
    suite.refused("url-verification-stale", "timestamp_stale", body=hello, age=STRICT_PAST + 1)
    suite.refused("url-verification-future", "timestamp_future", body=hello, age=-FUTURE - 1)
    suite.refused(
        "url-verification-of-another-type",
        "event_id_invalid",
        body=hello.replace(b"url_verification", b"url_verificatio"),
    )
    suite.valid("challenge-in-an-event-is-not-answered", body=body[:-1] + b',"challenge":"abc"}')
    suite.valid("unknown-event-type", body=swap(body, b"reaction_added", b"nobody_listed"), event_type="nobody_listed")
    suite.valid(
        "retry-headers-are-not-consulted",
        extra=[("X-Slack-Retry-Num", "3"), ("X-Slack-Retry-Reason", "http_timeout")],
        age=300,
    )
    suite.refused(
        "rate-limit-notice-has-no-id",
        "event_id_invalid",
        body=b'{"token":"deprecated","type":"app_rate_limited","team_id":"T1","minute_rate_limited":1518467820}',
    )
    suite.refused("version-not-signed", "signature_mismatch", message=f"{SECONDS}:".encode() + body)
    suite.refused("dots-for-colons", "signature_mismatch", message=f"v0.{SECONDS}.".encode() + body)
    suite.refused(
        "colon-moved-into-body", "body_not_an_object", body=b"5:" + body, message=f"v0:{SECONDS}:5:".encode() + body
    )
    command = DOCUMENTED["slack"][2].partition(b":1531420618:")[2]
    suite.refused("slash-command-is-no-object", "body_not_an_object", body=command)


def shopify(suite):
    suite.refused("xml-is-no-object", "body_not_an_object", body=b'<?xml version="1.0"?><order><id>1</id></order>')


def standard(suite):
    sender = suite.sender
    branded = "svix" if sender is STANDARD_WEBHOOKS else "webhook"
    suite.valid("body-without-a-type", body=b'{"test": 2432232314}', event_type=None)
    suite.valid(
        "example-of-the-vendors-libraries",
        body=b'{"test": 2432232314}',
        stamp="1614265330",
        ids=["msg_p5jXN8AQM9LWM0D4loKWxJek"],
        at=1614265340,
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        event_type=None,
        signed_at="2021-02-25T15:02:10Z",
        known=DOCUMENTED["standard-webhooks"][-1],
    )
    suite.valid(
        "other-brand-of-headers-is-not-consulted",
        extra=[(f"{branded}-signature", "v1,x"), (f"{branded}-id", "x"), (f"{branded}-timestamp", "1")],
    )
    suite.refused(
        "other-brand-of-headers-alone",
        "signature_missing",
        lines=lambda value: [(f"{branded}-signature", value)],
        stamp=[(f"{branded}-timestamp", SECONDS)],
        ids=[(f"{branded}-id", sender.event_id)],
        message=content(sender, SECONDS, sender.body, sender.event_id, None),
    )
    suite.refused(
        "asymmetric-signature-alone",
        "signature_malformed",
        entries=lambda tag: ["v1a," + base64.b64encode(tag + tag).decode()],
    )
    suite.refused(
        "version-with-equals", "signature_malformed", entries=lambda tag: ["v1=" + base64.b64encode(tag).decode()]
    )


def gitlab(suite):
    token = GITLAB.secret
    suite.valid("example")
    suite.valid("header-name-lower-case", lines=lambda value: [(GITLAB.header.lower(), value)])
    suite.valid("header-name-upper-case", lines=lambda value: [(GITLAB.header.upper(), value)])
    suite.valid("rotation-old-token-second", secrets=["another-token-0001", token])
    suite.valid("rotation-new-token-first", secrets=[token, "another-token-0001"])
    suite.valid("event-header-in-words-is-not-compared", extra=[("X-Gitlab-Event", "Push Hook")])
    suite.valid("nothing-of-the-body-is-proven", body=GITLAB.body[:-1] + b',"note":"anything"}')
    wrong = {
        "token-other": "another-token-0001",
        "token-in-other-case": token.upper(),
        "token-without-last-character": token[:-1],
        "token-with-one-character-more": token + "0",
        "token-doubled": token + token,
        "token-quoted": f'"{token}"',
        "token-as-bearer": f"Bearer {token}",
        "token-as-base64": base64.b64encode(token.encode()).decode(),
        "token-as-hash": hashlib.sha256(token.encode()).hexdigest(),
        "token-as-mac": python_tag(token.encode(), GITLAB.body).hex(),
        "token-one-character": "g",
        "token-in-a-list": f"{token},{token}",
    }
    for name, value in wrong.items():
        suite.refused(name, "credentials_invalid", lines=lambda _, value=value: [value])
    suite.refused("token-of-none-of-two", "credentials_invalid", secrets=["another-token-0001", "another-token-0002"])
    suite.refused("token-empty", "signature_malformed", lines=lambda value: [""])
    suite.refused("token-missing", "signature_missing", lines=lambda value: [])
    suite.refused("token-under-another-name", "signature_missing", lines=lambda value: [("X-Token", value)])
    suite.refused(
        "token-in-authorization", "signature_missing", lines=lambda value: [("Authorization", f"Bearer {value}")]
    )
    suite.refused("token-twice-equal", "signature_repeated", lines=lambda value: [value, value])
    suite.refused("token-twice-right-first", "signature_repeated", lines=lambda value: [value, "another"])
    suite.refused("token-twice-right-last", "signature_repeated", lines=lambda value: ["another", value])
    signed = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", SECONDS),
        ("webhook-signature", "v1," + encode(bytes(32), "base64")),
    ]
    suite.refused("signing-token-for-a-secret-token", "signature_missing", lines=lambda value: [], extra=signed)


def paddle(suite):
    secret, stamp, body, made = DOCUMENTED["paddle"]
    example = body.partition(b":")[2]
    suite.valid(
        "example-of-the-vendors-sdk",
        body=example,
        stamp=stamp,
        at=1710929260,
        event_id="evt_01hsdn97563968dy0szkmgjwh3",
        event_type="price.created",
        signed_at="2024-03-20T10:07:35Z",
        known=made,
    )
    require(secret == PADDLE.secret, "the example's secret")
    suite.refused("time-joined-with-a-dot", "signature_mismatch", message=f"{SECONDS}.".encode() + PADDLE.body)
    suite.refused(
        "colon-moved-into-body",
        "body_not_an_object",
        body=b"5:" + PADDLE.body,
        message=f"{SECONDS}:5:".encode() + PADDLE.body,
    )
    suite.refused(
        "classic-signature-in-the-body", "signature_missing", body=b"alert_id=1&p_signature=x", lines=lambda value: []
    )


def square(suite):
    secret, url, signed, made = DOCUMENTED["square"]
    example = signed[len(url) :]
    suite.valid(
        "example-of-the-vendors-sdk",
        body=example,
        url=url,
        message=signed,
        at=1657744264,
        event_id="ac3ac95b-f97d-458c-a6e6-18981597e05f",
        event_type="webhooks.test_notification",
        signed_at="2022-07-13T20:30:59.037339943Z",
        known=made,
    )
    require(secret == SQUARE.secret, "the example's secret")
    own = SQUARE.url
    urls = {
        "url-with-slash-at-the-end": own + "/",
        "url-without-query": own.partition("?")[0],
        "url-with-http": own.replace("https", "http"),
        "url-with-port": own.replace(".com", ".com:443"),
        "url-host-upper-case": own.replace("example", "EXAMPLE"),
        "url-with-one-character-more": own + "0",
        "url-of-another-path": own.replace("square", "cube"),
        "url-without-scheme": own.partition("//")[2],
    }
    for name, other in urls.items():
        signed = other.encode() + SQUARE.body
        suite.refused(f"signed-{name}", "signature_mismatch", message=signed)
    suite.refused("public-url-is-another", "signature_mismatch", url="https://example.com/webhooks/square")
    suite.refused(
        "host-header-is-not-believed",
        "signature_mismatch",
        url="https://other.example/webhooks/square?shop=1",
        extra=[("Host", "example.com"), ("X-Forwarded-Host", "example.com")],
    )
    suite.refused("body-signed-alone", "signature_mismatch", message=SQUARE.body)
    suite.refused("body-before-url", "signature_mismatch", message=SQUARE.body + own.encode())
    suite.refused("separator-between-url-and-body", "signature_mismatch", message=own.encode() + b"." + SQUARE.body)
    suite.refused(
        "url-slid-into-body", "signature_mismatch", body=b"1" + SQUARE.body, message=own.encode() + SQUARE.body
    )
    suite.refused(
        "body-slid-into-url", "body_not_an_object", body=SQUARE.body[1:], message=own.encode() + SQUARE.body[1:]
    )
    legacy = base64.b64encode(python_tag(SQUARE.secret.encode(), own.encode() + SQUARE.body, "sha1")).decode()
    suite.valid("legacy-sha1-header-is-not-consulted", extra=[("x-square-signature", legacy)])
    suite.refused("legacy-sha1-header-alone", "signature_missing", lines=lambda value: [("x-square-signature", legacy)])


def zendesk(suite):
    body = ZENDESK.body
    # Nothing separates the time from the body, so their bytes can slide; the strict forms of both stop that.
    fraction = "2026-05-18T12:00:00.250Z"
    slid = fraction.encode() + body
    suite.refused("slide-zone-into-body", "timestamp_malformed", stamp=fraction[:-1], body=b"Z" + body, message=slid)
    suite.refused(
        "slide-fraction-into-body", "timestamp_malformed", stamp=fraction[:-5], body=b".250Z" + body, message=slid
    )
    suite.refused(
        "slide-brace-into-header", "timestamp_malformed", stamp=NOON + "{", body=body[1:], message=NOON.encode() + body
    )
    suite.refused(
        "slide-everything-into-body",
        "timestamp_missing",
        stamp=[],
        body=NOON.encode() + body,
        message=NOON.encode() + body,
    )
    suite.refused("slide-body-into-header", "body_not_an_object", body=b"", message=NOON.encode())
    suite.refused("slide-time-behind-the-time", "body_not_an_object", body=NOON.encode() + body)
    suite.refused("dot-between-timestamp-and-body", "signature_mismatch", message=NOON.encode() + b"." + body)
    suite.refused("body-before-timestamp", "signature_mismatch", message=body + NOON.encode())
    suite.refused("trigger-of-a-user-has-no-id", "event_id_invalid", body=b'{"ticket":"35436","status":"open"}')
    suite.refused("request-without-a-body", "body_not_an_object", body=b"", message=NOON.encode())


def linear(suite):
    body = LINEAR.body
    suite.valid(
        "event-without-data",
        body=swap(
            swap(body, b'"data":{"id":"2174add1-f7c8-44e3-bbf3-2d60b5ea8bc9","body":"Indeed."},', b""),
            b'"Comment"',
            b'"OAuthApp"',
        ),
        event_type="OAuthApp",
    )
    suite.valid("timestamp-header-is-not-consulted", extra=[("Linear-Timestamp", "1")])
    suite.refused(
        "timestamp-header-cannot-freshen",
        "timestamp_stale",
        age=YEAR,
        extra=[("Linear-Timestamp", str(int(SECONDS) * 1000 + YEAR * 1000))],
    )


def intercom(suite):
    # A recorded one: the tabs and the `null` are Intercom's.
    ping = b"""{
\t"type": "notification_event",
\t"app_id": "q8sn4hth",
\t"data": {
\t\t"type": "notification_event_data",
\t\t"item": {
\t\t\t"type": "ping",
\t\t\t"message": "something something interzen"
\t\t}
\t},
\t"links": {},
\t"id": null,
\t"topic": "ping",
\t"delivery_status": null,
\t"delivery_attempts": 1,
\t"delivered_at": 0,
\t"first_sent_at": 1513466985,
\t"created_at": 1513466985,
\t"self": null
}"""
    suite.challenged("ping", "something something interzen", body=ping)
    suite.challenged("ping-a-year-late", "something something interzen", body=ping, age=YEAR)
    suite.refused("ping-unsigned", "signature_missing", body=ping, lines=lambda value: [])
    suite.refused("ping-wrong-tag", "signature_mismatch", body=ping, key=b"another")
    suite.refused("ping-changed", "signature_mismatch", body=ping.replace(b"interzen", b"interzem"), message=ping)
    sha256 = python_tag(INTERCOM.secret.encode(), INTERCOM.body).hex()
    suite.refused(
        "signature-hmac-sha256-with-its-prefix", "signature_malformed", entries=lambda tag: [f"sha256={sha256}"]
    )
    suite.refused("signature-hmac-sha256", "signature_malformed", entries=lambda tag: [f"sha1={sha256}"])
    suite.refused(
        "signature-hmac-sha256-cut-to-size", "signature_mismatch", entries=lambda tag: [f"sha1={sha256[:40]}"]
    )
    suite.refused(
        "signature-sha256-header-alone",
        "signature_missing",
        lines=lambda value: [("X-Hub-Signature-256", f"sha256={sha256}")],
    )
    suite.valid(
        "attempts-do-not-change-the-id", body=swap(INTERCOM.body, b'"delivery_attempts":1', b'"delivery_attempts":2')
    )


def typeform(suite):
    suite.valid(
        "partial-response",
        body=swap(TYPEFORM.body, b'"form_response",', b'"form_response_partial",'),
        event_type="form_response_partial",
    )
    suite.valid("response-without-a-time", body=swap(TYPEFORM.body, b'"submitted_at":"2026-05-18T11:59:59Z",', b""))


def calendly(suite):
    body = CALENDLY.body
    suite.refused(
        "documented-header-is-of-another-body",
        "signature_mismatch",
        lines=lambda value: ["t=1492774577,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd"],
        at=1492774580,
    )
    suite.refused("time-joined-with-a-colon", "signature_mismatch", message=f"{SECONDS}:".encode() + body)
    suite.refused(
        "dot-moved-into-body", "body_not_an_object", body=b"5." + body, message=f"{SECONDS}.5.".encode() + body
    )


SUITES = [
    (GITHUB, github),
    (STRIPE, stripe),
    (SLACK, slack),
    (SHOPIFY, shopify),
    (STANDARD_WEBHOOKS, standard),
    (SVIX, standard),
    (GITLAB, gitlab),
    (PADDLE, paddle),
    (SQUARE, square),
    (ZENDESK, zendesk),
    (LINEAR, linear),
    (INTERCOM, intercom),
    (TYPEFORM, typeform),
    (CALENDLY, calendly),
]


def make_suite(sender, own_cases, tag):
    suite = Suite(sender, tag)
    if not sender.token:
        suite.valid("example")
    own_cases(suite)
    if not sender.token:
        secret_cases(suite)
        signature_cases(suite)
    body_cases(suite)
    if not sender.time:
        ageless_cases(suite)
    else:
        window_cases(suite)
        (body_time_cases if sender.time.kind == "body" else head_time_cases)(suite)
    if isinstance(sender.id, Header):
        signed_id_cases(suite)
    elif sender.id:
        id_cases(suite)
    if sender.type_at:
        type_cases(suite)
    unsigned_cases(suite)
    order_cases(suite)

    names = [vector["name"] for vector in suite.vectors]
    odd = [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)]
    require(not odd, f"{sender.name}: names not in kebab case: {odd}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    require(not repeated, f"{sender.name}: names used twice: {repeated}")
    missing = possible_codes(sender) - {vector["expected"] for vector in suite.vectors}
    require(not missing, f"{sender.name}: no vector for {sorted(missing)}")
    return {"sender": sender.name, "made_by": MADE_BY, "vectors": suite.vectors}


def possible_codes(sender):
    codes = {"valid", "signature_missing", "signature_repeated", "signature_malformed", "body_not_an_object"}
    codes |= {"credentials_invalid"} if sender.token else {"signature_mismatch"}
    codes |= (
        {"timestamp_missing", "timestamp_malformed", "timestamp_stale", "timestamp_future"} if sender.time else set()
    )
    codes |= {"timestamp_repeated"} if sender.time and sender.time.kind != "body" else set()
    codes |= {"event_id_invalid"} if isinstance(sender.id, str) else set()
    codes |= {"event_contradicted"} if sender.unsigned_event else set()
    codes |= {"challenge"} if sender.challenge else set()
    return codes


# ---------------------------------------------------------------- examples that vendors publish

SLASH_COMMAND = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
PADDLE_EXAMPLE = (
    b'{"data":{"id":"pri_01hsdn96k2hxjzsq5yerecdj9j","name":null,"status":"active",'
    b'"quantity":{"maximum":999999,"minimum":1},"tax_mode":"account_setting",'
    b'"product_id":"pro_01hsdn8qp7yydry3x1yeg6a9rv","unit_price":{"amount":"1000","currency_code":"USD"},'
    b'"custom_data":null,"description":"testing","import_meta":null,"trial_period":null,'
    b'"billing_cycle":{"interval":"month","frequency":1},"unit_price_overrides":[]},'
    b'"event_id":"evt_01hsdn97563968dy0szkmgjwh3","event_type":"price.created",'
    b'"occurred_at":"2024-03-20T10:07:35.590857Z","notification_id":"ntf_01hsdn977e920kbgzt6r6c9rqc"}'
)
SQUARE_EXAMPLE_URL = "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9"
SQUARE_EXAMPLE = (
    b'{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification",'
    b'"event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f","created_at":"2022-07-13T20:30:59.037339943Z",'
    b'"data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}'
)

# Sender -> the secret as shown, the time or the URL, the bytes under the MAC, and the signature.
DOCUMENTED = {
    # docs.github.com, "Validating webhook deliveries".
    "github": (
        "It's a Secret to Everybody",
        None,
        b"Hello, World!",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ),
    # docs.slack.dev, "Verifying requests from Slack".
    "slack": (
        "8f742231b10e8888abcd99yyyzzz85a5",
        "1531420618",
        b"v0:1531420618:" + SLASH_COMMAND,
        "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    ),
    # The tests of the libraries of Standard Webhooks and of Svix, which share it.
    "standard-webhooks": (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "1614265330",
        b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}',
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    # github.com/PaddleHQ/paddle-go-sdk, example_webhook_verifier_test.go.
    "paddle": (
        "pdl_ntfset_01hsdn8d43dt7mezr1ef2jtbaw_hKkRiCGyyRhbFwIUuqiTBgI7gnWoV0Gr",
        "1710929255",
        b"1710929255:" + PADDLE_EXAMPLE,
        "6c05ef8fa83c44d751be6d259ec955ce5638e2c54095bf128e408e2fce1589c8",
    ),
    # github.com/square/square-python-sdk, tests/integration/test_webhooks_helper.py.
    "square": (
        "Ibxx_5AKakO-3qeNVR61Dw",
        SQUARE_EXAMPLE_URL,
        SQUARE_EXAMPLE_URL.encode() + SQUARE_EXAMPLE,
        "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=",
    ),
}


def check_documented(tag):
    senders = {sender.name: sender for sender, _ in SUITES}
    for name, (secret, _, message, known) in DOCUMENTED.items():
        sender = senders[name]
        made = encode(tag(key_of(secret, sender.secret_form), message, sender.digest), sender.encoding)
        require(made == known, f"{name}: the vendor's example is signed {known}, but made was {made}")


# ---------------------------------------------------------------- the vendors' own packages


def peers():
    """Asks the packages about the files as they stand."""
    import standardwebhooks.webhooks
    import stripe as stripe_package
    import svix.webhooks

    accepted, refused, signed = ask_stripe(stripe_package.WebhookSignature)
    print(f"stripe: accepts {accepted}, refuses {refused}, makes {signed} of the same signatures")
    for name, package in (("standard-webhooks", standardwebhooks.webhooks), ("svix", svix.webhooks)):
        accepted, refused, signed = ask_standard(name, package, standardwebhooks.webhooks)
        print(f"{name}: accepts {accepted}, refuses {refused}, makes {signed} of the same signatures")


def vectors_of(name):
    return json.loads((FOLDER / f"{name}.json").read_text())["vectors"]


def request_of(vector):
    headers = {name.lower(): from_header(value).decode("latin-1") for name, value in vector["headers"]}
    return headers, base64.b64decode(vector["body"])


def ask_stripe(signature):
    accepted = refused = signed = 0
    for vector in vectors_of("stripe"):
        headers, body = request_of(vector)
        header = headers.get("stripe-signature")

        def verify(secret, header=header, body=body):
            try:
                # The package reads the real clock: the time is left to the rules.
                return signature.verify_header(body, header, secret, tolerance=None)
            except (ValueError, stripe_error()):
                return False

        passes = any(verify(secret) for secret in vector["secrets"])
        if vector["expected"] == "valid":
            # The package compares texts, so that it takes hex of lower case only.
            require(passes == (vector["name"] != "signature-upper-case"), f"stripe refuses {vector['name']}")
            stamp = next(entry[2:] for entry in header.split(",") if entry.startswith("t="))
            own = [
                signature.generate_signature_header(body.decode(), secret, int(stamp)) for secret in vector["secrets"]
            ]
            entries = {entry.partition(",")[2] for entry in own}
            require(entries & set(header.lower().split(",")), f"stripe signs {vector['name']} otherwise")
            accepted, signed = accepted + passes, signed + 1
        elif vector["expected"] in ("signature_mismatch", "signature_missing"):
            # Sixteen entries are our bound, not the package's.
            require(passes == (vector["name"] == "list-good-one-after-too-many"), f"stripe accepts {vector['name']}")
            refused += not passes
    return accepted, refused, signed


def stripe_error():
    import stripe as stripe_package

    return stripe_package.SignatureVerificationError


def ask_standard(name, package, clocked):
    accepted = refused = signed = 0
    real = clocked.datetime
    for vector in vectors_of(name):
        headers, body = request_of(vector)
        instant = datetime.datetime.fromisoformat(vector["at"].replace("Z", "+00:00"))

        class Clock(real):
            """The package's clock, at the vector's time."""

            @classmethod
            def now(cls, tz=None, instant=instant):
                return instant.astimezone(tz)

        def verify(secret, headers=headers, body=body):
            try:
                package.Webhook(secret).verify(body, headers)
            except (package.WebhookVerificationError, ValueError):
                return False
            return True

        clocked.datetime = Clock
        try:
            passes = any(verify(secret) for secret in vector["secrets"])
        finally:
            clocked.datetime = real
        if vector["expected"] == "valid":
            require(passes, f"{name} refuses {vector['name']}")
            prefix = SVIX.id.name[:-2] if name == "svix" else STANDARD_WEBHOOKS.id.name[:-2]
            at = datetime.datetime.fromtimestamp(int(headers[prefix + "timestamp"]), datetime.UTC)
            own = {
                package.Webhook(secret).sign(headers[prefix + "id"], at, body.decode()) for secret in vector["secrets"]
            }
            require(own & set(headers[prefix + "signature"].split(" ")), f"{name} signs {vector['name']} otherwise")
            accepted, signed = accepted + 1, signed + 1
        elif vector["expected"] in ("signature_mismatch", "signature_missing", "timestamp_stale"):
            ours = vector["name"] == "list-good-one-after-too-many" or "-retry-safe" in vector["name"]
            if not ours:
                # Where the other brand's headers stand, svix takes them too.
                both = name == "svix" and vector["name"] == "other-brand-of-headers-alone"
                require(passes == both, f"{name} judges {vector['name']} otherwise")
                refused += not passes
    return accepted, refused, signed


# ---------------------------------------------------------------- files


def make_files(tag):
    check_documented(tag)
    return {f"{sender.name}.json": make_suite(sender, cases, tag) for sender, cases in SUITES}


def check():
    documents = make_files(python_tag)
    differing = [f"{path.name} belongs to no sender" for path in FOLDER.glob("*") if path.name not in documents]
    for name, document in documents.items():
        path = FOLDER / name
        if not path.is_file():
            differing.append(f"{name} is missing")
        elif path.read_bytes() != write_json(document).encode():
            differing.append(f"{name} differs from what catalogue.py makes")
    require(not differing, "; ".join(differing) + ". Run `python3 tests/vectors/catalogue.py` and look at the change.")
    print("catalogue.py: every file is as made")


def write():
    FOLDER.mkdir(exist_ok=True)
    for name, document in make_files(checked_tag).items():
        (FOLDER / name).write_bytes(write_json(document).encode())
        valid = sum(vector["expected"] == "valid" for vector in document["vectors"])
        print(f"{name}: {len(document['vectors'])} vectors, {valid} of them valid")


if __name__ == "__main__":
    modes = {(): write, ("--check",): check, ("--peers",): peers}
    mode = modes.get(tuple(sys.argv[1:]))
    if mode is None:
        raise SystemExit("usage: catalogue.py [--check | --peers]")
    mode()
