"""What every adapter owes, whatever the framework: each test runs in all of them."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from counterfoil import Answer, LeaseLost, MemoryStore, NotClaimed, Receiver, Reject, StoreError, sign
from exchanges import Exchange, Reply, Sent, answers
from orders import SECRET
from stacks import ASGI, HANDLED, WSGI, OnAsgi, OnWsgi, Place, Script, django_wsgi, leave_projects, set_django_up

LIMIT = 4096

ALL = [*ASGI, *WSGI]


@pytest.fixture(autouse=True)
def _django() -> Iterator[None]:
    set_django_up()
    yield
    leave_projects()


@pytest.fixture(params=ALL)
def stack(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


class Stage:
    """Plays scripts on one stack, each before a receiver of its own."""

    def __init__(self, stack: str, runner: asyncio.Runner) -> None:
        self._stack = stack
        self._runner = runner
        self.is_wsgi = stack in WSGI
        self.script = Script()

    def play(self, *acts: int | BaseException, receiver: Receiver | None = None) -> Place:
        self.script = Script(*acts)
        receiver = receiver or Receiver("handl", SECRET, store=MemoryStore(), body_limit=LIMIT)
        if self.is_wsgi:
            return OnWsgi(WSGI[self._stack](receiver, self.script))
        return OnAsgi(ASGI[self._stack](receiver, self.script), self._runner)

    @property
    def runs(self) -> int:
        return len(self.script.bodies)


@pytest.fixture
def stage(stack: str, runner: asyncio.Runner) -> Stage:
    return Stage(stack, runner)


HANDLED_200 = (200, HANDLED.decode())
DUPLICATE = (200, "duplicate 1")
FAILED = (500, "handler_failed")


class TestOutcomes:
    def test_a_first_delivery_is_handled_and_its_copy_is_a_duplicate(self, stage: Stage) -> None:
        place, order = stage.play(), Sent.order("evt_1")
        first = place.send(order)
        assert (first.said, stage.script.bodies) == (HANDLED_200, [order.body])
        for _ in range(2):
            copy = place.send(order)
            assert (copy.said, copy.body, stage.runs) == (DUPLICATE, b"", 1)
            assert answers(copy.headers) == {"cache-control", "x-webhook-duplicate"}

    @pytest.mark.parametrize("status", [201, 202, 204])
    def test_any_2xx_completes(self, stage: Stage, status: int) -> None:
        place, order = stage.play(status), Sent.order("evt_1")
        assert place.send(order).status == status
        assert (place.send(order).said, stage.runs) == (DUPLICATE, 1)

    def test_the_same_id_with_another_body_is_reported(self, stage: Stage) -> None:
        place = stage.play()
        assert place.send(Sent.order("evt_1")).said == HANDLED_200
        assert (place.send(Sent.order("evt_1", "changed")).said, stage.runs) == ((200, "duplicate conflict"), 1)

    def test_t39_what_fails_is_passed_on_and_handled_by_the_next_retry(self, stage: Stage) -> None:
        place, order = stage.play(500, 404, 422, 503), Sent.order("evt_1")
        for status in (500, 404, 422, 503):
            assert place.send(order).said == (status, HANDLED.decode())
        assert place.send(order).said == HANDLED_200
        assert (place.send(order).said, stage.runs) == (DUPLICATE, 5)

    def test_a_redirection_is_a_failure(self, stage: Stage) -> None:
        place, order = stage.play(302), Sent.order("evt_1")
        reply = place.send(order)
        assert (reply.said, "location" in reply.headers) == (FAILED, False)
        assert (place.send(order).said, stage.runs) == (HANDLED_200, 2)

    def test_t16_t42_an_exception_is_a_failure_and_is_reported(
        self, stage: Stage, caplog: pytest.LogCaptureFixture
    ) -> None:
        place, order = stage.play(ZeroDivisionError("by the handler")), Sent.order("evt_1")
        reply = place.send(order)
        assert reply.said == FAILED
        # A server closes the connection of an application of ASGI that raises.
        assert reply.headers.get("connection") == ("close" if reply.error else None)
        logged = [record.exc_info[1] for record in caplog.records if record.exc_info]
        seen = [reply.error, *logged]
        assert sum(isinstance(error, ZeroDivisionError) for error in seen) == 1, seen
        assert (place.send(order).said, stage.runs) == (HANDLED_200, 2)

    def test_a_store_that_cannot_just_now_is_503_and_is_reported(
        self, stage: Stage, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Such as a busy file in `claim_in`. What will never do is a failure like any other."""
        place, order = stage.play(StoreError("busy"), StoreError("no such table", False)), Sent.order("evt_1")
        for said in ((503, "store_unavailable"), FAILED):
            caplog.clear()
            reply = place.send(order)
            assert reply.said == said
            logged = [record.exc_info[1] for record in caplog.records if record.exc_info]
            assert sum(isinstance(error, StoreError) for error in [reply.error, *logged]) == 1
        assert (place.send(order).said, stage.runs) == (HANDLED_200, 3)

    def test_a_rejected_event_is_dead(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        place, order = stage.play(Reject("no such customer")), Sent.order("evt_1")
        reply = place.send(order)
        assert (reply.said, reply.error) == (FAILED, None)
        assert not [record for record in caplog.records if record.exc_info], "it was raised on purpose"
        assert place.send(order).said == FAILED
        assert (place.send(Sent.order("evt_1", "changed")).said, stage.runs) == (FAILED, 1)

    @pytest.mark.parametrize("kind", [NotClaimed, LeaseLost])
    def test_what_another_one_has_completed_is_a_duplicate(
        self, stage: Stage, kind: type[NotClaimed | LeaseLost]
    ) -> None:
        place, order = stage.play(kind("in the ledger already", Answer.duplicate())), Sent.order("evt_1")
        for _ in range(2):
            reply = place.send(order)
            assert (reply.said, reply.error, stage.runs) == (DUPLICATE, None, 1)

    @pytest.mark.parametrize("kind", [NotClaimed, LeaseLost])
    def test_what_another_one_is_handling_is_free_for_the_next_retry(
        self, stage: Stage, kind: type[NotClaimed | LeaseLost]
    ) -> None:
        busy = Answer.in_flight(timedelta(seconds=7))
        place, order = stage.play(kind("busy", busy)), Sent.order("evt_1")
        reply = place.send(order)
        assert (reply.said, reply.headers["retry-after"]) == ((503, "in_flight"), "7")
        assert (place.send(order).said, stage.runs) == (HANDLED_200, 2)

    def test_without_a_store_every_delivery_is_handled_and_the_answers_are_the_same(self, stage: Stage) -> None:
        receiver = Receiver("handl", SECRET)
        acts = (200, 500, 200, 302, RuntimeError(), Reject("never"))
        place, order = stage.play(*acts, receiver=receiver), Sent.order("evt_1")
        said = [place.send(order).said[0] for _ in range(3)]
        assert said == [200, 500, 200]
        assert [place.send(order).said for _ in range(3)] == [FAILED] * 3
        assert stage.runs == 6
        assert place.send(order.header("x-handl-signature")).said == (401, "signature_missing")


CHANGES: dict[str, tuple[Callable[[Sent], Sent], tuple[int, str]]] = {
    "get": (lambda sent: replace(sent, method="GET"), (405, "method_not_allowed")),
    "gzip": (lambda sent: sent.header("content-encoding", "gzip"), (415, "content_encoding")),
    "missing": (lambda sent: sent.header("x-handl-signature"), (401, "signature_missing")),
    "empty": (lambda sent: sent.header("x-handl-signature", ""), (401, "signature_malformed")),
    "short": (lambda sent: sent.header("x-handl-signature", "00"), (401, "signature_malformed")),
    "latin": (lambda sent: sent.header("x-handl-signature", "\xe9" * 64), (401, "signature_malformed")),
    "wrong": (lambda sent: sent.header("x-handl-signature", "0" * 64), (401, "signature_mismatch")),
    "t46-length": (lambda sent: sent.declaring("18446744073709551615"), (413, "body_too_large")),
}


class TestHeads:
    @pytest.mark.parametrize("change", CHANGES)
    def test_what_is_wrong_is_refused(self, stage: Stage, change: str) -> None:
        (make, said), place, order = CHANGES[change], stage.play(), Sent.order("evt_1")
        reply = place.send(make(order))
        assert (reply.said, reply.error, stage.runs) == (said, None, 0)
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers.get("allow") == ("POST" if said[0] == 405 else None)
        assert place.send(order).said == HANDLED_200

    def test_t32_a_doubled_signature_is_refused(self, stage: Stage) -> None:
        place, order = stage.play(), Sent.order("evt_1")
        signature = dict(order.headers)["x-handl-signature"]
        said = place.send(order.header("x-handl-signature", signature, signature)).said
        # Servers of WSGI join what came twice.
        assert said == (401, "signature_malformed" if stage.is_wsgi else "signature_repeated")
        assert stage.runs == 0

    def test_t49_a_completed_event_with_a_wrong_signature_is_no_duplicate(self, stage: Stage) -> None:
        place, order = stage.play(), Sent.order("evt_1")
        assert place.send(order).said == HANDLED_200
        [forgery] = sign("handl", "another secret of theirs", order.body).values()
        forged = order.header("x-handl-signature", forgery)
        assert (place.send(forged).said, stage.runs) == ((401, "signature_mismatch"), 1)

    def test_t14_no_log_and_no_answer_holds_a_secret_or_a_tag(
        self, stage: Stage, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        place, order = stage.play(200, ZeroDivisionError()), Sent.order("evt_1")
        signature = dict(order.headers)["x-handl-signature"]
        replies = [place.send(order), place.send(Sent.order("evt_2"))]
        replies += [place.send(order.header("x-handl-signature", "0" * 64)), place.send(order.with_body(b"{}"))]
        said = caplog.text + "".join(repr(reply) for reply in replies)
        assert SECRET not in said and signature not in said
        assert not re.search(r"\b[0-9a-f]{64}\b", said.replace("0" * 64, ""))


class TestBodies:
    def test_t47_one_byte_over_the_limit(self, stage: Stage) -> None:
        place = stage.play()
        for extra, said in ((1, (413, "body_too_large")), (0, HANDLED_200)):
            body = Sent.order("evt_1").body.ljust(LIMIT + extra)
            signed = sign("handl", SECRET, body)
            sent = Sent(tuple(signed.items()), (body,))
            if extra:
                assert (place.send(sent.in_chunks(1000)).said, stage.runs) == (said, 0)
            assert place.send(sent).said == said
        assert stage.runs == 1

    @pytest.mark.parametrize("size", [1, 7, 64, 10_000])
    def test_chunks_make_one_body(self, stage: Stage, size: int) -> None:
        place, order = stage.play(), Sent.order("evt_1")
        assert place.send(order.in_chunks(size)).said == HANDLED_200
        assert stage.script.bodies == [order.body]

    def test_events_that_are_none(self, stage: Stage) -> None:
        place = stage.play()
        for body in (b"", b"[]", b"{}{}", b"id=evt_1", b"\xff\xfe{}", b"\xef\xbb\xbf{}"):
            sent = Sent(tuple(sign("handl", SECRET, body).items()), (body,))
            assert place.send(sent).said == (400, "body_not_an_object"), body
        assert stage.runs == 0

    def test_t28_a_body_is_what_was_on_the_wire(self, stage: Stage) -> None:
        place, order = stage.play(), Sent.order("evt_1", "$& {body} \\u0000")
        body = order.body + b"\r\n"
        sent = Sent(tuple(sign("handl", SECRET, body).items()), (body,))
        assert place.send(order.with_body(body)).said == (401, "signature_mismatch")
        assert place.send(sent).said == HANDLED_200
        assert stage.script.bodies == [body]

    def test_t48_the_form_twin_of_an_event_is_refused(self, stage: Stage) -> None:
        place = stage.play()
        body = b"id=evt_1&type=order.created"
        signed = tuple(sign("handl", SECRET, body).items())
        sent = Sent((*signed, ("content-type", "application/x-www-form-urlencoded")), (body,))
        assert (place.send(sent).said, stage.runs) == ((400, "body_not_an_object"), 0)


class TestTogether:
    def test_copies_at_once_run_the_handler_once(self, stage: Stage, runner: asyncio.Runner) -> None:
        place, order = stage.play(), Sent.order("evt_1")
        replies: list[Reply]
        if isinstance(place, OnAsgi):

            async def together() -> list[Reply]:
                assert isinstance(place, OnAsgi)
                return await asyncio.gather(*(Exchange(place.app, order).run() for _ in range(16)))

            replies = runner.run(together())
        else:
            with ThreadPoolExecutor(16) as pool:
                replies = list(pool.map(place.send, [order] * 16))
        said = sorted(reply.said for reply in replies)
        assert said == sorted([HANDLED_200, *[DUPLICATE] * 15])
        assert stage.runs == 1

    def test_many_events_at_once_keep_to_themselves(self, stage: Stage, runner: asyncio.Runner) -> None:
        place = stage.play()
        orders = [Sent.order(f"evt_{number}") for number in range(64)]
        if isinstance(place, OnAsgi):

            async def together() -> list[Reply]:
                assert isinstance(place, OnAsgi)
                return await asyncio.gather(*(Exchange(place.app, order).run() for order in orders))

            replies = runner.run(together())
        else:
            with ThreadPoolExecutor(8) as pool:
                replies = list(pool.map(place.send, orders))
        assert {reply.said for reply in replies} == {HANDLED_200}
        assert sorted(stage.script.bodies) == sorted(order.body for order in orders)


@pytest.mark.parametrize("module", ["asgi", "starlette", "fastapi", "wsgi", "flask", "django"])
def test_the_example_of_a_module_works_as_it_stands(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: asyncio.Runner
) -> None:
    monkeypatch.setenv("HANDL_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {"__name__": "hooks"}
    exec(compile(_example(f"counterfoil.{module}"), "hooks.py", "exec"), made)
    if module == "django":
        place: Place = OnWsgi(django_wsgi(made["order"]))
    elif module in ("wsgi", "flask"):
        place = OnWsgi(made["app"])
    else:
        place = OnAsgi(made["app"], runner)
    body = Sent.order("evt_1").body.replace(b'"total":"1500.00"', b'"id":"ord_1","total":850000')
    order = Sent((*sign("handl", SECRET, body).items(), ("content-type", "application/json")), (body,))
    assert (place.send(order).status, place.send(order).said) == (204, DUPLICATE)
    assert place.send(order.with_body(body + b" ")).said == (401, "signature_mismatch")


def _example(module: str) -> str:
    """The first example in a module's documentation."""
    lines = [line.strip() for line in (importlib.import_module(module).__doc__ or "").splitlines()]
    start = lines.index("Example:")
    example = itertools.takewhile(bool, lines[start + 3 :])
    return "\n".join(line[4:] for line in example)
