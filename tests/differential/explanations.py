"""The disagreements that `explained.toml` explains."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import predicates
from looks import Looks
from request import Request
from sides import Verdict

FILE = Path(__file__).with_name("explained.toml")


@dataclass(frozen=True)
class Explanation:
    """One of them."""

    when: str
    peers: tuple[str, ...]
    accepts: Literal["ours", "theirs"]
    because: str
    codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.when not in predicates.ALL or self.accepts not in ("ours", "theirs") or not self.because:
            raise ValueError(f"{FILE.name}: `{self.when}` has no predicate, no side or no reason")
        if bool(self.codes) != (self.accepts == "theirs"):
            raise ValueError(f"{FILE.name}: `{self.when}` needs our codes exactly where we refuse")

    def fits(self, peer: str, here: Verdict, there: Verdict) -> bool:
        """Whether these are its sides and its code."""
        accepts = "ours" if here.accepts else "theirs"
        return peer in self.peers and accepts == self.accepts and (here.accepts or here.code in self.codes)


def read() -> list[Explanation]:
    """Those of the file. Each predicate stands there once."""
    tables = tomllib.loads(FILE.read_text())["explained"]
    known = [
        Explanation(**table | {"peers": tuple(table["peers"]), "codes": tuple(table.get("codes", ()))})
        for table in tables
    ]
    names = [explanation.when for explanation in known]
    if sorted(names) != sorted(predicates.ALL):
        raise ValueError(
            f"{FILE.name}: a predicate stands there twice, or not at all: {set(names) ^ set(predicates.ALL)}"
        )
    return known


def explain(known: list[Explanation], peer: str, request: Request, here: Verdict, there: Verdict) -> Explanation | None:
    """The explanation of a disagreement, if there is one."""
    if here.accepts and there.accepts:
        return None
    looks = Looks(request, peer)
    fitting = (explanation for explanation in known if explanation.fits(peer, here, there))
    return next((explanation for explanation in fitting if predicates.ALL[explanation.when](looks)), None)
