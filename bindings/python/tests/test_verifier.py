"""Verifiers: what they accept and refuse, rotation, threads."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

import counterfoil
from _vectors import BUILT_IN, first
from counterfoil import (
    ConfigError,
    Delivery,
    NotReady,
    Rejection,
    RequestError,
    SignatureError,
    TimestampError,
    Verifier,
    WebhookError,
    sign,
)
from invoices import BODY, NEW, NOW, OLD, refusal


def test_a_delivery_is_accepted_and_a_changed_one_is_not() -> None:
    verifier = Verifier("agiled", NEW)
    headers = sign("agiled", NEW, BODY, at=NOW)
    assert isinstance(verifier.verify_at(headers, BODY, NOW), Delivery)
    assert refusal(verifier, headers, BODY + b" ") == "signature_mismatch"
    assert refusal(verifier, {}) == "signature_missing"
    assert refusal(Verifier("agiled", OLD), headers) == "signature_mismatch"


def test_verify_judges_by_the_clock_of_this_machine() -> None:
    verifier = Verifier("agiled", NEW)
    before = datetime.now(UTC)
    delivery = verifier.verify(sign("agiled", NEW, BODY), BODY)
    assert before - timedelta(microseconds=1) <= delivery.received_at <= datetime.now(UTC)
    with pytest.raises(TimestampError) as caught:
        verifier.verify(sign("agiled", NEW, BODY, at=before - timedelta(seconds=400)), BODY)
    assert (caught.value.code, caught.value.status) == ("timestamp_stale", 401)


def test_exceptions_are_of_one_family_and_hold_the_facts() -> None:
    verifier = Verifier("agiled", NEW)
    with pytest.raises(SignatureError) as caught:
        verifier.verify({}, BODY)
    error = caught.value
    assert isinstance(error, Rejection) and isinstance(error, WebhookError)
    assert (error.code, error.status, error.retry_after) == ("signature_missing", 401, None)
    assert "x-agiled-webhook-signature" in error.reason
    assert str(error) == f"signature_missing: {error.reason}"
    assert issubclass(ConfigError, ValueError) and not issubclass(RequestError, SignatureError)


def test_a_sender_that_must_be_asked_is_no_affair_of_a_verifier() -> None:
    with pytest.raises(ConfigError, match="webhook_id="):
        Verifier("agencyhandy", NEW)
    verifier = Verifier("agencyhandy", NEW, webhook_id="wh_1")
    with pytest.raises(NotReady, match="use a Receiver with `remote=`") as caught:
        verifier.verify({counterfoil.senders()["agencyhandy"].header or "": "signature"}, b"{}")
    assert (caught.value.code, caught.value.status) == ("could_not_verify", 503)
    assert caught.value.retry_after == timedelta(seconds=1)


# Rotation


def test_rotation_accepts_both_secrets_until_the_old_one_ends() -> None:
    end = NOW + timedelta(minutes=1)
    verifier = Verifier("agiled", [NEW, (OLD, end)])
    by_new, by_old = (sign("agiled", secret, BODY, at=NOW) for secret in (NEW, OLD))
    assert verifier.verify_at(by_new, BODY, NOW).secret_index == 0
    assert verifier.verify_at(by_old, BODY, NOW).secret_index == 1
    assert verifier.verify_at(by_old, BODY, end - timedelta(microseconds=1)).secret_index == 1
    assert refusal(verifier, by_old, now=end) == "signature_mismatch"
    assert verifier.verify_at(by_new, BODY, end).secret_index == 0


def test_t38_a_back_dated_time_does_not_bring_an_old_secret_back() -> None:
    verifier = Verifier("agiled", [NEW, (OLD, NOW - timedelta(seconds=1))])
    back_dated = sign("agiled", OLD, BODY, at=NOW - timedelta(seconds=60))
    assert refusal(verifier, back_dated) == "signature_mismatch"


def test_the_end_of_a_secret_is_the_same_moment_in_any_zone() -> None:
    end = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    verifier = Verifier("agiled", [NEW, (OLD, end)])
    by_old = sign("agiled", OLD, BODY, at=NOW)
    assert verifier.verify_at(by_old, BODY, NOW - timedelta(seconds=1))
    assert refusal(verifier, by_old) == "signature_mismatch"


def test_t10_replaced_secrets_count_at_once() -> None:
    verifier = Verifier("agiled", OLD)
    by_old, by_new = (sign("agiled", secret, BODY, at=NOW) for secret in (OLD, NEW))
    assert verifier.verify_at(by_old, BODY, NOW)
    verifier.set_secrets(NEW)
    assert refusal(verifier, by_old) == "signature_mismatch"
    assert verifier.verify_at(by_new, BODY, NOW)
    past = datetime.now(UTC) - timedelta(seconds=1)
    for wrong in ([], [(NEW, past)], "", [OLD] * 5):
        with pytest.raises(ConfigError):
            verifier.set_secrets(wrong)
    assert verifier.verify_at(by_new, BODY, NOW), "the old ones stay"


# What a request can change


@pytest.mark.parametrize("sender", BUILT_IN)
def test_t25_t26_the_signed_time_is_signed(sender: str) -> None:
    vector = first(sender)
    stamp = {"agency-os-ai": "x-aosai-timestamp", "agiled": "x-agiled-webhook-timestamp"}.get(sender)
    if stamp is None:
        # The time is in the body, and every byte of that is signed.
        for place in range(len(vector.body)):
            changed = vector.body[:place] + bytes([vector.body[place] ^ 1]) + vector.body[place + 1 :]
            assert refusal(vector.verifier(), vector.headers, changed, vector.at) == "signature_mismatch"
        return
    headers = {name.lower(): value for name, value in vector.text_headers}
    later = headers | {stamp: str(int(headers[stamp]) + 1)}
    assert refusal(vector.verifier(), later, vector.body, vector.at) == "signature_mismatch"
    without = {name: value for name, value in headers.items() if name != stamp}
    assert refusal(vector.verifier(), without, vector.body, vector.at) == "timestamp_missing"
    renamed = without | {"timestamp": headers[stamp]}
    assert refusal(vector.verifier(), renamed, vector.body, vector.at) == "timestamp_missing"


def test_t35_t36_the_sender_of_a_request_does_not_choose_its_algorithm() -> None:
    verifier = Verifier("github", NEW)
    good = sign("github", NEW, BODY)["x-hub-signature-256"]
    for value in (good.replace("sha256=", "sha1="), good.removeprefix("sha256="), good.replace("sha256", "SHA256")):
        assert refusal(verifier, {"X-Hub-Signature-256": value}) == "signature_malformed"
    assert refusal(verifier, {"X-Hub-Signature": good}) == "signature_missing"


def test_t6_blank_never_equals_blank() -> None:
    bearer = Verifier(counterfoil.senders()["angage"].with_bearer(), "a-token-of-ours-here")
    for value in ("", "Bearer", "Bearer ", "Bearer  ", "Basic YTpi", "a-token-of-ours-here"):
        assert refusal(bearer, {"Authorization": value}) in ("signature_malformed", "credentials_invalid"), value
    # The signature of its usual scheme is no way in.
    signed = sign("angage", "a-token-of-ours-here", BODY)
    assert refusal(bearer, signed) == "signature_missing"


def test_t27_a_list_of_signatures_is_tried_up_to_a_bound() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    verifier = Verifier("standard-webhooks", secret)
    headers = sign("standard-webhooks", secret, BODY, at=NOW)
    good = headers["webhook-signature"]
    wrong = "v1," + "A" * 43 + "="
    several = [good, f"{wrong} {good}", f"v2,x {good} {wrong}", f" {good}", f"v1,junk {good}", f"{wrong} " * 15 + good]
    for value in several:
        assert verifier.verify_at(headers | {"webhook-signature": value}, BODY, NOW), value
    far = headers | {"webhook-signature": f"{wrong} " * 1_000 + good}
    assert refusal(verifier, far) == "signature_mismatch"


def test_t30_t31_unsigned_headers_do_not_change_an_event() -> None:
    vector = first("agiled")
    verifier = vector.verifier()
    plain = verifier.verify_at(vector.headers, vector.body, vector.at)
    for name, value in (("X-Agiled-Webhook-Id", "wh_of_another"), ("x-request-id", "1")):
        other = verifier.verify_at([*vector.headers, (name, value)], vector.body, vector.at)
        assert (other.key, other.event_id) == (plain.key, plain.event_id)
    contradicted = [*vector.headers, ("X-Agiled-Webhook-Event", "invoice.deleted")]
    assert refusal(verifier, contradicted, vector.body, vector.at) == "event_contradicted"


# Threads


def ran_meanwhile(size: int) -> bool:
    """Whether another thread has run while a body of that size was verified."""
    body = BODY + b" " * (size - len(BODY))
    verifier, headers = Verifier("agiled", NEW), sign("agiled", NEW, body, at=NOW)
    gate, ran = threading.Lock(), threading.Event()
    gate.acquire()

    def other() -> None:
        with gate:
            ran.set()

    thread = threading.Thread(target=other)
    usual = sys.getswitchinterval()
    # From here on a thread runs on until it gives the interpreter away.
    sys.setswitchinterval(1_000)
    try:
        thread.start()
        gate.release()
        delivery = verifier.verify_at(headers, body, NOW)
        outcome = ran.is_set()
    finally:
        sys.setswitchinterval(usual)
    thread.join()
    assert len(delivery.body) == size
    return outcome


def test_the_interpreter_is_given_away_for_long_work_only() -> None:
    assert not ran_meanwhile(1_024)
    assert not ran_meanwhile(256 * 1_024 - 1)
    assert ran_meanwhile(64 * 1_024 * 1_024)


def test_a_verifier_is_shared_between_threads() -> None:
    verifier = Verifier("agiled", [NEW, OLD])
    bodies = (BODY, BODY + b" " * 300_000)
    requests = [(sign("agiled", secret, body, at=NOW), body) for secret in (NEW, OLD) for body in bodies]
    wrong: list[object] = []

    def work() -> None:
        for turn in range(40):
            headers, body = requests[turn % 4]
            try:
                index = verifier.verify_at(headers, body, NOW).secret_index
                wrong.extend([index] if index != turn % 4 // 2 else [])
            except BaseException as error:
                wrong.append(error)
            verifier.set_secrets([NEW, OLD])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
