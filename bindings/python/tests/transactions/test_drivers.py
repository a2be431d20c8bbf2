"""How a connection's driver is found, spoken to, and understood when it fails."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from counterfoil import ConfigError, RolledBack, StoreError
from counterfoil._transactions.driver import Driver, Style, Value, bind, run
from counterfoil._transactions.failure import code_of, translated, unclaimed, unsettled
from counterfoil.transactions import aclaim_in, acomplete_in, claim_in, complete_in

from .admin import Claim, delivery
from .home import Place

HELD: Any = Claim(1, "00" * 16, 1)


class Failing(Driver):
    engine = "postgres"
    advice = ""
    errors: tuple[type[Exception], ...] = (psycopg.Error, sqlite3.Error)
    over: tuple[type[Exception], ...] = (psycopg.InterfaceError,)

    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        return None


def test_no_driver_is_imported_before_it_is_used() -> None:
    text = "import json, sys, counterfoil.transactions; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    packages = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert packages.isdisjoint({"psycopg", "psycopg2", "asyncpg", "sqlite3", "aiosqlite", "sqlalchemy", "django"})


class Stranger:
    pass


@pytest.mark.parametrize("connection", [None, "postgres://", Stranger(), psycopg, 3])
def test_what_is_no_connection_is_refused(connection: object) -> None:
    for call in (claim_in, aclaim_in):
        with pytest.raises(ConfigError, match="no connection that is known here"):
            call(connection, delivery())
    with pytest.raises(ConfigError, match="no connection that is known here"):
        complete_in(connection, HELD)


def test_a_connection_of_the_other_kind_is_refused() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(ConfigError, match="synchronous: use `claim_in`"):
        aclaim_in(connection, delivery())
    with pytest.raises(ConfigError, match="synchronous: use `claim_in`"):
        acomplete_in(connection, HELD).send(None)
    connection.close()

    class Own(psycopg.AsyncConnection[Any]):
        """An application's own class."""

    for asynchronous in (object.__new__(psycopg.AsyncConnection), object.__new__(Own)):
        with pytest.raises(ConfigError, match="asynchronous: use `aclaim_in`"):
            claim_in(asynchronous, delivery())


def test_databases_that_have_no_statements_are_refused() -> None:
    from sqlalchemy.dialects import mysql
    from sqlalchemy.engine import Connection

    class Other:
        vendor = "mysql"

    Other.__module__, Other.__name__ = "django.utils.connection", "ConnectionProxy"
    with pytest.raises(ConfigError, match="'mysql' is not known"):
        claim_in(Other(), delivery())
    connection = object.__new__(Connection)
    connection.dialect = mysql.dialect()
    with pytest.raises(ConfigError, match=r"`mysql\+mysqldb` is not known"), claim_in(connection, delivery()):
        raise AssertionError("the block must not be entered")


@pytest.mark.parametrize(
    ("style", "text", "values"),
    [
        ("native", "a $2 b $1 c $2 %", (1, "x")),
        ("pyformat", "a (%(p2)s) b (%(p1)s) c (%(p2)s) %%", {"p1": 1, "p2": "x"}),
        ("format", "a %s b %s c %s %%", ("x", 1, "x")),
        ("qmark", "a ? b ? c ? %", ("x", 1, "x")),
    ],
)
def test_statements_are_only_told_their_values(style: Style, text: str, values: object) -> None:
    assert bind("a $2 b $1 c $2 %", (1, "x"), style) == (text, values)
    assert bind("a ?2 b ?1 c ?2 %", (1, "x"), style)[0] == text.replace("$", "?")


def test_a_synchronous_driver_must_not_wait() -> None:
    async def wait() -> None:
        await asyncio.sleep(0)

    async def give() -> int:
        return 3

    assert run(give()) == 3
    with pytest.raises(RuntimeError):
        run(wait())


class Coded(psycopg.Error):
    def __init__(self, code: str) -> None:
        super().__init__("what the server said\nSTATEMENT: with values")
        self.sqlstate = code


def of_sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("what SQLite said")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    "code", ["40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P03", "25006", "25P03", "08006"]
)
def test_passing_trouble_may_be_tried_again(code: str) -> None:
    error = unclaimed(Failing(), Coded(code))
    assert isinstance(error, StoreError) and error.transient
    assert str(error) == f"the event could not be claimed: what the server said [{code}]"


@pytest.mark.parametrize("code", ["42P01", "42703", "22021", "23514", "XX001"])
def test_lasting_trouble_may_not(code: str) -> None:
    error = unclaimed(Failing(), Coded(code))
    assert isinstance(error, StoreError) and not error.transient


@pytest.mark.parametrize(
    ("code", "transient"), [(5, True), (517, True), (13, True), (778, True), (1, False), (11, False), (26, False)]
)
def test_codes_of_sqlite_hold_their_kind_in_the_last_byte(code: int, transient: bool) -> None:
    error = unclaimed(Failing(), of_sqlite(code))
    assert isinstance(error, StoreError) and error.transient == transient


def test_before_the_commit_an_answer_means_that_nothing_was_committed() -> None:
    """And no answer, or one that ends the connection, that it cannot be known here: the application's commit will
    tell."""
    assert isinstance(unsettled(Failing(), Coded("40001")), RolledBack)
    assert isinstance(unsettled(Failing(), of_sqlite(1)), RolledBack)
    assert isinstance(unsettled(Failing(), psycopg.InterfaceError("closed")), RolledBack)
    for broken in (Coded("57P01"), Coded("08006"), psycopg.OperationalError("the connection is lost")):
        error = unsettled(Failing(), broken)
        assert isinstance(error, StoreError) and error.transient


def test_codes_are_found_under_what_frameworks_wrap_around_them() -> None:
    class Wrapped(Exception):
        def __init__(self, orig: Exception) -> None:
            super().__init__("a statement with values")
            self.orig = orig

    caused = ValueError("a framework")
    caused.__cause__ = Wrapped(Coded("42P01"))
    assert code_of(caused) == "42P01"
    assert code_of(ValueError()) is None
    circle = ValueError()
    circle.__cause__ = circle
    assert code_of(circle) is None
    text = str(unclaimed(Failing(), caused))
    assert "values" not in text and "postgres_migrations()" in text


def test_errors_of_this_package_pass() -> None:
    class Wide(Failing):
        errors = (ValueError,)

    with pytest.raises(ConfigError), translated(Wide(), unclaimed):
        raise ConfigError("one of ours, and a ValueError")


def test_what_fails_says_nothing_of_passwords(place: Place) -> None:
    with psycopg.connect(place.postgres, password="hunter2") as connection:
        connection.close()
        with pytest.raises(StoreError) as caught, claim_in(connection, delivery()):
            raise AssertionError("the block must not be entered")
    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}"
