"""One PostgreSQL database and one SQLite file for the run. Every test has events of its own in them."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from counterfoil.transactions import Tables

from .admin import Admin, PostgresAdmin, SqliteAdmin
from .frameworks import set_django_up
from .home import Home, Place, database_url
from .homes import HOMES


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with _place(tmp_path_factory.mktemp("shop")) as place:
        yield place


@pytest.fixture
def new_place(tmp_path: Path) -> Iterator[Place]:
    """A test's own."""
    with _place(tmp_path) as place:
        yield place


@contextmanager
def _place(folder: Path) -> Generator[Place]:
    name = f"t_{os.urandom(8).hex()}"
    with psycopg.connect(database_url(), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield _furnished(urlsplit(database_url())._replace(path=f"/{name}").geturl(), folder)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _furnished(postgres: str, folder: Path) -> Place:
    place = Place(postgres, folder / "shop.db")
    for admin in (PostgresAdmin(place.postgres), SqliteAdmin(place.sqlite)):
        admin.rows("CREATE TABLE effects (key text)")
        admin.rows("CREATE TABLE once (id integer PRIMARY KEY)")
        admin.make_tables(Tables())
        admin.close()
    return place


@pytest.fixture(params=HOMES, ids=lambda kind: kind.__name__)
def home(request: pytest.FixtureRequest, place: Place) -> Home:
    set_django_up()
    kind: type[Home] = request.param
    return kind(place)


@pytest.fixture
def admin(home: Home, place: Place) -> Iterator[Admin]:
    made = PostgresAdmin(place.postgres) if home.engine == "postgres" else SqliteAdmin(place.sqlite)
    try:
        yield made
    finally:
        made.close()
