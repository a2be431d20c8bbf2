"""Deliveries: what they say, and that nobody can make one."""

from __future__ import annotations

import array
import copy
import hashlib
import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import counterfoil
from counterfoil import BodyError, Delivery, Rejection, Verifier, sign

SECRET = "a-secret-of-the-delivery-tests"
NOW = datetime(2026, 5, 18, 12, 0, 0, 123_456, tzinfo=UTC)
BODY = b'{"id":"evt_1","event":"invoice.paid","occurred_at":"2026-05-18T11:59:58.5Z","data":{"total":12.50,"n":3}}'
AGILED = Verifier("agiled", SECRET)
GITHUB = Verifier("github", SECRET)
ANY_BYTES = """
[[sender]]
name = "any-bytes"
kind = "hmac"
signature = { header = "X-Signature", encoding = "hex" }
body = "opaque"
"""


def agiled(body: Any = BODY) -> Delivery:
    return AGILED.verify_at(sign("agiled", SECRET, body, at=NOW), body, NOW)


@pytest.fixture
def any_bytes(tmp_path: Any) -> Verifier:
    file = tmp_path / "senders.toml"
    file.write_text(ANY_BYTES)
    return Verifier(counterfoil.load_senders(file)["any-bytes"], SECRET)


def signed(verifier: Verifier, body: bytes) -> Delivery:
    """A delivery of the sender of any bytes."""
    import hmac

    return verifier.verify({"X-Signature": hmac.new(SECRET.encode(), body, "sha256").hexdigest()}, body)


def test_what_a_delivery_says() -> None:
    delivery = agiled()
    assert (delivery.sender, delivery.endpoint, delivery.tenant) == ("agiled", "agiled", None)
    assert (delivery.event_id, delivery.event_type, delivery.secret_index) == ("evt_1", "invoice.paid", 0)
    assert delivery.signed_at == NOW.replace(microsecond=0)
    assert delivery.received_at == NOW
    assert delivery.occurred_at == datetime(2026, 5, 18, 11, 59, 58, 500_000, tzinfo=UTC)
    for time in (delivery.signed_at, delivery.received_at, delivery.occurred_at):
        assert time is not None and time.utcoffset() == timedelta(0)
    assert (delivery.unsigned_id, delivery.unsigned_event_type) == (None, None)
    assert delivery.fingerprint == hashlib.sha256(BODY).digest()[:16]
    assert len(delivery.key) == 32 and int(delivery.key, 16)
    assert delivery.scope == AGILED.scope
    assert delivery.note == "agiled invoice.paid evt_1"
    assert bytes(delivery) == delivery.body == BODY


def test_unsigned_headers_are_shown_and_cut() -> None:
    headers = sign("agiled", SECRET, BODY, at=NOW) | {"X-Agiled-Webhook-Id": "w" * 1_000}
    assert AGILED.verify_at(headers, BODY, NOW).unsigned_id == "w" * 255
    github = sign("github", SECRET, BODY) | {"X-GitHub-Event": "push"}
    assert GITHUB.verify(github, BODY).unsigned_event_type == "push"


def test_repr_shows_nothing_of_the_body() -> None:
    delivery = agiled()
    expected = (
        "Delivery(sender='agiled', endpoint='agiled', tenant=None, event_type='invoice.paid', event_id='evt_1', "
        f"key='{delivery.key}', body_bytes={len(BODY)})"
    )
    assert repr(delivery) == str(delivery) == expected
    assert "12.5" not in repr(delivery)


def test_t3_a_body_is_only_had_from_a_delivery_and_a_delivery_from_a_verifier() -> None:
    with pytest.raises(TypeError):
        Delivery()
    for make in (object.__new__, Delivery.__new__):
        with pytest.raises(TypeError):
            make(Delivery)
    with pytest.raises(TypeError):
        type("Forged", (Delivery,), {})
    delivery: Any = agiled()
    for name in ("body", "key", "event_id", "tenant", "anything"):
        with pytest.raises(AttributeError):
            setattr(delivery, name, b"{}")


def test_t20_a_delivery_is_not_pickled_and_not_made_by_unpickling() -> None:
    delivery = agiled()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="Delivery cannot be pickled"):
            pickle.dumps(delivery, protocol)
    for reduced in (b"ccounterfoil\nDelivery\n(tR.", b"ccounterfoil._core\nDelivery\n)\x81."):
        with pytest.raises((TypeError, pickle.UnpicklingError)):
            pickle.loads(reduced)
    assert not hasattr(delivery, "__setstate__")
    assert copy.copy(delivery) is delivery and copy.deepcopy([delivery])[0] is delivery


def test_identity_is_the_only_equality() -> None:
    delivery = agiled()
    assert delivery == delivery != agiled()
    assert len({delivery, agiled()}) == 2


# Bodies


def test_bytes_are_the_same_object_and_other_buffers_are_copied_first() -> None:
    assert agiled(BODY).body is BODY
    for buffer in (bytearray(BODY), memoryview(bytearray(BODY)), array.array("B", BODY)):
        delivery = agiled(buffer)
        assert type(delivery.body) is bytes and delivery.body == BODY
    changing = bytearray(BODY)
    delivery = agiled(changing)
    changing[:] = b"x" * len(changing)
    assert delivery.body == BODY and delivery.data() == {"total": Decimal("12.50"), "n": 3}
    # It is not held either: a held one could not be resized.
    changing.extend(b"more")


def test_a_view_that_is_not_contiguous_is_read_in_order() -> None:
    spaced = bytearray(2 * len(BODY))
    spaced[::2] = BODY
    assert agiled(memoryview(spaced)[::2]).body == BODY
    assert agiled(memoryview(bytearray(BODY[::-1]))[::-1]).body == BODY


def test_a_subclass_of_bytes_is_taken_for_its_bytes() -> None:
    class Body(bytes):
        def __bytes__(self) -> bytes:
            return b"{}"

    body = agiled(Body(BODY)).body
    assert body == BODY and type(body) is bytes


@pytest.mark.parametrize("body", ["{}", None, 5, [123], object()])
def test_other_types_say_what_to_pass(body: Any) -> None:
    for call in (lambda: AGILED.verify({}, body), lambda: sign("agiled", SECRET, body)):
        with pytest.raises(TypeError, match="pass the bytes of the request"):
            call()


# JSON


def test_money_is_never_a_float() -> None:
    data = agiled().data()
    assert data == {"total": Decimal("12.50"), "n": 3}
    assert isinstance(data["total"], Decimal) and isinstance(data["n"], int)
    exact = agiled(b'{"id":"1","event":"e","data":[0.1,1e400,-0.0,123456789012345678901234567890.123456789]}').data()
    assert [str(number) for number in exact] == ["0.1", "1E+400", "-0.0", "123456789012345678901234567890.123456789"]


def test_json_is_read_once() -> None:
    delivery = agiled()
    assert delivery.json() is delivery.json()
    assert delivery.data() is delivery.data()
    assert delivery.json()["id"] == "evt_1"
    assert delivery.data() == delivery.json()["data"]


def test_data_is_the_member_that_the_sender_keeps_it_in_or_the_whole_body() -> None:
    assert agiled(b'{"id":"1","event":"e"}').data() is None
    assert agiled(b'{"id":"1","event":"e","data":null}').data() is None
    github = GITHUB.verify(sign("github", SECRET, b'{"a":1}'), b'{"a":1}')
    assert github.data() is github.json()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"{",
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32-le"),
        b"[" * 200_000,
        b"1e99999999999999999999",
        b"1" * 5_000,
        b"nothing",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_python_cannot_read_is_a_body_error(any_bytes: Verifier, body: bytes) -> None:
    delivery = signed(any_bytes, body)
    assert delivery.body == body
    for read in (delivery.json, delivery.data):
        with pytest.raises(BodyError) as caught:
            read()
        assert (caught.value.code, caught.value.status) == ("body_not_an_object", 400)
        assert caught.value.__cause__ is None and caught.value.__context__ is None


@pytest.mark.parametrize("number", ["1" * 5_000, "1e99999999999999999999", "[" * 200_000 + "]" * 200_000])
def test_json_that_the_engine_takes_and_python_does_not(number: str) -> None:
    body = b'{"id":"evt_1","event":"e","data":%s}' % number.encode()
    delivery = agiled(body)
    assert delivery.event_id == "evt_1"
    for read in (delivery.json, delivery.data):
        with pytest.raises(BodyError):
            read()


def test_nan_is_no_json() -> None:
    for word in (b"NaN", b"Infinity", b"-Infinity"):
        with pytest.raises(BodyError):
            agiled(b'{"id":"1","event":"e","data":%s}' % word)


@pytest.mark.parametrize(
    ("occurred_at", "expected"),
    [
        ('"2026-05-18T11:59:58.123456789Z"', datetime(2026, 5, 18, 11, 59, 58, 123_456, tzinfo=UTC)),
        ('"1969-12-31T23:59:59.9999999Z"', datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ('"0001-01-01T00:00:00Z"', datetime.min.replace(tzinfo=UTC)),
        ('"9999-12-31T23:59:59.999999Z"', datetime.max.replace(tzinfo=UTC)),
        ('"0000-12-31T23:59:59Z"', None),
        ('"0001-01-01T00:00:00+01:00"', None),
        ('"9999-12-31T23:59:59-01:00"', None),
        ('"yesterday"', None),
        ("1779105600", datetime(2026, 5, 18, 12, tzinfo=UTC)),
    ],
)
def test_a_time_that_no_datetime_holds_is_none(occurred_at: str, expected: datetime | None) -> None:
    body = b'{"id":"1","event":"e","occurred_at":%s}' % occurred_at.encode()
    assert agiled(body).occurred_at == expected


# Assertions


def test_an_assertion_takes_a_body_that_was_checked_elsewhere() -> None:
    verifier = Verifier("agiled", SECRET, tenant="acme", endpoint="shop-2")
    asserted = Delivery.assertion(verifier, bytearray(BODY), now=NOW)
    verified = verifier.verify_at(sign("agiled", SECRET, BODY, at=NOW), BODY, NOW)
    assert (asserted.key, asserted.scope, asserted.tenant) == (verified.key, verified.scope, "acme")
    assert (asserted.secret_index, asserted.received_at, asserted.body) == (None, NOW, BODY)


def test_an_assertion_of_what_is_no_event_is_refused() -> None:
    for body in (b"", b"[]", b"{", b'{"id":""}', b'{"id":"{webhook.id}"}'):
        with pytest.raises(Rejection):
            Delivery.assertion(AGILED, body)


def test_an_id_that_is_no_member_of_the_body_is_passed() -> None:
    verifier = Verifier("standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert Delivery.assertion(verifier, b"{}", event_id="msg_1").event_id == "msg_1"
    with pytest.raises(Rejection):
        Delivery.assertion(verifier, b"{}")
