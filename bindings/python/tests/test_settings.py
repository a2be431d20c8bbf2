"""What a verifier can be told: tolerance, offsets, addresses, names; and the times that go in and come out."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import counterfoil
from _vectors import first
from counterfoil import ConfigError, Delivery, Secret, Sender, Verifier, sign
from invoices import BODY, NEW, NOW, OLD, refusal

# Tolerance


@pytest.mark.parametrize(
    ("tolerance", "past", "future"),
    [
        (None, 300, 60),
        ("strict", 300, 60),
        (timedelta(seconds=90), 90, 60),
        ((timedelta(seconds=10), timedelta(0)), 10, 0),
        ((timedelta.max, timedelta.max), 20 * 365 * 86_400, 20 * 365 * 86_400),
    ],
)
def test_tolerance(tolerance: Any, past: int, future: int) -> None:
    verifier = Verifier("agiled", NEW, tolerance=tolerance)
    second = timedelta(seconds=1)
    headers = sign("agiled", NEW, BODY, at=NOW)
    assert verifier.verify_at(headers, BODY, NOW + past * second)
    assert verifier.verify_at(headers, BODY, NOW - future * second)
    if past < 86_400:
        assert refusal(verifier, headers, now=NOW + (past + 1) * second) == "timestamp_stale"
        assert refusal(verifier, headers, now=NOW - (future + 1) * second) == "timestamp_future"


def test_retry_safe_reaches_to_the_last_retry() -> None:
    headers = sign("agiled", NEW, BODY, at=NOW)
    late = NOW + timedelta(hours=1)
    assert Verifier("agiled", NEW, tolerance="retry_safe").verify_at(headers, BODY, late)
    assert refusal(Verifier("agiled", NEW), headers, now=late) == "timestamp_stale"


@pytest.mark.parametrize("wrong", ["lax", "Strict", timedelta(seconds=-1), (timedelta(-1), timedelta(1))])
def test_t23_a_tolerance_that_cannot_be_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="tolerance"):
        Verifier("agiled", NEW, tolerance=wrong)


@pytest.mark.parametrize("wrong", [300, 300.0, (timedelta(1),), (300, 60), [timedelta(1), timedelta(1)]])
def test_a_tolerance_of_another_type_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError):
        Verifier("agiled", NEW, tolerance=wrong)


# Times


def test_a_naive_datetime_is_refused() -> None:
    headers = sign("agiled", NEW, BODY, at=NOW)
    naive = NOW.replace(tzinfo=None)
    for call in (
        lambda: Verifier("agiled", NEW).verify_at(headers, BODY, naive),
        lambda: sign("agiled", NEW, BODY, at=naive),
        lambda: Verifier("agiled", [NEW, (OLD, naive)]),
        lambda: Delivery.assertion(Verifier("agiled", NEW), BODY, now=naive),
    ):
        with pytest.raises(ConfigError, match="without a time zone"):
            call()


def test_every_moment_that_utc_has_is_a_time() -> None:
    headers = sign("agiled", NEW, BODY, at=NOW)
    verifier = Verifier("agiled", NEW, tolerance=(timedelta.max, timedelta.max))
    moments = [datetime.min, datetime.max, datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(1970, 1, 1)]
    day = timedelta(hours=23, minutes=59)
    zones = [UTC, timezone(day), timezone(-day)]
    refused: list[datetime] = []
    for moment in (moment.replace(tzinfo=zone) for moment in moments for zone in zones):
        try:
            assert verifier.verify_at(headers, BODY, moment).received_at == moment
        except ConfigError as error:
            assert "outside the years 1 to 9999" in str(error)
            refused.append(moment)
    assert refused == [datetime.min.replace(tzinfo=timezone(day)), datetime.max.replace(tzinfo=timezone(-day))]


def test_a_test_that_stops_time_changes_nothing_here() -> None:
    """It puts a class of its own in the place of `datetime`, perhaps before the first time is read."""
    script = """
import datetime, sys
import counterfoil

usual = datetime.datetime

class Stopped(usual):
    pass

datetime.datetime = Stopped
now = usual(2026, 5, 18, 12, tzinfo=datetime.timezone.utc)
stopped = Stopped(2026, 5, 18, 12, tzinfo=datetime.timezone.utc)
verifier = counterfoil.Verifier("agiled", "a-secret-of-the-tests", tolerance=datetime.timedelta(seconds=5))
body = b'{"id":"evt_1","event":"e"}'
for time in (now, stopped):
    headers = counterfoil.sign("agiled", "a-secret-of-the-tests", body, at=time)
    delivery = verifier.verify_at(headers, body, time)
    assert delivery.received_at == delivery.signed_at == now and type(delivery.signed_at) is usual
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_site_of_local_time_wants_its_offset() -> None:
    vector = first("agency-os-ai-plugin")
    assert vector.utc_offset is not None
    with pytest.raises(ConfigError, match=r'utc_offset="\+02:00"'):
        Verifier(vector.sender, list(vector.secrets))
    for offset in (vector.utc_offset, [vector.utc_offset], ("-11:00", vector.utc_offset)):
        verifier = vector.verifier(utc_offset=offset)
        assert verifier.verify_at(vector.headers, vector.body, vector.at).signed_at == vector.signed_at
    other = vector.verifier(utc_offset="-11:00")
    assert refusal(other, vector.headers, vector.body, vector.at) in ("timestamp_stale", "timestamp_future")


def test_offsets_that_cannot_be_are_refused() -> None:
    for wrong in ("Z", "+2", "+99:99", "02:00", "", ["+02:00", "x"], ["+01:00", "+02:00", "+03:00"]):
        with pytest.raises(ConfigError, match="UTC offset"):
            Verifier("agency-os-ai-plugin", NEW, utc_offset=wrong)
    with pytest.raises(ConfigError, match="signs UTC"):
        Verifier("agiled", NEW, utc_offset="+02:00")
    others: list[Any] = [5, [5], timedelta(hours=2)]
    for other in others:
        with pytest.raises(TypeError):
            Verifier("agency-os-ai-plugin", NEW, utc_offset=other)


# Addresses, endpoints, tenants


def test_the_public_url_is_what_counts() -> None:
    url = "https://shop.example/hooks/square"
    vector = first("square")
    headers = sign("square", NEW, vector.body, public_url=url)
    headers |= {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    verifier = Verifier("square", NEW, public_url=url)
    assert verifier.verify_at(headers, vector.body, vector.at).event_id == vector.event_id
    other = Verifier("square", NEW, public_url=url + "/")
    assert refusal(other, headers, vector.body, vector.at) == "signature_mismatch"
    with pytest.raises(ConfigError, match="public_url="):
        Verifier("square", NEW)
    with pytest.raises(ConfigError, match="`public_url=`"):
        Verifier("agiled", NEW, public_url=url)
    with pytest.raises(ConfigError, match="public URL is none") as caught:
        Verifier("square", NEW, public_url="https://user:token@shop.example/")
    assert "token" not in str(caught.value)


def test_t37_endpoints_and_tenants_have_keys_of_their_own() -> None:
    headers = sign("agiled", NEW, BODY, at=NOW)
    verifiers = [
        Verifier("agiled", NEW),
        Verifier("agiled", NEW, endpoint="shop-2"),
        Verifier("agiled", NEW, tenant="acme"),
        Verifier("agiled", NEW, tenant="globex"),
    ]
    deliveries = [verifier.verify_at(headers, BODY, NOW) for verifier in verifiers]
    assert len({delivery.key for delivery in deliveries}) == len({delivery.scope for delivery in deliveries}) == 4
    assert [delivery.tenant for delivery in deliveries] == [None, None, "acme", "globex"]
    assert [delivery.endpoint for delivery in deliveries] == ["agiled", "shop-2", "agiled", "agiled"]
    assert [verifier.scope for verifier in verifiers] == [delivery.scope for delivery in deliveries]


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256, "\0"])
def test_names_that_logs_cannot_hold_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="usable name"):
        Verifier("agiled", NEW, endpoint=name)
    with pytest.raises(ConfigError, match="usable name"):
        Verifier("agiled", NEW, tenant=name)


def test_a_setting_without_a_use_is_refused() -> None:
    with pytest.raises(ConfigError, match="no use for `webhook_id=`"):
        Verifier("agiled", NEW, webhook_id="wh_1")


def test_repr_says_which_one_it_is() -> None:
    assert repr(Verifier("agiled", NEW)) == "Verifier(sender='agiled', endpoint='agiled')"
    assert repr(Verifier("agiled", NEW, endpoint="it's")) == "Verifier(sender='agiled', endpoint=\"it's\")"


@pytest.mark.parametrize(
    "public",
    [Delivery, Secret, Sender, Verifier, counterfoil.load_senders, counterfoil.senders, sign],
    ids=lambda public: public.__name__,
)
def test_what_is_public_is_described_and_its_examples_run(public: Any) -> None:
    names = dir(public) if isinstance(public, type) else []
    for described in (public, *[getattr(public, name) for name in names if not name.startswith("_")]):
        text = inspect.getdoc(described)
        assert text and text[0].isupper() and text.partition("\n")[0].endswith("."), described
        examples = doctest.DocTestParser().get_doctest(text, {}, public.__name__, None, None)
        assert doctest.DocTestRunner().run(examples).failed == 0
