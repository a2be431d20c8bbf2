"""What the middleware owes to WSGI: no byte before the event is settled, and bodies as servers give them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil import ConfigError, MemoryStore, Receiver, Reject
from counterfoil.wsgi import Environ, StartResponse, WebhookMiddleware, WSGIApp
from exchanges import PATH, Input, Sent, call, environ
from orders import SECRET, told, won
from stacks import HANDLED, WSGI, Script, leave_projects, set_django_up

LIMIT = 4096


def receiver(**options: Any) -> Receiver:
    return Receiver("handl", SECRET, store=MemoryStore(), **options)


def respond(start_response: StartResponse, status: str = "200 OK") -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain")])
    return [HANDLED]


class TestReading:
    @pytest.fixture(params=list(WSGI))
    def make(self, request: pytest.FixtureRequest) -> Iterator[Callable[[Receiver, Script], WSGIApp]]:
        set_django_up()
        yield WSGI[request.param]
        leave_projects()

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("x-handl-signature", "", (401, "signature_malformed")),
            ("content-encoding", "gzip", (415, "content_encoding")),
            ("content-length", "4097", (413, "body_too_large")),
        ],
    )
    def test_t11_what_the_head_refuses_is_never_read(
        self, make: Callable[[Receiver, Script], WSGIApp], name: str, value: str, said: tuple[int, str]
    ) -> None:
        source = Input([b" "] * 100)
        made = environ(replace(Sent.order("evt_1").header(name, value), declares_length=False), source)
        reply = call(make(receiver(body_limit=LIMIT), Script()), made)
        assert (reply.said, source.reads) == (said, 0)

    def test_t11_a_signed_head_does_not_open_the_door_to_an_endless_body(
        self, make: Callable[[Receiver, Script], WSGIApp]
    ) -> None:
        def endless() -> Iterator[bytes]:
            while True:
                yield b" " * 1024

        source = Input(endless())
        made = environ(replace(Sent.order("evt_1"), declares_length=False), source)
        reply = call(make(receiver(body_limit=10_000), Script()), made)
        assert (reply.said, source.reads) == ((413, "body_too_large"), 10)

    def test_what_follows_the_body_is_not_read(self, make: Callable[[Receiver, Script], WSGIApp]) -> None:
        """The next request, where a server leaves that in reach."""
        script, order = Script(), Sent.order("evt_1")
        made = environ(order, Input([order.body + b"POST / HTTP/1.1\r\n"]))
        del made["wsgi.input_terminated"]
        assert call(make(receiver(), script), made).status == 200
        assert script.bodies == [order.body]

    def test_a_body_that_ends_early_is_unreadable(self, make: Callable[[Receiver, Script], WSGIApp]) -> None:
        order = Sent.order("evt_1")
        reply = call(make(receiver(), Script()), environ(order, Input([order.body[:-1]])))
        assert reply.said == (400, "body_unreadable")

    @pytest.mark.parametrize("error", [OSError("timed out"), ValueError("b'{\"id'"), EOFError()])
    def test_a_body_that_breaks_off_is_unreadable(
        self, make: Callable[[Receiver, Script], WSGIApp], error: Exception, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken() -> Iterator[bytes]:
            yield b"{"
            raise error

        guard = receiver()
        reply = call(make(guard, Script()), environ(Sent.order("evt_1"), Input(broken())))
        assert (reply.said, guard.health().running) == ((400, "body_unreadable"), 0)
        assert type(error).__name__ in caplog.text and '{"id' not in caplog.text

    def test_a_body_that_takes_too_long_is_408(self, make: Callable[[Receiver, Script], WSGIApp]) -> None:
        def slow() -> Iterator[bytes]:
            while True:
                time.sleep(0.02)
                yield b" "

        made = environ(replace(Sent.order("evt_1"), declares_length=False), Input(slow()))
        reply = call(make(receiver(body_timeout=timedelta(milliseconds=50)), Script()), made)
        assert reply.said == (408, "body_timeout")

    @pytest.mark.parametrize("length", ["", "-1", "1_0", "x", "\N{FULLWIDTH DIGIT ONE}"])
    def test_a_length_that_is_none_reads_nothing_from_a_server_that_ends_no_body(
        self, make: Callable[[Receiver, Script], WSGIApp], length: str
    ) -> None:
        source = Input([b" "])
        made = environ(Sent.order("evt_1"), source) | {"CONTENT_LENGTH": length}
        del made["wsgi.input_terminated"]
        assert call(make(receiver(), Script()), made).said == (401, "signature_mismatch")
        assert source.reads == 0

    @pytest.mark.parametrize("zeros", [0, 5000])
    @pytest.mark.parametrize("is_terminated", [False, True])
    def test_a_length_of_any_number_of_zeros_is_a_length(
        self, make: Callable[[Receiver, Script], WSGIApp], zeros: int, is_terminated: bool
    ) -> None:
        """Python's own conversion refuses a text of more than some thousand digits."""
        order = Sent.order("evt_1")
        for body, said in ((order.body, (200, "handled")), (b"", (401, "signature_mismatch"))):
            made = environ(order.with_body(body)) | {"CONTENT_LENGTH": "0" * zeros + str(len(body))}
            if not is_terminated:
                del made["wsgi.input_terminated"]
            reply = call(make(receiver(), Script()), made)
            assert (reply.said, reply.error) == (said, None)

    @pytest.mark.parametrize("digits", [100, 5000])
    def test_a_length_beyond_all_measure_is_refused(
        self, make: Callable[[Receiver, Script], WSGIApp], digits: int
    ) -> None:
        made = environ(Sent.order("evt_1")) | {"CONTENT_LENGTH": "9" * digits}
        reply = call(make(receiver(), Script()), made)
        assert (reply.said, reply.error) == ((413, "body_too_large"), None)


HOSTILE = Receiver("handl", SECRET, store=MemoryStore())
LATIN_1 = st.text(st.characters(max_codepoint=255), max_size=80)


class TestHostile:
    @given(
        headers=st.dictionaries(
            st.sampled_from(
                ["HTTP_X_HANDL_SIGNATURE", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_TRANSFER_ENCODING", "HTTP_"]
            )
            | LATIN_1.map("HTTP_".__add__),
            LATIN_1,
        ),
        chunks=st.lists(st.binary(max_size=40), max_size=5),
        method=st.sampled_from(["POST", "GET", "", "post"]),
        path=LATIN_1,
        query=LATIN_1,
        is_terminated=st.booleans(),
    )
    def test_t2_whatever_arrives_is_refused_and_nothing_else(
        self, headers: dict[str, str], chunks: list[bytes], method: str, path: str, query: str, is_terminated: bool
    ) -> None:
        made = environ(Sent((), tuple(chunks)), Input(chunks))
        made |= {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, **headers}
        if not is_terminated:
            del made["wsgi.input_terminated"]
        reply = call(WSGI["wsgi"](HOSTILE, Script()), made)
        assert (reply.status in (400, 401, 405, 413, 415), reply.error) == (True, None)
        assert b'"code":' in reply.body


class TestPaths:
    def test_what_is_not_the_receivers_goes_through_untouched(self) -> None:
        seen: list[tuple[Environ, StartResponse]] = []

        def inner(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            seen.append((environ, start_response))
            return answer

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
            raise AssertionError("nobody has answered")

        answer = iter([b"x"])
        app = WebhookMiddleware(inner, receiver(), path=PATH)
        for path in ("/", PATH + "x", "/x" + PATH, ""):
            made = environ(replace(Sent.order("evt_1"), path=path), Input([]))
            before = dict(made)
            assert app(made, start_response) is answer
            assert seen.pop() == (made, start_response)
            assert made == before

    def test_each_receiver_has_its_path(self) -> None:
        other = Receiver("handl", "another secret of theirs", endpoint="other")
        guards = {PATH: receiver(), "/l\xf6sung": other}
        app = WebhookMiddleware(WSGI["wsgi"](receiver(), Script()), guards)
        order = Sent.order("evt_1")
        assert call(app, environ(order)).said == (200, "handled")
        for path in ("/l\xf6sung", "/l\xf6sung/"):
            made = environ(replace(order, path=path.encode().decode("latin-1")))
            assert call(app, made).said == (401, "signature_mismatch")
        with pytest.raises(ConfigError, match="not both"):
            WebhookMiddleware(app, guards, path=PATH)


class TestApplication:
    def test_both_sides_keep_to_the_letter(self) -> None:
        def inner(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            assert environ["wsgi.input"].read(10_000) == order.body
            return respond(start_response)

        order = Sent.order("evt_1")
        outer: Any = validator(WebhookMiddleware(validator(inner), receiver()))
        for sent, status in ((order, 200), (order.with_body(b"{}"), 401), (replace(order, method="GET"), 405)):
            reply = call(outer, environ(sent))
            assert (reply.status, reply.error) == (status, None)
            assert "connection" not in reply.headers, "not an application's to say"

    def test_no_byte_goes_out_before_the_event_is_settled(self) -> None:
        guard, order, seen = receiver(), Sent.order("evt_1"), list[Any]()

        def inner(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield b""
            seen.append("running")
            yield b"a"
            seen.append(told(guard.receive(dict(order.headers), order.body)))
            yield b"b"

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
            seen.append(told(guard.receive(dict(order.headers), order.body)))

        response = WebhookMiddleware(inner, guard)(environ(order), start_response)
        assert seen == ["running", (200, "duplicate")]
        assert b"".join(response) == b"ab"
        assert seen == ["running", (200, "duplicate"), (200, "duplicate")]

    def test_it_may_think_better_of_its_status(self) -> None:
        def inner(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [])
            try:
                raise ZeroDivisionError
            except ZeroDivisionError as error:
                start_response("503 Service Unavailable", [("x-a", "1")], (type(error), error, error.__traceback__))  # type: ignore[arg-type]
            return [b"later"]

        app, order = WebhookMiddleware(inner, receiver()), Sent.order("evt_1")
        for _ in range(2):
            reply = call(app, environ(order))
            assert (reply.said, reply.headers, reply.error) == ((503, "later"), {"x-a": "1"}, None)

    def test_a_second_thought_after_the_first_byte_is_the_servers_to_refuse(self) -> None:
        def inner(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield b"a"
            try:
                raise ZeroDivisionError
            except ZeroDivisionError as error:
                start_response("500 Oh", [], (type(error), error, error.__traceback__))  # type: ignore[arg-type]

        reply = call(WebhookMiddleware(inner, receiver()), environ(Sent.order("evt_1")))
        assert (reply.said, type(reply.error)) == ((200, "a"), ZeroDivisionError)

    def test_write_is_held_until_the_event_is_settled(self) -> None:
        guard, order = receiver(), Sent.order("evt_1")

        def inner(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            write = start_response("200 OK", [])
            write(b"")
            assert guard.health().running == 1
            write(b"a")
            assert guard.health().running == 0
            write(b"b")
            return [b"c"]

        assert call(WebhookMiddleware(inner, guard), environ(order)).said == (200, "abc")

    def test_a_response_that_is_not_sent_is_swallowed_whole(self) -> None:
        def inner(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            write = start_response("302 Found", [("Location", "/")])
            write(b"moved")
            write(b"there")
            return Closing([b"and here"])

        closed: list[bool] = []

        class Closing(list[bytes]):
            def close(self) -> None:
                closed.append(True)

        app, order = WebhookMiddleware(inner, receiver()), Sent.order("evt_1")
        reply = call(app, environ(order))
        assert (reply.said, "location" in reply.headers, closed) == ((500, "handler_failed"), False, [True])

    def test_what_it_raises_after_such_a_response_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        def inner(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("302 Found", [])(b"moved")
            raise ZeroDivisionError

        reply = call(WebhookMiddleware(inner, receiver()), environ(Sent.order("evt_1")))
        assert (reply.said, reply.error) == ((500, "handler_failed"), None)
        assert "ZeroDivisionError" in caplog.text

    @pytest.mark.parametrize("kind", ["list", "generator", "empty", "failing"])
    def test_its_body_is_closed(self, kind: str) -> None:
        closed: list[str] = []

        class Body:
            def __iter__(self) -> Iterator[bytes]:
                if kind == "generator":
                    yield b"a"
                if kind == "failing":
                    raise ZeroDivisionError
                yield from [b"", b""] if kind == "empty" else [b"b"]

            def close(self) -> None:
                closed.append(kind)

        def inner(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [])
            return Body()

        reply = call(WebhookMiddleware(inner, receiver()), environ(Sent.order("evt_1")))
        assert reply.status == (500 if kind == "failing" else 200)
        assert closed == [kind]

    def test_a_body_that_fails_after_its_first_byte_is_the_servers_to_log(self) -> None:
        def inner(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield b"a"
            raise ZeroDivisionError

        guard, order = receiver(), Sent.order("evt_1")
        reply = call(WebhookMiddleware(inner, guard), environ(order))
        assert (reply.said, type(reply.error)) == ((200, "a"), ZeroDivisionError)
        assert told(guard.receive(dict(order.headers), order.body)) == (200, "duplicate")

    def test_without_a_response_it_has_failed(self) -> None:
        app, order = WebhookMiddleware(lambda environ, start_response: [], receiver()), Sent.order("evt_1")
        assert call(app, environ(order)).said == (500, "handler_failed")

    @pytest.mark.parametrize("status", ["", "OK", "99 Odd", "2000"])
    def test_a_status_that_is_none_is_a_failure(self, status: str, caplog: pytest.LogCaptureFixture) -> None:
        def inner(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            return respond(start_response, status)

        guard, order = receiver(), Sent.order("evt_1")
        reply = call(WebhookMiddleware(inner, guard), environ(order))
        if status == "2000":
            assert reply.status == 200
        else:
            assert reply.said == (500, "handler_failed")
            assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_an_exception_is_logged_and_a_rejection_is_not(self, caplog: pytest.LogCaptureFixture) -> None:
        for error, count in ((Reject("no such customer"), 0), (ZeroDivisionError("by the handler"), 1)):
            caplog.clear()

            def inner(environ: Environ, start_response: StartResponse, error: Exception = error) -> Iterable[bytes]:
                raise error

            app = WebhookMiddleware(inner, receiver())
            assert call(app, environ(Sent.order("evt_1"))).said == (500, "handler_failed")
            errors = [record for record in caplog.records if record.levelno >= logging.ERROR and record.exc_info]
            assert len(errors) == count

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_what_ends_the_process_gives_the_event_back_first(self, kind: type[BaseException]) -> None:
        def inner(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            raise kind

        guard, order = receiver(), Sent.order("evt_1")
        with pytest.raises(kind):
            call(WebhookMiddleware(inner, guard), environ(order))
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_it_cannot_be_stopped_and_runs_to_its_end(self) -> None:
        def inner(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            while not environ["counterfoil.lease"].must_stop:
                time.sleep(0.005)
            return respond(start_response)

        guard = receiver(lease=timedelta(seconds=2), handler_time=timedelta(milliseconds=30))
        order = Sent.order("evt_1")
        app = WebhookMiddleware(inner, guard)
        assert call(app, environ(order)).said == (200, "handled")
        assert call(app, environ(order)).said == (200, "duplicate 1")
