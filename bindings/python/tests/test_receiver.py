"""What a receiver promises, whatever brings it deliveries: sync, async, on every store."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from counterfoil import (
    Answer,
    ConfigError,
    FixedClock,
    Intake,
    Lease,
    LeaseLost,
    MemoryStore,
    NotClaimed,
    PostgresStore,
    Receiver,
    RedisStore,
    Reject,
    SqliteStore,
    StoreError,
    Tables,
    WebhookError,
    sign,
)
from orders import SECRET, event, told, until, won

Store = MemoryStore | SqliteStore | PostgresStore | RedisStore


def address(name: str) -> str:
    """The address of a server that the test runner has started."""
    assert name in os.environ, f"{name} is not set: run `cargo test`, or `cargo run -p counterfoil-testkit -- env`"
    return os.environ[name]


@pytest.fixture(params=["memory", "sqlite", "postgres", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    unique = uuid4().hex[:12]
    match request.param:
        case "memory":
            return MemoryStore()
        case "sqlite":
            return SqliteStore(tmp_path / "webhooks.db")
        case "postgres":
            return PostgresStore(address("DATABASE_URL"), prefix=f"t{unique}_", migrate=True)
        case _:
            return RedisStore(address("REDIS_URL"), prefix=f"{unique}:")


@pytest.fixture
def receiver(store: Store) -> Receiver:
    return Receiver("handl", SECRET, store=store)


class TestSync:
    def test_an_event_is_handled_once(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")
        lease = won(receiver.receive(headers, body))
        assert (lease.attempt, lease.delivery.event_id, lease.delivery.body) == (1, "evt_1", body)
        assert lease.fence is not None and lease.fence.key == lease.delivery.key
        assert lease.settle(200) is None
        assert told(receiver.receive(headers, body)) == (200, "duplicate")
        answer = receiver.receive(headers, body)
        assert isinstance(answer, Answer)
        assert dict(answer.headers)["x-webhook-duplicate"] == "1"
        assert (answer.body, answer.rejection) == (b"", None)

    def test_t39_what_fails_is_handled_by_the_next_retry(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")
        for attempt, status in enumerate([500, 404, 302, None], 1):
            lease = won(receiver.receive(headers, body))
            assert lease.attempt == attempt
            answer = lease.settle(status)
            if status in (302, None):
                assert told(answer) == (500, "handler_failed")
            else:
                assert answer is None
        assert won(receiver.receive(headers, body)).attempt == 5

    def test_the_same_id_with_another_body_is_a_conflict(self, receiver: Receiver) -> None:
        won(receiver.receive(*event("evt_1"))).complete()
        assert told(receiver.receive(*event("evt_1", "changed"))) == (200, "conflict")

    def test_a_buried_event_is_dead(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")
        won(receiver.receive(headers, body)).bury("no such customer")
        assert told(receiver.receive(headers, body)) == (500, "handler_failed")

    def test_t40_a_copy_waits_for_the_first_and_learns_its_end(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")
        lease = won(receiver.receive(headers, body))
        with ThreadPoolExecutor() as pool:
            copy = pool.submit(receiver.receive, headers, body)
            until(lambda: receiver.health().waiting == 1)
            assert not copy.done()
            lease.complete()
            assert told(copy.result(timeout=10)) == (200, "duplicate")

    def test_t40_a_copy_of_a_first_that_does_not_end_is_told_to_come_again(self, store: Store) -> None:
        receiver = Receiver("handl", SECRET, store=store, in_flight_wait=timedelta(0))
        headers, body = event("evt_1")
        lease = won(receiver.receive(headers, body))
        answer = receiver.receive(headers, body)
        assert told(answer) == (503, "in_flight")
        assert isinstance(answer, Answer)
        assert int(dict(answer.headers)["retry-after"]) >= 1
        lease.release()
        assert won(receiver.receive(headers, body)).attempt == 2

    def test_a_second_settlement_changes_nothing(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")
        lease = won(receiver.receive(headers, body))
        assert lease.settle(500) is None
        lease.complete()
        assert lease.settle(200, reject="no") is None
        assert won(receiver.receive(headers, body)).attempt == 2

    def test_t41_whoever_lost_the_lease_learns_it(self, store: Store) -> None:
        first = Receiver("handl", SECRET, store=store, lease=timedelta(seconds=2))
        headers, body = event("evt_1")
        lost = won(first.receive(headers, body))
        second = Receiver("handl", SECRET, store=store, in_flight_wait=timedelta(0))
        taken: list[Lease] = []

        def taken_over() -> bool:
            admission = second.receive(headers, body)
            taken.extend([admission] if isinstance(admission, Lease) else [])
            return bool(taken)

        until(taken_over)
        assert lost.must_stop, "its time was over before its lease was"
        with pytest.raises(LeaseLost) as error:
            lost.complete()
        assert told(error.value.answer) == (503, "in_flight")
        assert taken[0].attempt == 2
        taken[0].complete()
        assert told(first.receive(headers, body)) == (200, "duplicate")

    def test_a_handler_that_outlasts_its_time_still_completes(self, store: Store) -> None:
        receiver = Receiver("handl", SECRET, store=store, lease=timedelta(seconds=2))
        headers, body = event("evt_1")
        lease = won(receiver.receive(headers, body))
        until(lambda: lease.must_stop)
        lease.complete()
        assert told(receiver.receive(headers, body)) == (200, "duplicate")

    def test_a_long_handler_keeps_its_event(self, store: Store) -> None:
        receiver = Receiver(
            "handl",
            SECRET,
            store=store,
            lease=timedelta(seconds=2),
            handler_time=timedelta(minutes=5),
            in_flight_wait=timedelta(0),
        )
        headers, body = event("evt_1")
        lease = won(receiver.receive(headers, body))
        ends = time.monotonic() + 3
        while time.monotonic() < ends:
            assert told(receiver.receive(headers, body)) == (503, "in_flight")
            time.sleep(0.1)
        assert not lease.must_stop
        lease.complete()
        assert told(receiver.receive(headers, body)) == (200, "duplicate")

    def test_shutdown_refuses_and_waits(self, receiver: Receiver) -> None:
        lease = won(receiver.receive(*event("evt_1")))
        stopping = threading.Thread(target=receiver.shutdown, args=(timedelta(minutes=1),))
        stopping.start()
        until(lambda: not receiver.health().accepting)
        assert told(receiver.receive(*event("evt_2"))) == (503, "shutting_down")
        assert stopping.is_alive()
        lease.complete()
        stopping.join(10)
        assert not stopping.is_alive()
        assert not receiver.health().is_ready


class TestLease:
    def test_a_clean_exit_completes(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")
        with won(receiver.receive(headers, body)) as delivery:
            assert delivery.event_id == "evt_1"
        assert told(receiver.receive(headers, body)) == (200, "duplicate")

    def test_an_exception_releases_and_goes_on(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")
        with pytest.raises(ZeroDivisionError), won(receiver.receive(headers, body)):
            raise ZeroDivisionError
        with pytest.raises(KeyboardInterrupt), won(receiver.receive(headers, body)):
            raise KeyboardInterrupt
        assert won(receiver.receive(headers, body)).attempt == 3

    def test_reject_buries(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")
        with pytest.raises(Reject), won(receiver.receive(headers, body)):
            raise Reject("no such customer")
        assert told(receiver.receive(headers, body)) == (500, "handler_failed")

    @pytest.mark.parametrize(
        ("answer", "after"),
        [(Answer.duplicate, (200, "duplicate")), (Answer.dead, None)],
    )
    def test_what_another_has_completed_is_completed_here(
        self, receiver: Receiver, answer: Callable[[], Answer], after: tuple[int, str] | None
    ) -> None:
        headers, body = event("evt_1")
        with pytest.raises(NotClaimed), won(receiver.receive(headers, body)):
            raise NotClaimed("elsewhere", answer())
        admission = receiver.receive(headers, body)
        assert isinstance(admission, Lease) if after is None else told(admission) == after

    def test_one_that_is_forgotten_is_released(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")
        lease: Lease | None = won(receiver.receive(headers, body))
        assert lease is not None
        del lease
        gc.collect()
        assert won(receiver.receive(headers, body)).attempt == 2


class TestAsync:
    def test_an_event_is_handled_once(self, receiver: Receiver) -> None:
        async def scene() -> None:
            headers, body = event("evt_1")
            async with won(await receiver.areceive(headers, body)) as delivery:
                assert delivery.event_id == "evt_1"
            assert told(await receiver.areceive(headers, body)) == (200, "duplicate")
            with pytest.raises(ZeroDivisionError):
                async with won(await receiver.areceive(*event("evt_2"))):
                    raise ZeroDivisionError
            with pytest.raises(Reject):
                async with won(await receiver.areceive(*event("evt_3"))):
                    raise Reject("no")
            assert won(await receiver.areceive(*event("evt_2"))).attempt == 2
            assert told(await receiver.areceive(*event("evt_3"))) == (500, "handler_failed")
            health = await receiver.ahealth()
            assert health.is_ready and health.store_error is None
            await receiver.ashutdown(timedelta(0))
            assert told(await receiver.areceive(*event("evt_4"))) == (503, "shutting_down")

        asyncio.run(scene())

    def test_many_at_once(self, receiver: Receiver) -> None:
        async def handle(number: int) -> str:
            admission = await receiver.areceive(*event(f"evt_{number % 50}"))
            if isinstance(admission, Answer):
                return told(admission)[1]
            await asyncio.sleep(0)
            return told(await admission.asettle(200))[1] if number % 7 == 8 else await done(admission)

        async def done(lease: Lease) -> str:
            await lease.acomplete()
            return "handled"

        async def scene() -> None:
            outcomes = await asyncio.gather(*(handle(number) for number in range(200)))
            assert outcomes.count("handled") == 50
            assert set(outcomes) <= {"handled", "duplicate", "conflict"}

        asyncio.run(scene())

    def test_t42_a_cancelled_await_of_a_claim_releases_it(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")

        async def scene() -> None:
            first = won(await receiver.areceive(headers, body))

            async def copy() -> object:
                return await receiver.areceive(headers, body)

            task = asyncio.create_task(copy())
            while (await receiver.ahealth()).waiting == 0:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # The copy claims it now, for somebody who has gone.
            await first.arelease()
            while (await receiver.ahealth()).running > 0:
                await asyncio.sleep(0.01)
            won(await receiver.areceive(headers, body))

        asyncio.run(scene())

    def test_t42_a_cancelled_handler_releases(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")

        async def scene() -> None:
            entered = asyncio.Event()

            async def handle() -> None:
                async with won(await receiver.areceive(headers, body)):
                    entered.set()
                    await asyncio.sleep(3600)

            task = asyncio.create_task(handle())
            await entered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert won(await receiver.areceive(headers, body)).attempt == 2

        asyncio.run(scene())

    def test_t42_a_settlement_goes_on_without_whoever_awaited_it(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")

        async def scene() -> None:
            lease = won(await receiver.areceive(headers, body))
            lease.asettle(200)
            assert told(await receiver.areceive(headers, body)) == (200, "duplicate")

        asyncio.run(scene())

    def test_a_handler_is_asked_to_stop(self, store: Store) -> None:
        receiver = Receiver("handl", SECRET, store=store, lease=timedelta(seconds=2))
        headers, body = event("evt_1")

        async def scene() -> None:
            lease = won(await receiver.areceive(headers, body))
            loop, asked = asyncio.get_running_loop(), asyncio.Event()
            threads: list[int] = []

            def stop() -> None:
                threads.append(threading.get_ident())
                asked.set()

            lease.on_stop(stop)
            began = loop.time()
            await asyncio.wait_for(asked.wait(), 10)
            assert threads == [threading.get_ident()]
            assert loop.time() - began < 2, "before the lease has passed"
            assert told(await lease.asettle(None)) == (503, "handler_failed")
            assert won(await receiver.areceive(headers, body)).attempt == 2
            late = asyncio.Event()
            lease.on_stop(late.set)
            await asyncio.wait_for(late.wait(), 10)

        asyncio.run(scene())

    def test_a_shutdown_asks_handlers_to_stop_when_its_grace_is_over(self, receiver: Receiver) -> None:
        async def scene() -> None:
            lease = won(await receiver.areceive(*event("evt_1")))
            asked = asyncio.Event()
            lease.on_stop(asked.set)
            stopped = asyncio.ensure_future(receiver.ashutdown(timedelta(0)))
            await asyncio.wait_for(asked.wait(), 10)
            assert not stopped.done()
            assert told(await lease.asettle(None)) == (503, "shutting_down")
            await asyncio.wait_for(stopped, 10)

        asyncio.run(scene())

    def test_several_loops_one_after_the_other_and_side_by_side(self, receiver: Receiver) -> None:
        async def scene(number: int) -> None:
            async with won(await receiver.areceive(*event(f"evt_{number}"))):
                await asyncio.sleep(0)

        def run(number: int) -> None:
            asyncio.run(scene(number))

        for number in range(5):
            run(number)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(run, range(10, 30)))


class TestIntake:
    def test_a_body_in_parts(self, receiver: Receiver) -> None:
        headers, body = event("evt_1")
        intake = receiver.begin("POST", "/webhooks/handl", headers)
        assert isinstance(intake, Intake)
        for part in (body[:7], b"", body[7:]):
            assert intake.push(part) is None
        lease = won(intake.finish())
        assert lease.delivery.body == body
        lease.complete()
        with pytest.raises(RuntimeError):
            intake.finish()
        with pytest.raises(RuntimeError):
            intake.push(b"")

    def test_t11_a_head_that_proves_nothing_is_refused_without_a_body(self) -> None:
        receiver = Receiver("handl", SECRET)
        for method, headers, expected in [
            ("POST", {}, (401, "signature_missing")),
            ("POST", {"X-HanDl-Signature": "00"}, (401, "signature_malformed")),
            ("GET", event("evt_1")[0], (405, "method_not_allowed")),
            ("no method", event("evt_1")[0], (405, "method_not_allowed")),
            ("POST", {"content-encoding": "gzip"}, (415, "content_encoding")),
            ("POST", {**event("evt_1")[0], "content-length": "99999999999999999999"}, (413, "body_too_large")),
        ]:
            assert told(receiver.begin(method, "/", headers)) == expected  # type: ignore[arg-type]

    def test_t47_limits(self) -> None:
        receiver = Receiver("handl", SECRET, body_limit=10, body_timeout=timedelta(seconds=3))
        headers, _ = event("evt_1")
        intake = receiver.begin("POST", "/", headers)
        assert isinstance(intake, Intake)
        assert intake.push(b"0123456789") is None
        assert told(intake.push(b"0")) == (413, "body_too_large")
        assert told(intake.timed_out()) == (408, "body_timeout")
        assert told(intake.unreadable("gone")) == (400, "body_unreadable")
        assert (receiver.body_limit, receiver.body_timeout) == (10, timedelta(seconds=3))

    def test_a_challenge_in_the_query(self, tmp_path: Path) -> None:
        from counterfoil import load_senders

        path = tmp_path / "senders.toml"
        path.write_text(
            '[[sender]]\nname = "till"\nkind = "hmac"\nid = "/id"\n'
            'signature = { header = "X-Till-Signature", prefix = "sha256=", encoding = "hex" }\n'
            'challenge = { query = "validationToken" }\n'
        )
        receiver = Receiver(load_senders(path)["till"], SECRET)
        answer = receiver.begin("GET", "/till?validationToken=a%20b", {})
        assert isinstance(answer, Answer)
        assert (answer.kind, answer.status, answer.body) == ("challenge", 200, b"a b")


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "says"),
        [
            ({"lease": timedelta(seconds=10)}, "`lease=` does nothing without a store"),
            ({"store": MemoryStore(), "lease": timedelta(seconds=1)}, "lease"),
            ({"store": MemoryStore(), "retention": timedelta(hours=1)}, "raise `retention=`"),
            ({"store": MemoryStore(), "on_expired": "ignore"}, "takeover"),
            ({"store": "sqlite:webhooks.db"}, "SqliteStore"),
            ({"endpoint": ""}, "usable name"),
            ({"utc_offset": "+02:00"}, "offset"),
            ({"body_timeout": timedelta(0)}, "body_timeout"),
        ],
    )
    def test_what_cannot_work_says_what_to_change(self, settings: dict[str, object], says: str) -> None:
        with pytest.raises(ConfigError, match=says):
            Receiver("handl", SECRET, **settings)  # type: ignore[arg-type]

    @pytest.mark.parametrize("secret", ["", " ", "env:HANDL_SECRET", [], [""]])
    def test_t5_no_receiver_without_a_secret(self, secret: str | list[str]) -> None:
        with pytest.raises(ConfigError):
            Receiver("handl", secret)

    def test_t10_a_revoked_secret_is_refused_at_once(self) -> None:
        receiver = Receiver("handl", SECRET, store=MemoryStore())
        headers, body = event("evt_1")
        intake = receiver.begin("POST", "/", headers)
        assert isinstance(intake, Intake)
        intake.push(body)
        receiver.set_secrets("whsec_another_one_altogether")
        assert told(intake.finish()) == (401, "signature_mismatch")
        assert told(receiver.receive(headers, body)) == (401, "signature_mismatch")

    def test_the_clock_is_an_argument(self) -> None:
        clock = FixedClock(datetime(2026, 5, 18, 12, tzinfo=UTC))
        receiver = Receiver("handl", SECRET, clock=clock)
        body = b'{"id":"evt_1","type":"order.created","created_at":"2026-05-18T12:00:00Z","data":{}}'
        headers = sign("handl", SECRET, body)
        won(receiver.receive(headers, body)).complete()
        clock.advance(timedelta(minutes=6))
        assert told(receiver.receive(headers, body)) == (401, "timestamp_stale")

    def test_stores_say_why_they_cannot_be_opened(self, tmp_path: Path) -> None:
        cases: list[tuple[SqliteStore | PostgresStore | RedisStore, str]] = [
            (SqliteStore(tmp_path / "no" / "such" / "folder.db"), "unable to open"),
            (PostgresStore("postgres://nobody:pass-word@127.0.0.1:1/none"), "refused"),
            (RedisStore("redis://:pass-word@127.0.0.1:1/"), "refused"),
        ]
        for store, says in cases:
            with pytest.raises(StoreError) as error:
                store.open()
            assert says in str(error.value) and "pass-word" not in repr(error.value)
            receiver = Receiver("handl", SECRET, store=store)
            answer = receiver.receive(*event("evt_1"))
            assert told(answer) == (503, "store_unavailable")
            assert receiver.health().store_error is not None and not receiver.health().is_ready
        for url in ("", "postgres://[", "http://localhost:pass-word"):
            for kind in (PostgresStore, RedisStore):
                with pytest.raises(ConfigError) as refused:
                    kind(url)
                assert "pass-word" not in str(refused.value)
        with pytest.raises(ConfigError, match="prefix"):
            RedisStore("redis://localhost", prefix="*")
        with pytest.raises(ConfigError):
            PostgresStore("postgres://localhost/x", prefix="x; DROP TABLE y")
        with pytest.raises(ConfigError):
            MemoryStore(0)
        with pytest.raises(ConfigError):
            Tables(schema="1")

    def test_everything_derives_from_one_base(self) -> None:
        from counterfoil import errors

        for name in errors.__all__:
            assert issubclass(getattr(errors, name), WebhookError)


class TestLoops:
    """An event loop that is closed takes along what waited in it, and nothing more."""

    def test_a_claim_that_is_won_for_a_loop_that_is_gone_is_given_back(self, receiver: Receiver) -> None:
        async def hurried(number: int) -> None:
            async with asyncio.timeout(0.0001 * (number % 7)):
                lease = await receiver.areceive(*event(f"evt_{number}"))
                assert isinstance(lease, Lease)
                await lease.asettle(500)

        for number in range(60):
            with contextlib.suppress(TimeoutError):
                asyncio.run(hurried(number))
        until(lambda: (gc.collect(), receiver.health().running)[1] == 0)
        for number in range(60):
            won(receiver.receive(*event(f"evt_{number}"))).complete()
        receiver.shutdown(timedelta(0))

    def test_a_handler_whose_loop_is_closed_gives_its_event_back(self, receiver: Receiver) -> None:
        async def handle() -> None:
            async with won(await receiver.areceive(*event("evt_1"))) as delivery:
                assert delivery.event_id == "evt_1"
                await asyncio.Event().wait()

        async def begin() -> asyncio.Task[None]:
            task = asyncio.create_task(handle())
            while (await receiver.ahealth()).running == 0:
                await asyncio.sleep(0)
            return task

        loop = asyncio.new_event_loop()
        task: asyncio.Task[None] | None = loop.run_until_complete(begin())
        loop.close()
        gone = weakref.ref(loop)
        # Its warning that the task was destroyed is what this is about.
        logging.getLogger("asyncio").disabled = True
        try:
            del loop, task
            until(lambda: (gc.collect(), receiver.health().running)[1] == 0)
        finally:
            logging.getLogger("asyncio").disabled = False
        until(lambda: (gc.collect(), gone())[1] is None)
        won(receiver.receive(*event("evt_1"))).complete()

    def test_mailboxes_go_with_their_loops(self) -> None:
        receiver = Receiver("handl", SECRET, store=MemoryStore())

        async def scene() -> None:
            await receiver.ahealth()

        def files() -> int:
            gc.collect()
            return len(os.listdir("/proc/self/fd"))

        asyncio.run(scene())
        before = files()
        for _ in range(50):
            asyncio.run(scene())
        assert files() <= before


class TestCallbacks:
    def test_what_goes_with_a_callback_may_ask_the_lease(self) -> None:
        """Its last reference is let go with no lock held."""
        receiver = Receiver("handl", SECRET, store=MemoryStore())
        asked: list[bool] = []

        class Asks:
            def __init__(self, lease: Lease) -> None:
                self.lease = lease

            def __call__(self) -> None:
                raise AssertionError

            def __del__(self) -> None:
                asked.append(self.lease.must_stop)

        async def scene() -> None:
            for number in range(3):
                lease = won(await receiver.areceive(*event(f"evt_{number}")))
                lease.on_stop(Asks(lease))
                await lease.asettle(200)

        asyncio.run(scene())
        assert asked == [False] * 3

    def test_nothing_is_kept_for_a_delivery_that_is_settled(self) -> None:
        receiver = Receiver("handl", SECRET, store=MemoryStore())
        kept: list[weakref.ref[Callable[[], None]]] = []

        async def scene() -> None:
            for number in range(3):
                lease = won(await receiver.areceive(*event(f"evt_{number}")))

                def callback(lease: Lease = lease) -> None:
                    raise AssertionError

                lease.on_stop(callback)
                await lease.asettle(200)
                lease.on_stop(callback)
                kept.append(weakref.ref(callback))

        asyncio.run(scene())
        gc.collect()
        assert [callback() for callback in kept] == [None] * 3

    def test_t2_no_text_is_too_odd(self, tmp_path: Path) -> None:
        receiver = Receiver("handl", SECRET, store=MemoryStore())
        headers, body = event("evt_1")
        won(receiver.receive(headers, body)).settle(500, reject="sku \ud800")
        assert told(receiver.receive(headers, body)) == (500, "handler_failed")
        assert told(receiver.begin("PO\ud800ST", "/\ud800?\ud800", headers)) == (405, "method_not_allowed")  # type: ignore[arg-type]
        intake = receiver.begin("POST", "/\ud800", headers)
        assert isinstance(intake, Intake)
        assert told(intake.unreadable("\ud800")) == (400, "body_unreadable")
        for kind in (PostgresStore, RedisStore):
            with pytest.raises(ConfigError) as refused:
                kind("postgres://u:pass-word\ud800@h")
            assert "pass-word" not in repr(refused.value)
        with pytest.raises(ConfigError, match="negative"):
            Receiver("handl", SECRET, store=MemoryStore(), lease=timedelta(-1))
