"""Sessions of SQLAlchemy, which note effects down and send them later; and connections that several want at once."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import aiosqlite
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from counterfoil import ConfigError, Tables
from counterfoil.transactions import aclaim_in, claim_in
from transactions.admin import delivery


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    key: Mapped[str] = mapped_column(primary_key=True)


class Stock(Base):
    __tablename__ = "stock"
    name: Mapped[str] = mapped_column(primary_key=True)
    left: Mapped[int]


class Broken(Exception):
    pass


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Stock(name="posters", left=10))
    engine.dispose()
    connection = sqlite3.connect(path)
    connection.executescript(Tables().sqlite_migrations())
    connection.close()
    return path


def counted(file: Path) -> tuple[int, int, int]:
    """Events, orders, and posters."""
    connection = sqlite3.connect(file)
    (events,) = connection.execute("SELECT count(*) FROM counterfoil_event").fetchone()
    (orders,) = connection.execute("SELECT count(*) FROM orders").fetchone()
    (left,) = connection.execute('SELECT "left" FROM stock').fetchone()
    connection.close()
    return events, orders, left


def test_what_a_session_has_noted_down_is_taken_back_too(file: Path) -> None:
    engine, handled = create_engine(f"sqlite:///{file}"), delivery()
    with Session(engine) as session, session.begin():
        stock = session.get_one(Stock, "posters")
        session.add(Order(key="before the claim"))
        with pytest.raises(Broken), claim_in(session, handled):
            session.add(Order(key=handled.key))
            stock.left -= 1
            raise Broken
    assert counted(file) == (0, 1, 10)
    with Session(engine) as session, session.begin(), claim_in(session, handled):
        session.add(Order(key=handled.key))
        session.get_one(Stock, "posters").left -= 1
    assert counted(file) == (1, 2, 9)
    engine.dispose()


def test_and_an_asynchronous_one(file: Path) -> None:
    handled = delivery()

    async def main() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
        async with AsyncSession(engine) as session, session.begin():
            session.add(Order(key="before the claim"))
            with pytest.raises(Broken):
                async with aclaim_in(session, handled):
                    session.add(Order(key=handled.key))
                    raise Broken
        assert counted(file) == (0, 1, 10)
        async with AsyncSession(engine) as session, session.begin(), aclaim_in(session, handled):
            session.add(Order(key=handled.key))
        assert counted(file) == (1, 2, 10)
        await engine.dispose()

    asyncio.run(main())


def test_tasks_do_not_share_a_connection(file: Path) -> None:
    first, second = delivery(), delivery()

    async def main() -> None:
        async with aiosqlite.connect(file) as connection:
            entered, ended = asyncio.Event(), asyncio.Event()

            async def hold() -> None:
                async with aclaim_in(connection, first):
                    entered.set()
                    await ended.wait()
                await connection.commit()

            holding = asyncio.create_task(hold())
            await entered.wait()
            for claimed in (first, second):
                with pytest.raises(ConfigError, match="a connection of its own"):
                    async with aclaim_in(connection, claimed):
                        raise AssertionError
            ended.set()
            await holding
            async with aclaim_in(connection, second):
                await connection.execute("INSERT INTO orders VALUES (?)", (second.key,))
            await connection.commit()

    asyncio.run(main())
    assert counted(file)[:2] == (2, 1)


def test_threads_do_not_share_a_connection(file: Path) -> None:
    connection = sqlite3.connect(file, check_same_thread=False)
    refused: list[str] = []

    def other() -> None:
        try:
            with claim_in(connection, delivery()):
                raise AssertionError
        except ConfigError as error:
            refused.append(str(error))

    with connection, claim_in(connection, delivery()):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        # Several events of one transaction are its own affair.
        with claim_in(connection, delivery()):
            pass
    connection.close()
    assert len(refused) == 1
    assert counted(file)[0] == 2
