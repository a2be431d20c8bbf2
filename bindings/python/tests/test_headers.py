"""Headers of any container: in any case, with doubled ones seen."""

from __future__ import annotations

import http.client
from collections import OrderedDict, UserDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from types import MappingProxyType
from typing import Any

import httpx
import pytest
import starlette.datastructures
import werkzeug.datastructures
from django.http.request import HttpHeaders

from counterfoil import Delivery, FixedClock, Intake, Receiver, Rejection, Verifier, sign

SECRET = "a-secret-of-the-header-tests"
NOW = datetime(2026, 5, 18, 12, 0, tzinfo=UTC)
BODY = b'{"id":"evt_1","event":"invoice.paid"}'
VERIFIER = Verifier("agiled", SECRET)
SIGNED = sign("agiled", SECRET, BODY, at=NOW)
SIGNATURE, STAMP = "X-Agiled-Webhook-Signature", "X-Agiled-Webhook-Timestamp"
GOOD = [(SIGNATURE, SIGNED[SIGNATURE.lower()]), (STAMP, SIGNED[STAMP.lower()]), ("Content-Type", "application/json")]
# What folding the case of any text, instead of ASCII, would take for the letters k and s, and digits likewise.
KELVIN, LONG_S = SIGNATURE.replace("k", "\u212a"), SIGNATURE.replace("S", "\u017f")
FULL_WIDTH = "".join(chr(0xFF10 + int(digit)) for digit in "1779105600")
RAW = [(name.encode(), value.encode()) for name, value in GOOD]


def refusal(headers: Any) -> str:
    with pytest.raises(Rejection) as caught:
        VERIFIER.verify_at(headers, BODY, NOW)
    return caught.value.code


def environ(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """As a WSGI server passes headers on."""
    return {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in pairs}


def message(pairs: list[tuple[str, str]]) -> http.client.HTTPMessage:
    lines = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return http.client.parse_headers(BytesIO(f"{lines}\r\n".encode("latin-1")))


class OnlyItems:
    """Neither a mapping nor iterable."""

    def __init__(self, pairs: list[Any]) -> None:
        self.pairs = pairs

    def items(self) -> list[Any]:
        return self.pairs


class Folding(Mapping[str, str]):
    """A mapping of its own, which ignores case."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.held = {name.title(): value for name, value in pairs}

    def __getitem__(self, name: str) -> str:
        return self.held[name.title()]

    def __iter__(self) -> Iterator[str]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)


CONTAINERS: dict[str, Any] = {
    "dict": dict(GOOD),
    "dict of bytes": dict(RAW),
    "list of pairs": GOOD,
    "tuple of pairs": tuple(GOOD),
    "pairs of bytes": RAW,
    "lists of two": [list(pair) for pair in RAW],
    "str and bytes": [(name, value.encode()) for name, value in GOOD],
    "dict view": dict(GOOD).items(),
    "ordered dict": OrderedDict(GOOD),
    "user dict": UserDict(GOOD),
    "mapping proxy": MappingProxyType(dict(GOOD)),
    "mapping": Folding(GOOD),
    "items alone": OnlyItems(GOOD),
    "starlette": starlette.datastructures.Headers(raw=RAW),
    "starlette, mutable": starlette.datastructures.MutableHeaders(raw=list(RAW)),
    "starlette, of a scope": starlette.datastructures.Headers(scope={"headers": [list(pair) for pair in RAW]}),
    "werkzeug": werkzeug.datastructures.Headers(GOOD),
    "werkzeug, of an environ": werkzeug.datastructures.EnvironHeaders(environ(GOOD)),
    "django": HttpHeaders(environ(GOOD)),
    "httpx": httpx.Headers(GOOD),
    "http.client": message(GOOD),
}


@pytest.mark.parametrize("headers", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_containers(headers: Any) -> None:
    assert VERIFIER.verify_at(headers, BODY, NOW).event_id == "evt_1"


def test_a_generator_is_read_once() -> None:
    pairs = (pair for pair in GOOD)
    assert VERIFIER.verify_at(pairs, BODY, NOW).event_id == "evt_1"
    assert refusal(pairs) == "signature_missing"


def double(pair: tuple[str, str]) -> dict[str, Any]:
    """The good headers and one more of that name."""
    doubled = [*GOOD, pair]
    raw = [(name.encode(), value.encode()) for name, value in doubled]
    return {
        "list of pairs": doubled,
        "pairs of bytes": raw,
        "in another case": [*GOOD, (pair[0].upper(), pair[1])],
        "dict, in another case": dict(GOOD) | {pair[0].swapcase(): pair[1]},
        "str and bytes": [*GOOD, (pair[0].encode(), pair[1].encode())],
        "starlette": starlette.datastructures.Headers(raw=raw),
        "werkzeug": werkzeug.datastructures.Headers(doubled),
        "httpx": httpx.Headers(doubled),
        "http.client": message(doubled),
        "items alone": OnlyItems(doubled),
    }


@pytest.mark.parametrize("way", double(GOOD[0]))
def test_t32_a_doubled_header_is_seen(way: str) -> None:
    for name, value in GOOD[:2]:
        code = {SIGNATURE: "signature_repeated", STAMP: "timestamp_repeated"}[name]
        for second in (value, value[:-1] + "0", "x"):
            assert refusal(double((name, second))[way]) == code, (name, second)


@pytest.mark.parametrize("name", [SIGNATURE, STAMP])
def test_t32_what_a_server_joins_is_no_signature_and_no_time(name: str) -> None:
    code = {SIGNATURE: "signature_malformed", STAMP: "timestamp_malformed"}[name]
    headers = dict(GOOD)
    for joined in (f"{headers[name]},{headers[name]}", f"{headers[name]}, {headers[name]}"):
        assert refusal(headers | {name: joined}) == code
        assert refusal(werkzeug.datastructures.EnvironHeaders(environ([*(headers | {name: joined}).items()]))) == code
        assert refusal(HttpHeaders(environ([*(headers | {name: joined}).items()]))) == code


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title, str.swapcase])
def test_t32_names_are_of_any_case(change: Any) -> None:
    headers = {change(name): value for name, value in GOOD}
    assert VERIFIER.verify_at(headers, BODY, NOW)
    assert VERIFIER.verify_at([(name.encode(), value) for name, value in headers.items()], BODY, NOW)


@pytest.mark.parametrize(
    "name",
    [
        f"{SIGNATURE} ",
        f" {SIGNATURE}",
        f"{SIGNATURE}:",
        SIGNATURE.replace("-", "_"),
        f"{SIGNATURE}\0",
        KELVIN,
        LONG_S,
        "",
    ],
)
def test_t32_a_name_that_is_only_near_is_another(name: str) -> None:
    headers = {name: dict(GOOD)[SIGNATURE], STAMP: dict(GOOD)[STAMP]}
    assert refusal(headers) == "signature_missing"
    assert refusal([(name.encode(), value) for name, value in headers.items()]) == "signature_missing"
    assert VERIFIER.verify_at(dict(GOOD) | {name: "1"}, BODY, NOW)


@pytest.mark.parametrize("byte", [*range(32), 127, 128, 195, 255])
def test_t34_bytes_that_no_signature_holds_are_refused(byte: int) -> None:
    good = dict(RAW)
    for name, code in ((SIGNATURE, "signature_malformed"), (STAMP, "timestamp_malformed")):
        raw = good[name.encode()]
        for changed in (bytes([byte]) + raw[1:], raw[:-1] + bytes([byte]), raw + bytes([byte]), bytes([byte]) + raw):
            assert refusal(good | {name.encode(): changed}) == code
            text = {key.decode(): value.decode() for key, value in good.items()} | {name: changed.decode("latin-1")}
            assert refusal(text) == code


@pytest.mark.parametrize("text", ["é", "€", "\ud800", "\udcff", "💥", "\U0010ffff", "ß", FULL_WIDTH])
def test_t34_text_beyond_ascii_is_refused_and_not_cut(text: str) -> None:
    for name, code in ((SIGNATURE, "signature_malformed"), (STAMP, "timestamp_malformed")):
        value = dict(GOOD)[name]
        for changed in (text + value[1:], value[:-1] + text, value + text, text):
            assert refusal(dict(GOOD) | {name: changed}) == code
            assert refusal([*[pair for pair in GOOD if pair[0] != name], (name, changed)]) == code
        assert VERIFIER.verify_at(dict(GOOD) | {text: text, f"{name}{text}": value}, BODY, NOW)


def test_latin_1_is_what_the_wire_had_and_other_text_is_utf_8() -> None:
    """A credential need not be ASCII, and shows which bytes arrived."""
    import counterfoil

    api_key = counterfoil.senders()["angage"].with_api_key("X-Key")
    body = b'{"id":"evt_1","timestamp":"2026-05-18T12:00:00Z"}'
    latin = Verifier(api_key, "clé-of-ours-clé".encode("latin-1"))
    assert latin.verify({"X-Key": "clé-of-ours-clé"}, body)
    assert latin.verify({b"x-key": "clé-of-ours-clé".encode("latin-1")}, body)
    utf_8 = Verifier(api_key, "clé-of-ours-€")
    assert utf_8.verify({"X-Key": "clé-of-ours-€"}, body)
    assert utf_8.verify({"X-Key": "clé-of-ours-€".encode().decode("latin-1")}, body)
    with pytest.raises(Rejection):
        utf_8.verify({"X-Key": "clé-of-ours-?"}, body)


def test_more_names_than_a_map_holds() -> None:
    many = [(f"x-{number}", "1") for number in range(40_000)]
    assert VERIFIER.verify_at([*many, *GOOD], BODY, NOW)
    assert VERIFIER.verify_at([*GOOD, *many], BODY, NOW)
    assert refusal([*GOOD, *many, GOOD[0]]) == "signature_repeated"
    receiver = Receiver("agiled", SECRET, clock=FixedClock(NOW))
    for headers, good in (
        ([*GOOD, *many], True),
        ([*many, *GOOD], True),
        ([*GOOD, *many, GOOD[0]], False),
        ([("x", "1")] * 100_000, False),
    ):
        assert isinstance(receiver.begin("POST", "/", headers), Intake) == good


class Shouting(str):
    """A str whose methods are not to be trusted."""

    def encode(self, *_: Any, **__: Any) -> bytes:
        raise AssertionError("nobody asks it")


def test_a_dict_is_read_without_running_its_keys() -> None:
    headers: dict[str, str] = {Shouting(name): Shouting(value) for name, value in GOOD}
    headers[Shouting("\ud800")] = Shouting("\ud800")
    assert VERIFIER.verify_at(headers, BODY, NOW)


@pytest.mark.parametrize(
    "headers",
    [
        None,
        5,
        "X-Agiled-Webhook-Signature: 00",
        b"X-Agiled-Webhook-Signature: 00",
        object(),
        {SIGNATURE: None},
        {SIGNATURE: 5},
        {SIGNATURE: ["00"]},
        {5: "00"},
        [SIGNATURE],
        [(SIGNATURE,)],
        [(SIGNATURE, "00", "00")],
        [SIGNATURE, "00"],
        ["ab"],
        [b"ab"],
        [None],
        {(SIGNATURE, "00"): "00"},
    ],
    ids=repr,
)
def test_what_is_no_container_of_headers_is_a_type_error(headers: Any) -> None:
    with pytest.raises(TypeError, match="header"):
        VERIFIER.verify_at(headers, BODY, NOW)


def test_what_a_container_raises_goes_on() -> None:
    class Broken:
        def items(self) -> Iterator[tuple[str, str]]:
            yield GOOD[0]
            raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        VERIFIER.verify_at(Broken(), BODY, NOW)


def test_a_receiver_reads_them_alike() -> None:
    receiver = Receiver("agiled", SECRET, clock=FixedClock(NOW))
    for name, headers in CONTAINERS.items():
        lease = receiver.receive(headers, BODY)
        delivery = getattr(lease, "delivery", None)
        assert isinstance(delivery, Delivery), name
        lease.settle(200)  # type: ignore[union-attr]
