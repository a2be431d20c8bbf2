"""Secrets: which are taken, and that none comes out again."""

from __future__ import annotations

import copy
import pickle
import traceback
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from counterfoil import ConfigError, Receiver, Rejection, Secret, Verifier, sign

KEY = "a-rather-unguessable-key"


def alone(secret: str | bytes) -> Verifier:
    return Verifier("handl", secret)


def beside_another(secret: str | bytes) -> Verifier:
    return Verifier("handl", [KEY, secret])


@pytest.mark.parametrize("text", ["", " ", "\t\r\n ", "\u00a0", "\0", b"", b"\0\0 "])
def test_t4_a_blank_secret_makes_no_verifier(text: str | bytes) -> None:
    for make in (Secret, alone, beside_another):
        with pytest.raises(ConfigError, match="blank"):
            make(text)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("whsec_", "whsec"),
        ("whsec_!!", "whsec"),
        ("c2VjcmV0", "whsec"),
        ("!!", "base64"),
        ("c2VjcmV0cw", "base64"),
        ("abc", "hex"),
        ("0000", "hex"),
        ("zz", "hex"),
    ],
)
def test_t4_an_undecodable_secret_makes_no_verifier(text: str, encoding: Any) -> None:
    with pytest.raises(ConfigError, match="secret"):
        Secret(text, encoding=encoding)


def test_t4_a_secret_is_read_the_way_its_sender_writes_it() -> None:
    with pytest.raises(ConfigError, match="not valid whsec"):
        Verifier("svix", KEY)
    with pytest.raises(ConfigError, match="not valid whsec"):
        Verifier("svix", ["whsec_c2VjcmV0LW9mLXRlbi1ieXRlcw==", KEY])


@pytest.mark.parametrize("secret", [[], (), None, [None]])
def test_t5_without_a_secret_there_is_no_verifier(secret: Any) -> None:
    for make in (Verifier, Receiver):
        with pytest.raises(ConfigError, match=r"`handl`.*(pass one|is the variable set)"):
            make("handl", secret)


def test_t5_unsigned_is_said_in_words() -> None:
    import counterfoil

    unsigned = counterfoil.senders()["handl"].insecure_unsigned()
    assert unsigned.header is None
    with pytest.raises(ConfigError, match=r"pass `\[\]`"):
        Verifier(unsigned, KEY)
    assert Verifier(unsigned, []).sender == "handl"


@pytest.mark.parametrize("text", ["env:HANDL_SECRET", "env:handl", "$HANDL_SECRET", "${HANDL_SECRET}"])
def test_t18_a_reference_is_never_the_literal(text: str) -> None:
    for make in (Secret, alone, beside_another):
        with pytest.raises(ConfigError, match="reference"):
            make(text)


def test_t23_an_unknown_encoding_is_refused() -> None:
    encoding: Any = "base58"
    with pytest.raises(ConfigError, match="`raw`, `base64`, `hex` and `whsec`"):
        Secret(KEY, encoding=encoding)


def test_every_way_to_write_a_secret_down_is_one_key() -> None:
    encoded = b64encode(KEY.encode()).decode()
    body = b"{}"
    signed = sign("github", KEY, body)
    raw: list[Secret | str | bytes] = [KEY, KEY.encode(), Secret(KEY), Secret(KEY.encode(), encoding="raw")]
    for secret in raw:
        assert sign("github", secret, body) == signed
        assert Verifier("github", secret).verify(signed, body).secret_index == 0
    whsec = f"whsec_{encoded}"
    standard: list[Secret | str | bytes] = [whsec, whsec.encode(), Secret(whsec, encoding="whsec")]
    at = datetime.now(UTC)
    assert len({sign("svix", secret, body, at=at)["svix-signature"] for secret in standard}) == 1


def test_a_secret_read_in_another_way_is_refused_and_says_what_to_pass() -> None:
    with pytest.raises(ConfigError, match=r"`svix` writes its secrets as whsec, this one was read as raw.*Secret\("):
        Verifier("svix", Secret("whsec_c2VjcmV0"))


@pytest.mark.parametrize("value", [1, 1.5, True, object(), bytearray(b"secret-secret"), {"a": KEY}, {KEY}])
def test_other_types_are_refused_by_their_name_alone(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        Verifier("handl", value)
    assert KEY not in str(caught.value)
    with pytest.raises(TypeError, match=f"not of type {type(value).__name__}"):
        Secret(value)


def test_a_pair_without_its_list_is_pointed_out() -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    pair: Any = (KEY, end)
    with pytest.raises(TypeError, match=r"\[\(secret, end\)\]"):
        Verifier("handl", pair)
    for wrong in [(KEY, end, end), (KEY,), (KEY, None), (KEY, 5)]:
        with pytest.raises(TypeError):
            Verifier("handl", [wrong])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="without a time zone"):
        Verifier("handl", [(KEY, datetime(2030, 1, 1))])


def test_more_secrets_than_are_tried_are_refused() -> None:
    assert Verifier("handl", [f"{KEY}-{number}" for number in range(4)])
    with pytest.raises(ConfigError, match="at most 4"):
        Verifier("handl", [f"{KEY}-{number}" for number in range(5)])


def test_t20_nothing_shows_a_secret() -> None:
    secret, verifier = Secret(KEY), Verifier("handl", KEY)
    receiver = Receiver("handl", KEY)
    assert repr(secret) == str(secret) == f"{secret}" == "Secret(redacted)"
    for value in (secret, verifier, receiver):
        with pytest.raises(TypeError):
            vars(value)
        shown = [repr(value), str(value), f"{value!a}", *dir(value)]
        shown += [repr(getattr(value, name)) for name in dir(value)]
        assert not any(KEY in text or KEY.encode().hex() in text for text in shown), value


def test_t20_a_secret_and_a_verifier_are_not_pickled() -> None:
    for value, match in ((Secret(KEY), "Secret cannot be pickled"), (Verifier("handl", KEY), "cannot be pickled")):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match=match):
                pickle.dumps(value, protocol)
            with pytest.raises(TypeError):
                object.__reduce_ex__(value, protocol)
        assert copy.copy(value) is value
        assert copy.deepcopy({"held": [value]})["held"][0] is value


def test_t14_no_exception_holds_a_secret() -> None:
    wrong = "\ud800" + KEY
    causes: list[Any] = [
        lambda: Secret(wrong),
        lambda: Secret(KEY, encoding="hex"),
        lambda: Secret(f"$ {KEY}", encoding="whsec"),
        lambda: Verifier("svix", KEY),
        lambda: Verifier("handl", wrong),
        lambda: Verifier("handl", [KEY, 5]),  # type: ignore[list-item]
        lambda: Verifier("handl", KEY, public_url=f"https://a:{KEY}@shop.example/"),
        lambda: Verifier("square", KEY, public_url=wrong),
        lambda: Verifier("angage", KEY, webhook_id="1"),
        lambda: sign("svix", KEY, b"{}"),
        lambda: Verifier("handl", KEY).verify({"X-HanDl-Signature": "00" * 32}, b"{}"),
        lambda: Verifier("handl", KEY).verify({"X-HanDl-Signature": KEY}, KEY.encode()),
        lambda: Verifier("handl", KEY).verify(sign("handl", KEY, KEY.encode()), KEY.encode()),
    ]
    for cause in causes:
        with pytest.raises((ConfigError, Rejection, TypeError)) as caught:
            cause()
        error: BaseException | None = caught.value
        while error is not None:
            shown = "".join(traceback.format_exception_only(error)) + repr(error) + repr(error.args) + repr(vars(error))
            assert KEY not in shown, shown
            assert not isinstance(error, UnicodeError), "it would hold the text that it is about"
            error = error.__cause__ or error.__context__


def test_identity_is_the_only_equality() -> None:
    secret = Secret(KEY)
    assert secret == secret != Secret(KEY)
    assert len({secret, Secret(KEY), secret}) == 2
    # No comparison with a text either, whose time would tell something of the secret.
    assert [secret].count(KEY) == 0  # type: ignore[arg-type]


def test_a_secret_is_final_and_immutable() -> None:
    with pytest.raises(TypeError):
        type("Leak", (Secret,), {})
    secret: Any = Secret(KEY)
    with pytest.raises(AttributeError):
        secret.text = KEY
