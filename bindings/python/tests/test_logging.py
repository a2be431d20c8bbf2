"""What the operator is told, through Python's logging."""

from __future__ import annotations

import copy
import logging
import pickle

import pytest

from counterfoil import (
    MemoryStore,
    PostgresStore,
    Receiver,
    RedisStore,
    Rejection,
    Remote,
    Secret,
    Verifier,
)
from counterfoil.errors import rejection
from orders import SECRET, event, told, won


@pytest.fixture
def receiver(caplog: pytest.LogCaptureFixture) -> Receiver:
    caplog.set_level(logging.INFO, "counterfoil")
    return Receiver("handl", SECRET, store=MemoryStore())


def test_each_delivery_is_reported_once(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    headers, body = event("evt_1")
    lease = won(receiver.receive(headers, body))
    assert caplog.records == []
    lease.complete()
    receiver.receive(headers, body)
    first, second = caplog.records
    assert (first.name, first.levelname) == ("counterfoil", "INFO")
    facts = vars(first)
    assert (facts["outcome"], facts["status"], facts["attempt"], facts["event_id"]) == ("handled", 200, 1, "evt_1")
    assert facts["key"] == lease.delivery.key
    assert "outcome=handled" in first.getMessage()
    assert vars(second)["outcome"] == "duplicate"


def test_a_refusal_says_why(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    headers, body = event("evt_1")
    assert told(receiver.receive(headers, body + b" ")) == (401, "signature_mismatch")
    assert told(receiver.receive({}, body)) == (401, "signature_missing")
    assert [vars(record)["code"] for record in caplog.records] == ["signature_mismatch", "signature_missing"]
    assert all(record.levelname == "WARNING" for record in caplog.records)
    assert "does a proxy drop the header?" in caplog.text


def test_nobody_pays_for_reports_that_nobody_reads(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "counterfoil")
    receiver = Receiver("handl", SECRET)
    won(receiver.receive(*event("evt_1"))).complete()
    assert caplog.records == []
    caplog.set_level(logging.INFO, "counterfoil")
    won(receiver.receive(*event("evt_2"))).complete()
    assert len(caplog.records) == 1


def test_t14_no_report_holds_a_secret_or_a_body(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    headers, body = event("evt_1", "a-note-of-the-customer")
    won(receiver.receive(headers, body)).settle(500)
    receiver.receive(headers, body + b" ")
    won(receiver.receive(headers, body)).bury("for a reason")
    for record in caplog.records:
        for text in (record.getMessage(), str(vars(record))):
            assert SECRET not in text and "a-note-of-the-customer" not in text
            assert headers["x-handl-signature"] not in text


def test_t20_nothing_shows_a_secret_or_can_be_pickled() -> None:
    url = "postgres://user:pass-word@host/db"
    receiver = Receiver("handl", SECRET, store=MemoryStore())
    lease = won(receiver.receive(*event("evt_1")))
    things = [
        Secret(SECRET),
        receiver,
        Verifier("handl", SECRET),
        MemoryStore(),
        PostgresStore(url),
        RedisStore("redis://:pass-word@host"),
        Remote(bundled_roots=True),
        lease,
        lease.delivery,
        lease.fence,
        receiver.health(),
    ]
    for thing in things:
        for text in (repr(thing), str(thing), f"{thing}", str(dir(thing))):
            assert SECRET not in text and "pass-word" not in text
        with pytest.raises(TypeError):
            pickle.dumps(thing)
    for thing in things[:7]:
        assert not hasattr(thing, "__dict__")
    with pytest.raises(TypeError):
        copy.deepcopy(receiver)


def test_exceptions_travel_between_processes() -> None:
    for error in (
        rejection("signature_mismatch", 401, "why", None),
        rejection("a_code_of_tomorrow", 418, "why", None),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert isinstance(again, type(error)) and isinstance(again, Rejection)
        assert (again.code, again.status, again.reason, str(again)) == (error.code, error.status, "why", str(error))
    assert "SignatureError" in repr(rejection("signature_mismatch", 401, "why", None))
    assert {"TimestampError"} == {
        type(rejection(f"timestamp_{kind}", 401, "", None)).__name__ for kind in ("stale", "future")
    }
