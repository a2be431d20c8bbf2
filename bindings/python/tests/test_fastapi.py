"""FastAPI: verified before anything is parsed, settled by what goes out, and no slower for it."""

# Without the annotations of the future: FastAPI finds no types that are local to a test by their names.

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from tempfile import NamedTemporaryFile
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, BackgroundTasks, Body, Depends, FastAPI, Form, Header, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel
from typing_extensions import TypedDict

from counterfoil import ConfigError, Delivery, MemoryStore, Receiver, Reject, load_senders, sign
from counterfoil.fastapi import Delivered, Event, Leased, delivery, route_class
from exchanges import PATH, Exchange, Reply, Sent
from orders import SECRET, told


class Order(BaseModel):
    total: Decimal
    note: str


class Whole(BaseModel):
    id: str
    type: str
    data: Order


def receiver(**options: Any) -> Receiver:
    return Receiver("handl", SECRET, store=MemoryStore(), **options)


def send(app: Any, sent: Sent) -> Reply:
    async def main() -> Reply:
        return await Exchange(app, sent).run()

    return asyncio.run(main())


def app_of(guard: Receiver, endpoint: Callable[..., Any], **options: Any) -> FastAPI:
    app = FastAPI()
    router = APIRouter(route_class=route_class(guard))
    router.post(PATH, **options)(endpoint)
    app.include_router(router)
    return app


class TestBeforeParsing:
    def test_a_wrong_signature_over_broken_json_is_a_wrong_signature(self) -> None:
        async def hook(whole: Whole) -> None:
            raise AssertionError

        reply = send(app_of(receiver(), hook), Sent.order("evt_1").with_body(b'{"id'))
        assert reply.said == (401, "signature_mismatch")

    def test_models_bodies_and_requests_work_after_it(self) -> None:
        async def hook(whole: Whole, request: Request, delivery: Delivered, x_note: Annotated[str, Header()]) -> str:
            assert await request.json() == json.loads(delivery.body)
            assert whole.data.total == Decimal("1500.00")
            return f"{whole.id} {x_note}"

        order = Sent.order("evt_1").header("x-note", "noted")
        assert send(app_of(receiver(), hook), order.in_chunks(10)).said == (200, '"evt_1 noted"')

    def test_forms_work_after_it(self) -> None:
        body = b"payload=%7B%7D&id=evt_1"
        signed = _opaque()
        headers = (*sign(signed, SECRET, body).items(), ("content-type", "application/x-www-form-urlencoded"))
        order = Sent(headers, (body,))

        async def hook(payload: Annotated[str, Form()], delivery: Delivered) -> dict[str, str]:
            return {"payload": payload, "body": delivery.body.decode()}

        reply = send(app_of(Receiver(signed, SECRET), hook), order)
        assert json.loads(reply.body) == {"payload": "{}", "body": body.decode()}


def _opaque() -> Any:
    """A sender of forms."""
    with NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(
            '[[sender]]\nname = "till"\nkind = "hmac"\nbody = "opaque"\n'
            'signature = { header = "X-Till-Signature", prefix = "sha256=", encoding = "hex" }\n'
        )
        file.flush()
        return load_senders(file.name)["till"]


class TestStatus:
    def test_an_http_exception_is_its_status(self) -> None:
        acts = [HTTPException(409, "later"), HTTPException(500)]

        async def hook(delivery: Delivered) -> None:
            if acts:
                raise acts.pop(0)

        app, order = app_of(receiver(), hook), Sent.order("evt_1")
        assert send(app, order).said == (409, '{"detail":"later"}')
        assert send(app, order).status == 500
        assert [send(app, order).said for _ in range(2)] == [(200, "null"), (200, "duplicate 1")]

    def test_an_invalid_request_is_released_and_passed_on(self) -> None:
        runs: list[int] = []

        async def hook(total: Annotated[int, Body(embed=True)]) -> None:
            runs.append(1)

        app, order = app_of(receiver(), hook), Sent.order("evt_1")
        for _ in range(2):
            reply = send(app, order)
            assert (reply.status, json.loads(reply.body)["detail"][0]["loc"]) == (422, ["body", "total"])
        assert runs == []

    def test_exception_handlers_of_the_application_decide(self) -> None:
        async def hook(delivery: Delivered) -> None:
            raise LookupError

        app, order = app_of(receiver(), hook), Sent.order("evt_1")

        @app.exception_handler(LookupError)
        async def known(request: Request, error: LookupError) -> Response:
            return PlainTextResponse("known already", status_code=201)

        assert send(app, order).said == (201, "known already")
        assert send(app, order).said == (200, "duplicate 1")

    def test_a_dependency_that_fails_to_commit_is_a_failure(self) -> None:
        """One of the function's scope exits before the response is decided."""
        steps: list[str] = []

        def session() -> Iterator[str]:
            yield "session"
            steps.append("commit")
            if len(steps) == 1:
                raise ConnectionError("the database is gone")

        async def hook(delivery: Delivered, session: Annotated[str, Depends(session, scope="function")]) -> str:
            return session

        app, order = app_of(receiver(), hook), Sent.order("evt_1")
        reply = send(app, order)
        assert (reply.said, type(reply.error)) == ((500, "handler_failed"), ConnectionError)
        assert send(app, order).said == (200, '"session"')
        assert (send(app, order).said, steps) == ((200, "duplicate 1"), ["commit", "commit"])

    def test_a_rejection_is_a_rejection_whatever_else_is_handled(self) -> None:
        async def hook(delivery: Delivered) -> None:
            raise Reject("no such customer")

        app, order = app_of(receiver(), hook), Sent.order("evt_1")

        @app.exception_handler(Exception)
        async def broken(request: Request, error: Exception) -> Response:
            raise AssertionError("it was answered")

        for _ in range(2):
            reply = send(app, order)
            assert (reply.said, reply.error) == ((500, "handler_failed"), None)

    def test_tasks_in_the_background_and_streams_go_on(self) -> None:
        guard, order, steps = receiver(), Sent.order("evt_1"), list[Any]()

        async def parts() -> AsyncIterator[bytes]:
            yield b"a"
            yield b"b"

        async def hook(tasks: BackgroundTasks) -> StreamingResponse:
            tasks.add_task(lambda: steps.append(told(guard.receive(dict(order.headers), order.body))))
            return StreamingResponse(parts())

        assert send(app_of(guard, hook), order).said == (200, "ab")
        assert steps == [(200, "duplicate")]


class TestRoutes:
    def test_the_class_of_the_applications_own_router(self) -> None:
        app = FastAPI()
        app.router.route_class = route_class(receiver())

        @app.post(PATH)
        async def hook(delivery: Delivered) -> str | None:
            return delivery.event_id

        assert send(app, Sent.order("evt_1")).said == (200, '"evt_1"')
        assert send(app, Sent.order("evt_1").header("x-handl-signature")).said == (401, "signature_missing")

    def test_routers_within_routers_with_prefixes(self) -> None:
        inner = APIRouter(route_class=route_class(receiver()), prefix="/handl")

        @inner.post("")
        async def hook(delivery: Delivered) -> str | None:
            return delivery.event_id

        outer = APIRouter(prefix="/webhooks")
        outer.include_router(inner)
        app = FastAPI()
        app.include_router(outer)
        assert send(app, Sent.order("evt_1")).said == (200, '"evt_1"')
        assert send(app, Sent.order("evt_1").header("x-handl-signature")).said == (401, "signature_missing")
        assert send(app, replace(Sent.order("evt_1"), path="/handl")).status == 404

    def test_what_a_router_depends_on_is_asked(self) -> None:
        async def forbid() -> None:
            raise HTTPException(403, "forbidden")

        async def hook(delivery: Delivered) -> None:
            raise AssertionError("nobody was asked")

        ways: list[Callable[[FastAPI, APIRouter], None]] = [
            lambda app, router: app.include_router(router, dependencies=[Depends(forbid)]),
            lambda app, router: _nested(app, router, Depends(forbid)),
        ]
        apps: list[FastAPI] = []
        for way in ways:
            router = APIRouter(route_class=route_class(receiver()))
            router.post(PATH)(hook)
            app = FastAPI()
            way(app, router)
            apps.append(app)
        router = APIRouter(route_class=route_class(receiver()), dependencies=[Depends(forbid)])
        router.post(PATH)(hook)
        app = FastAPI()
        app.include_router(router)
        for one in (*apps, app, app_of(receiver(), hook, dependencies=[Depends(forbid)])):
            assert send(one, Sent.order("evt_1")).said == (403, '{"detail":"forbidden"}')

    def test_a_receiver_by_the_value_of_a_path_parameter(self) -> None:
        other = Receiver("handl", "another secret of theirs", endpoint="other")
        router = APIRouter(route_class=route_class({"handl": receiver(), "other": other}, parameter="sender"))

        @router.post("/webhooks/{sender}")
        async def hook(sender: str, delivery: Delivered) -> str:
            return f"{sender} {delivery.endpoint}"

        app, order = FastAPI(), Sent.order("evt_1")
        app.include_router(router)
        assert send(app, order).said == (200, '"handl handl"')
        assert send(app, replace(order, path="/webhooks/other")).said == (401, "signature_mismatch")
        assert send(app, replace(order, path="/webhooks/unknown")).said == (404, '{"detail":"Not Found"}')
        with pytest.raises(ConfigError, match="parameter="):
            route_class({"handl": receiver()})  # type: ignore[call-overload]

    def test_a_get_is_the_receivers_to_refuse(self) -> None:
        async def hook(delivery: Delivered) -> None:
            raise AssertionError

        reply = send(app_of(receiver(), hook), replace(Sent.order("evt_1"), method="GET"))
        assert reply.said == (405, "method_not_allowed")

    def test_without_a_receiver_there_is_no_delivery(self) -> None:
        app = FastAPI()

        @app.post(PATH)
        async def hook(delivery: Delivered) -> None:
            raise AssertionError

        @app.post("/leased")
        async def leased(lease: Leased) -> None:
            raise AssertionError

        for path in (PATH, "/leased"):
            assert isinstance(send(app, replace(Sent.order("evt_1"), path=path)).error, ConfigError)

    def test_the_schema_does_not_know_of_it(self) -> None:
        async def hook(order: Event[Order], delivery: Delivered, lease: Leased) -> None:
            raise AssertionError

        operation = app_of(receiver(), hook).openapi()["paths"][PATH]["post"]
        assert not {"parameters", "requestBody", "security"} & set(operation)


class Row(TypedDict):
    total: str
    note: str


class TestEvent:
    def test_it_is_the_data_as_a_model(self) -> None:
        async def hook(order: Event[Order], again: Event[Order], row: Event[Row], raw: Event[dict[str, Any]]) -> str:
            assert order is again, "read once"
            assert row == {"total": "1500.00", "note": "noted"} == raw
            return f"{order.total} {order.note}"

        assert send(app_of(receiver(), hook), Sent.order("evt_1", "noted")).said == (200, '"1500.00 noted"')

    def test_money_is_never_a_float(self) -> None:
        class Exact(BaseModel):
            total: Decimal

        body = Sent.order("evt_1").body.replace(b'"1500.00"', b"0.1000000000000000055")
        sent = Sent(tuple(sign("handl", SECRET, body).items()), (body,))

        async def hook(order: Event[Exact]) -> str:
            return str(order.total)

        assert send(app_of(receiver(), hook), sent).said == (200, '"0.1000000000000000055"')

    def test_another_shape_is_422_and_released(self) -> None:
        class Other(BaseModel):
            customer: int

        async def hook(other: Event[Other]) -> None:
            raise AssertionError

        app, order = app_of(receiver(), hook), Sent.order("evt_1")
        for _ in range(2):
            reply = send(app, order)
            missing = {"type": "missing", "loc": ["data", "customer"], "msg": "Field required"}
            assert reply.status == 422
            assert json.loads(reply.body)["detail"][0] == missing | {"input": {"total": "1500.00", "note": ""}}

    def test_the_application_may_answer_for_it(self) -> None:
        async def hook(other: Event[list[int]]) -> None:
            raise AssertionError

        app, order = app_of(receiver(), hook), Sent.order("evt_1")

        @app.exception_handler(RequestValidationError)
        async def ignored(request: Request, error: RequestValidationError) -> Response:
            return JSONResponse({"ignored": True}, status_code=200)

        assert send(app, order).said == (200, '{"ignored":true}')
        assert send(app, order).said == (200, "duplicate 1")


class TestOverrides:
    def test_overrides_of_the_application_hold(self) -> None:
        async def hook(delivery: Delivered) -> Any:
            return delivery

        app = app_of(receiver(), hook)
        app.dependency_overrides[delivery] = lambda: "another"
        assert send(app, Sent.order("evt_1")).said == (200, '"another"')

    def test_a_request_knows_its_delivery_without_a_dependency(self) -> None:
        async def hook(request: Request) -> Any:
            return request.state.delivery.event_id

        assert send(app_of(receiver(), hook), Sent.order("evt_1")).said == (200, '"evt_1"')


def test_an_endpoint_in_a_thread_sees_its_delivery() -> None:
    threads: list[threading.Thread] = []

    def hook(delivery: Delivered, order: Event[Order]) -> str | None:
        threads.append(threading.current_thread())
        return delivery.event_id

    assert send(app_of(receiver(), hook), Sent.order("evt_1")).said == (200, '"evt_1"')
    assert threads != [threading.main_thread()]


def test_a_delivery_can_be_taken_by_a_dependency_of_ones_own() -> None:
    async def customer(delivery: Delivered) -> str:
        return f"customer of {delivery.event_id}"

    async def hook(name: Annotated[str, Depends(customer)], taken: Annotated[Delivery, Depends(delivery)]) -> str:
        return name

    assert send(app_of(receiver(), hook), Sent.order("evt_1")).said == (200, '"customer of evt_1"')


def _nested(app: FastAPI, router: APIRouter, dependency: Any) -> None:
    outer = APIRouter()
    outer.include_router(router, dependencies=[dependency])
    app.include_router(outer)
