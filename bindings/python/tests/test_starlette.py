"""Starlette: one endpoint, or the application's middleware, and everything that Starlette itself does around them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from counterfoil import ConfigError, MemoryStore, Receiver, Reject
from counterfoil.starlette import Verified, WebhookMiddleware, delivery, lease, verified
from exchanges import PATH, Exchange, Reply, Sent
from orders import SECRET, told


def receiver(**options: Any) -> Receiver:
    return Receiver("handl", SECRET, store=MemoryStore(), **options)


def send(app: Any, sent: Sent) -> Reply:
    async def main() -> Reply:
        return await Exchange(app, sent).run()

    return asyncio.run(main())


def app_of(guard: Receiver, endpoint: Any, **options: Any) -> Starlette:
    return Starlette(routes=[Route(PATH, verified(guard)(endpoint))], **options)


class TestEndpoint:
    def test_it_finds_everything(self) -> None:
        async def hook(request: Request) -> Response:
            assert delivery(request) is request.state.delivery
            assert lease(request) is request.state.lease
            assert request.state.fence.key == delivery(request).key
            assert await request.json() == delivery(request).json()
            assert await request.body() == delivery(request).body
            return JSONResponse({"type": delivery(request).event_type})

        reply = send(app_of(receiver(), hook), Sent.order("evt_1").in_chunks(20))
        assert (reply.said, reply.error) == ((200, '{"type":"order.created"}'), None)

    def test_it_keeps_its_name_and_its_documentation(self) -> None:
        @verified(receiver())
        async def hook(request: Request) -> Response:
            """Of the hook."""
            raise AssertionError

        assert isinstance(hook, Verified)
        route = Route(PATH, hook)
        assert (route.name, hook.__doc__) == ("hook", "Of the hook.")

    def test_a_class_is_an_endpoint_too(self) -> None:
        class Hook(HTTPEndpoint):
            async def post(self, request: Request) -> Response:
                return PlainTextResponse(delivery(request).event_id or "")

        assert send(app_of(receiver(), Hook), Sent.order("evt_1")).said == (200, "evt_1")

    def test_so_is_an_application(self) -> None:
        class Application:
            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                await PlainTextResponse(scope["state"]["delivery"].event_id)(scope, receive, send)

        assert send(app_of(receiver(), Application()), Sent.order("evt_1")).said == (200, "evt_1")

    def test_other_routes_are_not_the_receivers(self) -> None:
        async def hook(request: Request) -> Response:
            raise AssertionError

        async def health(request: Request) -> Response:
            with pytest.raises(ConfigError, match="no receiver stands in front"):
                delivery(request)
            with pytest.raises(ConfigError, match="no receiver stands in front"):
                lease(request)
            return PlainTextResponse("well")

        app = Starlette(routes=[Route("/health", health), Route(PATH, verified(receiver())(hook))])
        assert send(app, replace(Sent.order("evt_1"), method="GET", path="/health")).said == (200, "well")
        assert send(app, replace(Sent.order("evt_1"), path="/other")).status == 404

    def test_a_get_is_the_receivers_to_refuse(self) -> None:
        async def hook(request: Request) -> Response:
            raise AssertionError

        reply = send(app_of(receiver(), hook), replace(Sent.order("evt_1"), method="GET"))
        assert (reply.said, reply.headers["allow"]) == ((405, "method_not_allowed"), "POST")

    def test_within_a_mounted_application(self) -> None:
        async def hook(request: Request) -> Response:
            return PlainTextResponse(request.path_params["sender"])

        routes = [Mount("/webhooks", routes=[Route("/{sender}", verified(receiver())(hook))])]
        assert send(Starlette(routes=routes), Sent.order("evt_1")).said == (200, "handl")


class TestStatus:
    """The status that counts is the one that goes out."""

    def test_an_http_exception_is_its_status(self) -> None:
        acts: list[Exception] = [HTTPException(410), HTTPException(503, headers={"x-note": "1"})]

        async def hook(request: Request) -> Response:
            if acts:
                raise acts.pop(0)
            return Response()

        app, order = app_of(receiver(), hook), Sent.order("evt_1")
        assert send(app, order).said == (410, "Gone")
        reply = send(app, order)
        assert (reply.status, reply.headers["x-note"]) == (503, "1")
        assert [send(app, order).said for _ in range(2)] == [(200, ""), (200, "duplicate 1")]

    def test_an_exception_handler_decides(self) -> None:
        async def hook(request: Request) -> Response:
            raise LookupError("known already")

        async def known(request: Request, error: Exception) -> Response:
            return PlainTextResponse(str(error), status_code=202)

        app, order = app_of(receiver(), hook, exception_handlers={LookupError: known}), Sent.order("evt_1")
        assert send(app, order).said == (202, "known already")
        assert send(app, order).said == (200, "duplicate 1")

    def test_what_nobody_handles_is_answered_once_and_seen_by_all(self) -> None:
        seen: list[Exception] = []

        async def hook(request: Request) -> Response:
            raise ZeroDivisionError

        async def broken(request: Request, error: Exception) -> Response:
            seen.append(error)
            return PlainTextResponse("broken", status_code=500)

        for options in ({}, {"debug": True}, {"exception_handlers": {Exception: broken}}):
            reply = send(app_of(receiver(), hook, **options), Sent.order("evt_1"))
            assert (reply.said, type(reply.error)) == ((500, "handler_failed"), ZeroDivisionError)
        assert [type(error) for error in seen] == [ZeroDivisionError]

    def test_a_rejection_below_middleware_of_the_application_is_a_rejection(self) -> None:
        async def hook(request: Request) -> Response:
            raise Reject("no such customer")

        class Passing(BaseHTTPMiddleware):
            async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
                return await call_next(request)

        guard = receiver()
        inside = [Middleware(WebhookMiddleware, receiver=guard), Middleware(Passing)]
        for app in (app_of(guard, hook), Starlette(routes=[Route(PATH, hook, methods=["POST"])], middleware=inside)):
            order = Sent.order(f"evt_{id(app)}")
            for _ in range(2):
                assert (send(app, order).said, guard.health().running) == ((500, "handler_failed"), 0)


class TestAround:
    def test_middleware_may_have_read_the_body_and_sees_the_delivery(self) -> None:
        seen: list[Any] = []

        class Reading(BaseHTTPMiddleware):
            async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
                seen.append(await request.body())
                response = await call_next(request)
                seen.append(request.state.delivery.event_id)
                return response

        async def hook(request: Request) -> Response:
            return Response(await request.body())

        app, order = app_of(receiver(), hook, middleware=[Middleware(Reading)]), Sent.order("evt_1")
        assert send(app, order.in_chunks(16)).body == order.body
        assert seen == [order.body, "evt_1"]

    def test_a_limit_around_does_not_cancel_the_handler(self) -> None:
        guard, order, steps = receiver(), Sent.order("evt_1"), list[str]()

        class Impatient(BaseHTTPMiddleware):
            async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
                try:
                    return await asyncio.wait_for(call_next(request), 0.03)
                except TimeoutError:
                    return PlainTextResponse("too slow", status_code=504)

        async def hook(request: Request) -> Response:
            await asyncio.sleep(0.1)
            steps.append("ended")
            return Response()

        app = app_of(guard, hook, middleware=[Middleware(Impatient)])

        async def main() -> Reply:
            reply = await Exchange(app, order).run()
            while guard.health().running:
                await asyncio.sleep(0.005)
            return reply

        assert asyncio.run(main()).said == (504, "too slow")
        assert steps == ["ended"]
        assert told(guard.receive(dict(order.headers), order.body)) == (200, "duplicate")

    def test_tasks_in_the_background_run_after_the_answer(self) -> None:
        guard, order, steps = receiver(), Sent.order("evt_1"), list[Any]()

        async def background() -> None:
            steps.append(told(guard.receive(dict(order.headers), order.body)))

        async def hook(request: Request) -> Response:
            return Response(background=BackgroundTask(background))

        assert send(app_of(guard, hook), order).status == 200
        assert steps == [(200, "duplicate")]

    def test_a_stream_goes_out_part_by_part(self) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b"a", b"b", b"c"):
                yield part
                await asyncio.sleep(0)

        async def hook(request: Request) -> Response:
            return StreamingResponse(parts())

        reply = send(app_of(receiver(), hook), Sent.order("evt_1"))
        assert (reply.said, reply.error) == ((200, "abc"), None)

    def test_a_def_endpoint_runs_in_a_thread_and_to_its_end(self) -> None:
        guard = receiver(lease=timedelta(seconds=2), handler_time=timedelta(milliseconds=30))
        order = Sent.order("evt_1")
        threads: list[threading.Thread] = []

        def hook(request: Request) -> Response:
            threads.append(threading.current_thread())
            while not lease(request).must_stop:
                time.sleep(0.005)
            time.sleep(0.1)
            return PlainTextResponse("all the same")

        assert send(app_of(guard, hook), order).said == (200, "all the same")
        assert threads != [threading.main_thread()]
        assert told(guard.receive(dict(order.headers), order.body)) == (200, "duplicate")
