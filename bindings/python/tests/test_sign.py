"""Signing, for tests: what is signed here is what a verifier accepts."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest

import counterfoil
from _vectors import first, signable
from counterfoil import ConfigError, Verifier, senders, sign

NOW = datetime(2026, 5, 18, 12, 0, tzinfo=UTC)
URL = "https://shop.example/hooks"


@pytest.mark.parametrize("sender", signable())
def test_what_is_signed_is_accepted(sender: str) -> None:
    vector = first(sender)
    url, text = vector.public_url, vector.text_headers
    headers = sign(sender, vector.secrets[0], vector.body, at=vector.at, headers=text, public_url=url)
    [header] = [header for header in [senders()[sender].header] if header]
    assert header.lower() in headers
    delivery = vector.verifier(tolerance="retry_safe").verify_at(headers, vector.body, vector.at)
    assert (delivery.event_id, delivery.event_type) == (vector.event_id, vector.event_type)
    # The first signature of the vector is another implementation's.
    assert vector.verifier().verify_at(vector.headers, vector.body, vector.at).key == delivery.key
    by_another = sign(sender, another(vector.secrets[0]), vector.body, at=vector.at, public_url=url)
    with pytest.raises(counterfoil.SignatureError):
        vector.verifier().verify_at(by_another, vector.body, vector.at)


def another(secret: str) -> str:
    """Of the same encoding, and another key."""
    return "whsec_YW5vdGhlci1zZWNyZXQtb2Ytb3Vycw==" if secret.startswith("whsec_") else f"{secret[:-1]}~"


def test_it_is_an_hmac_of_the_body() -> None:
    expected = hmac.new(b"a-secret-of-the-tests", b"{}", "sha256").hexdigest()
    assert sign("github", "a-secret-of-the-tests", b"{}") == {"x-hub-signature-256": f"sha256={expected}"}


def test_headers_that_are_signed_are_taken_as_they_are() -> None:
    secret = "whsec_" + b64encode(b"a-secret-of-the-tests").decode()
    headers = sign("standard-webhooks", secret, b"{}", at=NOW, headers={"Webhook-Id": "msg_1"})
    expected = b64encode(hmac.digest(b"a-secret-of-the-tests", b"msg_1.1779105600.{}", "sha256")).decode()
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1779105600",
        "webhook-signature": f"v1,{expected}",
    }
    made = sign("standard-webhooks", secret, b"{}", at=NOW)
    assert len(made["webhook-id"]) == 32, "made of the body's digest"
    assert Verifier("standard-webhooks", secret).verify_at(made, b"{}", NOW).event_id == made["webhook-id"]


def test_a_header_that_a_dict_cannot_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="twice"):
        sign("agiled", "a-secret-of-the-tests", b"{}", headers=[("X-A", "1"), ("x-a", "2")])


def test_credentials_are_signed_too() -> None:
    angage = senders()["angage"]
    body = json.dumps({"id": "evt_1", "timestamp": "2026-05-18T12:00:00Z"}).encode()
    for sender, secret, expected in (
        (angage.with_bearer(), "token", {"authorization": "Bearer token"}),
        (angage.with_basic(), "user:password", {"authorization": "Basic dXNlcjpwYXNzd29yZA=="}),
        (angage.with_api_key("X-Key"), "key", {"x-key": "key"}),
    ):
        assert sign(sender, secret, body) == expected
        assert Verifier(sender, secret).verify(expected, body)
    with pytest.raises(ConfigError, match="user:password"):
        sign(angage.with_basic(), "token", body)


def test_who_cannot_be_signed_for_is_said() -> None:
    with pytest.raises(ConfigError, match="cannot be signed here"):
        sign("agencyhandy", "a-secret-of-the-tests", b"{}")
    with pytest.raises(ConfigError, match="nothing is signed"):
        sign(senders()["handl"].insecure_unsigned(), "a-secret-of-the-tests", b"{}")
    with pytest.raises(ConfigError, match="pass `public_url=`"):
        sign("square", "a-secret-of-the-tests", b"{}")
    with pytest.raises(ConfigError, match="public URL is none"):
        sign("square", "a-secret-of-the-tests", b"{}", public_url="shop")
    with pytest.raises(ConfigError, match="2001-09-09 to 2286-11-20"):
        sign("agiled", "a-secret-of-the-tests", b"{}", at=datetime(1999, 1, 1, tzinfo=UTC))
    with pytest.raises(ConfigError, match="None"):
        secret: Any = None
        sign("agiled", secret, b"{}")
