"""Any value for any argument of the Python package, found by a fuzzer that sees where its inputs lead.

    python bindings/python/fuzz/edge.py -max_total_time=300

See the README beside this file.
"""

from __future__ import annotations

import importlib
import logging
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

# The checkers of types run where it is not installed.
atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["counterfoil", "json", "calls", "odd"]):
    counterfoil: Any = importlib.import_module("counterfoil")
    calls: Any = importlib.import_module("calls")
    odd: Any = importlib.import_module("odd")

# The senders' documents show what a header and a body look like; the rest is up to the fuzzer.
PIECES: list[str] = [
    *(
        "x-handl-signature",
        "X-Agiled-Webhook-Signature",
        "x-agiled-webhook-timestamp",
        "authorization",
        "sha256=",
        "v1=",
    ),
    *('{"id":"evt_1","type":"order.created","created_at":"2026-05-18T12:00:00Z","data":{}}', "1779105600", "Bearer "),
    *(
        "content-length",
        "content-encoding",
        "gzip",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "+02:00",
        "/a~1b",
        "POST",
    ),
    *counterfoil.senders(),
]
MAKERS = list(odd.VALUES)
DEPTH = 3


def value(data: Any, depth: int = 0) -> Any:
    """A value of any shape."""
    kinds = 10 if depth < DEPTH else 7
    match data.ConsumeIntInRange(0, kinds):
        case 0:
            return data.PickValueInList(MAKERS)()
        case 1:
            return data.PickValueInList(PIECES)
        case 2:
            return data.ConsumeUnicode(data.ConsumeIntInRange(0, 40))
        case 3:
            return data.ConsumeBytes(data.ConsumeIntInRange(0, 80))
        case 4:
            return data.ConsumeInt(data.ConsumeIntInRange(1, 10))
        case 5:
            return data.ConsumeFloat()
        case 6:
            return timedelta(days=data.ConsumeIntInRange(-999_999_000, 999_999_000), microseconds=data.ConsumeInt(4))
        case 7:
            days = timedelta(days=data.ConsumeIntInRange(0, 3_652_058), microseconds=data.ConsumeIntInRange(0, 10**6))
            return datetime.min.replace(tzinfo=UTC if data.ConsumeBool() else None) + days
        case 8:
            return [value(data, depth + 1) for _ in range(data.ConsumeIntInRange(0, 5))]
        case 9:
            return (value(data, depth + 1), value(data, depth + 1))
        case _:
            names = (data.ConsumeUnicode(8) if data.ConsumeBool() else data.PickValueInList(PIECES) for _ in range(4))
            return {name: value(data, depth + 1) for name in names}


def one(table: list[Any], raw: bytes) -> None:
    """One call, with one or two of its arguments changed."""
    data: Any = atheris.FuzzedDataProvider(raw)
    call = data.PickValueInList(table)
    names = list(call.arguments)
    changed = {data.PickValueInList(names): value(data) for _ in range(data.ConsumeIntInRange(1, 2))}
    try:
        repr(call(**changed))
    except BaseException as error:
        # Panics are no `Exception`. What may be raised by one of the values may be raised by the other.
        if not any(odd.allowed(error, passed) for passed in changed.values()):
            print(f"{call.name}({changed!r:.1000})", file=sys.stderr)
            raise


def main() -> None:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        # Those that run an event loop for each call are slow, and read their arguments as their twins do.
        table = [call for call in calls.calls(Path(folder)) if not call.is_async]
        # How a value is put together guides it as well.
        for function in (value, one):
            atheris.instrument_func(function)

        def take(raw: bytes) -> None:
            one(table, raw)

        atheris.Setup(sys.argv, take)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
