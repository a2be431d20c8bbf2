"""Two copies of SQLite never get at one file.

Each case has a process of its own: what is watched once is watched to the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PRELUDE = """
import gc, os, pathlib, sqlite3, sys, time
from counterfoil import ConfigError, MemoryStore, Receiver, SqliteStore
from counterfoil import _sqlite_guard as guard

def refused(call, *arguments, **options):
    try:
        found = call(*arguments, **options)
    except ConfigError as error:
        assert "SqliteStore" in str(error) or "fork" in str(error), error
        return True
    if hasattr(found, "close"):
        found.close()
    return False
"""


def check(code: str, folder: Path, *options: str) -> None:
    text = PRELUDE + textwrap.dedent(code)
    paths = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, *(options or ("-W", "error")), "-c", text],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_file_that_sqlite3_has_open_is_no_stores(tmp_path: Path) -> None:
    check(
        """
        connection = sqlite3.connect("a.db")
        assert refused(SqliteStore, "a.db") and refused(SqliteStore, pathlib.Path("./a.db"))
        assert not refused(SqliteStore, "b.db")
        connection.execute("PRAGMA journal_mode = WAL"), connection.execute("CREATE TABLE t (a)"), connection.commit()
        os.link("a.db", "hard.db"), os.symlink("a.db", "soft.db")
        assert refused(SqliteStore, "hard.db") and refused(SqliteStore, "soft.db")
        connection.close()
        store = SqliteStore("a.db")
        """,
        tmp_path,
    )


def test_a_file_that_is_open_otherwise_is_no_stores(tmp_path: Path) -> None:
    """Closing it would drop the locks, whatever it was opened for."""
    check(
        """
        for name in ("a.db", "a.db-wal", "a.db-shm", "a.db-journal"):
            pathlib.Path(name).touch()
            with open(name, "rb"):
                assert refused(SqliteStore, "a.db"), name
        assert not refused(SqliteStore, "a.db")
        """,
        tmp_path,
    )


@pytest.mark.parametrize("opened", [False, True], ids=["made", "opened"])
def test_a_stores_file_is_not_for_sqlite3(tmp_path: Path, opened: bool) -> None:
    check(
        f"""
        store = SqliteStore("with space.db")
        if {opened}:
            store.open()
            os.link("with space.db", "hard.db")
            assert refused(sqlite3.connect, "hard.db")
        here = os.getcwd()
        os.mkdir("folder")
        os.symlink("with space.db", "soft.db"), os.symlink(here, "folder/back")
        for name in ("with space.db", b"with space.db", pathlib.Path("with space.db"), "./folder/../with space.db",
                     "soft.db", "folder/back/with space.db", f"{{here}}/with space.db"):
            assert refused(sqlite3.connect, name), name
            assert refused(sqlite3.connect, database=name), name
            assert refused(sqlite3.Connection, name), name
        for uri in ("file:with%20space.db", "file:with space.db?mode=ro&immutable=1", f"file://{{here}}/with%20space.db",
                    f"file://localhost{{here}}/with space.db#part", f"file:{{here}}/%77ith%20space.db?cache=shared",
                    "file:with space.db%00ignored"):
            assert refused(sqlite3.connect, uri, uri=True), uri
        for free in ("other.db", ":memory:", "", b"other.db", "with%20space.db"):
            assert not refused(sqlite3.connect, free), free
        assert not refused(sqlite3.connect, "file::memory:?cache=shared", uri=True)
        assert not refused(sqlite3.connect, "file:other.db", uri=True)
        assert not refused(SqliteStore, "with space.db"), "a second store uses the same copy"
        for odd in (3, None, "nul\\0.db", "\\udcff.db"):
            try:
                sqlite3.connect(odd).close()
            except (TypeError, ValueError, sqlite3.Error) as error:
                assert not isinstance(error, ConfigError)
        """,
        tmp_path,
    )


def test_every_way_to_sqlite3_is_watched(tmp_path: Path) -> None:
    check(
        """
        import asyncio, aiosqlite
        from django.conf import settings
        from sqlalchemy import create_engine
        store = SqliteStore("a.db")
        store.open()
        assert refused(create_engine("sqlite:///a.db").connect)

        async def connect():
            await aiosqlite.connect("a.db")
        assert refused(lambda: asyncio.run(connect()))
        settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "a.db"}})
        from django.db import connection
        assert refused(connection.ensure_connection)
        """,
        tmp_path,
        "-W",
        "ignore",
    )


def test_a_stores_file_that_is_attached_is_not_claimed_in(tmp_path: Path) -> None:
    check(
        """
        from counterfoil.transactions import Tables, claim_in, complete_in
        from transactions.admin import Claim, delivery
        store = SqliteStore("a.db")
        connection = sqlite3.connect("own.db")
        connection.executescript(Tables().sqlite_migrations())
        with claim_in(connection, delivery()):
            pass
        connection.commit()
        connection.execute("ATTACH 'a.db' AS other")
        connection.execute("BEGIN IMMEDIATE")
        assert refused(claim_in(connection, delivery()).__enter__)
        assert refused(complete_in, connection, Claim(1, "00" * 16, 1))
        connection.rollback()
        assert connection.execute("SELECT count(*) FROM counterfoil_event").fetchone() == (1,)
        connection.close()
        """,
        tmp_path,
    )


def test_a_file_is_free_again_once_no_store_can_use_it(tmp_path: Path) -> None:
    check(
        """
        store = SqliteStore("a.db")
        receiver = Receiver("handl", "whsec_example", store=store)
        store.open()
        second = SqliteStore("a.db")
        del store
        gc.collect()
        assert refused(sqlite3.connect, "a.db")
        del second
        gc.collect()
        assert refused(sqlite3.connect, "a.db"), "the receiver uses it"
        del receiver
        gc.collect()
        deadline = time.monotonic() + 20
        while refused(sqlite3.connect, "a.db"):
            assert time.monotonic() < deadline
            MemoryStore()  # What a thread of the engine has dropped is given back with the next call into it.
            time.sleep(0.01)
        connection = sqlite3.connect("a.db")
        assert refused(SqliteStore, "a.db"), "and now it is sqlite3's"
        sqlite3.connect("a.db").close()
        connection.close()
        """,
        tmp_path,
    )


def test_a_store_that_is_garbage_keeps_no_file(tmp_path: Path) -> None:
    check(
        """
        gc.disable()
        round = [SqliteStore("a.db")]
        round.append(round)
        try:
            sqlite3.connect("a.db")
        except ConfigError as error:
            assert "free again once" in str(error) and "every Receiver" in str(error)
        else:
            raise AssertionError
        del round
        sqlite3.connect("a.db").close()
        """,
        tmp_path,
    )


def test_a_file_that_a_store_has_left_is_looked_at_again(tmp_path: Path) -> None:
    check(
        """
        store = SqliteStore("a.db")
        store.open()
        second = SqliteStore("b.db")
        del store
        gc.collect()
        for _ in range(20):
            store = SqliteStore("a.db")
            store.open()
            del store
        second.open()
        del second
        connection = sqlite3.connect(":memory:")
        deadline = time.monotonic() + 20
        while not guard._files[os.path.realpath("b.db")].is_left():
            assert time.monotonic() < deadline
            MemoryStore()  # What a thread of the engine has dropped is given back with the next call into it.
            time.sleep(0.01)
        connection.execute("ATTACH 'b.db' AS b")
        connection.execute("SELECT count(*) FROM b.sqlite_schema")
        assert refused(SqliteStore, "b.db"), "another copy of SQLite has it now"
        connection.close()
        assert not refused(SqliteStore, "b.db")
        """,
        tmp_path,
    )


def test_another_file_of_the_same_number_is_another_file(tmp_path: Path) -> None:
    check(
        """
        pathlib.Path("a.db").touch()
        right = guard.opening("a.db")
        os.rename("a.db", "b.db")
        assert not refused(sqlite3.connect, "b.db"), "nobody has it open"
        descriptor = os.open("b.db", os.O_RDWR)
        assert refused(sqlite3.connect, "b.db"), "a store may have opened it before it was moved"
        os.close(descriptor)
        assert refused(sqlite3.connect, "a.db")
        del right
        assert not refused(sqlite3.connect, "a.db")

        right, descriptor = guard.opening("c.db"), os.open("c.db", os.O_RDWR | os.O_CREAT)
        assert refused(sqlite3.connect, "c.db")
        del right
        assert refused(sqlite3.connect, "c.db"), "the store closes it on a thread of its own"
        os.close(descriptor)
        assert not refused(sqlite3.connect, "c.db")
        """,
        tmp_path,
    )


def test_nothing_is_watched_before_there_is_a_store(tmp_path: Path) -> None:
    check(
        """
        MemoryStore()
        assert not guard._watching
        connection = sqlite3.connect("a.db")
        assert refused(SqliteStore, "a.db") and not guard._watching
        connection.close()
        SqliteStore("a.db")
        assert guard._watching
        """,
        tmp_path,
    )


@pytest.mark.parametrize("opened", [False, True], ids=["made", "opened"])
def test_a_child_does_not_go_on_with_what_its_parent_has_open(tmp_path: Path, opened: bool) -> None:
    """SQLite's own memory says in the child that it holds the parent's locks."""
    check(
        f"""
        opened = {opened}
        store = SqliteStore("a.db")
        if opened:
            store.open()
        child = os.fork()
        if child == 0:
            right = refused(SqliteStore, "a.db") == opened and refused(sqlite3.connect, "a.db")
            if not opened:
                SqliteStore("a.db").open()
                right = right and not refused(SqliteStore, "a.db")
            os._exit(0 if right else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        """,
        tmp_path,
        "-W",
        "ignore",
    )
