"""Values that no caller means to pass."""

from __future__ import annotations

import array
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from counterfoil import WebhookError


class Own(Exception):
    """What a value of these raises by itself: whoever passes it gets it back."""


def refuse(*_: object) -> NoReturn:
    raise Own


Stubborn = type(
    "Stubborn",
    (),
    dict.fromkeys(
        [
            *("__str__", "__repr__", "__bytes__", "__iter__", "__len__", "__getitem__", "__index__", "__int__"),
            *("__float__", "__bool__", "__eq__", "__hash__", "__fspath__", "__getattr__", "__call__", "__await__"),
            *("__enter__", "__contains__", "keys", "items", "raw", "utcoffset", "__next__", "__length_hint__"),
        ],
        refuse,
    ),
)
"""Nothing can be asked of one."""


class Text(str):
    """Says that it is another text than it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return "another"

    def __len__(self) -> int:
        return 2**62

    def __eq__(self, other: object) -> bool:
        raise Own

    def __hash__(self) -> int:
        raise Own

    def encode(self, *_: Any, **__: Any) -> bytes:
        raise Own


class Bytes(bytes):
    def __len__(self) -> int:
        return 2**62

    def __bytes__(self) -> bytes:
        raise Own

    def __getitem__(self, _: Any) -> Any:
        raise Own


class Number(int):
    def __index__(self) -> int:
        raise Own

    def __int__(self) -> int:
        raise Own


class Endless(list[Any]):
    """A list that says it is longer than any memory."""

    def __len__(self) -> int:
        return 2**62

    def __iter__(self) -> Iterator[Any]:
        return iter(["/id"])


class Shrinking(list[Any]):
    """A list that is empty once it was asked for its length."""

    def __len__(self) -> int:
        length = super().__len__()
        self.clear()
        return length


class Broken(Sequence[Any]):
    """A sequence whose length is no length."""

    def __init__(self, length: Any) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length  # type: ignore[no-any-return]

    def __getitem__(self, index: Any) -> Any:
        raise Own


class Headers(Mapping[str, str]):
    """A mapping that changes while it is read."""

    def __init__(self) -> None:
        self.names = {"a": "1", "b": "2"}

    def __getitem__(self, name: str) -> str:
        self.names[name * 2] = "3"
        return self.names[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return -1 if len(self.names) > 2 else 2


class Items:
    """An object whose `items` are whatever it is made with."""

    def __init__(self, items: Any) -> None:
        self.items = items


class Raw:
    def __init__(self, raw: Any) -> None:
        self.raw = raw


class Zone(tzinfo):
    """A time zone whose offset is whatever it is made with."""

    def __init__(self, offset: Any) -> None:
        self.offset = offset

    def utcoffset(self, when: datetime | None, /) -> Any:
        return self.offset() if callable(self.offset) else self.offset

    def tzname(self, when: datetime | None, /) -> str:
        raise Own

    def dst(self, when: datetime | None, /) -> Any:
        raise Own


class Moment(datetime):
    """A `datetime` that computes nothing."""

    def utcoffset(self) -> timedelta:
        raise Own

    def __sub__(self, other: Any) -> Any:
        raise Own


class Span(timedelta):
    @property
    def days(self) -> int:
        raise Own

    def total_seconds(self) -> float:
        raise Own


class Class(type):
    def __instancecheck__(cls, _: Any) -> bool:
        raise Own


class Disguised:
    """Says that it is of another type."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    @property
    def __class__(self) -> Any:
        return self.kind

    @__class__.setter
    def __class__(self, _: Any) -> None: ...


def changing(pairs: dict[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """The pairs of a dict that changes with each."""
    for name, value in list(pairs.items()):
        pairs.clear()
        yield name, value


def released() -> memoryview:
    view = memoryview(b"{}")
    view.release()
    return view


def itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def exported() -> memoryview:
    return memoryview(bytearray(b'{"id":1}' * 100))[::-3]


def same(value: Any) -> Callable[[], Any]:
    return lambda: value


PLAIN: tuple[Callable[[], Any], ...] = tuple(
    same(value)
    for value in [
        *(
            None,
            True,
            False,
            0,
            -1,
            1,
            99,
            100,
            999,
            1000,
            65_535,
            65_536,
            2**31,
            2**32,
            2**63 - 1,
            2**63,
            2**64,
            -(2**63),
        ),
        *(
            10**30,
            -(10**30),
            1.5,
            float("nan"),
            float("inf"),
            1j,
            Decimal("1.5"),
            ...,
            NotImplemented,
            object,
            type,
            len,
        ),
        *("", " ", "a", "\0", "\n", "\ud800", "a\udfff", "\U0010ffff", "x" * 100_000, "/", "/~", "/~2", "~", "é" * 300),
        *(
            "http://",
            "https://[",
            "postgres://",
            "postgres://\0",
            "redis://h/x",
            "rediss://h",
            "redis+unix://",
            "a\r\nb",
        ),
        *("postgres://u:p@h:99999/d?sslmode=x", "postgres://h?x=%ff", "file:a?b", "/dev/null/x", "env:NAME", "+99:99"),
        *(b"", b"a", b"\xff", b"{}", b"\0" * 1000, date(2026, 1, 1), time(12), Path("/"), slice(1), range(3)),
        *(datetime(2026, 5, 18), datetime.min, datetime.max, datetime.min.replace(tzinfo=UTC)),
        *(datetime.max.replace(tzinfo=timezone(timedelta(hours=-23))), datetime.min.replace(tzinfo=timezone.max)),
        *(timedelta.min, timedelta.max, timedelta(0), timedelta(microseconds=1), timedelta(-1), timedelta(days=10**6)),
        *((), ("a",), ("a", "b"), (("a", "b", "c"),), frozenset({1}), ("secret-of-16-bytes", datetime.max)),
    ]
)

MADE: tuple[Callable[[], Any], ...] = (
    *(Stubborn, Class("C", (), {}), object, lambda: Text("POST"), lambda: Bytes(b"{}"), lambda: Number(5), Endless),
    *(lambda: Endless(["/id"]), lambda: Shrinking(["/id", "/a", "/b"]), lambda: Broken(2**62), lambda: Broken(-1)),
    *(lambda: Broken("x"), lambda: Broken(2), Headers, lambda: Items(None), lambda: Items(refuse), lambda: Items(list)),
    *(lambda: Items(lambda: 5), lambda: Items(lambda: changing({"a": "b", "c": "d"})), lambda: Items(Stubborn)),
    *(
        lambda: Items(lambda: [Stubborn()]),
        lambda: Items(lambda: [Endless()]),
        lambda: Raw([("a", "b")]),
        lambda: Raw(5),
    ),
    *(lambda: Raw([(b"a",)]), lambda: Raw(itself()), itself, exported, released, lambda: bytearray(b"{}")),
    *(
        lambda: memoryview(b"abcd").cast("I"),
        lambda: memoryview(bytes(8)).cast("B", (2, 2, 2)),
        lambda: memoryview(b""),
    ),
    *(lambda: array.array("d", [1.5]), lambda: [("a", 1)], lambda: [(1, "a")], lambda: [(None, None)], lambda: [["a"]]),
    *(
        lambda: {"a": "b"},
        lambda: {b"a": b"b"},
        lambda: {1: 2},
        lambda: {"a": Text("b")},
        lambda: [(Text("a"), Text("b"))],
        lambda: {"a": Stubborn()},
    ),
    *(lambda: [Stubborn()], lambda: [("a", Stubborn())], lambda: [("\ud800", "\ud800")], lambda: [("a\0", "b\0")]),
    *(
        lambda: UserDict({"a": "b"}),
        lambda: (pair for pair in [("a", "b")]),
        lambda: iter([refuse]),
        lambda: map(refuse, "a"),
    ),
    *(
        lambda: [["secret-of-16-bytes", 5]],
        lambda: [("secret-of-16-bytes", 5)],
        lambda: [("a", "b", "c")],
        lambda: [None],
    ),
    *(
        lambda: [b"", "", " "],
        lambda: ["secret-of-16-bytes"] * 5,
        lambda: ["secret-of-16-bytes"] * 100_000,
        lambda: [[]],
    ),
    *(lambda: datetime(2026, 5, 18, tzinfo=Zone(refuse)), lambda: datetime(2026, 5, 18, tzinfo=Zone(None))),
    *(lambda: datetime(2026, 5, 18, tzinfo=Zone(timedelta(days=2))), lambda: datetime(2026, 5, 18, tzinfo=Zone(5))),
    *(lambda: datetime.min.replace(tzinfo=Zone(timedelta(hours=5))), lambda: Moment(2026, 5, 18, tzinfo=UTC)),
    *(lambda: Span(5), lambda: (Span(5), Span(5)), lambda: (timedelta(-1), timedelta(1)), lambda: (timedelta.max,) * 2),
    *(lambda: (None, None), lambda: ("/id",) * 9, lambda: ["+02:00", "x"], lambda: ["\ud800"], lambda: [5]),
    *(lambda: Disguised(str), lambda: Disguised(bytes), lambda: Disguised(dict), lambda: Disguised(datetime)),
    *(
        lambda: Disguised(timedelta),
        lambda: Disguised(list),
        lambda: Disguised(int),
        lambda: type("E", (Exception,), {})(),
    ),
    *(lambda: ValueError(Stubborn()), lambda: Own(), lambda: KeyboardInterrupt(), lambda: lambda: None),
)

VALUES = (*PLAIN, *MADE)
"""Makes each of them."""


def allowed(error: BaseException, value: Any) -> bool:
    """Whether it is one that a caller expects, or the value's own."""
    if isinstance(error, WebhookError | TypeError | Own):
        return True
    if isinstance(value, BaseException) and error is value:
        return True
    # What Python says of views, time zones, lengths and dicts that cannot be what they say.
    words = ("released memoryview", "sub-views", "strictly between", "__len__()", "changed size", "cannot fit")
    kinds = (ValueError, RuntimeError, OverflowError, NotImplementedError)
    return type(error) in kinds and any(word in str(error) for word in words)
