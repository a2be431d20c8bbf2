"""What a claim asks of a connection, whichever driver it is of."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeAlias, TypeVar

Engine: TypeAlias = Literal["postgres", "sqlite"]
Style: TypeAlias = Literal["native", "pyformat", "format", "qmark"]
Value: TypeAlias = int | float | bytes | str

T = TypeVar("T")

_PLACEHOLDER: Final = re.compile(r"[$?]([0-9]+)")


class SqliteState(NamedTuple):
    """What a connection of Python's `sqlite3` is about to do."""

    in_transaction: bool
    #: Whether it begins a transaction by itself, before the first change, and commits it when told to.
    begins: bool


class Driver(ABC):
    """A connection of the application's, with the one way in which everything below talks to it.

    The adapters of synchronous drivers never wait in their `async` methods: see `run`.
    """

    engine: Engine
    #: What to write where there is no transaction.
    advice: str
    #: What the driver raises where a statement, or the connection, failed.
    errors: tuple[type[Exception], ...]
    #: Those of them that say that the transaction is over, or can only be rolled back.
    over: tuple[type[Exception], ...] = ()
    is_async: ClassVar[bool] = False

    async def prepare(self) -> None:
        """Whatever has to happen before the first statement."""
        return

    async def flush(self) -> None:
        """Sends the effects that the application has only noted down so far."""
        return

    @abstractmethod
    async def first(self, text: str, *values: Value) -> Sequence[Any] | None:
        """Runs a statement in the application's transaction, and gives the first row. Without values there is none."""

    async def set_savepoint(self, name: str) -> None:
        """Marks where the claim and its effects begin."""
        await self.first(f"SAVEPOINT {name}")

    async def release_savepoint(self, name: str) -> None:
        """Keeps what was done since."""
        await self.first(f"RELEASE SAVEPOINT {name}")

    async def undo_savepoint(self, name: str) -> None:
        """Takes back what was done since."""
        await self.first(f"ROLLBACK TO SAVEPOINT {name}")
        await self.first(f"RELEASE SAVEPOINT {name}")

    async def sqlite_state(self) -> SqliteState:
        """How the connection of `sqlite3` underneath stands."""
        raise NotImplementedError


def run(steps: Coroutine[Any, Any, T]) -> T:
    """Runs the steps of a synchronous driver, in which nothing waits for an event loop."""
    try:
        steps.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    steps.close()
    raise RuntimeError("a synchronous driver has waited for an event loop")


def bind(text: str, values: Sequence[Value], style: Style) -> tuple[str, Sequence[Value] | dict[str, Value]]:
    """A statement with `$1` or `?1` in it, and its values, as the driver wants them."""
    if style == "native":
        return text, tuple(values)
    text, order = _rewritten(text, style)
    if style == "pyformat":
        return text, {f"p{number}": value for number, value in enumerate(values, 1)}
    return text, tuple(values[number - 1] for number in order)


@lru_cache(maxsize=64)
def _rewritten(text: str, style: Style) -> tuple[str, tuple[int, ...]]:
    order = tuple(int(number) for number in _PLACEHOLDER.findall(text))
    if style == "qmark":
        return _PLACEHOLDER.sub("?", text), order
    text = text.replace("%", "%%")
    if style == "format":
        return _PLACEHOLDER.sub("%s", text), order
    # In parentheses, because a cast binds tighter than the minus of a number that the driver writes into the text.
    return _PLACEHOLDER.sub(r"(%(p\1)s)", text), order
