"""How a law becomes a test."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from counterfoil import Delivery, NotClaimed

from .admin import Admin
from .home import Home
from .homes import HOMES

Law = Callable[[Home, Admin], Coroutine[Any, Any, None]]
Test = Callable[[Home, Admin], None]


class Broken(Exception):
    """A handler that fails."""


def law(steps: Law) -> Test:
    """Makes a test of steps that are written for asynchronous drivers and run by all."""

    def test(home: Home, admin: Admin) -> None:
        home.run(steps(home, admin))

    test.__name__, test.__doc__, test.__module__ = steps.__name__, steps.__doc__, steps.__module__
    return test


def law_of(*kinds: type[Home]) -> Callable[[Law], Test]:
    """The same for some homes."""

    def mark(steps: Law) -> Test:
        return pytest.mark.parametrize("home", kinds, ids=[kind.__name__ for kind in kinds], indirect=True)(law(steps))

    return mark


postgres_law = law_of(*(kind for kind in HOMES if kind.engine == "postgres"))
sqlite_law = law_of(*(kind for kind in HOMES if kind.engine == "sqlite"))


async def refused(home: Home, connection: Any, event: Delivery, **options: Any) -> NotClaimed:
    """The claim in a transaction of its own, which is to fail."""
    with pytest.raises(NotClaimed) as caught:
        async with home.work(connection, event, **options):
            raise AssertionError("the block must not be entered")
    return caught.value
