"""A whole small service on FastAPI: `POST /webhooks/<sender>` for every sender whose secret is set, and what came of it
as JSON under `GET /orders`, `/invoices`, `/applied` and `/runs`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from counterfoil.fastapi import Delivered, Leased, route_class
from orders_ledger import Entry, load_config

from .books import Books, open_books

receivers = {receiver.endpoint: receiver for receiver in load_config().receivers}


class State(TypedDict):
    """What requests find in `request.state`."""

    books: Books


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[State]:
    """Keeps the books open while the service runs."""
    async with open_books(load_config()) as books:
        yield {"books": books}


async def the_books(request: Request) -> Books:
    """The books, as a dependency."""
    books: Books = request.state.books
    return books


InBooks = Annotated[Books, Depends(the_books)]

webhooks = APIRouter(route_class=route_class(receivers, parameter="sender"))


@webhooks.post("/webhooks/{sender}")
async def receive(delivery: Delivered, lease: Leased, books: InBooks) -> Response:
    """A crash can make this run again for one event. How it is applied once all the same is the books' affair."""
    await books.apply(delivery, lease.fence)
    return Response()


app = FastAPI(lifespan=lifespan)
app.include_router(webhooks)


@app.get("/orders")
async def orders(books: InBooks) -> list[Entry]:
    """All orders, by sender and id."""
    return await books.entries("orders")


@app.get("/invoices")
async def invoices(books: InBooks) -> list[Entry]:
    """All invoices, by sender and id."""
    return await books.entries("invoices")


@app.get("/applied")
async def applied(books: InBooks) -> dict[str, int]:
    """Committed effects by the key of the event: 1 for every event, whatever happened."""
    return await books.counts("effects")


@app.get("/runs")
async def runs(books: InBooks) -> dict[str, int]:
    """Handler runs by the key of the event: more than 1 where a handler failed or its process died."""
    return await books.counts("runs")
