"""Any value for any argument: a result, an exception of ours, a `TypeError`, or what the value itself raises."""

from __future__ import annotations

import gc
import inspect
import resource
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

import counterfoil
from calls import AT, BODY, Call, calls, receiver, verifier
from counterfoil import ConfigError, MemoryStore, PostgresStore, Rejection, Verifier, WebhookError, sign
from odd import VALUES, allowed
from orders import SECRET


def attempt(call: Call, **changed: Any) -> None:
    [value] = changed.values()
    try:
        result = call(**changed)
    except BaseException as error:
        assert allowed(error, value), f"{call.name}({changed!r:.300}): {type(error)}: {error!s:.300}"
        if isinstance(error, WebhookError):
            assert isinstance(str(error), str) and repr(error)
    else:
        assert isinstance(repr(result), str)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    return calls(tmp_path_factory.mktemp("calls"))


def test_every_public_call_and_argument_is_tried(table: list[Call]) -> None:
    tried = {(call.name, name) for call in table for name in call.arguments}
    for name in counterfoil.__all__:
        public = getattr(counterfoil, name)
        if public.__module__ not in ("counterfoil", "counterfoil._core", "builtins"):
            continue
        found = {name: public} | {
            f"{name}.{attribute}": getattr(public, attribute)
            for attribute in (dir(public) if isinstance(public, type) else [])
            if not attribute.startswith("_") or attribute in ("__exit__", "__aexit__")
        }
        for path, value in found.items():
            try:
                parameters = inspect.signature(value).parameters
            except (TypeError, ValueError):
                continue
            for parameter in parameters:
                if parameter not in ("self", "args", "kwargs", "callback", "_memo"):
                    assert (path, parameter.lstrip("_")) in tried, f"{path}({parameter})"


def test_the_arguments_of_the_table_work(table: list[Call]) -> None:
    for call in table:
        call()


def test_t2_any_value_for_any_argument(table: list[Call]) -> None:
    for call in table:
        for name in call.arguments:
            for make in VALUES:
                attempt(call, **{name: make()})


@given(some.data())
def test_t2_odd_values_inside_of_others(table: list[Call], data: some.DataObject) -> None:
    call = data.draw(some.sampled_from(table))
    name = data.draw(some.sampled_from(list(call.arguments)))
    leaf = some.one_of(
        some.sampled_from(VALUES).map(lambda make: make()),
        some.integers(),
        some.floats(),
        some.text(some.characters(), max_size=20),
        some.binary(max_size=20),
        some.timedeltas(),
        some.datetimes(),
    )
    value = data.draw(
        some.recursive(
            leaf,
            lambda inner: some.one_of(
                some.lists(inner, max_size=4),
                some.tuples(inner, inner),
                some.lists(some.tuples(inner, inner), max_size=4),
                some.dictionaries(some.one_of(some.text(max_size=5), some.binary(max_size=5)), inner, max_size=4),
            ),
            max_leaves=8,
        )
    )
    attempt(call, **{name: value})


@pytest.mark.parametrize("number", [-1, -(2**63), 2**32, 2**64, 10**30])
def test_t23_a_number_that_no_setting_holds_is_a_config_error(number: int) -> None:
    with pytest.raises(ConfigError, match="negative, or larger"):
        MemoryStore(number)
    with pytest.raises(ConfigError, match="negative, or larger"):
        PostgresStore("postgres://h/d", connections=number)
    if number != 2**32:
        with pytest.raises(ConfigError, match="negative, or larger"):
            receiver(body_limit=number)


def test_t14_no_text_of_a_setting_is_repeated(table: list[Call]) -> None:
    """Half a pair of code units makes Python repeat the whole text, which may be an address with a password in it."""
    secret = {"text", "secret", "url", "proxy", "insecure_base_url", "public_url", "webhook_id", "event_id"}
    tried = [(call, name) for call in table for name in call.arguments if name in secret]
    assert len(tried) > 10
    for call, name in tried:
        with pytest.raises(WebhookError) as refused:
            call(**{name: "pass-word\ud800"})
        assert "pass-word" not in repr(refused.value), (call.name, name)


def test_a_body_that_changes_under_a_verifier_is_what_it_was() -> None:
    signed = sign("agiled", SECRET, BODY, at=AT)
    body = bytearray(BODY)

    class Changing:
        def items(self) -> Any:
            # Nothing of it is lent out: it can grow.
            body[:] = b"x" * 10_000
            return signed.items()

    assert verifier().verify_at(Changing(), body, AT).body == BODY


def test_a_container_that_uses_its_verifier_meanwhile() -> None:
    ours = Verifier("agiled", SECRET)
    signed = sign("agiled", SECRET, BODY, at=AT)

    class Nested:
        def items(self) -> Any:
            ours.set_secrets("another-secret-of-ours")
            with pytest.raises(Rejection):
                ours.verify_at(signed, BODY, AT)
            ours.set_secrets(SECRET)
            return signed.items()

    assert ours.verify_at(Nested(), BODY, AT).event_id == "evt_1"


def test_what_is_refused_is_not_kept(table: list[Call], tmp_path: Path) -> None:
    """Neither the values nor memory: the same round again needs no more than the one before."""

    def round() -> None:
        for call in table:
            if not call.is_async and not call.name.startswith(("Lease", "Remote")):
                for name in call.arguments:
                    for make in VALUES[::11]:
                        attempt(call, **{name: make()})

    def size() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    round()
    before = size()
    for _ in range(8):
        round()
    assert size() - before < 4 * 2**20
