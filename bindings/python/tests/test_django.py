"""Django: its settings, its transactions and its own answers, around views of every kind."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeAlias

import pytest
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.signals import got_request_exception
from django.core.wsgi import get_wsgi_application
from django.db import connections, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.test import AsyncRequestFactory, Client, RequestFactory
from django.utils.decorators import method_decorator
from django.views import View

from counterfoil import Answer, MemoryStore, NotClaimed, Receiver, Reject, load_senders, sign
from counterfoil.django import VerifiedRequest, verified
from exchanges import PATH, Exchange, Reply, Sent, call, environ
from orders import SECRET, told, won
from stacks import HANDLED, django_asgi, django_wsgi, enter_project, leave_projects, set_django_up

ALIAS = "ledger_of_the_tests"


@pytest.fixture(autouse=True)
def _project() -> Iterator[None]:
    set_django_up()
    yield
    leave_projects()


def receiver(**options: Any) -> Receiver:
    return Receiver("handl", SECRET, store=MemoryStore(), **options)


Hook: TypeAlias = Callable[..., Any]
Each: TypeAlias = Callable[[Hook, Sent], Reply]


def send(hook: Hook, sent: Sent) -> Reply:
    return call(django_wsgi(hook), environ(sent))


def asend(hook: Hook, sent: Sent) -> Reply:
    async def main() -> Reply:
        return await Exchange(django_asgi(hook), sent).run()

    return asyncio.run(main())


class TestBody:
    def test_it_can_be_read_again_in_every_way(self) -> None:
        order = Sent.order("evt_1")

        @verified(receiver())
        def hook(request: VerifiedRequest) -> HttpResponse:
            assert request.read() == order.body == request.body == request.delivery.body
            assert json.loads(request.body) == request.delivery.json()
            assert (dict(request.POST), request.lease.delivery) == ({}, request.delivery)
            return HttpResponse(status=204)

        for each in (send, asend):
            assert each(hook, order).status in (204, 200)
            order = Sent.order(f"evt_{each.__name__}")

    def test_forms_work_after_it(self) -> None:
        with NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(
                '[[sender]]\nname = "till"\nkind = "hmac"\nbody = "opaque"\n'
                'signature = { header = "X-Till-Signature", prefix = "sha256=", encoding = "hex" }\n'
            )
            file.flush()
            till = load_senders(file.name)["till"]

        @verified(Receiver(till, SECRET))
        def hook(request: HttpRequest) -> HttpResponse:
            return HttpResponse(request.POST["payload"])

        plain = (b"payload=%7B%7D&id=evt_1", "application/x-www-form-urlencoded")
        part = b'--b\r\nContent-Disposition: form-data; name="payload"\r\n\r\n{}\r\n--b--\r\n'
        for body, kind in (plain, (part, "multipart/form-data; boundary=b")):
            sent = Sent((*sign(till, SECRET, body).items(), ("content-type", kind)), (body,))
            assert send(hook, sent).said == (200, "{}")
            assert asend(hook, sent).said == (200, "{}")

    def test_the_receivers_limit_counts_and_not_djangos(self) -> None:
        @verified(receiver(body_limit=4 * 1024 * 1024))
        def hook(request: HttpRequest) -> HttpResponse:
            return HttpResponse(str(len(request.body)))

        for number, each in enumerate((send, asend)):
            body = Sent.order(f"evt_{number}").body.ljust(3 * 1024 * 1024)
            sent = Sent(tuple(sign("handl", SECRET, body).items()), (body,))
            assert each(hook, sent).said == (200, str(len(body)))
            over = sent.with_body(b" " * (4 * 1024 * 1024 + 1))
            assert each(hook, over).said == (413, "body_too_large")

    @pytest.mark.parametrize(("read", "is_kept"), [("body", True), ("POST", False), ("read", False)])
    def test_what_was_read_before_is_as_good_if_it_was_kept(self, read: str, is_kept: bool) -> None:
        order = Sent.order("evt_1").header("content-type", "multipart/form-data; boundary=b")

        @verified(receiver())
        def hook(request: VerifiedRequest) -> HttpResponse:
            return HttpResponse(request.delivery.event_id)

        def around(request: HttpRequest) -> HttpResponse:
            try:
                getattr(request, read)() if read == "read" else getattr(request, read)
            except Exception:
                assert read == "POST"
            return hook(request)

        around.csrf_exempt = True  # type: ignore[attr-defined]
        if is_kept:
            assert send(around, order).said == (200, "evt_1")
        else:
            reply, seen = watched(send, around, order)
            assert (reply.status, len(seen)) == (500, 1)
            assert seen[0].startswith("ConfigError: the body was used up")

    def test_no_token_is_wanted(self) -> None:
        @verified(receiver())
        def hook(request: HttpRequest) -> HttpResponse:
            return HttpResponse(HANDLED)

        order = Sent.order("evt_1")
        enter_project(hook)
        client = Client(enforce_csrf_checks=True)
        response = client.post(PATH, order.body, content_type="application/json", headers=dict(order.headers[:1]))
        assert (response.status_code, response.content) == (200, HANDLED)

    def test_requests_of_djangos_factories_are_requests(self) -> None:
        order = Sent.order("evt_1")
        headers = dict(order.headers[:1])

        @verified(receiver())
        def hook(request: VerifiedRequest) -> HttpResponse:
            return HttpResponse(request.delivery.event_id)

        @verified(receiver())
        async def ahook(request: VerifiedRequest) -> HttpResponse:
            return HttpResponse(request.delivery.event_id)

        request = RequestFactory().post(PATH, order.body, content_type="application/json", headers=headers)
        assert hook(request).content == b"evt_1"
        request = RequestFactory().post("/\N{EURO SIGN}", order.body, content_type="text/plain", headers=headers)
        assert dict(hook(request).headers)["x-webhook-duplicate"] == "1"
        arequest = AsyncRequestFactory().post(PATH, order.body, content_type="application/json", headers=headers)
        assert asyncio.run(ahook(arequest)).content == b"evt_1"


def watched(each: Each, hook: Hook, sent: Sent) -> tuple[Reply, list[str]]:
    """Sends, and takes down what Django reports: the kinds of exceptions, with their texts."""
    seen: list[str] = []

    def note(**_: object) -> None:
        error = sys.exc_info()[1]
        seen.append(f"{type(error).__name__}: {error}")

    got_request_exception.connect(note)
    try:
        return each(hook, sent), seen
    finally:
        got_request_exception.disconnect(note)


class TestStatus:
    @pytest.mark.parametrize(
        ("act", "status"),
        [
            (Http404("no such order"), 404),
            (PermissionDenied(), 403),
            (BadRequest("no"), 400),
            (SuspiciousOperation("no"), 400),
        ],
    )
    @pytest.mark.parametrize("each", [send, asend])
    def test_what_django_answers_itself_is_its_answer(self, act: Exception, status: int, each: Each) -> None:
        acts, guard, order = [act, act], receiver(), Sent.order("evt_1")

        def plain(request: HttpRequest) -> HttpResponse:
            if acts:
                raise acts.pop()
            return HttpResponse(HANDLED)

        @verified(guard)
        async def aplain(request: HttpRequest) -> HttpResponse:
            return plain(request)

        hook: Any = verified(guard)(plain)
        for view in (hook, aplain):
            reply = each(view, order)
            assert (reply.status, reply.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert each(hook, order).said == (200, "handled")

    @pytest.mark.parametrize("each", [send, asend])
    @pytest.mark.parametrize("is_async", [False, True])
    def test_an_exception_is_djangos_to_report_and_ours_to_answer(
        self, each: Each, is_async: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        guard, order = receiver(), Sent.order("evt_1")

        def plain(request: HttpRequest) -> HttpResponse:
            raise ZeroDivisionError("by the view")

        async def aplain(request: HttpRequest) -> HttpResponse:
            raise ZeroDivisionError("by the view")

        hook: Any = verified(guard)(aplain if is_async else plain)
        reply, seen = watched(each, hook, order)
        assert (reply.said, seen) == ((500, "handler_failed"), ["ZeroDivisionError: by the view"])
        reported = [record for record in caplog.records if record.name == "django.request"]
        assert [(record.levelno, bool(record.exc_info)) for record in reported] == [(logging.ERROR, True)]
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_where_django_is_to_propagate_it_does(self) -> None:
        guard, order = receiver(), Sent.order("evt_1")

        @verified(guard)
        def hook(request: HttpRequest) -> HttpResponse:
            raise ZeroDivisionError

        enter_project(hook, DEBUG_PROPAGATE_EXCEPTIONS=True)
        reply = call(get_wsgi_application(), environ(order))
        assert isinstance(reply.error, ZeroDivisionError)
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_what_is_raised_on_purpose_is_not_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        acts: list[Exception] = [NotClaimed("busy", Answer.in_flight(timedelta(seconds=3))), Reject("no such customer")]

        @verified(receiver())
        def hook(request: HttpRequest) -> HttpResponse:
            raise acts.pop()

        for number, said in enumerate([(500, "handler_failed"), (503, "in_flight")]):
            reply, seen = watched(send, hook, Sent.order(f"evt_{number}"))
            assert (reply.said, seen) == (said, [])

    @pytest.mark.parametrize("returned", [None, "text", 5])
    @pytest.mark.parametrize("is_async", [False, True])
    def test_what_is_no_response_is_a_failure(self, returned: Any, is_async: bool) -> None:
        async def aplain(request: HttpRequest) -> Any:
            return returned

        def plain(request: HttpRequest) -> Any:
            return returned

        hook: Any = verified(receiver())(aplain if is_async else plain)
        reply, seen = watched(send, hook, Sent.order("evt_1"))
        assert (reply.said, len(seen)) == ((500, "handler_failed"), 1)
        assert seen[0].startswith("TypeError: ") and seen[0].endswith("which is no response")

    def test_every_kind_of_response_has_one(self) -> None:
        made = [HttpResponse(status=202), JsonResponse({"a": 1}), StreamingHttpResponse([b"a", b"b"])]
        elsewhere = HttpResponseRedirect("/elsewhere")

        @verified(receiver())
        def hook(request: HttpRequest) -> HttpResponseBase:
            return made.pop() if made else elsewhere

        for number in range(3):
            assert send(hook, Sent.order(f"evt_{number}")).status in (200, 202)
        reply = send(hook, Sent.order("evt_3"))
        assert (reply.said, "location" in reply.headers) == ((500, "handler_failed"), False)

    @pytest.mark.parametrize(
        ("each", "kind"),
        # Under WSGI Django itself has no rendering that is asynchronous.
        [(send, "view"), (asend, "view"), (send, "async view"), (asend, "async view"), (asend, "async render")],
    )
    def test_a_response_that_is_rendered_late_is_rendered_first(self, each: Each, kind: str) -> None:
        guard, order, acts = receiver(), Sent.order("evt_1"), [1, 0]

        class Late(SimpleTemplateResponse):
            divisor = 0

            @property
            def rendered_content(self) -> str:
                return str(1 // self.divisor)

        class AsyncLate(Late):
            async def render(self) -> SimpleTemplateResponse:  # type: ignore[override]
                await asyncio.sleep(0)
                return super().render()

        def plain(request: HttpRequest) -> Any:
            made = (AsyncLate if kind == "async render" else Late)("no template")
            made.divisor = acts.pop()
            return made

        async def aplain(request: HttpRequest) -> Any:
            return plain(request)

        hook: Any = verified(guard)(plain if kind == "view" else aplain)
        reply, seen = watched(each, hook, order)
        assert (reply.said, len(seen)) == ((500, "handler_failed"), 1)
        assert seen[0].startswith("ZeroDivisionError: ")
        assert each(hook, order).said == (200, "1")
        assert each(hook, order).said == (200, "duplicate 1")

    def test_no_answer_says_more_than_it_should(self) -> None:
        @verified(receiver())
        def hook(request: HttpRequest) -> HttpResponse:
            raise AssertionError

        reply = send(hook, Sent.order("evt_1").header("x-handl-signature"))
        assert set(reply.headers) == {"cache-control", "content-type"}

    def test_what_the_view_settles_itself_stays_settled(self) -> None:
        guard, order = receiver(), Sent.order("evt_1")

        @verified(guard)
        def hook(request: VerifiedRequest) -> HttpResponse:
            with request.lease:
                pass
            raise ZeroDivisionError

        reply, seen = watched(send, hook, order)
        assert (reply.status, reply.headers["content-type"]) == (500, "text/html; charset=utf-8")
        assert seen == ["ZeroDivisionError: "]
        assert told(guard.receive(dict(order.headers), order.body)) == (200, "duplicate")

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
    def test_what_ends_the_process_gives_the_event_back_first(self, kind: type[BaseException]) -> None:
        guard, order = receiver(), Sent.order("evt_1")

        @verified(guard)
        def hook(request: HttpRequest) -> HttpResponse:
            raise kind

        with pytest.raises(kind):
            send(hook, order)
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2


class TestViews:
    @pytest.mark.parametrize("each", [send, asend])
    @pytest.mark.parametrize("how", ["dispatch", "as_view", "post"])
    @pytest.mark.parametrize("is_async", [False, True])
    def test_classes(self, each: Each, how: str, is_async: bool) -> None:
        guard = verified(receiver())

        class Hook(View):
            def post(self, request: VerifiedRequest) -> HttpResponse:
                return HttpResponse(request.delivery.event_id)

        class AsyncHook(View):
            async def post(self, request: VerifiedRequest) -> HttpResponse:
                await asyncio.sleep(0)
                return HttpResponse(request.delivery.event_id)

        base: Any = AsyncHook if is_async else Hook
        if how == "as_view":
            view = guard(base.as_view())
        else:
            view = method_decorator(guard, name=how)(base).as_view()
            view.csrf_exempt = True
        order = Sent.order("evt_1")
        assert each(view, order).said == (200, "evt_1")
        assert each(view, order).said == (200, "duplicate 1")

    def test_a_class_needs_no_token_either(self) -> None:
        @method_decorator(verified(receiver()), name="dispatch")
        class Hook(View):
            def post(self, request: VerifiedRequest) -> HttpResponse:
                return HttpResponse(request.delivery.event_id)

        assert Hook.as_view().csrf_exempt  # type: ignore[attr-defined]

    def test_their_names_and_arguments_stay(self) -> None:
        @verified(receiver())
        def hook(request: HttpRequest, sender: str = "handl") -> HttpResponse:
            """Of the hook."""
            return HttpResponse(sender)

        assert (hook.__name__, hook.__doc__) == ("hook", "Of the hook.")
        assert send(hook, Sent.order("evt_1")).said == (200, "handl")

    def test_an_asynchronous_one_is_stopped(self) -> None:
        guard = receiver(lease=timedelta(seconds=2), handler_time=timedelta(milliseconds=30))
        order, steps = Sent.order("evt_1"), list[str]()

        @verified(guard)
        async def hook(request: HttpRequest) -> HttpResponse:
            try:
                await asyncio.sleep(60)
            finally:
                steps.append("stopped")
            raise AssertionError

        for each in (send, asend):
            reply, seen = watched(each, hook, order)
            assert (reply.said, seen) == ((503, "handler_failed"), [])
        assert steps == ["stopped", "stopped"]


class Ledger:
    """A database of Django's, in which a view books its orders."""

    def __init__(self, file: Path) -> None:
        settings: Any = connections.settings
        sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "ATOMIC_REQUESTS": True}
        settings[ALIAS] = settings["default"] | sqlite
        self.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY)")
        self.execute(
            "CREATE TABLE orders (id TEXT, customer INTEGER REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED)"
        )

    def execute(self, statement: str) -> list[Any]:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def book(self, request: VerifiedRequest, customer: str = "NULL") -> None:
        assert connections[ALIAS].in_atomic_block
        self.execute(f"INSERT INTO orders VALUES ('{request.delivery.event_id}', {customer})")

    @property
    def orders(self) -> list[str]:
        return [row[0] for row in self.execute("SELECT id FROM orders")]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    yield Ledger(tmp_path / "ledger.db")
    connections[ALIAS].close()
    del connections[ALIAS]
    del connections.settings[ALIAS]


class TestAtomicRequests:
    def test_the_transaction_ends_before_the_event_is_settled(self, ledger: Ledger) -> None:
        """As shows where it fails to commit: then the event is free."""
        guard, order, customers = receiver(), Sent.order("evt_1"), ["7", "NULL"]

        @verified(guard)
        def hook(request: VerifiedRequest) -> HttpResponse:
            ledger.book(request, customers.pop(0))
            return HttpResponse(HANDLED)

        reply, seen = watched(send, hook, order)
        assert (reply.said, ledger.orders) == ((500, "handler_failed"), [])
        assert seen == ["IntegrityError: FOREIGN KEY constraint failed"]
        assert (send(hook, order).said, ledger.orders) == ((200, "handled"), ["evt_1"])
        assert send(hook, order).said == (200, "duplicate 1")

    def test_an_exception_rolls_back_and_a_status_does_not(self, ledger: Ledger) -> None:
        order, acts = Sent.order("evt_1"), [ZeroDivisionError(), Http404(), Reject("no such customer")]

        @verified(receiver())
        def hook(request: VerifiedRequest) -> HttpResponse:
            ledger.book(request)
            if acts:
                raise acts.pop(0)
            return HttpResponse(status=400)

        assert watched(send, hook, order)[1] == ["ZeroDivisionError: "]
        assert (send(hook, order).status, ledger.orders) == (404, [])
        assert (send(hook, order).said, ledger.orders) == ((500, "handler_failed"), [])
        other = Sent.order("evt_2")
        assert (send(hook, other).status, ledger.orders) == (400, ["evt_2"])
        assert (send(hook, other).status, ledger.orders) == (400, ["evt_2", "evt_2"])

    def test_a_response_that_cannot_be_rendered_rolls_back(self, ledger: Ledger) -> None:
        @verified(receiver())
        def hook(request: VerifiedRequest) -> SimpleTemplateResponse:
            ledger.book(request)
            return SimpleTemplateResponse("no template")

        reply, seen = watched(send, hook, Sent.order("evt_1"))
        assert (reply.said, len(seen), ledger.orders) == ((500, "handler_failed"), 1, [])

    def test_what_django_is_not_to_wrap_is_not_wrapped(self, ledger: Ledger) -> None:
        def plain(request: HttpRequest) -> HttpResponse:
            assert not connections[ALIAS].in_atomic_block
            return HttpResponse(HANDLED)

        guard = verified(receiver())
        inside: Any = guard(transaction.non_atomic_requests(using=ALIAS)(plain))
        outside: Any = transaction.non_atomic_requests(using=ALIAS)(guard(plain))
        for number, hook in enumerate((inside, outside)):
            assert send(hook, Sent.order(f"evt_{number}")).said == (200, "handled")

    def test_a_class_is_wrapped_too(self, ledger: Ledger) -> None:
        @method_decorator(verified(receiver()), name="dispatch")
        class Hook(View):
            def post(self, request: VerifiedRequest) -> HttpResponse:
                ledger.book(request, "7")
                return HttpResponse(HANDLED)

        reply, seen = watched(send, Hook.as_view(), Sent.order("evt_1"))
        assert (reply.said, len(seen)) == ((500, "handler_failed"), 1)

    def test_a_transaction_around_the_decorator_is_refused(self, ledger: Ledger) -> None:
        guard, order = receiver(), Sent.order("evt_1")

        @verified(guard)
        def hook(request: HttpRequest) -> HttpResponse:
            raise AssertionError("the event would be settled too early")

        def forgetful(request: HttpRequest) -> HttpResponse:
            return hook(request)

        forgetful.csrf_exempt = True  # type: ignore[attr-defined]
        mindful: Any = functools.wraps(hook)(transaction.atomic(using=ALIAS)(hook))
        for around in (forgetful, mindful):
            reply, seen = watched(send, around, order)
            assert (reply.status, len(seen)) == (500, 1)
            assert seen[0].startswith("ConfigError: a transaction was opened around the receiver's decorator")
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 1

    def test_the_transaction_of_a_test_case_is_none(self, ledger: Ledger) -> None:
        @verified(receiver())
        def hook(request: VerifiedRequest) -> HttpResponse:
            ledger.book(request)
            return HttpResponse(HANDLED)

        case: Any = transaction.atomic(using=ALIAS)
        case._from_testcase = True
        order = Sent.order("evt_1")
        enter_project(hook)
        with case:
            response = Client().post(PATH, order.body, content_type="text/plain", headers=dict(order.headers[:1]))
            assert (response.content, ledger.orders) == (HANDLED, ["evt_1"])
            transaction.set_rollback(True, using=ALIAS)
        assert ledger.orders == []

    @pytest.mark.parametrize("each", [send, asend])
    def test_an_asynchronous_view_cannot_be_wrapped(self, ledger: Ledger, each: Each) -> None:
        @verified(receiver())
        async def hook(request: HttpRequest) -> HttpResponse:
            raise AssertionError

        @verified(receiver())
        @transaction.non_atomic_requests(using=ALIAS)
        async def apart(request: HttpRequest) -> HttpResponse:
            return HttpResponse(HANDLED)

        reply, seen = watched(each, hook, Sent.order("evt_1"))
        assert (reply.status, len(seen)) == (500, 1)
        assert seen[0].startswith(f"ConfigError: ATOMIC_REQUESTS of {ALIAS}")
        assert each(apart, Sent.order("evt_1")).said == (200, "handled")
