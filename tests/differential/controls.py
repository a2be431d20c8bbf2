"""Peers that are broken on purpose. A run that does not fail with them would not see the same mistake in us."""

from __future__ import annotations

import hmac
import importlib
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from request import Request
from sides import Side, Stdlib


def broken(side: Side, control: str) -> Side:
    """A peer that makes this mistake."""
    match control:
        case "tag":
            ignore_last_byte()
            return side
        case "time":
            return lambda request: side(replace(request, now=request.now + timedelta(seconds=1)))
        case "body":
            return lambda request: side(trimmed(request))
        case _:
            raise SystemExit(f"CONTROL={control}: there are `tag`, `time` and `body`")


def ignore_last_byte() -> None:
    """Nobody looks at the last byte of a tag any more."""

    def compare(one: Any, other: Any) -> bool:
        end = -2 if isinstance(one, str) or len(one) > 32 else -1
        return hmac.compare_digest(one[:end], other[:end])

    put("stripe._webhook", "secure_compare", compare)
    put("standardwebhooks.webhooks", "hmac", SimpleNamespace(new=hmac.new, compare_digest=compare))
    Stdlib.compare = staticmethod(compare)


def trimmed(request: Request) -> Request:
    """White space at the end of the body is lost, unless it is all there is."""
    return replace(request, body=request.body.rstrip(b" \r\n\t") or request.body)


def put(module: str, name: str, value: object) -> None:
    """Fails where there is nothing to replace, which would make the control idle."""
    found = importlib.import_module(module)
    getattr(found, name)
    setattr(found, name, value)
