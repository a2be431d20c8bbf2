"""Any bytes anywhere: a delivery or a typed refusal, and nothing else."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import hypothesis
import starlette.datastructures
import werkzeug.datastructures
from django.http.request import HttpHeaders
from hypothesis import given
from hypothesis import strategies as some

import counterfoil
from _vectors import Vector, first, signable
from counterfoil import Answer, ConfigError, Delivery, FixedClock, Intake, Receiver, Rejection, Verifier, sign

CODES = {
    "signature_missing": 401,
    "signature_malformed": 401,
    "signature_repeated": 401,
    "signature_mismatch": 401,
    "timestamp_missing": 401,
    "timestamp_malformed": 401,
    "timestamp_repeated": 401,
    "timestamp_stale": 401,
    "timestamp_future": 401,
    "credentials_invalid": 401,
    "body_not_an_object": 400,
    "event_id_invalid": 400,
    "event_contradicted": 400,
}
"""What a verifier refuses with."""

EXAMPLES = {sender: first(sender) for sender in signable()}
SECRET = "a-secret-of-the-hostile-tests"
ANGAGE = counterfoil.senders()["angage"]
VERIFIERS = {sender: vector.verifier() for sender, vector in EXAMPLES.items()} | {
    "bearer": Verifier(ANGAGE.with_bearer(), SECRET),
    "basic": Verifier(ANGAGE.with_basic(), f"user:{SECRET}"),
    "api-key": Verifier(ANGAGE.with_api_key("X-Key"), SECRET),
    "unsigned": Verifier(ANGAGE.insecure_unsigned(), []),
    "composite": Verifier(ANGAGE.insecure_unsigned().with_event_id_from(["/id", "/data/id"]), []),
    "any age": Verifier("agiled", SECRET, tolerance=(timedelta.max, timedelta.max)),
}
NAMES = sorted(
    {name.decode().lower() for vector in EXAMPLES.values() for name, _ in vector.headers}
    | {(sender.header or "X-Key").lower() for sender in counterfoil.senders().values()}
    | {"authorization", "x-key", "content-type", "content-encoding", "content-length", "transfer-encoding", "host"}
)

bytes_of_a_field = some.one_of(
    some.binary(max_size=80),
    some.from_regex(rb"(sha256=|v1=|sha1=|v1,)?[0-9a-fA-F]{60,68}", fullmatch=True),
    some.from_regex(rb"(v1=[0-9a-f]{64},?|t=[0-9]{9,14},|,|v1=|[a-z ]{0,9}){0,12}", fullmatch=True),
    some.from_regex(rb"[+-]?[0-9]{0,20}", fullmatch=True),
    some.from_regex(rb"[0-9]{4}(-[0-9]{2}){2}[Tt ][0-9]{2}(:[0-9]{2}){2}(\.[0-9]{0,12})?(Z|[+-][0-9]{2}:[0-9]{2})?"),
    some.from_regex(rb"(Bearer|bearer|Basic) ?[A-Za-z0-9+/=:]{0,40}", fullmatch=True),
)
field = some.one_of(
    bytes_of_a_field,
    bytes_of_a_field.map(lambda raw: raw.decode("latin-1")),
    some.text(max_size=40),
    some.text(some.characters(categories=["Cs", "Cc", "Nd"]), max_size=40),
)
name = some.one_of(
    some.sampled_from(NAMES),
    some.sampled_from(NAMES).map(str.upper),
    some.sampled_from(NAMES).map(str.encode),
    some.sampled_from(NAMES).map(lambda name: f"{name}\n"),
    field,
)
pairs = some.lists(some.tuples(name, field), max_size=12)

number = some.sampled_from(["1", "-1", "1e999", "1774958400", "9" * 40])
times = ["2026-05-18T12:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"]
string = some.sampled_from([*times, "a", r"\ud800", r"\u0000", "{webhook.id}"]).map(lambda text: f'"{text}"')
value = some.one_of(number, string, some.sampled_from(["null", "[", "]", "{", "}", "{}", "[[[[", '"']))
member = some.sampled_from(
    ["id", "event", "type", "timestamp", "created_at", "occurred_at", "data", r"\u0069d", "", "event_id", "challenge"]
)
body = some.one_of(
    some.binary(max_size=300),
    some.lists(some.tuples(member, value), max_size=6).map(
        lambda members: ("{" + ",".join(f'"{name}":{value}' for name, value in members) + "}").encode()
    ),
    some.from_regex(rb'[{}\[\]":,0-9a-z\\ \n\x00]{0,60}', fullmatch=True),
)
anything = some.text(some.characters(), max_size=300)  # surrogates too
zone = some.one_of(
    some.just(UTC),
    some.timedeltas(min_value=timedelta(hours=-23), max_value=timedelta(hours=23)).map(timezone),
)
moment = some.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=zone)
sender = some.sampled_from(sorted(VERIFIERS))


Pairs = list[tuple[Any, Any]]


def text(field: str | bytes) -> str:
    return field if isinstance(field, str) else field.decode("latin-1")


def items(pairs: Pairs) -> Any:
    class Items:
        def items(self) -> Pairs:
            return pairs

    return Items()


def environ(pairs: Pairs) -> dict[str, str]:
    return {f"HTTP_{text(name).upper().replace('-', '_')}": text(value) for name, value in pairs}


def of_werkzeug(pairs: Pairs) -> Any:
    # It takes no line breaks, so that none get to us.
    fold = str.maketrans("\r\n", "  ")
    return werkzeug.datastructures.Headers([(text(name), text(value).translate(fold)) for name, value in pairs])


def of_starlette(pairs: Pairs) -> Any:
    raw = [(wire(name), wire(value)) for name, value in pairs]
    return starlette.datastructures.Headers(raw=raw)


def wire(field: str | bytes) -> bytes:
    return text(field).encode("utf-8", "surrogatepass")


def of_lists(pairs: Pairs) -> Any:
    return [list(pair) for pair in pairs]


def of_django(pairs: Pairs) -> Any:
    return HttpHeaders(environ(pairs))


def of_wsgi(pairs: Pairs) -> Any:
    return werkzeug.datastructures.EnvironHeaders(environ(pairs))


PLAIN: list[Callable[[Pairs], Any]] = [list, tuple, items, of_lists]
CONTAINERS = [*PLAIN, dict, UserDict, iter, of_starlette, of_werkzeug, of_wsgi, of_django]
container = some.sampled_from(CONTAINERS)


def verdict(verifier: Verifier, headers: Any, body: Any, now: datetime) -> Delivery | Rejection:
    """The one or the other. Whatever else comes out goes on, a panic among it."""
    try:
        delivery = verifier.verify_at(headers, body, now)
    except Rejection as rejection:
        assert CODES[rejection.code] == rejection.status
        assert rejection.reason and rejection.retry_after is None
        assert not any(secret in str(rejection) for secret in (SECRET, *EXAMPLES["agiled"].secrets))
        return rejection
    read(delivery)
    return delivery


def read(delivery: Delivery) -> None:
    """Looks at everything, once verified."""
    for name in dir(delivery):
        if not name.startswith("_") and name not in ("assertion", "json", "data"):
            getattr(delivery, name)
    for parse in (delivery.json, delivery.data):
        try:
            parse()
        except Rejection as rejection:
            assert rejection.code == "body_not_an_object"
    assert repr(delivery).startswith("Delivery(")


@given(sender, pairs, container, body, moment)
def test_t2_any_headers_and_any_body(sender: str, pairs: Any, container: Any, body: bytes, now: datetime) -> None:
    outcome = verdict(VERIFIERS[sender], container(pairs), body, now)
    if sender not in ("unsigned", "composite"):
        # Nobody guesses a tag, nor a token of ours.
        assert isinstance(outcome, Rejection)


@given(some.sampled_from(sorted(EXAMPLES)), some.data())
def test_t2_one_change_to_a_valid_request(sender: str, data: some.DataObject) -> None:
    vector, verifier = EXAMPLES[sender], VERIFIERS[sender]
    headers: list[tuple[Any, Any]] = list(vector.headers)
    body = vector.body
    match data.draw(some.sampled_from(["add", "drop", "replace", "flip", "body", "double"])):
        case "add":
            headers.insert(data.draw(some.integers(0, len(headers))), data.draw(some.tuples(name, field)))
        case "drop":
            del headers[data.draw(some.integers(0, len(headers) - 1))]
        case "replace":
            place = data.draw(some.integers(0, len(headers) - 1))
            headers[place] = (headers[place][0], data.draw(field))
        case "flip":
            place = data.draw(some.integers(0, len(headers) - 1))
            raw = bytearray(headers[place][1])
            raw[data.draw(some.integers(0, len(raw) - 1))] ^= data.draw(some.integers(1, 255))
            headers[place] = (headers[place][0], bytes(raw))
        case "double":
            place = data.draw(some.integers(0, len(headers) - 1))
            headers.append(headers[place])
        case _:
            start = data.draw(some.integers(0, len(body)))
            end = data.draw(some.integers(start, len(body)))
            body = body[:start] + data.draw(some.binary(max_size=4)) + body[end:]
    outcome = verdict(verifier, data.draw(some.sampled_from(PLAIN))(headers), body, vector.at)
    if isinstance(outcome, Delivery):
        assert outcome.body == body
        # What is accepted is what was signed, whatever stood around it. A token signs nothing.
        assert sender == "gitlab" or (body, outcome.event_id) == (vector.body, vector.event_id)


@given(some.sampled_from(sorted(EXAMPLES)), some.integers(0, 255), some.integers(0, 1_000))
def test_t1_a_signature_of_any_length(sender: str, cut: int, more: int) -> None:
    vector, verifier = EXAMPLES[sender], VERIFIERS[sender]
    header = (counterfoil.senders()[sender].header or "").lower().encode()
    changes: list[Callable[[bytes], bytes]] = [
        lambda raw: raw[:cut],
        lambda raw: raw[cut:],
        lambda raw: raw + raw[:1] * more,
    ]
    for change in changes:
        headers = [(key, change(raw) if key.lower() == header else raw) for key, raw in vector.headers]
        outcome = verdict(verifier, headers, vector.body, vector.at)
        assert isinstance(outcome, Rejection) or headers == list(vector.headers) or entries(vector, headers)


def entries(vector: Vector, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether the good signature is an entry of a list still, beside what else was added."""
    return all(good.rstrip(b"=") in raw for (_, good), (_, raw) in zip(vector.headers, headers, strict=True))


@given(field, moment)
def test_t24_any_timestamp(stamp: str | bytes, now: datetime) -> None:
    raw = text(stamp).encode("utf-8", "surrogatepass")
    body = b'{"id":"evt_1","event":"e","occurred_at":"%s"}' % raw
    signed = sign("agiled", SECRET, body, at=datetime(2026, 1, 1, tzinfo=UTC))
    outcome = verdict(VERIFIERS["any age"], signed | {"X-Agiled-Webhook-Timestamp": stamp}, body, now)
    assert isinstance(outcome, Rejection), "the first one is still there"
    del signed["x-agiled-webhook-timestamp"]
    outcome = verdict(VERIFIERS["any age"], signed | {"X-Agiled-Webhook-Timestamp": stamp}, body, now)
    assert isinstance(outcome, Rejection) or text(stamp) == "1767225600"
    # Signed once more, it is read after the signature has matched.
    handl = b'{"id":"evt_1","type":"e","created_at":"%s","data":{}}' % raw
    any_age = Verifier("handl", SECRET, tolerance=(timedelta.max, timedelta.max))
    outcome = verdict(any_age, sign("handl", SECRET, handl), handl, now)
    assert isinstance(outcome, Delivery) or outcome.code.startswith(("timestamp_", "body_"))


@given(body, some.sampled_from(["agiled", "github", "shopify", "unsigned", "composite", "bearer"]))
def test_t28_any_body_once_it_is_signed(body: bytes, sender: str) -> None:
    match sender:
        case "unsigned" | "composite":
            verifier, headers = VERIFIERS[sender], dict[str, str]()
        case "bearer":
            verifier, headers = VERIFIERS[sender], {"Authorization": f"Bearer {SECRET}"}
        case _:
            verifier, headers = Verifier(sender, SECRET), sign(sender, SECRET, body)
    outcome = verdict(verifier, headers, body, datetime.now(UTC))
    codes = ("body_not_an_object", "event_id_invalid", "timestamp_missing", "timestamp_malformed", "timestamp_repeated")
    assert isinstance(outcome, Delivery) or outcome.code in (*codes, "timestamp_stale", "timestamp_future")
    if isinstance(outcome, Delivery):
        assert outcome.body == body


@given(sender, pairs, container, body, some.sampled_from(["POST", "GET", "", "post", "PÖST", "P\0"]), some.text())
def test_t2_a_receiver_answers_anything(
    sender: str, pairs: Any, container: Any, body: bytes, method: str, target: str
) -> None:
    if sender not in EXAMPLES:
        return
    vector = EXAMPLES[sender]
    receiver = Receiver(sender, clock=FixedClock(vector.at), **vector.settings)
    begun = receiver.begin(method, target, container(pairs))
    outcome = begun.push(body) or begun.finish() if isinstance(begun, Intake) else begun
    assert isinstance(outcome, Answer), "nobody guesses a tag"
    assert 200 <= outcome.status <= 599


@given(some.text(), some.binary(), some.sampled_from(["raw", "base64", "hex", "whsec"]))
def test_t4_any_secret(text: str, raw: bytes, encoding: Any) -> None:
    for secret in (text, raw, f"whsec_{text}", b"whsec_" + raw):
        try:
            made = counterfoil.Secret(secret, encoding=encoding)
        except ConfigError as error:
            assert isinstance(secret, bytes) or len(secret) < 9 or secret not in str(error)
        else:
            assert repr(made) == "Secret(redacted)"


@given(anything, anything, anything)
def test_any_setting_is_taken_or_a_config_error(name: str, offset: str, url: str) -> None:
    ways: list[Callable[[], Verifier]] = [
        lambda: Verifier(name, SECRET),
        lambda: Verifier("agiled", SECRET, endpoint=name),
        lambda: Verifier("agiled", SECRET, tenant=name),
        lambda: Verifier("agency-os-ai-plugin", SECRET, utc_offset=offset),
        lambda: Verifier("square", SECRET, public_url=url),
        lambda: Verifier("square", SECRET, public_url=f"https://{url}"),
        lambda: Verifier(ANGAGE.with_event_id_at(name), SECRET),
        lambda: Verifier(ANGAGE.with_event_type_at(f"/{name}"), SECRET),
        lambda: Verifier(ANGAGE.with_api_key(name), SECRET),
    ]
    for way in ways:
        try:
            verifier = way()
        except ConfigError as error:
            assert error.args == (str(error),)
        else:
            assert repr(verifier).startswith("Verifier(")


def test_the_examples_are_valid() -> None:
    """So that a change to one of them is a change to a valid request."""
    assert len(EXAMPLES) >= 20 and hypothesis.settings().max_examples >= 400
    for sender, vector in EXAMPLES.items():
        assert isinstance(verdict(VERIFIERS[sender], vector.headers, vector.body, vector.at), Delivery)
