"""Flask: every form of a view and of what it returns, and a body that can be read again in every way."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from tempfile import NamedTemporaryFile
from typing import Any, ClassVar

import flask
import pytest
from flask import Flask, abort, g, jsonify, redirect, request, stream_with_context
from flask.views import MethodView
from werkzeug.exceptions import HTTPException

from counterfoil import Answer, ConfigError, MemoryStore, NotClaimed, Receiver, Reject, load_senders, sign
from counterfoil.flask import verified
from exchanges import PATH, Reply, Sent, call, environ
from orders import SECRET, told, won


def receiver(**options: Any) -> Receiver:
    return Receiver("handl", SECRET, store=MemoryStore(), **options)


def app_of(guard: Receiver, view: Callable[..., Any], **config: Any) -> Flask:
    app = Flask(__name__)
    app.config.from_mapping(config)
    app.post(PATH)(verified(guard)(view))
    return app


def send(app: Flask, sent: Sent) -> Reply:
    return call(app, environ(sent))


class TestBody:
    def test_it_can_be_read_again_in_every_way(self) -> None:
        order = Sent.order("evt_1")

        def hook() -> Any:
            assert request.stream.read() == order.body
            assert request.get_data() == order.body == request.data == g.delivery.body
            assert request.get_json() == g.delivery.json() == request.json
            assert (dict(request.form), g.lease.delivery) == ({}, g.delivery)
            return "", 204

        for sent in (order, order.in_chunks(10)):
            reply = send(app_of(receiver(), hook), sent)
            assert (reply.status, reply.error) == (204, None)

    def test_through_flasks_own_client(self) -> None:
        app, order = app_of(receiver(), lambda: g.delivery.event_id), Sent.order("evt_1")
        response = app.test_client().post(PATH, data=order.body, headers=dict(order.headers))
        assert (response.status_code, response.text) == (200, "evt_1")
        response = app.test_client().post(PATH, data=order.body + b" ", headers=dict(order.headers))
        assert (response.status_code, response.get_json()["code"]) == (401, "signature_mismatch")

    def test_forms_work_after_it(self) -> None:
        with NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(
                '[[sender]]\nname = "till"\nkind = "hmac"\nbody = "opaque"\n'
                'signature = { header = "X-Till-Signature", prefix = "sha256=", encoding = "hex" }\n'
            )
            file.flush()
            till = load_senders(file.name)["till"]
        body = b"payload=%7B%7D&id=evt_1"
        headers = (*sign(till, SECRET, body).items(), ("content-type", "application/x-www-form-urlencoded"))
        reply = send(app_of(Receiver(till, SECRET), lambda: request.form["payload"]), Sent(headers, (body,)))
        assert reply.said == (200, "{}")

    def test_what_was_read_before_is_as_good_if_it_was_kept(self) -> None:
        app, order = app_of(receiver(), lambda: request.get_json()["id"]), Sent.order("evt_1")
        app.before_request(lambda: request.get_data() and None)
        assert send(app, order).said == (200, "evt_1")

    @pytest.mark.parametrize(
        "read",
        [
            lambda: request.form,
            lambda: request.stream.read(),
            lambda: request.get_data(cache=False),
        ],
        ids=["form", "stream", "uncached"],
    )
    def test_what_was_used_up_before_is_an_error_of_the_application(self, read: Callable[[], Any]) -> None:
        app, order = app_of(receiver(), lambda: ""), Sent.order("evt_1")
        order = order.header("content-type", "application/x-www-form-urlencoded")
        app.testing = True
        app.before_request(lambda: read() and None)
        reply = send(app, order)
        assert isinstance(reply.error, ConfigError) and "used up" in str(reply.error)

    def test_a_stream_that_was_only_looked_at_is_as_good(self) -> None:
        app, order = app_of(receiver(), lambda: request.get_json()["id"]), Sent.order("evt_1")
        app.before_request(lambda: request.stream and None)
        assert send(app, order).said == (200, "evt_1")

    def test_the_receivers_limit_counts_and_not_flasks(self) -> None:
        app, order = app_of(receiver(), lambda: request.get_json()["id"], MAX_CONTENT_LENGTH=10), Sent.order("evt_1")
        assert send(app, order).said == (200, "evt_1")
        assert send(app, Sent.order("evt_2").in_chunks(7)).said == (200, "evt_2")
        app = app_of(receiver(body_limit=10), lambda: "")
        assert send(app, order).said == (413, "body_too_large")


class TestStatus:
    @pytest.mark.parametrize(
        ("returned", "status"),
        [
            (lambda: "text", 200),
            (lambda: b"bytes", 200),
            (lambda: {"a": 1}, 200),
            (lambda: [1], 200),
            (lambda: ("text", 202), 202),
            (lambda: ("text", {"x-a": "1"}), 200),
            (lambda: ("text", 201, {"x-a": "1"}), 201),
            (lambda: ("text", "203 So"), 203),
            (lambda: flask.Response(status=204), 204),
            (lambda: jsonify(a=1), 200),
            (lambda: iter(["a", "b"]), 200),
            (lambda: flask.Response(stream_with_context(iter(["a"]))), 200),
        ],
    )
    def test_every_form_of_a_response_has_one(self, returned: Callable[[], Any], status: int) -> None:
        app, order = app_of(receiver(), returned), Sent.order("evt_1")
        assert send(app, order).status == status
        assert send(app, order).said == (200, "duplicate 1")

    @pytest.mark.parametrize(
        ("act", "said"),
        [
            (lambda: abort(404), 404),
            (lambda: abort(503), 503),
            (lambda: abort(flask.Response("later", 429)), 429),
            (lambda: ("no", 400), 400),
            (lambda: redirect("/elsewhere"), (500, "handler_failed")),
            (lambda: None, (500, "handler_failed")),
            (lambda: 5, (500, "handler_failed")),
        ],
    )
    def test_what_does_not_complete_is_free_for_the_next_retry(self, act: Callable[[], Any], said: Any) -> None:
        acts, order = [act], Sent.order("evt_1")
        app = app_of(receiver(), lambda: acts.pop()() if acts else "well")
        reply = send(app, order)
        assert said in (reply.status, reply.said)
        assert send(app, order).said == (200, "well")

    def test_handlers_of_the_application_decide(self) -> None:
        def hook() -> Any:
            raise LookupError("known already")

        app, order = app_of(receiver(), hook), Sent.order("evt_1")
        app.register_error_handler(LookupError, lambda error: (str(error), 202))
        app.register_error_handler(404, lambda error: ("not here", 200))
        assert send(app, order).said == (202, "known already")
        assert send(app, order).said == (200, "duplicate 1")

        app = app_of(receiver(), lambda: abort(404))
        app.register_error_handler(404, lambda error: ("never mind", 200))
        assert send(app, order).said == (200, "never mind")
        assert send(app, order).said == (200, "duplicate 1")

    def test_an_exception_is_flasks_to_report_and_ours_to_answer(self, caplog: pytest.LogCaptureFixture) -> None:
        def hook() -> Any:
            raise ZeroDivisionError

        guard, order, seen = receiver(), Sent.order("evt_1"), list[Any]()
        app = app_of(guard, hook)

        def broken(error: Any) -> Any:
            seen.append(error.original_exception)
            return "mine", 500

        app.register_error_handler(500, broken)

        def ended(error: BaseException | None) -> None:
            seen.append(error)

        def reported(sender: Flask, exception: Exception, **_: object) -> None:
            seen.append(exception)

        app.teardown_request(ended)
        flask.got_request_exception.connect(reported, app)
        reply = send(app, order)
        assert (reply.said, reply.error) == ((500, "handler_failed"), None)
        assert [type(error) for error in seen] == [ZeroDivisionError] * 3
        assert len([record for record in caplog.records if record.exc_info and record.levelno == logging.ERROR]) == 1
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_where_flask_is_to_propagate_it_does(self) -> None:
        def hook() -> Any:
            raise ZeroDivisionError

        guard, order = receiver(), Sent.order("evt_1")
        assert isinstance(send(app_of(guard, hook, TESTING=True), order).error, ZeroDivisionError)
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_what_is_raised_on_purpose_is_nobody_elses(self) -> None:
        acts: list[Exception] = [NotClaimed("busy", Answer.duplicate()), Reject("no such customer")]

        def hook() -> Any:
            raise acts.pop()

        def handle(error: Exception) -> Any:
            assert isinstance(error, HTTPException) is None

        app = app_of(receiver(), hook, TESTING=True)
        app.register_error_handler(Exception, handle)
        assert send(app, Sent.order("evt_1")).said == (500, "handler_failed")
        assert send(app, Sent.order("evt_2")).said == (200, "duplicate 1")

    def test_what_the_view_settles_itself_stays_settled(self) -> None:
        def hook() -> Any:
            with g.lease as delivery:
                assert delivery.event_id == "evt_1"
            raise ZeroDivisionError

        guard, order = receiver(), Sent.order("evt_1")
        reply = send(app_of(guard, hook), order)
        assert (reply.status, "Internal Server Error" in reply.body.decode()) == (500, True)
        assert told(guard.receive(dict(order.headers), order.body)) == (200, "duplicate")

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
    def test_what_ends_the_process_gives_the_event_back_first(self, kind: type[BaseException]) -> None:
        def hook() -> Any:
            raise kind

        guard, order = receiver(), Sent.order("evt_1")
        with pytest.raises(kind):
            send(app_of(guard, hook), order)
        assert won(guard.receive(dict(order.headers), order.body)).attempt == 2

    def test_no_answer_says_more_than_it_should(self) -> None:
        app = app_of(receiver(), lambda: "")
        reply = send(app, Sent.order("evt_1").header("x-handl-signature"))
        assert set(reply.headers) == {"cache-control", "content-type", "content-length"}


class TestViews:
    def test_asynchronous_ones(self) -> None:
        async def hook() -> Any:
            async with g.lease as delivery:
                return delivery.event_id

        app, order = app_of(receiver(), hook), Sent.order("evt_1")
        assert send(app, order).said == (200, "evt_1")
        assert send(app, order).said == (200, "duplicate 1")

    def test_classes(self) -> None:
        class Hook(MethodView):
            decorators: ClassVar = [verified(receiver())]

            def post(self, sender: str) -> str:
                return f"{sender} {g.delivery.event_id}"

        app = Flask(__name__)
        app.add_url_rule("/webhooks/<sender>", view_func=Hook.as_view("hook"))
        assert send(app, Sent.order("evt_1")).said == (200, "handl evt_1")

    def test_their_names_and_arguments_stay(self) -> None:
        @verified(receiver())
        def hook(sender: str) -> str:
            """Of the hook."""
            return sender

        assert (hook.__name__, hook.__doc__) == ("hook", "Of the hook.")
        blueprint = flask.Blueprint("hooks", __name__, url_prefix="/webhooks")
        blueprint.post("/<sender>")(hook)
        app = Flask(__name__)
        app.register_blueprint(blueprint)
        assert send(app, Sent.order("evt_1")).said == (200, "handl")

    def test_a_stream_runs_after_the_event_is_settled(self) -> None:
        guard, order = receiver(), Sent.order("evt_1")

        def parts() -> Iterator[str]:
            yield told(guard.receive(dict(order.headers), order.body))[1]

        assert send(app_of(guard, lambda: parts()), order).said == (200, "duplicate")


def test_a_file_in_the_place_of_the_socket_is_as_good() -> None:
    order = Sent.order("evt_1")
    made = environ(order) | {"wsgi.input": io.BytesIO(order.body)}
    assert call(app_of(receiver(), lambda: g.delivery.event_id), made).said == (200, "evt_1")
