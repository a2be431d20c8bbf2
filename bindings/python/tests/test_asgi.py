"""What the middleware owes to ASGI: messages in order, a task of its own, and bodies read no further than need be."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from tempfile import NamedTemporaryFile
from typing import Any

import anyio
import anyio.to_thread
import pytest
from asgiref.sync import sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from counterfoil import ConfigError, Lease, MemoryStore, Receiver, Reject, _own_task, load_senders
from counterfoil.asgi import ASGIApp, Message, Receive, Scope, Send, WebhookMiddleware
from exchanges import PATH, Exchange, Reply, Sent
from orders import SECRET, told, won
from stacks import ASGI, HANDLED, Script, leave_projects, set_django_up

LIMIT = 4096

Handle = Callable[[Scope, Receive, Send], Awaitable[None]]


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    yield
    assert not _own_task.abandoned, "a handler that nobody waits for has not ended"


def receiver(**options: Any) -> Receiver:
    return Receiver("handl", SECRET, store=MemoryStore(), **options)


def impatient(milliseconds: int = 50) -> Receiver:
    """Stops its handlers soon."""
    return receiver(lease=timedelta(seconds=2), handler_time=timedelta(milliseconds=milliseconds))


async def respond(send: Send, status: int = 200, body: bytes = HANDLED) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def once(app: ASGIApp, sent: Sent, **scope: Any) -> Reply:
    return await Exchange(app, sent, **scope).run()


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.002)


class TestReading:
    """Frameworks that read the body themselves, before anybody else sees a request, cannot promise this."""

    @pytest.fixture(params=[name for name in ASGI if not name.startswith("django")])
    def make(self, request: pytest.FixtureRequest) -> Callable[[Receiver, Script], ASGIApp]:
        return ASGI[request.param]

    @pytest.mark.parametrize(("version", "connection"), [("1.1", "close"), ("1.0", "close"), ("2", None)])
    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("x-handl-signature", "", (401, "signature_malformed")),
            ("content-encoding", "gzip", (415, "content_encoding")),
            ("content-length", "4097", (413, "body_too_large")),
            ("content-length", "18446744073709551615", (413, "body_too_large")),
        ],
    )
    def test_t11_t46_what_the_head_refuses_is_never_received(
        self,
        make: Callable[[Receiver, Script], ASGIApp],
        name: str,
        value: str,
        said: tuple[int, str],
        version: str,
        connection: str | None,
    ) -> None:
        app = make(receiver(body_limit=LIMIT), Script())
        endless = replace(Sent.order("evt_1").header(name, value), chunks=(b" ",) * 10, declares_length=False)
        reply = asyncio.run(once(app, replace(endless, version=version)))
        assert (reply.said, reply.receives, reply.error) == (said, 0, None)
        assert reply.headers.get("connection") == connection

    def test_t11_a_signed_head_does_not_open_the_door_to_an_endless_body(
        self, make: Callable[[Receiver, Script], ASGIApp]
    ) -> None:
        app = make(receiver(body_limit=10_000), Script())
        endless = replace(Sent.order("evt_1"), chunks=(b" " * 1024,) * 1000, declares_length=False)
        reply = asyncio.run(once(app, endless))
        assert (reply.said, reply.receives) == ((413, "body_too_large"), 10)
        assert reply.headers["connection"] == "close"

    def test_a_refusal_after_the_whole_body_keeps_the_connection(
        self, make: Callable[[Receiver, Script], ASGIApp]
    ) -> None:
        app = make(receiver(), Script())
        reply = asyncio.run(once(app, Sent.order("evt_1").with_body(b"{}")))
        assert (reply.said, reply.headers.get("connection")) == ((401, "signature_mismatch"), None)

    def test_a_body_that_stalls_is_408(self, make: Callable[[Receiver, Script], ASGIApp]) -> None:
        script = Script()
        app = make(receiver(body_timeout=timedelta(milliseconds=50)), script)

        async def stall() -> Reply:
            exchange = Exchange(app, replace(Sent.order("evt_1"), chunks=()))
            return await asyncio.wait_for(exchange.run(), 5)

        reply = asyncio.run(stall())
        assert (reply.said, reply.headers["connection"], script.bodies) == ((408, "body_timeout"), "close", [])

    def test_a_body_of_endless_empty_chunks_is_408(self, make: Callable[[Receiver, Script], ASGIApp]) -> None:
        app = make(receiver(body_timeout=timedelta(milliseconds=50)), Script())

        async def hollow() -> Reply:
            exchange = Exchange(app, Sent.order("evt_1"))

            async def receive() -> Message:
                return {"type": "http.request", "body": b"", "more_body": True}

            await app(exchange.scope, receive, exchange.send)
            return exchange.reply

        assert asyncio.run(hollow()).said == (408, "body_timeout")

    def test_a_sender_that_hangs_up_in_its_body_is_unreadable(
        self, make: Callable[[Receiver, Script], ASGIApp]
    ) -> None:
        script = Script()
        app = make(receiver(), script)

        async def hang_up() -> Reply:
            exchange = Exchange(app, replace(Sent.order("evt_1"), chunks=()))
            exchange.hang_up()
            return await exchange.run()

        reply = asyncio.run(hang_up())
        assert (reply.said, script.bodies) == ((400, "body_unreadable"), [])

    @pytest.mark.parametrize(
        "kind", ["at once", "after a wait", "after a chunk", "no type", "no bytes", "no coroutine"]
    )
    def test_a_body_that_breaks_off_is_unreadable(
        self, make: Callable[[Receiver, Script], ASGIApp], kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Servers raise what they like, and so does what stands between them and the receiver."""
        script, guard = Script(), receiver()
        app = make(guard, script)
        exchange = Exchange(app, Sent.order("evt_1"))

        async def receive() -> Message:
            if kind == "after a chunk" and not exchange.reply.receives:
                return dict(await exchange.receive()) | {"more_body": True}
            if kind == "after a wait":
                await asyncio.sleep(0)
            if kind == "no type":
                return {"body": b"{}"}
            if kind == "no bytes":
                return {"type": "http.request", "body": 5}
            raise OSError('{"id')

        def refuse() -> Any:
            raise OSError('{"id')

        async def main() -> None:
            await exchange.app(exchange.scope, refuse if kind == "no coroutine" else receive, exchange.send)

        asyncio.run(main())
        assert (exchange.reply.said, script.bodies) == ((400, "body_unreadable"), [])
        assert (exchange.reply.headers["connection"], guard.health().running) == ("close", 0)
        assert '{"id' not in caplog.text
        assert ("OSError" in caplog.text) == (kind not in ("no type", "no bytes"))

    @pytest.mark.parametrize("kind", [asyncio.CancelledError, KeyboardInterrupt])
    def test_what_is_no_failure_of_a_body_goes_on(
        self, make: Callable[[Receiver, Script], ASGIApp], kind: type[BaseException]
    ) -> None:
        guard = receiver()
        app = make(guard, Script())
        exchange = Exchange(app, Sent.order("evt_1"))

        async def receive() -> Message:
            raise kind

        async def main() -> None:
            with pytest.raises(kind):
                await exchange.app(exchange.scope, receive, exchange.send)

        asyncio.run(main())
        assert (exchange.messages, guard.health().running) == ([], 0)

    def test_empty_chunks_and_slow_chunks_make_one_body(self, make: Callable[[Receiver, Script], ASGIApp]) -> None:
        script, order = Script(), Sent.order("evt_1")
        app = make(receiver(), script)
        half = len(order.body) // 2
        chunks = (b"", order.body[:half], b"", b"", order.body[half:], b"")

        async def slowly() -> Reply:
            exchange = Exchange(app, replace(order, chunks=chunks, declares_length=False))
            receive = exchange.receive

            async def slow() -> Message:
                await asyncio.sleep(0.001)
                return await receive()

            await app(exchange.scope, slow, exchange.send)
            return exchange.reply

        assert (asyncio.run(slowly()).said[0], script.bodies) == (200, [order.body])


class TestHostile:
    @given(
        headers=st.lists(
            st.tuples(st.sampled_from([b"x-handl-signature", b"content-length"]) | st.binary(), st.binary()), max_size=5
        ),
        chunks=st.lists(st.binary(max_size=40), max_size=5),
        method=st.sampled_from(["POST", "GET", "", "\n", "post"]),
        path=st.text(),
        query=st.binary(),
        version=st.sampled_from(["1.1", "2", ""]),
    )
    def test_t2_whatever_arrives_is_refused_and_nothing_else(
        self,
        headers: list[tuple[bytes, bytes]],
        chunks: list[bytes],
        method: str,
        path: str,
        query: bytes,
        version: str,
    ) -> None:
        sent = replace(Sent.order("evt_1"), method=method, chunks=tuple(chunks) or (b"",), path="/")
        head = {"headers": headers, "path": path, "raw_path": None, "query_string": query, "http_version": version}
        reply = asyncio.run(once(ASGI["asgi"](HOSTILE, Script()), sent, **head))
        assert (reply.status in (400, 401, 405, 413, 415), reply.error) == (True, None)
        assert b'"code":' in reply.body


HOSTILE = Receiver("handl", SECRET, store=MemoryStore())


class TestPaths:
    def test_what_is_not_the_receivers_goes_through_untouched(self) -> None:
        seen: list[tuple[Scope, Receive, Send]] = []

        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append((scope, receive, send))

        async def receive() -> Message:
            raise AssertionError("nobody has asked")

        async def send(message: Message) -> None:
            raise AssertionError("nobody has answered")

        app = WebhookMiddleware(inner, receiver(), path=PATH)
        scopes: list[Scope] = [
            {"type": "lifespan"},
            {"type": "websocket", "path": PATH},
            {"type": "http", "path": "/", "method": "POST"},
            {"type": "http", "path": PATH + "x", "method": "POST"},
            {"type": "http", "path": "/x" + PATH, "method": "POST"},
            {"type": "http", "path": PATH.upper(), "method": "POST"},
        ]
        for scope in scopes:
            before = dict(scope)
            asyncio.run(app(scope, receive, send))
            assert scope == before
            assert seen.pop() == (scope, receive, send)

    def test_each_receiver_has_its_path(self) -> None:
        other = Receiver("handl", "another secret of theirs", endpoint="other")
        app = WebhookMiddleware(ASGI["asgi"](receiver(), Script()), {PATH: receiver(), "/other": other})
        order = Sent.order("evt_1")
        assert asyncio.run(once(app, order)).said[0] == 200
        assert asyncio.run(once(app, replace(order, path="/other"))).said == (401, "signature_mismatch")

    @pytest.mark.parametrize("path", [PATH + "/", PATH + "//"])
    def test_a_slash_at_the_end_does_not_lead_around_the_receiver(self, path: str) -> None:
        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            raise AssertionError("reached without a signature")

        app = WebhookMiddleware(inner, receiver(), path=PATH)
        unsigned = replace(Sent.order("evt_1").header("x-handl-signature"), path=path)
        assert asyncio.run(once(app, unsigned)).said == (401, "signature_missing")

    def test_a_path_is_one_within_what_is_mounted(self) -> None:
        app = WebhookMiddleware(ASGI["asgi"](receiver(), Script()), receiver(), path="/handl")
        unsigned = Sent.order("evt_1").header("x-handl-signature")
        assert asyncio.run(once(app, unsigned, root_path="/webhooks")).said == (401, "signature_missing")

    def test_settings_that_cannot_work_are_refused(self) -> None:
        app = ASGI["asgi"](receiver(), Script())
        with pytest.raises(ConfigError, match="not both"):
            WebhookMiddleware(app, {PATH: receiver()}, path=PATH)
        for path in ("webhooks", "", "https://example.com/webhooks"):
            with pytest.raises(ConfigError, match="slash"):
                WebhookMiddleware(app, receiver(), path=path)

    def test_a_challenge_in_the_query_is_echoed(self) -> None:
        with NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(
                '[[sender]]\nname = "till"\nkind = "hmac"\nid = "/id"\nchallenge = { query = "validationToken" }\n'
                'signature = { header = "X-Till-Signature", prefix = "sha256=", encoding = "hex" }\n'
            )
            file.flush()
            till = load_senders(file.name)["till"]
        app = WebhookMiddleware(ASGI["asgi"](receiver(), Script()), Receiver(till, SECRET))
        asked = replace(Sent.order("evt_1"), method="GET", query="state=1&validationToken=a%20b+%3Cscript%3E")
        reply = asyncio.run(once(app, asked))
        assert (reply.said, reply.receives) == ((200, "a b <script>"), 0)
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"


class TestApplication:
    def test_it_finds_the_delivery_and_reads_the_body_again(self) -> None:
        order = Sent.order("evt_1")
        messages: list[Message] = []

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            state = scope["state"]
            assert state["kept"] == 1, "what a server has put there stays"
            assert isinstance(state["lease"], Lease) and state["lease"].delivery is state["delivery"]
            assert (state["delivery"].event_id, state["fence"].key) == ("evt_1", state["delivery"].key)
            messages.append(await receive())
            exchange.hang_up()
            messages.append(await receive())
            await respond(send)

        exchange = Exchange(WebhookMiddleware(handle, receiver()), order.in_chunks(10), state={"kept": 1})
        assert asyncio.run(exchange.run()).said == (200, "handled")
        whole = {"type": "http.request", "body": order.body, "more_body": False}
        assert messages == [whole, {"type": "http.disconnect"}]

    def test_a_server_without_state_is_as_good(self) -> None:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            assert scope["state"]["delivery"].event_id == "evt_1"
            await respond(send)

        exchange = Exchange(WebhookMiddleware(handle, Receiver("handl", SECRET)), Sent.order("evt_1"))
        del exchange.scope["state"]
        assert asyncio.run(exchange.run()).status == 200

    def test_no_2xx_goes_out_before_it_is_true(self) -> None:
        guard, order, seen = receiver(), Sent.order("evt_1"), list[tuple[int, str]]()

        class Watched(Exchange):
            async def send(self, message: Message) -> None:
                seen.append(told(guard.receive(dict(order.headers), order.body)))
                await super().send(message)

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await respond(send)

        asyncio.run(Watched(WebhookMiddleware(handle, guard), order).run())
        assert seen == [(200, "duplicate")] * 2

    def test_a_response_that_streams_goes_on(self) -> None:
        guard, order = receiver(), Sent.order("evt_1")
        gate = asyncio.Event()

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200})
            for part in (b"a", b"b"):
                await send({"type": "http.response.body", "body": part, "more_body": True})
                await gate.wait()
            await send({"type": "http.response.body", "body": b"c"})

        async def main() -> Reply:
            exchange = Exchange(WebhookMiddleware(handle, guard), order)
            running = asyncio.create_task(exchange.run())
            await until(lambda: exchange.reply.body == b"a")
            assert told(guard.receive(dict(order.headers), order.body)) == (200, "duplicate")
            gate.set()
            return await running

        assert asyncio.run(main()).said == (200, "abc")

    def test_what_it_does_after_its_response_goes_on(self) -> None:
        done: list[str] = []

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await respond(send)
            await asyncio.sleep(0.4)
            done.append("in the background")

        app = WebhookMiddleware(handle, impatient(300))
        assert asyncio.run(once(app, Sent.order("evt_1"))).said == (200, "handled")
        assert done == ["in the background"]

    def test_what_it_raises_after_its_response_is_the_servers_to_log(self) -> None:
        guard, order = receiver(), Sent.order("evt_1")

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await respond(send)
            raise ZeroDivisionError

        app = WebhookMiddleware(handle, guard)
        reply = asyncio.run(once(app, order))
        assert (reply.said, type(reply.error)) == ((200, "handled"), ZeroDivisionError)
        assert asyncio.run(once(app, order)).said == (200, "duplicate 1")

    def test_without_a_response_it_has_failed(self) -> None:
        acts: list[int] = []

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            acts.append(1)
            if len(acts) == 2:
                await respond(send)

        app, order = WebhookMiddleware(handle, receiver()), Sent.order("evt_1")
        reply = asyncio.run(once(app, order))
        assert (reply.said, reply.error) == ((500, "handler_failed"), None)
        assert asyncio.run(once(app, order)).said == (200, "handled")

    def test_a_response_that_is_not_sent_is_swallowed_whole(self) -> None:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 302, "headers": [(b"location", b"/")]})
            await send({"type": "http.response.body", "body": b"moved", "more_body": True})
            await send({"type": "http.response.body", "body": b"there"})
            ended.append(True)

        ended: list[bool] = []
        exchange = Exchange(WebhookMiddleware(handle, receiver()), Sent.order("evt_1"))
        reply = asyncio.run(exchange.run())
        assert (reply.said, ended, len(exchange.messages)) == ((500, "handler_failed"), [True], 2)

    def test_hints_ahead_of_the_response_promise_nothing(self) -> None:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.early_hint", "links": []})
            await respond(send)

        exchange = Exchange(WebhookMiddleware(handle, receiver()), Sent.order("evt_1"))
        asyncio.run(exchange.run())
        kinds = [message["type"].rpartition(".")[2] for message in exchange.messages]
        assert kinds == ["early_hint", "start", "body"]

    def test_what_it_settles_itself_stays_settled(self) -> None:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            async with scope["state"]["lease"] as delivery:
                assert delivery.event_id == "evt_1"
            await respond(send, 500)

        app, order = WebhookMiddleware(handle, receiver()), Sent.order("evt_1")
        assert asyncio.run(once(app, order)).said == (500, "handled")
        assert asyncio.run(once(app, order)).said == (200, "duplicate 1")

    def test_what_it_settles_itself_before_it_fails_is_the_servers_to_answer(self) -> None:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await scope["state"]["lease"].acomplete()
            raise ZeroDivisionError

        app, order = WebhookMiddleware(handle, receiver()), Sent.order("evt_1")
        reply = asyncio.run(once(app, order))
        assert (reply.status, type(reply.error)) == (0, ZeroDivisionError)
        assert asyncio.run(once(app, order)).said == (200, "duplicate 1")

    def test_outside_of_a_frameworks_error_middleware_a_rejection_is_a_500(self) -> None:
        """As the documentation says: the event is given back, and the exception goes on."""

        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                raise Reject("no such customer")
            except Exception:
                await respond(send, 500, b"Internal Server Error")
                raise

        app, order = WebhookMiddleware(inner, receiver()), Sent.order("evt_1")
        for _ in range(2):
            reply = asyncio.run(once(app, order))
            assert (reply.said, type(reply.error)) == ((500, "Internal Server Error"), Reject)


class TestStopping:
    def test_a_handler_out_of_time_is_stopped_and_awaited(self) -> None:
        """Its event is free when it has ended, and not before."""
        order, steps, gate, store = Sent.order("evt_1"), list[str](), asyncio.Event(), MemoryStore()
        options: dict[str, Any] = {"store": store, "lease": timedelta(seconds=2)}
        guard = Receiver("handl", SECRET, handler_time=timedelta(milliseconds=50), **options)
        beside = Receiver("handl", SECRET, in_flight_wait=timedelta(0), **options)

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                assert scope["state"]["lease"].must_stop
                steps.append("cleaning up")
                await gate.wait()
                steps.append("cleaned up")

        async def main() -> Reply:
            running = asyncio.create_task(once(WebhookMiddleware(handle, guard), order))
            await until(lambda: steps == ["cleaning up"])
            assert told(beside.receive(dict(order.headers), order.body)) == (503, "in_flight")
            gate.set()
            return await running

        reply = asyncio.run(main())
        assert (reply.said, reply.error, steps) == ((503, "handler_failed"), None, ["cleaning up", "cleaned up"])
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_one_that_finishes_all_the_same_has_finished(self) -> None:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                await respond(send)
            # Nothing of the stop is left: a limit of its own works.
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await asyncio.sleep(60)

        app, order = WebhookMiddleware(handle, impatient()), Sent.order("evt_1")
        reply = asyncio.run(once(app, order))
        assert (reply.said, reply.error) == ((200, "handled"), None)
        assert asyncio.run(once(app, order)).said == (200, "duplicate 1")

    def test_one_that_fails_while_it_stops_is_reported(self) -> None:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError as error:
                raise ZeroDivisionError from error

        reply = asyncio.run(once(WebhookMiddleware(handle, impatient()), Sent.order("evt_1")))
        assert (reply.said, type(reply.error)) == ((503, "handler_failed"), ZeroDivisionError)

    def test_a_shutdown_stops_what_its_grace_does_not_suffice_for(self) -> None:
        guard, order = receiver(), Sent.order("evt_1")
        started = asyncio.Event()

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            started.set()
            await asyncio.sleep(60)

        async def main() -> Reply:
            app = WebhookMiddleware(handle, guard)
            running = asyncio.create_task(once(app, order))
            await started.wait()
            await guard.ashutdown(timedelta(milliseconds=20))
            assert (await once(app, Sent.order("evt_2"))).said == (503, "shutting_down")
            return await running

        assert asyncio.run(main()).said == (503, "shutting_down")

    @pytest.mark.parametrize("kind", ["anyio", "asyncio", "asgiref", "generator"])
    def test_one_that_waits_for_a_thread_is_stopped_when_that_has_ended(self, kind: str) -> None:
        """A thread cannot be stopped. Its event must not be given away while it runs."""
        gate, steps = threading.Event(), list[str]()

        def work() -> None:
            steps.append("working")
            assert gate.wait(10)
            steps.append("worked")

        @asynccontextmanager
        async def cleanup() -> AsyncGenerator[None, None]:
            yield
            await anyio.to_thread.run_sync(work)

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            match kind:
                case "anyio":
                    await anyio.to_thread.run_sync(work)
                case "asyncio":
                    await asyncio.to_thread(work)
                case "asgiref":
                    await sync_to_async(work)()
                case _:
                    async with cleanup():
                        pass
            steps.append("back")
            await asyncio.sleep(60)

        guard, order = impatient(30), Sent.order("evt_1")

        async def main() -> Reply:
            exchange = Exchange(WebhookMiddleware(handle, guard), order)
            running = asyncio.create_task(exchange.run())
            await until(lambda: steps == ["working"])
            lease: Lease = exchange.scope["state"]["lease"]
            await until(lambda: lease.must_stop)
            await asyncio.sleep(0.15)
            assert (steps, guard.health().running) == (["working"], 1)
            gate.set()
            return await running

        assert asyncio.run(main()).said == (503, "handler_failed")
        assert steps == ["working", "worked", "back"]

    def test_one_that_waits_in_a_circle_is_stopped(self) -> None:
        class Ring:
            """What is awaited, which leads back to the coroutine that awaits it."""

            def __init__(self, future: asyncio.Future[None]) -> None:
                self._future: Any = future
                self.gi_yieldfrom: object = None

            def __await__(self) -> Ring:
                return self

            def __iter__(self) -> Ring:
                return self

            def __next__(self) -> object:
                return self.send(None)

            def send(self, value: None) -> object:
                self._future._asyncio_future_blocking = True
                return self._future

            def throw(self, error: BaseException) -> object:
                raise error

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            ring = Ring(asyncio.get_running_loop().create_future())
            inner = wait(ring)
            ring.gi_yieldfrom = inner
            await inner

        async def wait(ring: Any) -> None:
            await ring

        reply = asyncio.run(once(WebhookMiddleware(handle, impatient(20)), Sent.order("evt_1")))
        assert (reply.said, reply.error) == ((503, "handler_failed"), None)

    def test_time_that_passes_while_the_loop_is_blocked_counts(self) -> None:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            time.sleep(0.1)
            await asyncio.sleep(60)

        reply = asyncio.run(once(WebhookMiddleware(handle, impatient(20)), Sent.order("evt_1")))
        assert reply.said == (503, "handler_failed")


class TestOwnTask:
    def test_t42_a_sender_that_hangs_up_does_not_cancel_the_handler(self) -> None:
        guard, order = receiver(), Sent.order("evt_1")
        steps, gate = list[str](), asyncio.Event()

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            steps.append("begun")
            await gate.wait()
            await respond(send)
            steps.append("ended")

        async def main() -> Exchange:
            exchange = Exchange(WebhookMiddleware(handle, guard), order)
            running = asyncio.create_task(exchange.run())
            await until(lambda: steps == ["begun"])
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            gate.set()
            await until(lambda: steps == ["begun", "ended"])
            return exchange

        exchange = asyncio.run(main())
        assert exchange.messages == [], "a server takes nothing more for a request that it has given up"
        assert told(guard.receive(dict(order.headers), order.body)) == (200, "duplicate")

    def test_t42_being_cancelled_at_any_moment_leaves_no_claim_behind(self) -> None:
        for moment in range(12):
            guard, order, runs = receiver(), Sent.order("evt_1"), list[int]()

            async def handle(scope: Scope, receive: Receive, send: Send, runs: list[int] = runs) -> None:
                for _ in range(4):
                    await asyncio.sleep(0)
                runs.append(1)
                await respond(send)

            async def main(moment: int, guard: Receiver, order: Sent) -> Reply:
                app = WebhookMiddleware(handle, guard)
                running = asyncio.create_task(once(app, order.in_chunks(100)))
                for _ in range(moment):
                    await asyncio.sleep(0)
                running.cancel()
                await asyncio.wait([running])
                return await once(app, order)

            reply = asyncio.run(main(moment, guard, order))
            assert (reply.status, len(runs)) == (200, 1), f"at moment {moment}"

    def test_one_whose_request_is_gone_is_still_stopped(self) -> None:
        guard, order, steps = impatient(), Sent.order("evt_1"), list[str]()

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            steps.append("begun")
            try:
                await asyncio.sleep(60)
            finally:
                steps.append("stopped")

        async def main() -> None:
            running = asyncio.create_task(once(WebhookMiddleware(handle, guard), order))
            await until(lambda: steps == ["begun"])
            running.cancel()
            await until(lambda: steps == ["begun", "stopped"])
            await until(lambda: guard.health().running == 0)

        asyncio.run(main())
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_one_that_fails_when_its_request_is_gone_is_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        guard, order, gate = receiver(), Sent.order("evt_1"), asyncio.Event()

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await gate.wait()
            raise ZeroDivisionError("by the handler")

        async def main() -> None:
            running = asyncio.create_task(once(WebhookMiddleware(handle, guard), order))
            await until(lambda: guard.health().running == 1)
            await asyncio.sleep(0)
            running.cancel()
            await asyncio.wait([running])
            gate.set()
            await until(lambda: guard.health().running == 0)

        asyncio.run(main())
        gc.collect()
        assert "ZeroDivisionError: by the handler" in caplog.text
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_t42_the_end_of_the_loop_gives_the_event_back(self) -> None:
        guard, order, steps = receiver(), Sent.order("evt_1"), list[str]()

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            steps.append("begun")
            await asyncio.sleep(60)

        async def main() -> asyncio.Task[Reply]:
            running = asyncio.create_task(once(WebhookMiddleware(handle, guard), order))
            await until(lambda: steps == ["begun"])
            return running

        assert asyncio.run(main()).cancelled()
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_what_a_closed_loop_leaves_behind_is_let_go(self) -> None:
        """A receiver knows whom to stop, and keeps none of them for that."""
        guard, order, tasks = receiver(), Sent.order("evt_1"), list[weakref.ref[Any]]()

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            tasks.append(weakref.ref(asyncio.current_task()))
            await asyncio.get_running_loop().create_future()

        async def begin() -> None:
            # Nobody but the loop is to lead to it.
            asyncio.get_running_loop().create_task(once(WebhookMiddleware(handle, guard), order))
            await until(lambda: bool(tasks))
            await asyncio.sleep(0)

        loop = asyncio.new_event_loop()
        loop.run_until_complete(begin())
        loop.close()
        del loop
        gc.collect()
        assert [task() for task in tasks] == [None]
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_context_reaches_the_application_and_so_do_limits(self) -> None:
        variable = contextvars.ContextVar[str]("variable")

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            assert variable.get() == "of the server"
            assert asyncio.current_task() not in servers
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await asyncio.sleep(60)
            with anyio.move_on_after(0.001) as scope_of_anyio:
                await anyio.sleep(60)
            assert scope_of_anyio.cancelled_caught
            await respond(send)

        async def main() -> Reply:
            servers.append(asyncio.current_task())
            variable.set("of the server")
            return await once(WebhookMiddleware(handle, receiver()), Sent.order("evt_1"))

        servers: list[object] = []
        reply = asyncio.run(main())
        assert (reply.said, reply.error) == ((200, "handled"), None)

    def test_a_loop_with_tasks_of_its_own_kind_keeps_them(self) -> None:
        made: list[Any] = []

        def factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
            made.append(coro)
            return asyncio.Task(coro, loop=loop, **options)

        async def main() -> Reply:
            asyncio.get_running_loop().set_task_factory(factory)
            reply = await once(app, order)
            assert len(made) == 1
            return reply

        app, order = ASGI["asgi"](receiver(), Script()), Sent.order("evt_1")
        assert asyncio.run(main()).said == (200, "handled")

    def test_a_cancellation_that_nobody_asked_for_is_a_failure(self) -> None:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            raise asyncio.CancelledError

        guard, order = receiver(), Sent.order("evt_1")
        exchange = Exchange(WebhookMiddleware(handle, guard), order)
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(exchange.run())
        assert exchange.reply.said == (500, "handler_failed")
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
    def test_what_ends_the_process_gives_the_event_back_first(self, kind: type[BaseException]) -> None:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            raise kind

        guard, order = receiver(), Sent.order("evt_1")
        exchange = Exchange(WebhookMiddleware(handle, guard), order)
        with pytest.raises(kind):
            asyncio.run(exchange.run())
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_each_loop_and_thread_has_its_own(self) -> None:
        guard, script = receiver(), Script()
        app = ASGI["asgi"](guard, script)
        orders = [Sent.order(f"evt_{number}") for number in range(32)]
        failed: list[BaseException] = []

        def serve(mine: list[Sent]) -> None:
            async def all_of_them() -> list[Reply]:
                return await asyncio.gather(*(once(app, order) for order in mine))

            try:
                assert {reply.said for reply in asyncio.run(all_of_them())} == {(200, "handled")}
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=serve, args=(orders[start::4],)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (failed, len(script.bodies)) == ([], 32)


def test_django_cancels_its_views_and_the_handler_goes_on() -> None:
    """Django itself cancels an asynchronous view when the sender hangs up."""
    from django.http import HttpRequest, HttpResponse

    from counterfoil.django import verified
    from stacks import django_asgi

    set_django_up()
    guard, order, steps, gate = receiver(), Sent.order("evt_1"), list[str](), asyncio.Event()

    @verified(guard)
    async def hook(request: HttpRequest) -> HttpResponse:
        steps.append("begun")
        await gate.wait()
        steps.append("ended")
        return HttpResponse(HANDLED)

    async def main() -> Reply:
        exchange = Exchange(django_asgi(hook), order)
        running = asyncio.create_task(exchange.run())
        await until(lambda: steps == ["begun"])
        exchange.hang_up()
        reply = await running
        gate.set()
        await until(lambda: guard.health().running == 0)
        return reply

    try:
        assert asyncio.run(main()).status == 0
    finally:
        leave_projects()
    assert steps == ["begun", "ended"]
    assert told(guard.receive(dict(order.headers), order.body)) == (200, "duplicate")
