#!/usr/bin/env python3
"""Makes the test vectors beside this file: one JSON file per sender, and rfc4231.json.

    python3 tests/vectors/make.py           rewrites the files; asks the openssl command about every tag
    python3 tests/vectors/make.py --check   regenerates in memory, without openssl; exit 1 if a file differs

How the expected values come about, and why they can be trusted:

1. Every vector below states its expected code by hand, beside the request that earns it.
2. Tags come from Python's `hmac`. When files are written, OpenSSL computes each tag again and must agree.
   Tags of the main examples are written out here as well (`known`), and so are those of RFC 4231.
3. `judge` reads each finished vector back from its JSON form, applies the rules on its own, and must reach
   the stated outcome. It also refuses vectors about matters that the rules leave open.

Nothing here calls the code under test, reads a clock or draws a random number.

Reading a vector: `headers` are name-value pairs in the order sent, a value that is not ASCII stands as
{"base64": ...}; `body` is base64; `at` is the receiver's clock. `event_id`, `event_type` and `signed_at` stand on
valid vectors only. An integer id is given by its digits. `signed_at` is an instant: compare it as one.
"""

import base64
import datetime
import hashlib
import hmac
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
MADE_BY = "Python hmac, cross-checked with OpenSSL, by tests/vectors/make.py; never the code under test"

FUTURE = 60
STRICT_PAST = 300
HOUR = 3600


@dataclass(frozen=True)
class Sender:
    """The rules of one sender, and the example from which its vectors are varied."""

    name: str
    signature_header: str
    secret: str
    body: bytes
    event_type: str
    signed_at: str
    retry_safe_past: int
    prefix: str = ""
    type_member: str = "event"
    id_member: str | None = None
    event_id: str | None = None
    event_header: str | None = None
    time_header: str | None = None
    timestamp: str = ""
    separator: bytes = b""
    time_member: str | None = None
    site_clock: bool = False
    last_retry: int | None = None


AOSAI_SECRET = "abcdefghijklmnopqrstuvwxyz012345"
AOSAI_BODY = (
    rb'{"event":"task.updated","timestamp":1774958400,'
    rb'"data":{"id":"7","estimated_hours":"2.50","note":"caf\u00e9 https:\/\/example.com\/"}}'
)

AGENCY_OS_AI = Sender(
    name="agency-os-ai",
    signature_header="X-AOSAI-Signature",
    prefix="sha256=",
    time_header="X-AOSAI-Timestamp",
    timestamp="1774958400",
    event_header="X-AOSAI-Event",
    secret=AOSAI_SECRET,
    body=AOSAI_BODY,
    event_type="task.updated",
    signed_at="2026-03-31T12:00:00Z",
    retry_safe_past=300,
)
AGENCY_OS_AI_PLUGIN = Sender(
    name="agency-os-ai-plugin",
    signature_header="X-AOSAI-Signature",
    prefix="sha256=",
    time_member="timestamp",
    site_clock=True,
    event_header="X-AOSAI-Event",
    secret=AOSAI_SECRET,
    body=AOSAI_BODY,
    event_type="task.updated",
    signed_at="2026-03-31T10:00:00Z",
    retry_safe_past=300,
)
AGILED = Sender(
    name="agiled",
    signature_header="X-Agiled-Webhook-Signature",
    time_header="X-Agiled-Webhook-Timestamp",
    timestamp="1779105600",
    separator=b".",
    event_header="X-Agiled-Webhook-Event",
    secret="agiled_secret_example",
    body=(
        b'{"id":"evt_0001","event":"invoice.paid","organization_id":"org_1",'
        b'"occurred_at":"2026-05-18T12:00:00.000Z","data":{"id":"inv_1"}}'
    ),
    id_member="id",
    event_id="evt_0001",
    event_type="invoice.paid",
    signed_at="2026-05-18T12:00:00Z",
    retry_safe_past=7200,
    last_retry=6660,
)
HANDL = Sender(
    name="handl",
    signature_header="X-HanDl-Signature",
    secret="whsec_example",
    body=(
        b'{"id":"evt_abc123","object":"event","type":"order.created","created_at":"2025-06-15T14:30:00Z",'
        b'"data":{"id":"ord_1042","object":"order","status":"pending","total":850000,"currency":"NGN"}}'
    ),
    id_member="id",
    event_id="evt_abc123",
    type_member="type",
    event_type="order.created",
    time_member="created_at",
    signed_at="2025-06-15T14:30:00Z",
    retry_safe_past=97200,
    last_retry=95730,
)
ANGAGE = Sender(
    name="angage",
    signature_header="X-Angage-Signature",
    prefix="sha256=",
    secret="whsec_example",
    body=(
        b'{"event":"order.created","timestamp":"2026-01-22T15:30:00Z",'
        b'"data":{"order_id":"ord_abc123","order_number":"SO-2026-0892"}}'
    ),
    event_type="order.created",
    time_member="timestamp",
    signed_at="2026-01-22T15:30:00Z",
    retry_safe_past=54000,
    last_retry=52560,
)
ANGAGE_MARKETPLACE = Sender(
    name="angage-marketplace",
    signature_header="X-Webhook-Signature",
    prefix="sha256=",
    secret="shared_secret_example",
    body=(
        b'{"event":"app.installed","tenant_id":"tenant-abc-123","extension_slug":"your-extension",'
        b'"timestamp":"2026-04-07T10:00:00Z","data":{}}'
    ),
    event_type="app.installed",
    time_member="timestamp",
    signed_at="2026-04-07T10:00:00Z",
    retry_safe_past=54000,
)


# ---------------------------------------------------------------- tags


def python_tag(key, message, digest="sha256"):
    return hmac.digest(key, message, digest)


def checked_tag(key, message, digest="sha256"):
    """The same tag, after OpenSSL has computed it too."""
    tag = python_tag(key, message, digest)
    command = ["openssl", "dgst", f"-{digest}", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary"]
    other = subprocess.run(command, input=message, stdout=subprocess.PIPE, check=True).stdout
    require(other == tag, f"OpenSSL gives {other.hex()} where Python gives {tag.hex()}")
    return tag


def require(condition, complaint):
    if not condition:
        raise SystemExit(f"make.py: {complaint}")


# ---------------------------------------------------------------- time


def parse_rfc3339(text):
    """Seconds since 1970 as an exact fraction, or None. Integer arithmetic: year 0000 and 9999 are in reach."""
    found = re.fullmatch(
        r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", text, re.ASCII
    )
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, offset_hour, offset_minute = found.groups()[6:]
    require(second != 60, f"{text}: leap seconds are left open by the rules")
    offset = int(offset_hour or 0) * 60 + int(offset_minute or 0)
    if hour > 23 or minute > 59 or second > 59 or int(offset_hour or 0) > 23 or int(offset_minute or 0) > 59:
        return None
    try:
        # Four hundred years repeat exactly, so any year has a twin that `date` can hold.
        days = datetime.date(year % 400 + 400, month, day).toordinal() + (year // 400 - 1) * 146_097
    except ValueError:
        return None
    days -= datetime.date(1970, 1, 1).toordinal()
    local = ((days * 24 + hour) * 60 + minute) * 60 + second
    return local - (-offset if sign == "-" else offset) * 60 + Fraction(f"0.{fraction or 0}")


def rfc3339(instant, offset_minutes=0, suffix="Z"):
    """Writes an instant; a fraction only where there is one, without trailing zeros."""
    whole = int(instant // 1)
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=whole, minutes=offset_minutes)
    fraction = f"{float(instant - whole):.6f}"[1:].rstrip("0").rstrip(".")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + suffix


def offset_seconds(text):
    sign, hours, minutes = text[0], int(text[1:3]), int(text[4:6])
    return (-1 if sign == "-" else 1) * (hours * HOUR + minutes * 60)


# ---------------------------------------------------------------- the rules, applied to a finished vector


class Refused(Exception):
    """The code with which a request is refused."""


class Integer(str):
    """The digits of a JSON integer."""


class Decimal(str):
    """A JSON number with a fraction or an exponent."""


def judge(sender, vector):
    """The outcome that the rules give this vector, from its JSON form alone."""
    try:
        return {"expected": "valid", **receive(sender, vector)}
    except Refused as refused:
        return {"expected": str(refused)}


def receive(sender, vector):
    lines = [(name.lower(), from_header(value)) for name, value in vector["headers"]]
    body = base64.b64decode(vector["body"], validate=True)
    now = parse_rfc3339(vector["at"])

    presented = only_line(lines, sender.signature_header, "signature")
    found = re.fullmatch(re.escape(sender.prefix.encode()) + rb"([0-9a-fA-F]{64})", presented)
    if not found:
        raise Refused("signature_malformed")
    tag = bytes.fromhex(found[1].decode())

    message, signed_at = body, None
    if sender.time_header:
        text = only_line(lines, sender.time_header, "timestamp")
        signed_at = header_time(text)
        message = text + sender.separator + body
    if not any(hmac.compare_digest(tag, python_tag(secret.encode(), message)) for secret in vector["secrets"]):
        raise Refused("signature_mismatch")

    event = json_object(body)
    event_id = read_id(event.get(sender.id_member)) if sender.id_member else None
    event_type = event.get(sender.type_member)
    require(type(event_type) is str, f"{vector['name']}: an event without a type is left open by the rules")
    if sender.event_header:
        headers = [value for name, value in lines if name == sender.event_header.lower()]
        require(len(headers) < 2, f"{vector['name']}: repeated event headers are left open by the rules")
        if headers and headers[0] != event_type.encode():
            raise Refused("event_contradicted")

    past = {"strict": STRICT_PAST, "retry-safe": sender.retry_safe_past}[vector["tolerance"]]
    earliest, latest, time = now - past, now + FUTURE, signed_at
    if sender.time_member:
        time = signed_at = body_time(sender, event)
    if sender.site_clock and vector["utc_offset"] is not None:
        time = signed_at = time - offset_seconds(vector["utc_offset"])
    elif sender.site_clock:
        require(vector["tolerance"] == "retry-safe", f"{vector['name']}: strict needs a UTC offset")
        earliest, latest, signed_at = now - 12 * HOUR - 300, now + 14 * HOUR + 60, None
    if time < earliest:
        raise Refused("timestamp_stale")
    if time > latest:
        raise Refused("timestamp_future")
    written = None if signed_at is None else rfc3339(signed_at)
    return {"event_id": event_id, "event_type": event_type, "signed_at": written}


def only_line(lines, header, what):
    values = [value for name, value in lines if name == header.lower()]
    if not values:
        raise Refused(f"{what}_missing")
    if len(values) > 1:
        raise Refused(f"{what}_repeated")
    return values[0]


def header_time(text):
    if re.fullmatch(rb"[0-9]{10}", text):
        return Fraction(int(text))
    if re.fullmatch(rb"[0-9]{13}", text):
        return Fraction(int(text), 1000)
    time = parse_rfc3339(text.decode("latin-1"))
    if time is None:
        raise Refused("timestamp_malformed")
    return time


def body_time(sender, event):
    if sender.time_member not in event:
        raise Refused("timestamp_missing")
    value = event[sender.time_member]
    if sender.site_clock and type(value) is Integer and re.fullmatch(r"[0-9]{10}", value):
        return Fraction(int(value))
    time = parse_rfc3339(value) if type(value) is str and not sender.site_clock else None
    if time is None:
        raise Refused("timestamp_malformed")
    return time


def json_object(body):
    def no_constant(_):
        raise ValueError("not JSON")

    def members(pairs):
        require(len(dict(pairs)) == len(pairs), "repeated member names are left open by the rules")
        return dict(pairs)

    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=members,
            parse_int=Integer,
            parse_float=Decimal,
            parse_constant=no_constant,
        )
    except ValueError:
        raise Refused("body_not_an_object") from None
    if not isinstance(value, dict):
        raise Refused("body_not_an_object")
    return value


def read_id(value):
    if type(value) is Integer:
        return str(value)
    if type(value) is not str or not 1 <= len(value.encode()) <= 1024:
        raise Refused("event_id_invalid")
    if any(ord(char) < 0x20 or 0x7F <= ord(char) <= 0x9F for char in value):
        raise Refused("event_id_invalid")
    if re.fullmatch(r"\{.+\}", value):
        raise Refused("event_id_invalid")
    require(not re.search(r"[{}]", value), f"{value}: braces inside an id are left open by the rules")
    return value


# ---------------------------------------------------------------- building vectors


def to_header(value):
    raw = value if isinstance(value, bytes) else value.encode()
    require(raw == raw.strip(b" \t"), f"{raw!r}: parsers trim white space around a header's value")
    require(re.fullmatch(rb"[\t\x20-\x7e\x80-\xff]*", raw), f"{raw!r} cannot be sent as a header's value")
    return raw.decode() if raw.isascii() else {"base64": base64.b64encode(raw).decode()}


def from_header(value):
    return value.encode("ascii") if isinstance(value, str) else base64.b64decode(value["base64"], validate=True)


def swap(body, old, new):
    """Replaces bytes that occur exactly once."""
    require(body.count(old) == 1, f"{old!r} must occur exactly once in {body!r}")
    return body.replace(old, new)


class Suite:
    """Collects the vectors of one sender. Whatever a case does not name stays as in the sender's example."""

    def __init__(self, sender, tag):
        self.sender = sender
        self.tag = tag
        self.signed_at = parse_rfc3339(sender.signed_at)
        self.utc_offset = "+02:00" if sender.site_clock else None
        self.vectors = []

    def valid(self, name, **case):
        sender = self.sender
        facts = {"event_id": sender.event_id, "event_type": sender.event_type, "signed_at": sender.signed_at}
        self._add(name, "valid", {fact: case.pop(fact, usual) for fact, usual in facts.items()}, **case)

    def refused(self, name, code, **case):
        self._add(name, code, {}, **case)

    def _add(
        self,
        name,
        expected,
        facts,
        *,
        body=None,  # as sent
        timestamp=None,  # the timestamp header as sent: a value, or a list of values or (name, value) pairs
        message=None,  # the bytes under the MAC, where they are not those that the request itself implies
        key=None,  # the signing key, where it is not the first secret
        secrets=None,
        signature=None,  # from the tag's hex digits to a list of values or (name, value) pairs
        extra=(),
        at=None,
        age=10,
        tolerance="strict",
        utc_offset="usual",
        known=None,
    ):
        sender = self.sender
        body = sender.body if body is None else body
        timestamp = sender.timestamp if timestamp is None else timestamp
        secrets = secrets or [sender.secret]
        key = secrets[0].encode() if key is None else key
        if message is None:
            message = self.message(sender.timestamp if isinstance(timestamp, list) else timestamp, body)
        tag = self.tag(key, message).hex()
        require(known in (None, tag), f"{sender.name}: {name}: the known tag is {known}, but made was {tag}")

        headers = list(extra)
        headers += named(sender.signature_header, signature(tag) if signature else [sender.prefix + tag])
        if sender.time_header:
            headers += named(sender.time_header, timestamp if isinstance(timestamp, list) else [timestamp])
        vector = {
            "name": name,
            "secrets": secrets,
            "headers": [[header, to_header(value)] for header, value in headers],
            "body": base64.b64encode(body).decode(),
            "at": rfc3339(self.signed_at + age if at is None else at),
            "tolerance": tolerance,
            "utc_offset": self.utc_offset if utc_offset == "usual" else utc_offset,
            "expected": expected,
            **facts,
        }
        outcome = judge(sender, vector)
        stated = {"expected": expected, **facts}
        require(outcome == stated, f"{sender.name}: {name}: stated {stated}, but the rules give {outcome}")
        self.vectors.append(vector)

    def message(self, timestamp, body):
        if not self.sender.time_header:
            return body
        text = timestamp if isinstance(timestamp, bytes) else timestamp.encode()
        return text + self.sender.separator + body

    def with_data(self, data):
        """The example's body with another `data`, which is its last member."""
        start = self.sender.body.index(b'"data":') + len(b'"data":')
        return self.sender.body[:start] + data + b"}"

    def with_type(self, raw):
        member = f'"{self.sender.type_member}":'
        return swap(self.sender.body, f'{member}"{self.sender.event_type}"'.encode(), member.encode() + raw)

    def time_pair(self):
        """The member of the example's body that holds the time, as written there."""
        pattern = rf'"{self.sender.time_member}":("[^"]*"|[0-9]+)'
        return re.search(pattern.encode(), self.sender.body)[0]

    def with_time(self, raw):
        return swap(self.sender.body, self.time_pair(), f'"{self.sender.time_member}":{raw}'.encode())


def named(header, values):
    return [value if isinstance(value, tuple) else (header, value) for value in values]


# ---------------------------------------------------------------- cases that every sender shares


def secret_cases(suite):
    secret = suite.sender.secret
    suite.valid("rotation-old-secret-second", secrets=["the_new_secret_of_the_rotation", secret], key=secret.encode())
    suite.valid("rotation-new-secret-first", secrets=["the_new_secret_of_the_rotation", secret])
    suite.valid(
        "rotation-third-of-three", secrets=["first_secret_0001", "second_secret_0002", secret], key=secret.encode()
    )
    suite.valid("secret-longer-than-a-hash-block", secrets=["long_secret_" * 12])
    suite.valid("secret-not-ascii", secrets=["clé-à-molette-€-🔑-0001"])
    suite.valid("secret-with-space-around-is-literal", secrets=[f" {secret} "])
    suite.valid("secret-with-whsec-prefix-is-literal", secrets=["whsec_MDEyMzQ1Njc4OWFiY2RlZg=="])
    wrong_keys = {
        "other-secret": b"another_secret_0001",
        "secret-of-other-case": secret.swapcase().encode(),
        "secret-with-newline": secret.encode() + b"\n",
        # HMAC pads keys with zero bytes: this is the empty key, in a form that OpenSSL takes.
        "secret-empty": b"\0",
        "secret-hashed-first": hashlib.sha256(secret.encode()).digest(),
        "secret-without-last-character": secret.encode()[:-1],
    }
    for name, key in wrong_keys.items():
        suite.refused(name, "signature_mismatch", key=key)
    suite.refused("secret-trimmed", "signature_mismatch", secrets=[f" {secret} "], key=secret.encode())
    whsec = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
    suite.refused("secret-without-whsec-prefix", "signature_mismatch", secrets=[whsec], key=whsec[6:].encode())
    suite.refused("secret-decoded-from-base64", "signature_mismatch", secrets=[whsec], key=b"0123456789abcdef")
    suite.refused(
        "none-of-two-secrets",
        "signature_mismatch",
        secrets=["first_secret_0001", "second_secret_0002"],
        key=secret.encode(),
    )


def signature_cases(suite):
    sender = suite.sender
    header, prefix = sender.signature_header, sender.prefix
    zeros = prefix + "0" * 64

    suite.valid("hex-upper-case", signature=lambda tag: [prefix + tag.upper()])
    suite.valid("hex-mixed-case", signature=lambda tag: [prefix + tag[:32].upper() + tag[32:]])
    suite.valid("header-name-lower-case", signature=lambda tag: [(header.lower(), prefix + tag)])
    suite.valid("header-name-upper-case", signature=lambda tag: [(header.upper(), prefix + tag)])
    suite.valid("other-signature-header-ignored", extra=[("X-Signature", zeros), ("X-Hub-Signature-256", zeros)])

    suite.refused("signature-missing", "signature_missing", signature=lambda tag: [])
    suite.refused(
        "signature-under-another-name", "signature_missing", signature=lambda tag: [("X-Signature", prefix + tag)]
    )

    repeated = {
        "signature-doubled-equal": lambda tag: [prefix + tag] * 2,
        "signature-doubled-right-first": lambda tag: [prefix + tag, zeros],
        "signature-doubled-right-last": lambda tag: [zeros, prefix + tag],
        "signature-doubled-with-malformed": lambda tag: [prefix + tag, "x"],
        "signature-doubled-with-empty": lambda tag: ["", prefix + tag],
        "signature-doubled-names-in-other-case": lambda tag: [prefix + tag, (header.lower(), prefix + tag)],
        "signature-tripled": lambda tag: [prefix + tag] * 3,
    }
    for name, signature in repeated.items():
        suite.refused(name, "signature_repeated", signature=signature)

    malformed = {
        "signature-empty": lambda tag: "",
        "signature-one-byte": lambda tag: "a",
        "signature-without-last-digit": lambda tag: prefix + tag[:-1],
        "signature-without-last-byte": lambda tag: prefix + tag[:-2],
        "signature-without-second-half": lambda tag: prefix + tag[:32],
        "signature-one-digit-too-long": lambda tag: prefix + tag + "0",
        "signature-one-byte-too-long": lambda tag: prefix + tag + "00",
        "signature-twice-in-one": lambda tag: prefix + tag + tag,
        "signature-comma-joined-equal": lambda tag: f"{prefix}{tag}, {prefix}{tag}",
        "signature-comma-joined-different": lambda tag: f"{prefix}{tag},{zeros}",
        "signature-semicolon-after": lambda tag: f"{prefix}{tag};",
        "signature-quoted": lambda tag: f'"{prefix}{tag}"',
        "signature-base64": lambda tag: prefix + base64.b64encode(bytes.fromhex(tag)).decode(),
        "signature-base64url-unpadded": lambda tag: (
            prefix + base64.urlsafe_b64encode(bytes.fromhex(tag)).decode().rstrip("=")
        ),
        "signature-hex-of-hex": lambda tag: prefix + tag.encode().hex(),
        "signature-0x": lambda tag: f"{prefix}0x{tag}",
        "signature-0x-in-64-digits": lambda tag: f"{prefix}0x{tag[2:]}",
        "signature-letter-g": lambda tag: prefix + tag[:-1] + "g",
        "signature-space-inside": lambda tag: f"{prefix}{tag[:32]} {tag[32:]}",
        "signature-space-for-a-digit": lambda tag: f"{prefix}{tag[:31]} {tag[32:]}",
        "signature-tab-inside": lambda tag: f"{prefix}{tag[:32]}\t{tag[32:]}",
        "signature-colons-between-bytes": lambda tag: prefix + bytes.fromhex(tag).hex(":"),
        "signature-byte-not-ascii": lambda tag: f"{prefix}{tag[:63]}".encode() + b"\xe9",
        "signature-two-byte-character-in-64-bytes": lambda tag: f"{prefix}{tag[:31]}é{tag[33:]}",
        "signature-full-width-digit-in-64-bytes": lambda tag: f"{prefix}{tag[:30]}１{tag[33:]}",
        "signature-full-width-digits": lambda tag: prefix + tag.translate({ord(str(d)): 0xFF10 + d for d in range(10)}),
        "signature-four-byte-character-first": lambda tag: f"🔑{prefix}{tag}",
        "signature-sha1-prefix": lambda tag: f"sha1={tag}",
        "signature-sha512-prefix": lambda tag: f"sha512={tag}",
    }
    if prefix:
        malformed |= {
            "prefix-missing": lambda tag: tag,
            "prefix-alone": lambda tag: prefix,
            "prefix-upper-case": lambda tag: f"SHA256={tag}",
            "prefix-capitalised": lambda tag: f"Sha256={tag}",
            "prefix-with-colon": lambda tag: f"sha256:{tag}",
            "prefix-with-hyphen": lambda tag: f"sha-256={tag}",
            "prefix-doubled": lambda tag: prefix + prefix + tag,
            "prefix-space-after": lambda tag: f"{prefix} {tag}",
            "prefix-space-before-equals": lambda tag: f"sha256 ={tag}",
            "prefix-v1": lambda tag: f"v1={tag}",
            "prefix-cut-inside-a-character": lambda tag: f"sha256é{tag}",
            "prefix-after-the-digits": lambda tag: f"{tag}sha256=",
        }
    else:
        malformed |= {
            "prefix-sha256-not-taken": lambda tag: f"sha256={tag}",
            "prefix-upper-case-not-taken": lambda tag: f"SHA256={tag}",
            "prefix-v1-not-taken": lambda tag: f"v1={tag}",
        }
    for name, write in malformed.items():
        suite.refused(name, "signature_malformed", signature=lambda tag, write=write: [write(tag)])

    sha1 = suite.tag(sender.secret.encode(), suite.message(sender.timestamp, sender.body), "sha1").hex()
    suite.refused("signature-hmac-sha1-and-its-prefix", "signature_malformed", signature=lambda tag: [f"sha1={sha1}"])
    suite.refused("signature-hmac-sha1", "signature_malformed", signature=lambda tag: [prefix + sha1])
    # A number parser takes "+f" for "0f", so the body is varied until its tag has such a byte.
    body = next(body for body in (suite.with_data(b'{"n":%d}' % n) for n in range(100)) if leading_zero(suite, body))
    place = leading_zero(suite, body)[0]
    suite.refused(
        "signature-plus-for-a-leading-zero",
        "signature_malformed",
        body=body,
        signature=lambda tag: [f"{prefix}{tag[:place]}+{tag[place + 1 :]}"],
    )

    mismatched = {
        "tag-first-bit-flipped": lambda tag: f"{int(tag[0], 16) ^ 8:x}{tag[1:]}",
        "tag-last-bit-flipped": lambda tag: f"{tag[:-1]}{int(tag[-1], 16) ^ 1:x}",
        "tag-all-zero": lambda tag: "0" * 64,
        "tag-all-ones": lambda tag: "f" * 64,
        "tag-bytes-reversed": lambda tag: bytes.fromhex(tag)[::-1].hex(),
        "plain-hash-for-a-tag": lambda tag: hashlib.sha256(sender.body).hexdigest(),
        "hash-of-secret-and-body-for-a-tag": lambda tag: hashlib.sha256(
            sender.secret.encode() + sender.body
        ).hexdigest(),
    }
    for name, write in mismatched.items():
        suite.refused(name, "signature_mismatch", signature=lambda tag, write=write: [prefix + write(tag)])


def leading_zero(suite, body):
    """Where the digits of this body's tag have a byte below 0x10."""
    tag = python_tag(suite.sender.secret.encode(), suite.message(suite.sender.timestamp, body)).hex()
    return [place for place in range(0, 64, 2) if tag[place] == "0"]


def body_cases(suite):
    sender = suite.sender
    body = sender.body
    message = suite.message(sender.timestamp, body)

    suite.valid("body-with-white-space-around", body=b" \t\r\n" + body + b" \t\r\n")
    suite.valid("body-with-trailing-newline", body=body + b"\n")
    suite.valid("body-with-crlf-tail", body=body + b"\r\n")
    suite.valid("body-with-white-space-inside", body=body.replace(b'":', b'" : ').replace(b',"', b' ,\n\t"'))
    suite.valid(
        "body-with-escapes",
        body=suite.with_data(
            rb'{"url":"https:\/\/example.com\/","name":"caf\u00e9 \ud83d\udd11 \u0000\b\f\n\r\t\"\\"}'
        ),
    )
    suite.valid("body-with-raw-utf-8", body=suite.with_data('{"name":"café 東京 🔑 \u2028\u007f"}'.encode()))
    suite.valid(
        "body-with-replacement-patterns",
        body=suite.with_data(b'{"note":"$$ $& $1 \\\\1 %s %00 {body} {timestamp} {0} ${id}"}'),
    )
    suite.valid(
        "body-with-numbers-no-float-holds",
        body=suite.with_data(b'{"total":1500.00,"big":123456789012345678901234567890,"huge":1e400,"tiny":-0.0}'),
    )
    suite.valid(
        "body-with-same-names-deeper",
        body=suite.with_data(b'{"id":null,"event":1,"type":[],"timestamp":{},"created_at":false}'),
    )
    suite.valid(
        "unknown-event-type", body=suite.with_type(b'"something.nobody_listed"'), event_type="something.nobody_listed"
    )
    dotted = sender.event_type.replace(".", r"\u002e").encode()
    suite.valid("event-type-with-escapes", body=suite.with_type(b'"' + dotted + b'"'))
    name = sender.type_member
    suite.valid(
        "member-name-with-escapes",
        body=swap(body, f'"{name}":'.encode(), rf'"\u{ord(name[0]):04x}{name[1:]}":'.encode()),
    )

    def flip(place):
        return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]

    ordered = dict(sorted(json.loads(body).items(), reverse=True))
    changed = {
        "body-first-byte-flipped": flip(0),
        "body-middle-byte-flipped": flip(len(body) // 2),
        "body-last-byte-flipped": flip(len(body) - 1),
        "body-newline-added": body + b"\n",
        "body-space-before": b" " + body,
        "body-nul-added": body + b"\0",
        "body-cut-short": body[:-1],
        "body-emptied": b"",
        "body-doubled": body + body,
        "body-re-serialised-with-spaces": json.dumps(json.loads(body)).encode(),
        "body-re-serialised-in-other-order": json.dumps(ordered, separators=(",", ":")).encode(),
        "body-bom-added": b"\xef\xbb\xbf" + body,
    }
    for name, sent in changed.items():
        require(sent != body, f"{sender.name}: {name} changes nothing")
        suite.refused(name, "signature_mismatch", body=sent, message=message)
    suite.refused("body-newline-trimmed", "signature_mismatch", message=suite.message(sender.timestamp, body + b"\n"))
    escaped = suite.with_data(rb'{"url":"https:\/\/example.com\/caf\u00e9"}')
    suite.refused(
        "body-escapes-undone",
        "signature_mismatch",
        body=suite.with_data('{"url":"https://example.com/café"}'.encode()),
        message=suite.message(sender.timestamp, escaped),
    )

    form = f"{sender.type_member}={sender.event_type}&{sender.time_member or 'id'}=1"
    no_objects = {
        "body-empty": b"",
        "body-white-space-only": b" \r\n",
        "body-null": b"null",
        "body-true": b"true",
        "body-number": b"0",
        "body-string": json.dumps(body.decode()).encode(),
        "body-array": b"[" + body + b"]",
        "body-empty-array": b"[]",
        "body-two-objects": body + body,
        "body-two-objects-on-two-lines": body + b"\n" + body + b"\n",
        "body-two-objects-with-comma": body + b"," + body,
        "body-trailing-garbage": body + b"x",
        "body-trailing-comma": body + b",",
        "body-trailing-brace": body + b"}",
        "body-trailing-nul": body + b"\0",
        "body-trailing-bom": body + b"\xef\xbb\xbf",
        "body-leading-digits": b"000" + body,
        "body-unfinished": body[:-1],
        "body-only-a-brace": b"{",
        "body-with-bom": b"\xef\xbb\xbf" + body,
        "body-in-utf-16": body.decode().encode("utf-16-le"),
        "body-invalid-utf-8": suite.with_data(b'{"name":"caf\xe9"}'),
        "body-invalid-utf-8-in-a-name": suite.with_data(b'{"caf\xe9":1}'),
        "body-invalid-utf-8-in-an-unused-member": body[:1] + b'"unused":"\xff",' + body[1:],
        "body-overlong-utf-8": suite.with_data(b'{"name":"\xc0\xaf"}'),
        "body-surrogate-in-utf-8": suite.with_data(b'{"name":"\xed\xa0\x80"}'),
        "body-cut-utf-8": suite.with_data(b'{"name":"\xe2\x82"}'),
        "body-raw-newline-in-string": suite.with_data(b'{"name":"a\nb"}'),
        "body-raw-nul-in-string": suite.with_data(b'{"name":"a\0b"}'),
        "body-unknown-escape": suite.with_data(rb'{"name":"\x41"}'),
        "body-short-escape": suite.with_data(rb'{"name":"\u12"}'),
        "body-nan": suite.with_data(b'{"total":NaN}'),
        "body-infinity": suite.with_data(b'{"total":-Infinity}'),
        "body-number-with-leading-zero": suite.with_data(b'{"total":007}'),
        "body-number-with-plus": suite.with_data(b'{"total":+7}'),
        "body-number-in-hex": suite.with_data(b'{"total":0x7}'),
        "body-number-without-fraction-digits": suite.with_data(b'{"total":7.}'),
        "body-comma-before-brace": suite.with_data(b'{"total":7,}'),
        "body-comma-missing": suite.with_data(b'{"total":7 "tax":1}'),
        "body-colon-missing": suite.with_data(b'{"total" 7}'),
        "body-single-quotes": body.replace(b'"', b"'"),
        "body-name-without-quotes": suite.with_data(b"{total:7}"),
        "body-with-comment": suite.with_data(b"{/* none */}"),
        "body-after-vertical-tab": b"\x0b" + body,
        "body-after-no-break-space": b"\xc2\xa0" + body,
        "body-form-encoded": form.encode(),
        "body-after-http-chunk-size": b"%x\r\n" % len(body) + body,
    }
    for name, sent in no_objects.items():
        suite.refused(name, "body_not_an_object", body=sent)


def window_cases(suite):
    past = suite.sender.retry_safe_past
    suite.valid("no-age", age=0)
    suite.valid("strict-past-edge", age=STRICT_PAST)
    suite.valid("strict-future-edge", age=-FUTURE)
    suite.valid("retry-safe-past-edge", age=past, tolerance="retry-safe")
    suite.valid("retry-safe-future-edge", age=-FUTURE, tolerance="retry-safe")
    suite.refused("strict-stale-by-one-second", "timestamp_stale", age=STRICT_PAST + 1)
    suite.refused("strict-future-by-one-second", "timestamp_future", age=-FUTURE - 1)
    suite.refused("strict-stale-by-a-millisecond", "timestamp_stale", age=STRICT_PAST + Fraction(1, 1000))
    suite.refused("strict-future-by-a-millisecond", "timestamp_future", age=-FUTURE - Fraction(1, 1000))
    suite.refused("retry-safe-stale-by-one-second", "timestamp_stale", age=past + 1, tolerance="retry-safe")
    suite.refused("retry-safe-future-by-one-second", "timestamp_future", age=-FUTURE - 1, tolerance="retry-safe")
    suite.refused("strict-a-year-late", "timestamp_stale", age=365 * 24 * HOUR)
    suite.refused("retry-safe-a-year-late", "timestamp_stale", age=365 * 24 * HOUR, tolerance="retry-safe")
    suite.refused("retry-safe-a-year-early", "timestamp_future", age=-365 * 24 * HOUR, tolerance="retry-safe")
    if past > STRICT_PAST:
        suite.valid("retry-safe-late-retry", age=STRICT_PAST + 1, tolerance="retry-safe")
        suite.refused("strict-refuses-the-retry-safe-edge", "timestamp_stale", age=past)
    if suite.sender.last_retry:
        suite.valid("retry-safe-last-scheduled-retry", age=suite.sender.last_retry, tolerance="retry-safe")
        suite.refused("strict-refuses-the-last-scheduled-retry", "timestamp_stale", age=suite.sender.last_retry)


def order_cases(suite):
    """Two faults at once: the earlier check names the code."""
    prefix = suite.sender.prefix
    garbage, late = b"not json", 365 * 24 * HOUR
    suite.refused(
        "order-no-signature-and-garbage", "signature_missing", signature=lambda tag: [], body=garbage, age=late
    )
    suite.refused(
        "order-malformed-signature-and-garbage",
        "signature_malformed",
        signature=lambda tag: ["x"],
        body=garbage,
        age=late,
    )
    suite.refused(
        "order-repeated-signature-and-garbage",
        "signature_repeated",
        signature=lambda tag: ["x", "x"],
        body=garbage,
        age=late,
    )
    suite.refused(
        "order-wrong-tag-and-garbage", "signature_mismatch", signature=lambda tag: [prefix + "0" * 64], body=garbage
    )
    suite.refused(
        "order-wrong-tag-and-stale", "signature_mismatch", signature=lambda tag: [prefix + "0" * 64], age=late
    )
    suite.refused("order-garbage-and-stale", "body_not_an_object", body=garbage, age=late)


def event_header_cases(suite):
    header, event_type = suite.sender.event_header, suite.sender.event_type
    suite.valid("event-header-agrees", extra=[(header, event_type)])
    suite.valid("event-header-name-lower-case", extra=[(header.lower(), event_type)])
    dotted = event_type.replace(".", r"\u002e").encode()
    suite.valid(
        "event-header-agrees-after-unescaping", extra=[(header, event_type)], body=suite.with_type(b'"' + dotted + b'"')
    )
    contradictions = {
        "event-header-differs": "something.else",
        "event-header-in-other-case": event_type.title(),
        "event-header-is-a-prefix": event_type[:-1],
        "event-header-is-longer": event_type + "s",
        "event-header-empty": "",
        "event-header-not-ascii": event_type.replace(".", "．"),
        "event-header-escaped": event_type.replace(".", r"\u002e"),
    }
    for name, value in contradictions.items():
        suite.refused(name, "event_contradicted", extra=[(header, value)])
    suite.refused(
        "order-event-header-differs-and-stale", "event_contradicted", extra=[(header, "something.else")], age=10_000_000
    )
    suite.refused(
        "order-event-header-differs-and-wrong-tag",
        "signature_mismatch",
        extra=[(header, "something.else")],
        key=b"another",
    )


def id_cases(suite):
    """Where the key is the body's `id`."""
    body, event_id = suite.sender.body, suite.sender.event_id
    pair = f'"id":"{event_id}"'.encode()

    def with_id(raw):
        return swap(body, pair, b'"id":' + raw)

    texts = {
        "id-one-byte": "e",
        "id-of-digits": "42",
        "id-not-ascii": "évt_東京_🔑",
        "id-1024-bytes": "i" * 1024,
        "id-1024-bytes-not-ascii": "é" * 512,
        "id-with-spaces-and-signs": "evt 1/2:3?#&'<>",
    }
    for name, text in texts.items():
        suite.valid(name, body=with_id(json.dumps(text, ensure_ascii=False).encode()), event_id=text)
    for name, digits in {
        "id-integer": "42",
        "id-integer-above-2-to-the-53": "9007199254740993",
        "id-integer-negative": "-7",
    }.items():
        suite.valid(name, body=with_id(digits.encode()), event_id=digits)
    suite.valid("id-with-escapes", body=with_id(rb'"evt\/\u00e9\ud83d\udd11"'), event_id="evt/é🔑")
    suite.valid("id-name-with-escapes", body=swap(body, pair, rf'"\u0069\u0064":"{event_id}"'.encode()))
    suite.valid("id-last-in-the-body", body=swap(body, pair + b",", b"")[:-1] + b"," + pair + b"}")

    invalid = {
        "id-missing": swap(body, pair + b",", b""),
        "id-only-in-data": swap(body, pair + b",", b"")[:-1] + b',"nested":{' + pair + b"}}",
        "id-name-upper-case": swap(body, pair, pair.replace(b"id", b"ID")),
        "id-null": with_id(b"null"),
        "id-true": with_id(b"true"),
        "id-array": with_id(b'["evt_0001"]'),
        "id-object": with_id(b'{"id":"evt_0001"}'),
        "id-empty": with_id(b'""'),
        "id-1025-bytes": with_id(b'"' + b"i" * 1025 + b'"'),
        "id-1026-bytes-in-342-characters": with_id(b'"' + "€".encode() * 342 + b'"'),
        "id-with-nul": with_id(rb'"evt_\u0000"'),
        "id-with-newline": with_id(rb'"evt_\n1"'),
        "id-with-escape-character": with_id(rb'"evt_\u001b[31m"'),
        "id-with-delete": with_id(rb'"evt_\u007f"'),
        "id-with-c1-control": with_id(rb'"evt_\u0085"'),
        "id-fraction": with_id(b"1.5"),
        "id-zero-fraction": with_id(b"1.0"),
        "id-exponent": with_id(b"1e3"),
        "id-placeholder": with_id(b'"{id}"'),
        "id-placeholder-dotted": with_id(b'"{webhook.id}"'),
        "id-placeholder-doubled": with_id(b'"{{event.id}}"'),
        "id-placeholder-escaped": with_id(rb'"\u007bwebhook.id\u007d"'),
    }
    for name, sent in invalid.items():
        suite.refused(name, "event_id_invalid", body=sent)
    suite.refused("order-id-missing-and-stale", "event_id_invalid", body=invalid["id-missing"], age=10_000_000)
    suite.refused("order-id-missing-and-wrong-tag", "signature_mismatch", body=invalid["id-missing"], key=b"another")


# ---------------------------------------------------------------- RFC 3339, in a header or in the body


def good_rfc3339(instant):
    """Name, text, and the instant it means."""
    return [
        ("utc", rfc3339(instant), instant),
        ("offset-east", rfc3339(instant, 120, "+02:00"), instant),
        ("offset-west", rfc3339(instant, -210, "-03:30"), instant),
        ("offset-into-tomorrow", rfc3339(instant, 840, "+14:00"), instant),
        ("offset-zero", rfc3339(instant, 0, "+00:00"), instant),
        ("fraction-one-digit", rfc3339(instant, 0, ".5Z"), instant + Fraction(1, 2)),
        ("fraction-zero", rfc3339(instant, 0, ".000Z"), instant),
        ("fraction-three-digits-and-offset", rfc3339(instant, 345, ".125+05:45"), instant + Fraction(1, 8)),
        ("fraction-six-digits", rfc3339(instant, 0, ".000001Z"), instant + Fraction(1, 1_000_000)),
        ("fraction-nine-digits", rfc3339(instant, 0, ".250000000Z"), instant + Fraction(1, 4)),
    ]


def bad_rfc3339(instant):
    day, time = rfc3339(instant, suffix="").split("T")
    year = day[:4]
    return {
        "no-zone": f"{day}T{time}",
        "space-for-t": f"{day} {time}Z",
        "underscore-for-t": f"{day}_{time}Z",
        "no-t": f"{day}{time}Z",
        "date-only": day,
        "time-only": f"{time}Z",
        "no-seconds": f"{day}T{time[:5]}Z",
        "basic-format": f"{day}T{time}Z".replace("-", "").replace(":", ""),
        "offset-without-colon": f"{day}T{time}+0200",
        "offset-hours-only": f"{day}T{time}+02",
        "offset-hour-24": f"{day}T{time}+24:00",
        "offset-minute-60": f"{day}T{time}+01:60",
        "offset-after-z": f"{day}T{time}Z+00:00",
        "offset-with-unicode-minus": f"{day}T{time}\u221203:30",
        "zone-in-words": f"{day}T{time}UTC",
        "zone-in-brackets": f"{day}T{time}Z[UTC]",
        "fraction-without-digits": f"{day}T{time}.Z",
        "fraction-after-comma": f"{day}T{time},5Z",
        "fraction-with-sign": f"{day}T{time}.+5Z",
        "month-00": f"{year}-00{day[7:]}T{time}Z",
        "month-13": f"{year}-13{day[7:]}T{time}Z",
        "day-00": f"{day[:8]}00T{time}Z",
        "30-february": f"{year}-02-30T{time}Z",
        "29-february-in-a-common-year": f"{year}-02-29T{time}Z",
        "hour-24": f"{day}T24:00:00Z",
        "minute-60": f"{day}T{time[:3]}60:00Z",
        "second-61": f"{day}T{time[:6]}61Z",
        "one-digit-month": f"{year}-{int(day[5:7])}{day[7:]}T{time}Z",
        "two-digit-year": f"{day[2:]}T{time}Z",
        "five-digit-year": f"1{day}T{time}Z",
        "signed-year": f"+{day}T{time}Z",
        "negative-year": f"-{day}T{time}Z",
        "week-date": f"{year}-W20-1T{time}Z",
        "day-of-year": f"{year}-138T{time}Z",
        "full-width-digits": f"{day}T{time}Z".translate({ord(str(d)): 0xFF10 + d for d in range(10)}),
        "one-arabic-digit": f"{day}T{time[:-1]}\u0660Z",
        "mail-date": "Mon, 18 May 2026 12:00:00 GMT",
        "twice": f"{day}T{time}Z{day}T{time}Z",
    }


def shifted_rfc3339(instant):
    """The example's date and time of day, in a zone that makes it two hours wrong."""
    return [
        ("zone-makes-it-stale", rfc3339(instant, 0, "+02:00"), "timestamp_stale"),
        ("zone-makes-it-future", rfc3339(instant, 0, "-02:00"), "timestamp_future"),
    ]


# Right in form and far away; two lie outside the years that a date type can hold in UTC.
EXTREME_RFC3339 = [
    ("year-0000", "0000-01-01T00:00:00Z", "timestamp_stale"),
    ("before-year-0000", "0000-01-01T00:00:00+23:59", "timestamp_stale"),
    ("year-1969", "1969-12-31T23:59:59Z", "timestamp_stale"),
    ("year-9999", "9999-12-31T23:59:59Z", "timestamp_future"),
    ("after-year-9999", "9999-12-31T23:59:59-23:59", "timestamp_future"),
]


FAR_NUMBERS = {
    "i64-min": "-9223372036854775808",
    "i64-max": "9223372036854775807",
    "u64-max": "18446744073709551615",
    "above-u64-max": "18446744073709551616",
    "200-digits": "1" * 200,
}


# ---------------------------------------------------------------- time in a signed header


def header_time_cases(suite):
    sender = suite.sender
    header, seconds, instant = sender.time_header, sender.timestamp, suite.signed_at

    suite.valid(
        "timestamp-milliseconds-with-fraction",
        timestamp=f"{seconds}123",
        signed_at=rfc3339(instant + Fraction(123, 1000)),
    )
    for name, text, time in good_rfc3339(instant):
        suite.valid(f"timestamp-rfc3339-{name}", timestamp=text, signed_at=rfc3339(time))
    suite.valid("timestamp-header-name-lower-case", timestamp=[(header.lower(), seconds)])
    suite.valid("timestamp-milliseconds-past-edge", timestamp=f"{seconds}000", age=STRICT_PAST)
    suite.valid("timestamp-milliseconds-future-edge", timestamp=f"{seconds}000", age=-FUTURE)
    suite.refused("timestamp-milliseconds-future-by-one", "timestamp_future", timestamp=f"{seconds}001", age=-FUTURE)
    suite.refused(
        "timestamp-milliseconds-stale-by-one", "timestamp_stale", timestamp=f"{int(seconds) - 1}999", age=STRICT_PAST
    )
    suite.refused(
        "timestamp-rfc3339-future-by-a-millisecond",
        "timestamp_future",
        timestamp=rfc3339(instant, 0, ".001Z"),
        age=-FUTURE,
    )
    suite.refused(
        "timestamp-rfc3339-stale-by-a-millisecond",
        "timestamp_stale",
        timestamp=rfc3339(instant - 1, 0, ".999Z"),
        age=STRICT_PAST,
    )

    suite.refused("timestamp-missing", "timestamp_missing", timestamp=[])
    suite.refused("timestamp-missing-and-body-signed-alone", "timestamp_missing", timestamp=[], message=sender.body)
    suite.refused("timestamp-under-another-name", "timestamp_missing", timestamp=[("X-Timestamp", seconds)])
    repeated = {
        "timestamp-doubled-equal": [seconds, seconds],
        "timestamp-doubled-right-first": [seconds, "1000000000"],
        "timestamp-doubled-right-last": ["1000000000", seconds],
        "timestamp-doubled-with-empty": [seconds, ""],
        "timestamp-doubled-with-malformed": ["x", seconds],
        "timestamp-doubled-names-in-other-case": [seconds, (header.lower(), seconds)],
    }
    for name, values in repeated.items():
        suite.refused(name, "timestamp_repeated", timestamp=values)

    malformed = FAR_NUMBERS | {
        "empty": "",
        "zero": "0",
        "one": "1",
        "plus-one": "+1",
        "minus-one": "-1",
        "plus-and-ten-digits": f"+{seconds}",
        "plus-in-ten-characters": f"+{seconds[:9]}",
        "minus-in-ten-characters": f"-{seconds[:9]}",
        "minus-in-thirteen-characters": f"-{seconds}00",
        "thousand-with-underscore": "1_000",
        "underscore-in-ten-characters": f"{seconds[:4]}_{seconds[5:]}",
        "1e9": "1e9",
        "exponent-in-ten-characters": f"{seconds[0]}.{seconds[1:7]}e9",
        "nan": "NaN",
        "infinity": "Infinity",
        "null": "null",
        "float-with-zero-fraction": f"{seconds}.0",
        "float": f"{seconds}.5",
        "float-in-ten-characters": f"{seconds[:8]}.5",
        "trailing-dot": f"{seconds}.",
        "nine-digits": seconds[:9],
        "eleven-digits": f"{seconds}0",
        "twelve-digits": f"{seconds}00",
        "fourteen-digits": f"{seconds}0000",
        "nanoseconds": f"{seconds}000000000",
        "leading-zero": f"0{seconds}",
        "four-leading-zeros": f"0000{seconds}",
        "hex": f"0x{int(seconds):x}",
        "space-inside": f"{seconds[:5]} {seconds[5:]}",
        "space-in-ten-characters": f"{seconds[:5]} {seconds[6:]}",
        "tab-inside": f"{seconds[:5]}\t{seconds[5:]}",
        "comma-joined": f"{seconds}, {seconds}",
        "thousands": f"{int(seconds):,}",
        "quoted": f'"{seconds}"',
        "unit": f"{seconds}s",
        "full-width-digits": seconds.translate({ord(str(d)): 0xFF10 + d for d in range(10)}),
        "one-full-width-digit-in-ten-bytes": f"{seconds[:7]}０",
        "byte-not-ascii": f"{seconds[:9]}".encode() + b"\xb2",
    }
    malformed |= {f"rfc3339-{name}": text for name, text in bad_rfc3339(instant).items()}
    for name, text in malformed.items():
        suite.refused(f"timestamp-{name}", "timestamp_malformed", timestamp=text)

    far = [
        ("ten-zeros", "0000000000", "timestamp_stale"),
        ("ten-digits-of-one", "0000000001", "timestamp_stale"),
        ("ten-nines", "9999999999", "timestamp_future"),
        ("thirteen-zeros", "0000000000000", "timestamp_stale"),
        ("seconds-padded-to-thirteen", f"000{seconds}", "timestamp_stale"),
        ("thirteen-nines", "9999999999999", "timestamp_future"),
    ]
    for name, text, code in far + [(f"rfc3339-{name}", text, code) for name, text, code in EXTREME_RFC3339]:
        suite.refused(f"timestamp-{name}", code, timestamp=text)
        suite.refused(f"timestamp-{name}-retry-safe", code, timestamp=text, tolerance="retry-safe")
    for name, text, code in shifted_rfc3339(instant):
        suite.refused(f"timestamp-rfc3339-{name}", code, timestamp=text)

    message = suite.message(seconds, sender.body)
    changed = {
        "one-second-later": f"{int(seconds) + 1}",
        "to-milliseconds": f"{seconds}000",
        "to-rfc3339": rfc3339(instant),
    }
    for name, text in changed.items():
        suite.refused(f"timestamp-changed-{name}", "signature_mismatch", timestamp=text, message=message)
    suite.refused(
        "timestamp-same-instant-in-another-zone",
        "signature_mismatch",
        timestamp=rfc3339(instant, 120, "+02:00"),
        message=suite.message(rfc3339(instant), sender.body),
    )
    text = rfc3339(instant, 0, ".000Z")
    suite.refused(
        "timestamp-reprinted-before-signing",
        "signature_mismatch",
        timestamp=text,
        message=suite.message(seconds, sender.body),
    )
    suite.refused("body-signed-without-timestamp", "signature_mismatch", message=sender.body)
    suite.refused(
        "body-signed-before-timestamp", "signature_mismatch", message=sender.body + sender.separator + seconds.encode()
    )
    suite.refused("order-no-signature-and-no-timestamp", "signature_missing", signature=lambda tag: [], timestamp=[])
    suite.refused(
        "order-malformed-signature-and-repeated-timestamp",
        "signature_malformed",
        signature=lambda tag: ["x"],
        timestamp=["x", "x"],
    )
    suite.refused("order-malformed-timestamp-and-wrong-tag", "timestamp_malformed", timestamp="x", key=b"another")
    suite.refused("order-malformed-timestamp-and-garbage", "timestamp_malformed", timestamp="x", body=b"not json")
    suite.refused("order-stale-and-wrong-tag", "signature_mismatch", timestamp="1000000000", key=b"another")


# ---------------------------------------------------------------- time in the signed body


def body_time_cases(suite):
    """Where the body's time is an RFC 3339 string."""
    sender, instant = suite.sender, suite.signed_at
    for name, text, time in good_rfc3339(instant):
        suite.valid(f"timestamp-{name}", body=suite.with_time(f'"{text}"'), signed_at=rfc3339(time))
    suite.valid("timestamp-with-escapes", body=suite.with_time(rfc3339(instant).replace("Z", r"\u005a").join('""')))
    suite.refused(
        "timestamp-future-by-a-millisecond",
        "timestamp_future",
        body=suite.with_time(f'"{rfc3339(instant, 0, ".001Z")}"'),
        age=-FUTURE,
    )
    suite.refused(
        "timestamp-stale-by-a-millisecond",
        "timestamp_stale",
        body=suite.with_time(f'"{rfc3339(instant - 1, 0, ".999Z")}"'),
        age=STRICT_PAST,
    )

    missing_time_cases(suite)
    seconds = int(instant)
    values = {f"number-{name}": raw for name, raw in FAR_NUMBERS.items()} | {
        "null": "null",
        "true": "true",
        "array": f'["{sender.signed_at}"]',
        "object": "{}",
        "number-zero": "0",
        "number-seconds": f"{seconds}",
        "number-milliseconds": f"{seconds}000",
        "number-float": f"{seconds}.5",
        "number-exponent": "1e9",
    }
    texts = (
        {f"text-{name}": digits for name, digits in FAR_NUMBERS.items()}
        | bad_rfc3339(instant)
        | {
            "empty": "",
            "text-plus-one": "+1",
            "text-space-one": " 1",
            "text-thousand-with-underscore": "1_000",
            "text-1e9": "1e9",
            "text-nan": "NaN",
            "text-seconds": f"{seconds}",
            "text-milliseconds": f"{seconds}000",
            "space-before": f" {sender.signed_at}",
            "space-after": f"{sender.signed_at} ",
            "newline-after": f"{sender.signed_at}\n",
            "nul-after": f"{sender.signed_at}\0",
            "placeholder": "{webhook.timestamp}",
        }
    )
    values |= {name: json.dumps(text, ensure_ascii=False) for name, text in texts.items()}
    for name, raw in values.items():
        suite.refused(f"timestamp-{name}", "timestamp_malformed", body=suite.with_time(raw))
    for name, raw in {
        "plus-one": "+1",
        "nan": "NaN",
        "thousand-with-underscore": "1_000",
        "leading-zero": "01",
        "unquoted": sender.signed_at,
    }.items():
        suite.refused(f"timestamp-bare-{name}", "body_not_an_object", body=suite.with_time(raw))
    for name, text, code in EXTREME_RFC3339:
        suite.refused(f"timestamp-{name}", code, body=suite.with_time(f'"{text}"'))
        suite.refused(f"timestamp-{name}-retry-safe", code, body=suite.with_time(f'"{text}"'), tolerance="retry-safe")
    for name, text, code in shifted_rfc3339(instant):
        suite.refused(f"timestamp-{name}", code, body=suite.with_time(f'"{text}"'))
    suite.refused(
        "timestamp-header-cannot-freshen",
        "timestamp_stale",
        age=10_000_000,
        extra=[("X-Timestamp", rfc3339(instant + 10_000_000))],
    )
    suite.refused(
        "timestamp-changed",
        "signature_mismatch",
        body=suite.with_time(f'"{rfc3339(instant + 1)}"'),
        message=sender.body,
    )


def missing_time_cases(suite):
    body, pair, name = suite.sender.body, suite.time_pair(), suite.sender.time_member.encode()
    without = swap(body, pair + b",", b"")
    suite.refused("timestamp-missing", "timestamp_missing", body=without)
    suite.refused("timestamp-only-in-data", "timestamp_missing", body=without[:-1] + b',"nested":{' + pair + b"}}")
    suite.refused(
        "timestamp-name-upper-case", "timestamp_missing", body=swap(body, pair, pair.replace(name, name.upper()))
    )
    suite.refused("timestamp-missing-retry-safe", "timestamp_missing", body=without, tolerance="retry-safe")
    suite.refused("order-timestamp-missing-and-wrong-tag", "signature_mismatch", body=without, key=b"another")


def site_clock_cases(suite):
    """Where the body's time is a Unix time that was shifted by the site's offset from UTC."""
    sender, shifted = suite.sender, 1774958400
    open_ended = {"tolerance": "retry-safe", "utc_offset": None}

    offsets = {
        "zero": "+00:00",
        "farthest-west": "-12:00",
        "farthest-east": "+14:00",
        "half-hour-west": "-09:30",
        "quarter-hour-east": "+05:45",
    }
    for name, offset in offsets.items():
        true_time = shifted - offset_seconds(offset)
        case = {"utc_offset": offset, "signed_at": rfc3339(true_time)}
        suite.valid(f"site-offset-{name}", at=true_time + 10, **case)
        suite.valid(f"site-offset-{name}-past-edge", at=true_time + STRICT_PAST, **case)
        suite.refused(f"site-offset-{name}-stale", "timestamp_stale", at=true_time + STRICT_PAST + 1, utc_offset=offset)
        suite.refused(f"site-offset-{name}-future", "timestamp_future", at=true_time - FUTURE - 1, utc_offset=offset)
    suite.refused("site-is-east-of-its-configuration", "timestamp_future", age=10, utc_offset="+00:00")
    suite.refused("site-is-west-of-its-configuration", "timestamp_stale", at=shifted + 10)
    suite.refused("site-is-an-hour-off-after-summer-time", "timestamp_stale", age=10, utc_offset="+03:00")

    suite.valid("no-offset-site-in-utc", at=shifted + 10, signed_at=None, **open_ended)
    suite.valid("no-offset-site-in-the-east", at=shifted - 7200 + 10, signed_at=None, **open_ended)
    suite.valid("no-offset-past-edge", at=shifted + 12 * HOUR + 300, signed_at=None, **open_ended)
    suite.valid("no-offset-future-edge", at=shifted - 14 * HOUR - 60, signed_at=None, **open_ended)
    suite.refused("no-offset-stale-by-one-second", "timestamp_stale", at=shifted + 12 * HOUR + 301, **open_ended)
    suite.refused("no-offset-future-by-one-second", "timestamp_future", at=shifted - 14 * HOUR - 61, **open_ended)

    missing_time_cases(suite)
    malformed = FAR_NUMBERS | {
        "null": "null",
        "true": "true",
        "array": f"[{shifted}]",
        "object": "{}",
        "text": f'"{shifted}"',
        "text-empty": '""',
        "text-rfc3339": f'"{sender.signed_at}"',
        "text-full-width": '"１７７４９５８４００"',
        "zero": "0",
        "one": "1",
        "minus-one": "-1",
        "negative": f"-{shifted}",
        "nine-digits": f"{shifted // 10}",
        "eleven-digits": f"{shifted}0",
        "twelve-digits": f"{shifted}00",
        "milliseconds": f"{shifted}000",
        "float-with-zero-fraction": f"{shifted}.0",
        "float": f"{shifted}.5",
        "1e9": "1e9",
        "exponent": "1.7749584e9",
        "exponent-zero": f"{shifted}e0",
    }
    for name, raw in malformed.items():
        suite.refused(f"timestamp-{name}", "timestamp_malformed", body=suite.with_time(raw))
    for name in ("i64-min", "u64-max", "text", "milliseconds", "null"):
        suite.refused(
            f"no-offset-timestamp-{name}", "timestamp_malformed", body=suite.with_time(malformed[name]), **open_ended
        )
    not_json = {
        "plus": f"+{shifted}",
        "leading-zero": f"0{shifted}",
        "underscores": f"{shifted:_}",
        "nan": "NaN",
        "full-width": "１７７４９５８４００",
        "hex": f"0x{shifted:x}",
        "trailing-dot": f"{shifted}.",
    }
    for name, raw in not_json.items():
        suite.refused(f"timestamp-bare-{name}", "body_not_an_object", body=suite.with_time(raw))
    for name, raw, code in (
        ("ten-nines", "9999999999", "timestamp_future"),
        ("smallest-of-ten-digits", "1000000000", "timestamp_stale"),
    ):
        suite.refused(f"timestamp-{name}", code, body=suite.with_time(raw))
        suite.refused(f"no-offset-timestamp-{name}", code, body=suite.with_time(raw), at=shifted, **open_ended)
    suite.refused(
        "timestamp-changed", "signature_mismatch", body=suite.with_time(f"{shifted + 1}"), message=sender.body
    )


# ---------------------------------------------------------------- one suite per sender


def agency_os_ai(suite):
    sender = suite.sender
    body, seconds = sender.body, sender.timestamp
    suite.valid("example", known="9bf30d1c8f6732828948e40505bd74dd600347d84ff2c1bb019e8dd66af9b70e")
    invoice = (
        b'{"event":"invoice.paid","timestamp":"2020-01-01T00:00:00Z","data":{"id":7,"amount":99.50,"currency":"EUR"}}'
    )
    suite.valid("time-in-the-body-is-not-consulted", body=invoice, event_type="invoice.paid")
    suite.valid("webhook-id-header-is-not-consulted", extra=[("X-AOSAI-Webhook-ID", "999")])
    header_time_cases(suite)
    event_header_cases(suite)

    # Nothing separates the time from the body, so their bytes can slide; the strict forms of both stop that.
    milliseconds = f"{seconds}000"
    slid = milliseconds.encode() + body
    suite.valid("slide-origin-in-milliseconds", timestamp=milliseconds)
    suite.refused(
        "slide-three-digits-into-body", "body_not_an_object", timestamp=seconds, body=b"000" + body, message=slid
    )
    suite.refused(
        "slide-one-digit-into-body", "timestamp_malformed", timestamp=milliseconds[:-1], body=b"0" + body, message=slid
    )
    suite.refused("slide-all-digits-into-body", "timestamp_malformed", timestamp="", body=slid, message=slid)
    suite.refused("slide-all-digits-and-no-header", "timestamp_missing", timestamp=[], body=slid, message=slid)
    suite.refused(
        "slide-brace-into-header",
        "timestamp_malformed",
        timestamp=seconds + "{",
        body=body[1:],
        message=seconds.encode() + body,
    )
    suite.refused(
        "slide-digits-of-a-number-body",
        "body_not_an_object",
        timestamp=seconds,
        body=b"123",
        message=f"{seconds}123".encode(),
    )
    suite.refused(
        "slide-everything-into-header",
        "body_not_an_object",
        timestamp=milliseconds,
        body=b"",
        message=milliseconds.encode(),
    )
    suite.refused("dot-between-timestamp-and-body", "signature_mismatch", message=f"{seconds}.".encode() + body)
    suite.refused("newline-between-timestamp-and-body", "signature_mismatch", message=f"{seconds}\n".encode() + body)
    suite.refused("body-only-tag-with-empty-timestamp", "timestamp_malformed", timestamp="", message=body)


def agency_os_ai_plugin(suite):
    body = suite.sender.body
    suite.valid("example", known="b003b4cb6c1ba6a3050ff2eeb717099ec91e07f02945660c7653a3b7f1302f4b")
    suite.valid("webhook-id-header-is-not-consulted", extra=[("X-AOSAI-Webhook-ID", "999")])
    suite.valid("timestamp-header-is-not-consulted", extra=[("X-AOSAI-Timestamp", "1")])
    site_clock_cases(suite)
    event_header_cases(suite)

    glued = b"1774958400" + body
    header = [("X-AOSAI-Timestamp", "1774958400")]
    suite.refused("timestamp-glued-to-the-body", "body_not_an_object", body=glued)
    suite.refused("timestamp-header-signed-too", "signature_mismatch", extra=header, message=glued)
    suite.refused("timestamp-header-cannot-freshen", "timestamp_stale", age=10_000_000, extra=header)


def agiled(suite):
    sender = suite.sender
    body, seconds = sender.body, sender.timestamp
    text = "2026-05-18T12:00:00.000Z"
    suite.valid("example-seconds", known="219835502974342a327d302a062f3cf8ea105407afbcffc45e1f502d00e1a0c1")
    suite.valid(
        "example-milliseconds",
        timestamp=f"{seconds}000",
        known="30a2326498357dc545854b29c5baa8708eb396d3349e0b28080499be95ae2693",
    )
    suite.valid(
        "example-rfc3339", timestamp=text, known="871bf6180a7d6cb58794cb6e2f146e1aa3537c6cc9b473feca09505ac0cc4e26"
    )
    old = swap(body, b"2026-05-18T12:00:00.000Z", b"2020-01-01T00:00:00.000Z")
    suite.valid("time-in-the-body-is-not-consulted", body=old)
    suite.valid("webhook-id-header-is-not-consulted", extra=[("X-Agiled-Webhook-Id", "evt_9999")])
    header_time_cases(suite)
    event_header_cases(suite)
    id_cases(suite)
    suite.refused(
        "webhook-id-header-is-no-substitute",
        "event_id_invalid",
        body=swap(body, b'"id":"evt_0001",', b""),
        extra=[("X-Agiled-Webhook-Id", "evt_0001")],
    )

    # The dot that ends the time can be sought at another place in the same signed bytes.
    dotted = f"{seconds}.5.".encode() + body
    suite.refused("dot-moved-to-body", "body_not_an_object", timestamp=seconds, body=b"5." + body, message=dotted)
    suite.refused("dot-moved-to-header", "timestamp_malformed", timestamp=f"{seconds}.5", message=dotted)
    suite.refused(
        "dot-doubled-in-body",
        "body_not_an_object",
        timestamp=seconds,
        body=b"." + body,
        message=f"{seconds}..".encode() + body,
    )
    suite.refused(
        "dot-doubled-in-header", "timestamp_malformed", timestamp=f"{seconds}.", message=f"{seconds}..".encode() + body
    )
    whole = text.encode() + b"." + body
    suite.refused(
        "dot-of-the-fraction-taken-for-the-separator",
        "timestamp_malformed",
        timestamp="2026-05-18T12:00:00",
        body=b"000Z." + body,
        message=whole,
    )
    suite.refused(
        "dot-inside-the-body-taken-for-the-separator",
        "timestamp_malformed",
        timestamp=(seconds.encode() + b"." + body).split(b"paid")[0][:-1],
        body=b"paid" + body.split(b"paid")[1],
        message=seconds.encode() + b"." + body,
    )
    suite.refused("dot-missing", "signature_mismatch", message=seconds.encode() + body)
    suite.refused("colon-for-the-dot", "signature_mismatch", message=seconds.encode() + b":" + body)
    suite.refused(
        "digits-moved-to-body",
        "body_not_an_object",
        timestamp=seconds,
        body=b"000" + body,
        message=f"{seconds}.000".encode() + body,
    )
    suite.refused(
        "digits-moved-across-the-dot",
        "signature_mismatch",
        timestamp=seconds,
        body=b"000" + body,
        message=f"{seconds}000.".encode() + body,
    )


def handl(suite):
    suite.valid("example", known="f8ebf7e3b5b2fdaa10901ac8ee461ab60dbf87a5484380903e20e10641822485")
    suite.valid("object-member-is-not-consulted", body=swap(suite.sender.body, b'"object":"event",', b""))
    body_time_cases(suite)
    id_cases(suite)
    pair = suite.time_pair()
    no_id = swap(suite.sender.body, b'"id":"evt_abc123",', b"")
    suite.refused("order-id-and-timestamp-missing", "event_id_invalid", body=swap(no_id, pair + b",", b""))
    suite.refused(
        "order-id-missing-and-timestamp-malformed", "event_id_invalid", body=swap(no_id, pair, b'"created_at":0')
    )


def angage(suite):
    suite.valid("example", known="d37716670d05fdbf887e254b6c6f40afe70beb89d7c170e09b2f615ac51b6ba9")
    with_id = suite.sender.body[:1] + b'"delivery_id":"whd_0001",' + suite.sender.body[1:]
    suite.valid("id-in-the-body-without-a-pointer-to-it", body=with_id)
    suite.valid("id-unfilled-without-a-pointer-to-it", body=swap(with_id, b"whd_0001", b"{webhook.id}"))
    body_time_cases(suite)
    marketplace = ANGAGE_MARKETPLACE.signature_header
    suite.refused(
        "signature-under-the-marketplace-name",
        "signature_missing",
        signature=lambda tag: [(marketplace, f"sha256={tag}")],
    )


def angage_marketplace(suite):
    suite.valid("example", known="3b515bdfaa8d6858382b41db6f2c717feea99cfd3a51cc29e98d9b8062d992d8")
    body_time_cases(suite)
    suite.refused(
        "signature-under-the-erp-name",
        "signature_missing",
        signature=lambda tag: [(ANGAGE.signature_header, f"sha256={tag}")],
    )


SUITES = [
    (AGENCY_OS_AI, agency_os_ai),
    (AGENCY_OS_AI_PLUGIN, agency_os_ai_plugin),
    (AGILED, agiled),
    (HANDL, handl),
    (ANGAGE, angage),
    (ANGAGE_MARKETPLACE, angage_marketplace),
]


def make_suite(sender, own_cases, tag):
    suite = Suite(sender, tag)
    own_cases(suite)
    secret_cases(suite)
    signature_cases(suite)
    body_cases(suite)
    window_cases(suite)
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
    codes = {"valid", "signature_missing", "signature_repeated", "signature_malformed", "signature_mismatch"}
    codes |= {"timestamp_missing", "timestamp_malformed", "timestamp_stale", "timestamp_future", "body_not_an_object"}
    codes |= {"timestamp_repeated"} if sender.time_header else set()
    codes |= {"event_id_invalid"} if sender.id_member else set()
    codes |= {"event_contradicted"} if sender.event_header else set()
    return codes


# ---------------------------------------------------------------- RFC 4231

RFC4231 = [
    ("short-key", b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        "key-shorter-than-the-hash",
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        "key-and-data-longer-than-a-block",
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        "counting-key",
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    ("truncated-to-128-bits", b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    (
        "key-longer-than-a-block",
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        "key-and-data-longer-than-the-block",
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


def make_rfc4231(tag):
    vectors = []
    for number, (name, key, data, known) in enumerate(RFC4231, start=1):
        made = tag(key, data).hex()
        require(made[: len(known)] == known, f"RFC 4231 case {number}: the known tag is {known}, but made was {made}")
        vector = {"name": f"case-{number}-{name}", "key": key.hex(), "data": data.hex(), "tag": known}
        vectors.append(vector if len(known) == 64 else {**vector, "truncated": True})
    made_by = "RFC 4231, section 4; each tag recomputed with Python hmac and OpenSSL by tests/vectors/make.py"
    return {"made_by": made_by, "vectors": vectors}


# ---------------------------------------------------------------- files


def write_json(document):
    """One line per member of a vector, so that a difference shows what changed."""
    members = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in document.items() if name != "vectors"]
    vectors = []
    for vector in document["vectors"]:
        lines = ",\n".join(f"      {json.dumps(name)}: {json.dumps(value)}" for name, value in vector.items())
        vectors.append(f"    {{\n{lines}\n    }}")
    members.append('  "vectors": [\n' + ",\n".join(vectors) + "\n  ]")
    return "{\n" + ",\n".join(members) + "\n}\n"


def make_files(tag):
    documents = {f"{sender.name}.json": make_suite(sender, cases, tag) for sender, cases in SUITES}
    documents["rfc4231.json"] = make_rfc4231(tag)
    return documents


def check():
    differing = []
    for name, document in make_files(python_tag).items():
        path = FOLDER / name
        if not path.is_file():
            differing.append(f"{name} is missing")
        elif path.read_bytes() != write_json(document).encode():
            differing.append(f"{name} differs from what make.py makes")
    if differing:
        raise SystemExit(
            "make.py: " + "; ".join(differing) + ". Run `python3 tests/vectors/make.py` and look at the change."
        )
    print("make.py: every file is as made")


def write():
    for name, document in make_files(checked_tag).items():
        (FOLDER / name).write_bytes(write_json(document).encode())
        refused = sum(vector.get("expected", "valid") != "valid" for vector in document["vectors"])
        print(f"{name}: {len(document['vectors'])} vectors, {refused} of them refused")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        check()
    elif not sys.argv[1:]:
        write()
    else:
        raise SystemExit("usage: make.py [--check]")
