"""A whole small service on Flask: `POST /webhooks/<sender>` for every sender whose secret is set, and what came of it
as JSON under `GET /orders`, `/invoices`, `/applied` and `/runs`.
"""

from __future__ import annotations

import logging

from flask import Flask, Response, g, jsonify

from counterfoil.flask import verified
from orders_ledger import SqliteBooks, load_config

from .postgres import PostgresBooks

logging.basicConfig(level=logging.INFO)

app = Flask(__name__)
config = load_config()
books = PostgresBooks(config.postgres) if config.postgres else SqliteBooks(config.db)

for receiver in config.receivers:

    @app.post(f"/webhooks/{receiver.endpoint}", endpoint=receiver.endpoint)
    @verified(receiver)
    def receive() -> Response:
        """A crash can make this run again for one event. How it is applied once all the same is the books' affair."""
        books.apply(g.delivery, g.lease.fence)
        return Response()


@app.get("/orders")
def orders() -> Response:
    """All orders, by sender and id."""
    return jsonify(books.entries("orders"))


@app.get("/invoices")
def invoices() -> Response:
    """All invoices, by sender and id."""
    return jsonify(books.entries("invoices"))


@app.get("/applied")
def applied() -> Response:
    """Committed effects by the key of the event: 1 for every event, whatever happened."""
    return jsonify(books.counts("effects"))


@app.get("/runs")
def runs() -> Response:
    """Handler runs by the key of the event: more than 1 where a handler failed or its process died."""
    return jsonify(books.counts("runs"))
