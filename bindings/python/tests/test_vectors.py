"""Every vector that the Rust tests read, through the binding."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import counterfoil
from _vectors import BUILT_IN, FOLDER, Vector, files, first, read
from counterfoil import Answer, Delivery, FixedClock, Receiver, Rejection, Verifier, sign

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | None"
SENDERS = {path.stem: path for path in files()}


def test_every_sender_has_its_vectors() -> None:
    # AgencyHandy's own endpoint says what is valid, so that no vector can.
    assert set(SENDERS) == set(counterfoil.senders()) - {"agencyhandy"}
    for path in SENDERS.values():
        vectors = read(path)
        assert sum(vector.is_valid for vector in vectors) >= 3, path.stem
        assert sum(not vector.is_valid for vector in vectors) >= 8, path.stem


@pytest.mark.parametrize("path", SENDERS.values(), ids=SENDERS.keys())
def test_vectors(path: Path, count_vectors: Callable[[str, int], None]) -> None:
    vectors = read(path)
    wrong = [complaint for vector in vectors for complaint in complaints(vector)]
    assert not wrong, "\n".join([f"{len(wrong)} outcomes are wrong:", *wrong])
    count_vectors(path.stem, len(vectors))


def test_hmac_of_rfc_4231() -> None:
    vectors = json.loads((FOLDER / "rfc4231.json").read_bytes())["vectors"]
    keys = {vector["name"]: bytes.fromhex(vector["key"]) for vector in vectors}
    # White space alone is no secret: vertical tabs and form feeds are refused before anything is signed with them.
    blank = [name for name, key in keys.items() if not key.strip()]
    assert (len(blank), len(vectors)) == (2, 7)
    for vector in (vector for vector in vectors if vector["name"] not in blank):
        signed = sign("github", keys[vector["name"]], bytes.fromhex(vector["data"]))
        assert signed["x-hub-signature-256"].startswith(f"sha256={vector['tag']}"), vector["name"]


@pytest.mark.parametrize(
    ("sender", "scope", "key"),
    [
        ("agency-os-ai", -1409192714, "ec25b3f433f251d38b2df7cd0daf411a"),
        ("agency-os-ai-plugin", -44038410, "7d0082b5342f079b5f53ff0869acd701"),
        ("agiled", 1506249257, "1798f88009250d9f1d73ec7800e8aee3"),
        ("angage", -1481583669, "e63e0ae85df4ef67f2b5eb63698f6e00"),
        ("angage-marketplace", 403838748, "50e21b56cd81bc9e3fb8dc16f839092e"),
        ("handl", -1449539848, "d87e1bffea9758e7571e96443a3e3f9c"),
    ],
)
def test_t9_keys_are_those_of_every_other_process_and_language(sender: str, scope: int, key: str) -> None:
    assert sender in BUILT_IN
    vector = first(sender)
    verifier = vector.verifier(endpoint="shop-2")
    delivery = verifier.verify_at(vector.headers, vector.body, vector.at)
    assert (delivery.scope, delivery.key, verifier.scope) == (scope, key, scope)


def complaints(vector: Vector) -> Iterator[str]:
    verifier = vector.verifier()
    buffer = bytearray(vector.body)
    ways: list[tuple[str, Any, bytes | bytearray | memoryview]] = [
        ("pairs of bytes", vector.headers, vector.body),
        ("pairs of str", vector.text_headers, buffer),
        ("reversed", [list(pair) for pair in reversed(vector.headers)], memoryview(buffer)),
    ]
    by_name = dict(vector.text_headers)
    if len({name.lower() for name in by_name}) == len(vector.headers):
        ways.append(("dict", by_name, vector.body))
        ways.append(("dict of upper case", {name.upper(): value for name, value in by_name.items()}, vector.body))
    for way, headers, body in ways:
        outcome = verdict(verifier, vector, headers, body)
        what = complaint(vector, outcome)
        if what is not None:
            yield f"  {vector.name} ({way}): {what}"


def verdict(
    verifier: Verifier, vector: Vector, headers: Any, body: bytes | bytearray | memoryview
) -> Delivery | Answer | Rejection:
    try:
        return verifier.verify_at(headers, body, vector.at)
    except Rejection as rejection:
        # A verifier on its own has nobody to answer a challenge to.
        if vector.challenge is None or rejection.code != "body_not_an_object":
            return rejection
    answer = Receiver(vector.sender, clock=FixedClock(vector.at), **vector.settings).receive(headers, body)
    assert isinstance(answer, Answer)
    return answer


def complaint(vector: Vector, outcome: Delivery | Answer | Rejection) -> str | None:
    if isinstance(outcome, Rejection):
        return None if outcome.code == vector.expected else f"{outcome}, expected {vector.expected}"
    if isinstance(outcome, Answer):
        found = (outcome.kind, outcome.body.decode())
        return None if found == (vector.expected, vector.challenge) else f"{found}, expected {vector.expected}"
    if not vector.is_valid:
        return f"accepted, expected {vector.expected}"
    facts = (outcome.event_id, outcome.event_type, outcome.signed_at, outcome.body, outcome.key)
    expected = (vector.event_id, vector.event_type, vector.signed_at, vector.body, key(vector))
    return None if facts == expected else f"read {facts}, expected {expected}"


def key(vector: Vector) -> str:
    """The key by its documented rule, made without the code under test."""
    kind, value = b"body", hashlib.sha256(vector.body).digest()
    if vector.event_id is not None:
        kind, value = kind_of(vector.event_id, vector.body), vector.event_id.encode()
    parts = [b"counterfoil-key-1", *[vector.sender.encode()] * 2, b"", kind, value]
    return hashlib.sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).hexdigest()[:32]


def kind_of(event_id: str, body: bytes) -> bytes:
    if event_id.startswith("["):
        return b"composite"
    return b"integer" if event_id in integers(json.loads(body, parse_int=Integer)) else b"text"


class Integer(str):
    """The digits of a number, as they were written."""


def integers(value: Json) -> Iterator[str]:
    if isinstance(value, Integer):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from integers(inner)
