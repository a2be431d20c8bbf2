"""Senders: those that are known, those of a file, and changed copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from counterfoil import ConfigError, Receiver, Sender, Verifier, load_senders, senders, sign

TILL = """\
# a comment
[[sender]]
name = "till"
kind = "hmac"
signature = { header = "X-Till", encoding = "hex" }
"""
SECRET = "a-secret-of-the-sender-tests"
ANGAGE = senders()["angage"]


def load(folder: Path, text: str) -> dict[str, Sender]:
    file = folder / "senders.toml"
    file.write_text(text)
    return load_senders(file)


def test_the_senders_that_are_known() -> None:
    known = senders()
    assert len(known) >= 21
    assert list(known)[:7] == [
        "agency-os-ai", "agency-os-ai-plugin", "agencyhandy", "agiled", "angage", "angage-marketplace", "handl"
    ]  # fmt: skip
    assert all(sender.name == name for name, sender in known.items())
    assert known["stripe"].header == "Stripe-Signature"
    assert repr(known["stripe"]) == "Sender(name='stripe', header='Stripe-Signature')"
    assert senders() is not known, "a dict of one's own"


def test_every_sender_can_be_named_or_passed() -> None:
    for name, sender in senders().items():
        if name == "handl":
            assert Verifier(name, SECRET).scope == Verifier(sender, SECRET).scope


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("strpe", "did you mean `stripe`"),
        ("Stripe", "did you mean `stripe`"),
        ("standard_webhooks", "did you mean `standard-webhooks`"),
        ("", "load_senders"),
        ("zzzz", "load_senders"),
        ("handl\n" * 1_000, "load_senders"),
        ("\ud800", "load_senders"),
    ],
)
def test_an_unknown_name_is_told_from_those_that_are_near(name: str, near: str) -> None:
    for make in (Verifier, Receiver):
        with pytest.raises(ConfigError, match=near) as caught:
            make(name, SECRET)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize("sender", [None, 5, b"handl", Sender, ["handl"]])
def test_a_sender_of_another_type_is_refused(sender: Any) -> None:
    with pytest.raises(TypeError, match="a name or a Sender"):
        Verifier(sender, SECRET)


def test_a_file_of_senders(tmp_path: Path) -> None:
    loaded = load(tmp_path, TILL + TILL.replace("till", "desk"))
    assert list(loaded) == ["till", "desk"]
    till = loaded["till"]
    assert (till.name, till.header) == ("till", "X-Till")
    assert Verifier(till, SECRET).verify(sign(till, SECRET, b"{}"), b"{}").sender == "till"
    assert load_senders(str(tmp_path / "senders.toml")).keys() == loaded.keys()
    assert load(tmp_path, "") == {}
    with pytest.raises(ConfigError, match="no sender is called"):
        Verifier("till", SECRET)


@pytest.mark.parametrize(
    ("text", "line", "sender", "field"),
    [
        (TILL + 'signed = ["body", "body"]', 6, "till", "signed"),
        (TILL + '\n\nevent_type = "type"', 8, "till", "event_type"),
        (TILL + 'hash = "sha1"', 6, "till", "hash"),
        (TILL + 'colour = "red"', 6, "till", "colour"),
        (TILL + "retry_safe = 5", 6, "till", "retry_safe"),
        (TILL + TILL, 8, "till", "name"),
        (TILL.replace("X-Till", "X Till"), 5, "till", "signature"),
        (TILL.replace('name = "till"\n', ""), 2, None, None),
        (TILL.replace('"hmac"', '"rsa"'), 4, "till", "kind"),
        (TILL + "oops", 6, None, None),
        ("[sender]\n", 1, None, None),
    ],
)
def test_t23_errors_of_a_file_name_line_sender_and_field(
    tmp_path: Path, text: str, line: int, sender: str | None, field: str | None
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    place = f"{tmp_path / 'senders.toml'}: line {line}"
    place += f", sender `{sender}`" if sender else ""
    place += f", field `{field}`" if field else ""
    assert str(caught.value).startswith(f"{place}: "), str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        load_senders(tmp_path / "absent.toml")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_senders(tmp_path / "latin.toml")
    path: Any
    for path in (None, 5, b"\0"):
        with pytest.raises((TypeError, ConfigError)):
            load_senders(path)


def test_a_changed_copy_leaves_the_original_alone() -> None:
    body = b'{"id":"evt_1","kind":"sale","delivery_id":"whd_1","part":"2","timestamp":"2026-05-18T12:00:00Z"}'
    unsigned = ANGAGE.insecure_unsigned()
    usual = Verifier(unsigned, []).verify({}, body)
    at = Verifier(unsigned.with_event_id_at("/delivery_id").with_event_type_at("/kind"), []).verify({}, body)
    assert (at.event_id, at.event_type) == ("whd_1", "sale")
    both = Verifier(unsigned.with_event_id_from(["/delivery_id", "/part"]), []).verify({}, body)
    assert both.event_id == '["whd_1","2"]'
    assert len({usual.key, at.key, both.key}) == 3
    assert (ANGAGE.header, ANGAGE.with_bearer().header) == ("X-Angage-Signature", "Authorization")
    assert ANGAGE.with_api_key("X-Key").header == "X-Key"


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        (ANGAGE.with_event_id_at("id"), "JSON pointer"),
        (ANGAGE.with_event_id_from([]), "one to four members"),
        (ANGAGE.with_event_id_from(["/a"] * 5), "one to four members"),
        (ANGAGE.with_event_type_at("type"), "JSON pointer"),
        (ANGAGE.with_api_key("X Key"), "not a valid header name"),
    ],
)
def test_t23_a_change_that_cannot_work_is_refused_by_the_verifier(changed: Sender, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        Verifier(changed, SECRET)


def test_pointers_are_a_list() -> None:
    pointers: Any
    for pointers in ("/id", 5, [5], None):
        with pytest.raises(TypeError):
            ANGAGE.with_event_id_from(pointers)


def test_a_sender_is_final_and_immutable() -> None:
    with pytest.raises(TypeError):
        Sender()
    with pytest.raises(TypeError):
        type("Other", (Sender,), {})
    sender: Any = ANGAGE
    with pytest.raises(AttributeError):
        sender.name = "other"
