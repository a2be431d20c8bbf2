"""What PostgreSQL and its drivers add to the laws."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from counterfoil import ConfigError, Delivery, NotClaimed, PostgresStore, Receiver, RolledBack, StoreError, sign
from counterfoil.transactions import claim_in, complete_in

from .admin import CLAIMED, DONE, VERIFIER, Admin, PostgresAdmin, delivery
from .frameworks import AsyncSqlAlchemy, AsyncSqlAlchemySession, Django, SqlAlchemy, SqlAlchemySession
from .home import AsyncHome, Home, Place
from .laws import Broken, law_of, postgres_law, refused
from .plain import Asyncpg, AsyncPsycopg, Psycopg, PsycopgByItself


@postgres_law
async def test_a_failed_statement_before_the_claim_is_told(home: Home, admin: Admin) -> None:
    event = delivery()
    async with home.connect() as connection:
        with pytest.raises(RolledBack, match="earlier statement"):
            async with home.block(connection):
                await home.break_off(connection)
                async with home.claim(connection, event):
                    raise AssertionError("the block must not be entered")
        assert admin.event(event) is None


@postgres_law
async def test_a_claim_after_a_read_sees_what_was_committed_since(home: Home, admin: Admin) -> None:
    event = delivery()
    async with home.connect() as slow, home.connect() as quick:
        with pytest.raises(NotClaimed) as caught:
            async with home.block(slow):
                await home.execute(slow, "SELECT count(*) FROM counterfoil_event")
                async with home.work(quick, event):
                    await home.apply(quick, event)
                async with home.claim(slow, event):
                    raise AssertionError("the block must not be entered")
    assert caught.value.answer.kind == "duplicate"


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("state", [None, CLAIMED])
def test_a_snapshot_of_the_past_wins_nothing(place: Place, level: str, state: int | None) -> None:
    """Another transaction has handled the event, and the snapshot knows nothing of it, or an expired claim."""
    home = Psycopg(place)
    event = delivery()

    async def steps(admin: Admin) -> None:
        if state is not None:
            admin.put(event, state, lease=timedelta(seconds=-1))
        async with home.connect() as slow, home.connect() as quick:
            with pytest.raises(StoreError, match="serialize access") as caught:
                async with home.block(slow):
                    await home.execute(slow, f"SET TRANSACTION ISOLATION LEVEL {level}")
                    await home.execute(slow, "SELECT count(*) FROM effects")
                    async with home.work(quick, event):
                        await home.apply(quick, event)
                    async with home.claim(slow, event):
                        raise AssertionError("the block must not be entered")
            assert caught.value.transient
            # Without a past to see, these levels do what the default one does.
            other = delivery()
            async with home.block(slow):
                await home.execute(slow, f"SET TRANSACTION ISOLATION LEVEL {level}")
                async with home.claim(slow, other):
                    await home.apply(slow, other)
            assert (admin.effects(event), admin.effects(other)) == (1, 1)

    admin = PostgresAdmin(place.postgres)
    home.run(steps(admin))
    admin.close()


@postgres_law
async def test_a_connection_that_the_server_ends_is_no_commit(home: Home, admin: Admin) -> None:
    event = delivery()
    errors: list[StoreError] = []
    # What the drivers say themselves when they find nothing to roll back is their own affair.
    with suppress(Exception):
        async with home.connect() as connection, home.block(connection):
            try:
                async with home.claim(connection, event):
                    await home.apply(connection, event)
                    admin.rows(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE state = 'idle in transaction' AND datname = current_database()"
                    )
            except StoreError as error:
                errors.append(error)
    assert [error.transient for error in errors] == [True]
    assert (admin.effects(event), admin.event(event)) == (0, None)


@law_of(PsycopgByItself, AsyncPsycopg, Asyncpg)
async def test_a_closed_connection_claims_nothing(home: Home, admin: Admin) -> None:
    async with home.connect() as connection:
        closing = connection.close()
        if isinstance(home, AsyncHome):
            await closing
        with pytest.raises(StoreError) as caught:
            async with home.claim(connection, delivery()):
                raise AssertionError("the block must not be entered")
        assert caught.value.transient


@law_of(PsycopgByItself)
async def test_a_commit_in_the_block_is_told(home: Home, admin: Admin) -> None:
    event, late = delivery(), delivery()
    async with home.connect() as connection:
        with pytest.raises(RolledBack, match="savepoint"):
            async with home.work(connection, event):
                connection.commit()
                await home.apply(connection, late)
        assert admin.effects(late) == 0
        # The commit came before the effects, so the event is the next delivery's.
        async with home.work(connection, event):
            await home.apply(connection, event)
    assert admin.effects(event) == 1


@law_of(AsyncPsycopg, Asyncpg, AsyncSqlAlchemy, AsyncSqlAlchemySession)
async def test_a_cancelled_handler_leaves_nothing(home: Home, admin: Admin) -> None:
    event = delivery()

    async def handle(connection: Any) -> None:
        async with home.work(connection, event):
            await home.apply(connection, event)
            await home.execute(connection, f"SELECT pg_sleep(30), '{event.key}'")

    async with home.connect() as connection:
        task = asyncio.create_task(handle(connection))
        sleeping = f"SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%%{event.key}%%'"
        while not admin.rows(sleeping):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with home.connect() as connection:
        assert (admin.effects(event), admin.event(event)) == (0, None)
        async with home.work(connection, event):
            await home.apply(connection, event)
    assert admin.effects(event) == 1


@law_of(Psycopg)
async def test_a_pipeline_can_claim(home: Home, admin: Admin) -> None:
    event, refused_event = delivery(), delivery()
    async with home.connect() as connection:
        with connection.pipeline():
            async with home.work(connection, event):
                await home.apply(connection, event)
            assert (await refused(home, connection, event)).answer.kind == "duplicate"
        with pytest.raises((ConfigError, StoreError)), connection.pipeline(), claim_in(connection, refused_event):
            raise AssertionError("the block must not be entered")
    assert (admin.effects(event), admin.event(refused_event)) == (1, None)


@postgres_law
async def test_a_note_is_no_part_of_the_statement(home: Home, admin: Admin) -> None:
    kind = "it's 100%(p1)s $1 ?1 \\' %%"
    body: Any = {"id": f"evt_{type(home).__name__}", "type": kind, "created_at": "2026-01-01T00:00:00Z", "data": {}}
    event = Delivery.assertion(VERIFIER, json.dumps(body).encode())
    async with home.connect() as connection, home.work(connection, event):
        pass
    row = admin.event(event)
    assert row is not None and row.note == event.note
    assert kind in event.note


@law_of(Psycopg, Asyncpg, SqlAlchemy, Django)
async def test_a_lock_that_does_not_come_is_passing(home: Home, admin: Admin) -> None:
    event = delivery()
    held = admin.put(event, CLAIMED, lease=timedelta(seconds=-1))
    async with home.connect() as holder, home.connect() as other:
        async with home.block(holder):
            await home.complete(holder, held)
            with pytest.raises(StoreError, match="lock timeout") as caught:
                async with home.block(other):
                    await home.execute(other, "SET LOCAL lock_timeout = '50ms'")
                    async with home.claim(other, event):
                        raise AssertionError("the block must not be entered")
        assert caught.value.transient
        assert (await refused(home, other, event)).answer.kind == "duplicate"


@law_of(SqlAlchemySession)
async def test_a_session_sends_its_effects_before_the_block_ends(home: Home, admin: Admin) -> None:
    from sqlalchemy import Column, MetaData, Table, Text
    from sqlalchemy.exc import IntegrityError
    from sqlalchemy.orm import registry, scoped_session, sessionmaker

    class Order:
        def __init__(self, key: str) -> None:
            self.key = key

    registry().map_imperatively(Order, Table("orders", MetaData(), Column("key", Text, primary_key=True)))
    admin.rows("CREATE TABLE orders (key text PRIMARY KEY)")
    first, second = delivery(), delivery()
    async with home.connect() as session:
        async with home.block(session):
            async with home.claim(session, first):
                session.add(Order(key="one"))
            assert not session.new
        with pytest.raises(IntegrityError):
            async with home.work(session, second):
                session.add(Order(key="one"))
        assert (admin.event(second), admin.rows("SELECT key FROM orders")) == (None, [("one",)])
        held = admin.put(second, CLAIMED)
        with pytest.raises(IntegrityError):
            async with home.block(session):
                session.add(Order(key="one"))
                await home.complete(session, held)
                raise AssertionError("the effect fails before the event is completed")
        row = admin.event(second)
        assert row is not None and row.state == CLAIMED
        shared = scoped_session(sessionmaker(session.bind))
        with shared.begin(), claim_in(shared, delivery()):
            shared.add(Order(key="two"))
        shared.remove()
    assert admin.rows("SELECT key FROM orders ORDER BY key") == [("one",), ("two",)]


def test_a_session_of_several_databases_has_to_say_which() -> None:
    from sqlalchemy.orm import Session

    with Session() as session, pytest.raises(ConfigError, match="bind_arguments"), claim_in(session, delivery()):
        raise AssertionError("the block must not be entered")


@law_of(Django)
async def test_what_django_is_told_to_roll_back_is_told(home: Home, admin: Admin) -> None:
    from django.db import transaction

    event = delivery()
    async with home.connect() as connection:
        with pytest.raises(RolledBack):
            async with home.work(connection, event):
                await home.apply(connection, event)
                transaction.set_rollback(True, using=connection.alias)
        assert (admin.effects(event), admin.event(event)) == (0, None)
        # With autocommit off there is always a transaction, though no block says so.
        transaction.set_autocommit(False, using=connection.alias)
        async with home.claim(connection, event):
            await home.apply(connection, event)
        transaction.commit(using=connection.alias)
        transaction.set_autocommit(True, using=connection.alias)
    assert admin.effects(event) == 1


@law_of(Django)
async def test_django_may_bind_on_the_server(home: Home, admin: Admin) -> None:
    event = delivery()
    async with home.connect() as connection:
        connection.settings_dict["OPTIONS"] = {"server_side_binding": True}
        connection.close()
        async with home.work(connection, event):
            await home.apply(connection, event)
        assert (await refused(home, connection, event)).answer.kind == "duplicate"
    assert admin.effects(event) == 1


def test_the_receivers_store_and_the_effects_share_a_database(place: Place) -> None:
    receiver = Receiver("handl", "whsec_example", endpoint="shared", store=PostgresStore(place.postgres))
    now = datetime.now(UTC).isoformat()
    body = json.dumps({"id": "evt_shared", "type": "order.created", "created_at": now, "data": {}}).encode()
    admin = PostgresAdmin(place.postgres)

    def receive() -> Any:
        return receiver.receive(sign("handl", "whsec_example", body), body)

    with psycopg.connect(place.postgres, autocommit=True) as connection:
        lease = receive()
        with pytest.raises(Broken), connection.transaction():
            connection.execute("INSERT INTO effects VALUES (%s)", (lease.delivery.key,))
            complete_in(connection, lease.fence)
            raise Broken
        assert lease.settle(500) is None
        lease = receive()
        with connection.transaction():
            connection.execute("INSERT INTO effects VALUES (%s)", (lease.delivery.key,))
            complete_in(connection, lease.fence)
        row = admin.event(lease.delivery)
        assert row is not None and row.state == DONE
        assert lease.settle(200) is None
        assert admin.effects(lease.delivery) == 1
        assert receive().kind == "duplicate"
    admin.close()
