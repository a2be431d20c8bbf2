"""What SQLite and its drivers add to the laws."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from counterfoil import ConfigError, NotClaimed, RolledBack, StoreError
from counterfoil.transactions import Tables, claim_in, complete_in

from .admin import CLAIMED, Admin, Claim, delivery
from .frameworks import SqlAlchemySqlite
from .home import Home, Place
from .laws import Broken, law_of, sqlite_law
from .plain import AioSqlite

HELD: Any = Claim(1, "00" * 16, 1)

#: `sqlite3.connect` as each program writes it, and whether its transactions begin by themselves.
WAYS: dict[str, dict[str, Any]] = {
    "legacy": {},
    "legacy immediate": {"isolation_level": "IMMEDIATE"},
}
if sys.version_info >= (3, 12):
    WAYS["autocommit off"] = {"autocommit": False}


#: Those that have no transaction between two.
by_itself = pytest.mark.parametrize("connections", ["legacy", "legacy immediate"], indirect=True)


@pytest.fixture(params=WAYS)
def connections(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Two to one file, whose log lets readers go on reading the past."""
    file, options = tmp_path / "shop.db", WAYS[request.param]
    with closing(sqlite3.connect(file, isolation_level=None)) as setup:
        setup.execute("PRAGMA journal_mode = WAL")
        setup.executescript(Tables().sqlite_migrations())
        setup.execute("CREATE TABLE effects (key TEXT)")
    with (
        closing(sqlite3.connect(file, timeout=0.2, **options)) as one,
        closing(sqlite3.connect(file, **options)) as two,
    ):
        yield one, two


def effects(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("SELECT count(*) FROM effects").fetchone()[0]
    connection.rollback()
    return number


def apply(connection: sqlite3.Connection, event: Any) -> None:
    with connection, claim_in(connection, event):
        connection.execute("INSERT INTO effects VALUES (?)", (event.key,))


def test_a_transaction_that_sees_the_past_claims_nothing(connections: Any) -> None:
    """Another one has handled the event since this one has read."""
    slow, quick = connections
    event = delivery()
    if not slow.in_transaction:
        slow.execute("BEGIN")
    slow.execute("SELECT count(*) FROM counterfoil_event").fetchone()
    apply(quick, event)
    with pytest.raises(StoreError, match="locked") as caught, slow, claim_in(slow, event):
        raise AssertionError("the block must not be entered")
    assert caught.value.transient
    with pytest.raises(NotClaimed) as answered, slow, claim_in(slow, event):
        raise AssertionError("the block must not be entered")
    assert answered.value.answer.kind == "duplicate"
    assert effects(slow) == 1


def test_a_claim_that_comes_first_sees_what_was_committed_while_it_waited(connections: Any) -> None:
    slow, quick = connections
    events = [delivery() for _ in range(20)]
    for event in events:
        if not slow.in_transaction:
            slow.execute("BEGIN DEFERRED")
        apply(quick, event)
        with pytest.raises(NotClaimed) as caught, slow, claim_in(slow, event):
            raise AssertionError("the block must not be entered")
        assert caught.value.answer.kind == "duplicate"
    assert effects(slow) == len(events)


@by_itself
def test_the_transaction_that_is_begun_for_a_claim_ends_with_it(connections: Any) -> None:
    one, two = connections
    event = delivery()
    with pytest.raises(Broken), claim_in(one, event):
        raise Broken
    assert not one.in_transaction
    apply(two, event)
    with pytest.raises(NotClaimed), claim_in(one, event):
        raise AssertionError("the block must not be entered")
    assert not one.in_transaction
    # Nobody is kept out by what was refused.
    apply(two, delivery())
    assert effects(one) == 2


@by_itself
def test_what_is_begun_for_a_claim_has_the_write_lock_from_the_start(connections: Any) -> None:
    one, _ = connections
    statements: list[str] = []
    one.set_trace_callback(statements.append)
    apply(one, delivery())
    # Where this process has had a `SqliteStore`, the guard looks first which files these are.
    assert next(text for text in statements if "database_list" not in text) == "BEGIN IMMEDIATE"


def test_a_commit_in_the_block_is_told(connections: Any) -> None:
    one, _ = connections
    event = delivery()
    with pytest.raises(RolledBack), one, claim_in(one, event):
        one.commit()
        one.execute("INSERT INTO effects VALUES ('late')")
    assert effects(one) == 0
    with pytest.raises(ZeroDivisionError), one, claim_in(one, event):
        one.commit()
        raise ZeroDivisionError
    # The commits came before the effects, so the event is the next delivery's.
    apply(one, event)
    assert effects(one) == 1


@by_itself
def test_what_sqlite_was_told_to_roll_back_is_told(connections: Any) -> None:
    """And what was done afterwards, in the transaction that began by itself."""
    one, _ = connections
    event = delivery()
    with pytest.raises(RolledBack), one, claim_in(one, event):
        one.execute("CREATE TABLE once (id INTEGER PRIMARY KEY)")
        with pytest.raises(sqlite3.IntegrityError):
            one.execute("INSERT OR ROLLBACK INTO once VALUES (1), (1)")
        one.execute("INSERT INTO effects VALUES ('late')")
    assert effects(one) == 0
    apply(one, event)
    assert effects(one) == 1


def test_a_full_disk_completes_nothing(connections: Any) -> None:
    one, _ = connections
    event = delivery()
    pages = one.execute("PRAGMA page_count").fetchone()[0]
    one.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises((StoreError, RolledBack, sqlite3.OperationalError)), one:
        for _ in range(10_000):
            with claim_in(one, delivery()):
                one.execute("INSERT INTO effects VALUES (?)", ("x" * 100,))
    assert effects(one) == 0
    one.execute("PRAGMA max_page_count = 100000")
    apply(one, event)
    assert effects(one) == 1


if sys.version_info >= (3, 12):

    def test_autocommit_on_is_refused_though_a_level_is_set(tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "shop.db", autocommit=True)) as connection:
            assert connection.isolation_level == ""
            connection.executescript(Tables().sqlite_migrations())
            with pytest.raises(ConfigError, match="BEGIN IMMEDIATE"), claim_in(connection, delivery()):
                raise AssertionError("the block must not be entered")
            connection.execute("BEGIN IMMEDIATE")
            with claim_in(connection, delivery()):
                pass
            connection.execute("COMMIT")
            assert connection.execute("SELECT count(*) FROM counterfoil_event").fetchone() == (1,)


@sqlite_law
async def test_a_completion_without_a_transaction_is_refused(home: Home, admin: Admin) -> None:
    """It would be committed alone: perhaps SQLite has ended the one that held the effects."""
    event = delivery()
    held = admin.put(event, CLAIMED)
    async with home.connect(autocommit=True) as connection:
        with pytest.raises(RolledBack):
            await home.complete(connection, held)
    row = admin.event(event)
    assert row is not None and row.state == CLAIMED


def test_a_closed_connection_claims_nothing(place: Place) -> None:
    connection = sqlite3.connect(place.sqlite)
    connection.close()
    with pytest.raises(StoreError), claim_in(connection, delivery()):
        raise AssertionError("the block must not be entered")
    with pytest.raises(StoreError):
        complete_in(connection, HELD)


@law_of(SqlAlchemySqlite)
async def test_what_begins_the_transactions_of_sqlalchemy_may_be_the_application(home: Home, admin: Admin) -> None:
    """The recipe of its documentation: `sqlite3` begins nothing, an event handler does."""
    from sqlalchemy import create_engine
    from sqlalchemy import event as events
    from sqlalchemy.pool import NullPool

    engine = create_engine(home.place.sqlalchemy("pysqlite"), poolclass=NullPool)
    begun: list[Any] = []

    @events.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @events.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        begun.append(connection.exec_driver_sql("BEGIN IMMEDIATE"))

    event = delivery()
    with engine.begin() as connection, claim_in(connection, event):
        await home.apply(connection, event)
    with engine.connect() as connection:
        with claim_in(connection, other := delivery()):
            await home.apply(connection, other)
        connection.commit()
    assert (admin.effects(event), admin.effects(other), len(begun)) == (1, 1, 2)


WORKER = """
import sqlite3, sys
from counterfoil import NotClaimed, StoreError
from counterfoil.transactions import claim_in
from transactions.admin import delivery
connection = sqlite3.connect(sys.argv[1], timeout=30, **eval(sys.argv[2]))
sys.stdin.readline()
won = 0
for number in range(int(sys.argv[3])):
    event = delivery(number)
    try:
        with connection, claim_in(connection, event):
            connection.execute("INSERT INTO effects VALUES (?)", (event.key,))
            won += 1
    except NotClaimed as error:
        assert error.answer.kind == "duplicate", error
print(won)
"""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_processes_that_claim_at_once_win_each_event_once(way: str, journal: str, tmp_path: Path) -> None:
    """None of them is refused: a claim that comes first waits for the file, though `sqlite3` would have begun
    DEFERRED."""
    file, events = tmp_path / "shop.db", 150
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.executescript(Tables().sqlite_migrations())
        connection.execute("CREATE TABLE effects (key TEXT)")
        words = [sys.executable, "-c", WORKER, str(file), repr(WAYS[way]), str(events)]
        pipe, here = subprocess.PIPE, Path(__file__).parent.parent
        workers = [subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=here) for _ in range(3)]
        ends = [worker.communicate("go\n", timeout=60) for worker in workers]
        assert [worker.returncode for worker in workers] == [0, 0, 0], ends
        assert sum(int(out) for out, _ in ends) == events
        rows = connection.execute("SELECT count(*), count(DISTINCT key) FROM effects").fetchone()
        assert rows == (events, events)


@law_of(AioSqlite)
async def test_a_claim_that_was_cancelled_while_it_waited_keeps_nobody_out(home: Home, admin: Admin) -> None:
    """Its thread carries the statement out all the same."""
    event = delivery()

    async def handle(connection: Any) -> None:
        async with home.claim(connection, event):
            raise AssertionError("the block must not be entered")

    async with home.connect() as connection:
        admin.rows("BEGIN IMMEDIATE")
        task = asyncio.create_task(handle(connection))
        # Once it has sent its statement, and waits.
        await asyncio.sleep(0.05)
        task.cancel()
        admin.rows("ROLLBACK")
        with pytest.raises(asyncio.CancelledError):
            await task
        await home.execute(connection, "SELECT 1")  # Its turn comes after what was sent before.
        assert not connection.in_transaction
        admin.rows("BEGIN IMMEDIATE")
        admin.rows("ROLLBACK")
