"""What holds for a claim inside the application's transaction, by every driver."""

from __future__ import annotations

from datetime import timedelta

import pytest

from counterfoil import ConfigError, LeaseLost, NotClaimed, RolledBack, StoreError
from counterfoil.transactions import Tables

from .admin import CLAIMED, DEAD, DONE, READY, Admin, Claim, delivery
from .home import Home
from .laws import Broken, law, refused

PAST = timedelta(seconds=-1)


@law
async def test_what_was_committed_is_a_duplicate(home: Home, admin: Admin) -> None:
    event = delivery()
    async with home.connect() as connection:
        async with home.work(connection, event) as claimed:
            await home.apply(connection, event)
        row = admin.event(event)
        assert row is not None
        assert (row.state, row.attempts, row.token, row.fingerprint) == (DONE, 1, claimed.token, event.fingerprint)
        assert row.note == event.note
        assert timedelta(days=29, hours=23) < row.expires_in <= timedelta(days=30)

        answer = (await refused(home, connection, event)).answer
        assert (answer.kind, answer.status) == ("duplicate", 200)
        async with home.connect() as other:
            assert (await refused(home, other, event)).answer.kind == "duplicate"
    assert admin.effects(event) == 1


@law
async def test_another_body_is_a_conflict(home: Home, admin: Admin) -> None:
    event = delivery(remark="one")
    number = int((event.event_id or "").removeprefix("evt_"))
    other = delivery(number, remark="two")
    assert other.key == event.key
    async with home.connect() as connection:
        async with home.work(connection, event):
            await home.apply(connection, event)
        answer = (await refused(home, connection, other)).answer
    assert (answer.kind, answer.status) == ("conflict", 200)
    assert admin.effects(event) == 1


@law
async def test_a_failed_handler_leaves_nothing(home: Home, admin: Admin) -> None:
    event = delivery()
    async with home.connect() as connection:
        with pytest.raises(Broken):
            async with home.work(connection, event):
                await home.apply(connection, event)
                raise Broken
        assert (admin.effects(event), admin.event(event)) == (0, None)
        async with home.work(connection, event):
            await home.apply(connection, event)
    assert admin.effects(event) == 1


@law
async def test_an_exception_that_is_caught_behind_the_block_takes_the_claim_back(home: Home, admin: Admin) -> None:
    """Else the event would count as handled, with half of its effects."""
    event, aside = delivery(), delivery()
    async with home.connect() as connection:
        async with home.block(connection):
            try:
                async with home.claim(connection, event):
                    await home.apply(connection, event)
                    raise Broken
            except Broken:
                await home.apply(connection, aside)
        assert (admin.effects(event), admin.event(event), admin.effects(aside)) == (0, None, 1)
        async with home.work(connection, event):
            await home.apply(connection, event)
    assert admin.effects(event) == 1


@law
async def test_a_failed_statement_that_is_passed_over_is_told(home: Home, admin: Admin) -> None:
    event = delivery()
    async with home.connect() as connection:
        with pytest.raises(RolledBack):
            async with home.work(connection, event):
                await home.apply(connection, event)
                await home.break_off(connection)
        assert (admin.effects(event), admin.event(event)) == (0, None)
        async with home.work(connection, event):
            await home.apply(connection, event)
    assert admin.effects(event) == 1


@law
async def test_a_rollback_in_the_block_is_told(home: Home, admin: Admin) -> None:
    """The application goes back to a savepoint that it set before the claim."""
    event = delivery()
    async with home.connect() as connection:
        with pytest.raises(RolledBack):
            async with home.block(connection):
                await home.apply(connection, delivery())
                await home.execute(connection, "SAVEPOINT mine")
                async with home.claim(connection, event):
                    await home.apply(connection, event)
                    await home.execute(connection, "ROLLBACK TO SAVEPOINT mine")
        assert (admin.effects(event), admin.event(event)) == (0, None)


@law
async def test_a_claim_that_is_gone_when_the_block_ends_is_told(home: Home, admin: Admin) -> None:
    event = delivery()
    async with home.connect() as connection:
        with pytest.raises(RolledBack, match="does not hold the event"):
            async with home.work(connection, event):
                await home.apply(connection, event)
                await home.execute(connection, f"UPDATE counterfoil_event SET state = 0 WHERE note = '{event.note}'")
        assert (admin.effects(event), admin.event(event)) == (0, None)


@law
async def test_savepoints_in_the_block_are_the_applications(home: Home, admin: Admin) -> None:
    event, given_up = delivery(), delivery()
    async with home.connect() as connection, home.work(connection, event):
        with pytest.raises(Broken):
            async with home.nested(connection):
                await home.apply(connection, given_up)
                raise Broken
        async with home.nested(connection):
            await home.apply(connection, event)
    assert (admin.effects(event), admin.effects(given_up)) == (1, 0)


@law
async def test_a_claim_in_a_savepoint_ends_with_it(home: Home, admin: Admin) -> None:
    event, aside = delivery(), delivery()
    async with home.connect() as connection:
        async with home.block(connection):
            await home.apply(connection, aside)
            with pytest.raises(Broken):
                async with home.nested(connection):
                    async with home.claim(connection, event):
                        await home.apply(connection, event)
                    raise Broken
        assert (admin.effects(event), admin.event(event), admin.effects(aside)) == (0, None, 1)
        async with home.block(connection):
            await home.apply(connection, aside)
            async with home.nested(connection), home.claim(connection, event):
                await home.apply(connection, event)
    assert (admin.effects(event), admin.effects(aside)) == (1, 2)


@law
async def test_events_of_one_transaction_stand_for_themselves(home: Home, admin: Admin) -> None:
    """A duplicate or a failure in the middle of a batch undoes nothing but itself."""
    first, done, failing, last = (delivery() for _ in range(4))
    admin.put(done, DONE)
    async with home.connect() as connection:
        async with home.block(connection), home.claim(connection, first):
            await home.apply(connection, first)
            with pytest.raises(NotClaimed):
                async with home.claim(connection, done):
                    raise AssertionError("the block must not be entered")
            with pytest.raises(Broken):
                async with home.claim(connection, failing):
                    await home.apply(connection, failing)
                    raise Broken
            async with home.claim(connection, last):
                await home.apply(connection, last)
            with pytest.raises(NotClaimed) as again:
                async with home.claim(connection, last):
                    raise AssertionError("the block must not be entered")
            assert again.value.answer.kind == "duplicate"
        assert [admin.effects(event) for event in (first, done, failing, last)] == [1, 0, 0, 1]
        assert admin.event(failing) is None
        with pytest.raises(Broken):
            async with home.block(connection), home.claim(connection, failing):
                async with home.claim(connection, delivery()):
                    await home.apply(connection, failing)
                raise Broken
    assert (admin.effects(failing), admin.event(failing)) == (0, None)


@law
async def test_what_is_not_settled_is_never_a_duplicate(home: Home, admin: Admin) -> None:
    live, dead, released, expired, forgotten = (delivery() for _ in range(5))
    admin.put(live, CLAIMED)
    admin.put(dead, DEAD)
    admin.put(released, READY)
    admin.put(expired, CLAIMED, lease=PAST)
    admin.put(forgotten, DONE, expires=PAST)
    async with home.connect() as connection:
        answer = (await refused(home, connection, live)).answer
        assert (answer.status, answer.code) == (503, "in_flight")
        assert 50 <= int(dict(answer.headers)["retry-after"]) <= 60
        answer = (await refused(home, connection, dead)).answer
        assert (answer.kind, answer.status) == ("refused", 500)
        for event, attempts in ((released, 5), (expired, 5), (forgotten, 1)):
            async with home.work(connection, event) as claimed:
                await home.apply(connection, event)
            row = admin.event(event)
            assert row is not None
            assert (row.state, row.attempts, row.token) == (DONE, attempts, claimed.token)
            assert claimed.token > 1_000
            assert admin.effects(event) == 1


@law
async def test_two_at_once_apply_one_of_them(home: Home, admin: Admin) -> None:
    """On PostgreSQL the second one is told at once, on SQLite it waits for the file as long as it is told to."""
    event = delivery()
    async with home.connect() as one, home.connect() as two:
        async with home.work(one, event):
            await home.apply(one, event)
            if home.engine == "postgres":
                answer = (await refused(home, two, event)).answer
                assert (answer.status, answer.code, dict(answer.headers)["retry-after"]) == (503, "in_flight", "1")
            else:
                with pytest.raises(Exception) as caught:
                    async with home.work(two, event):
                        raise AssertionError("the block must not be entered")
                # Where the application itself waits, at its own BEGIN IMMEDIATE, the error is the driver's.
                assert "locked" in str(caught.value)
                assert not isinstance(caught.value, StoreError) or caught.value.transient
        assert (await refused(home, two, event)).answer.kind == "duplicate"
    assert admin.effects(event) == 1


@law
async def test_a_connection_that_commits_by_itself_is_refused(home: Home, admin: Admin) -> None:
    event = delivery()
    held = admin.put(delivery(), CLAIMED)
    async with home.connect(autocommit=True) as connection:
        with pytest.raises(ConfigError, match=r"no open transaction: (write|begin)"):
            async with home.claim(connection, event):
                raise AssertionError("the block must not be entered")
        kind = ConfigError if home.engine == "postgres" else RolledBack
        with pytest.raises(kind, match="no open transaction"):
            await home.complete(connection, held)
    assert admin.event(event) is None
    assert admin.rows("SELECT count(*) FROM counterfoil_event WHERE token = 1000 AND state = 1") != [(0,)]


@law
async def test_an_event_completes_with_its_effects(home: Home, admin: Admin) -> None:
    event = delivery()
    held = admin.put(event, CLAIMED)
    async with home.connect() as connection:
        with pytest.raises(Broken):
            async with home.block(connection):
                await home.apply(connection, event)
                await home.complete(connection, held)
                raise Broken
        row = admin.event(event)
        assert (admin.effects(event), row and row.state) == (0, CLAIMED)
        async with home.block(connection):
            await home.apply(connection, event)
            await home.complete(connection, held)
        row = admin.event(event)
        assert (admin.effects(event), row and row.state) == (1, DONE)
        assert (await refused(home, connection, event)).answer.kind == "duplicate"


@law
async def test_finishing_late_but_first_completes(home: Home, admin: Admin) -> None:
    event = delivery()
    held = admin.put(event, CLAIMED, lease=PAST)
    async with home.connect() as connection, home.block(connection):
        await home.apply(connection, event)
        await home.complete(connection, held)
    row = admin.event(event)
    assert (admin.effects(event), row and row.state) == (1, DONE)


@law
async def test_a_lost_lease_commits_nothing(home: Home, admin: Admin) -> None:
    taken_over, released, dead, done, forgotten = (delivery() for _ in range(5))
    leases = [
        Claim(taken_over.scope, taken_over.key, admin.put(taken_over, CLAIMED).token - 1),
        admin.put(released, READY),
        admin.put(dead, DEAD),
        admin.put(done, DONE),
        Claim(forgotten.scope, forgotten.key, 1_000),
    ]
    async with home.connect() as connection:
        for held in leases:
            with pytest.raises(LeaseLost) as caught:
                async with home.block(connection):
                    await home.apply(connection, taken_over)
                    await home.complete(connection, held)
            assert caught.value.answer.status == 503
        with pytest.raises(ConfigError, match="use `claim_in`"):
            await home.complete(connection, None)
    assert admin.effects(taken_over) == 0
    assert [row and row.state for row in map(admin.event, (taken_over, released, dead, done))] == [
        CLAIMED,
        READY,
        DEAD,
        DONE,
    ]


@law
async def test_a_failed_statement_completes_nothing(home: Home, admin: Admin) -> None:
    event = delivery()
    held = admin.put(event, CLAIMED)
    async with home.connect() as connection:
        with pytest.raises(RolledBack):
            async with home.block(connection):
                await home.apply(connection, event)
                await home.break_off(connection)
                await home.complete(connection, held)
        row = admin.event(event)
        assert (admin.effects(event), row and row.state) == (0, CLAIMED)
        async with home.block(connection):
            await home.apply(connection, event)
            await home.complete(connection, held)
    assert admin.effects(event) == 1


@law
async def test_retention_is_how_long_the_event_is_remembered(home: Home, admin: Admin) -> None:
    event, endless = delivery(), delivery()
    async with home.connect() as connection:
        async with home.work(connection, event, retention=timedelta(days=400)):
            pass
        async with home.work(connection, endless, retention=timedelta.max):
            pass
        with pytest.raises(ConfigError, match="`retention`"):
            async with home.claim(connection, event, retention=timedelta(0)):
                pass
    row, other = admin.event(event), admin.event(endless)
    assert row is not None and timedelta(days=399, hours=23) < row.expires_in <= timedelta(days=400)
    assert other is not None and other.expires_in > timedelta(days=36_000)


@law
async def test_tables_can_have_other_names(home: Home, admin: Admin) -> None:
    prefix = f"w{type(home).__name__.lower()[:29]}_"
    schema = None
    if home.engine == "postgres":
        schema = "hooks"
        admin.rows("CREATE SCHEMA IF NOT EXISTS hooks")
    tables = Tables(schema=schema, prefix=prefix)
    event = delivery()
    async with home.connect() as connection:
        with pytest.raises(StoreError, match=r"_migrations\(\)") as caught:
            async with home.work(connection, event, tables=tables):
                raise AssertionError("the block must not be entered")
        assert not caught.value.transient
        admin.make_tables(tables)
        async with home.work(connection, event, tables=tables):
            await home.apply(connection, event)
        assert (await refused(home, connection, event, tables=tables)).answer.kind == "duplicate"
    named = f"{schema}.{prefix}event" if schema else f"{prefix}event"
    row = admin.event(event, named)
    assert (admin.effects(event), row and row.state, admin.event(event)) == (1, DONE, None)
