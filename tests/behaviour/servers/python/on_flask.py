"""A verified view of Flask's."""

from __future__ import annotations

from flask import Flask, Response, request

from counterfoil.flask import verified
from script import HANDLED, Script


def application(script: Script) -> Flask:
    app = Flask(__name__)

    @app.route("/webhooks/<sender>", methods=["GET", "POST", "PUT"])
    @verified(script.receiver)
    def hook(sender: str) -> Response:
        response = Response(HANDLED, script.perform(request.get_data()))
        del response.headers["content-type"]
        return response

    return app
