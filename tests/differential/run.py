"""Asks us and others about random requests, valid and changed, and fails where nobody can say why the verdicts differ.

    PYTHONPATH=FOLDER_OF_THE_PEERS python tests/differential/run.py

| variable | what it is | default |
| --- | --- | --- |
| `CASES` | cases for each peer, and twice as many for `stdlib`, which is many senders | 15000 |
| `SEED` | the seed of a run, as it was printed | 0, so that runs are alike; random beside `CASES` |
| `CASE` | one case of that seed, as `PEER/NUMBER`: prints it | all |
| `PEERS` | some of `stripe,standardwebhooks,svix,stdlib` | all |
| `CONTROL` | breaks the peers, so that the run must fail: `tag`, `time` or `body` | none |
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter

import mutations
from controls import broken
from draft import make
from explanations import Explanation, explain, read
from request import Request
from schemes import PLAIN, STANDARD, STRIPE, SVIX
from sides import Side, Standard, Stdlib, Stripe, Verdict, ask, ours

ENOUGH = 15_000
"""From so many cases on, every explanation is met."""

SCHEMES = {"stripe": (STRIPE,), "standardwebhooks": (STANDARD,), "svix": (SVIX,), "stdlib": PLAIN}


class Disagreement(Exception):
    """One that nothing explains."""


def side(peer: str) -> Side:
    whole: Side
    match peer:
        case "stripe":
            whole = Stripe()
        case "stdlib":
            whole = Stdlib()
        case _:
            whole = Standard(peer)
    control = os.environ.get("CONTROL")
    return broken(whole, control) if control else whole


def request_of(seed: str, peer: str, number: int) -> Request:
    rng = random.Random(f"{seed}/{peer}/{number}")
    return make(rng.choice(SCHEMES[peer]), rng, mutations.ALL)


def differ(here: Verdict, there: Verdict) -> bool:
    if here.accepts != there.accepts:
        return True
    # What is not read is not compared.
    pairs = zip(here.read, there.read, strict=True)
    return here.accepts and any(None not in pair and pair[0] != pair[1] for pair in pairs)


def judge(seed: str, peer: str, number: int, other: Side, known: list[Explanation]) -> str:
    """The class of one case."""
    request = request_of(seed, peer, number)
    here, there = ours(request), ask(other, request)
    if not differ(here, there):
        return "both accept" if here.accepts else "both refuse"
    found = explain(known, peer, request, here, there)
    if found:
        return found.when
    raise Disagreement(
        f"nothing explains a disagreement with {peer}\n"
        f"again    SEED={seed} CASE={peer}/{number}\n{request.shown(2000)}\n"
        f"we       {here}\n{peer:8} {there}"
    )


def run(seed: str, peer: str, cases: int, known: list[Explanation]) -> Counter[str]:
    """The classes of many cases, and how often each was met."""
    other = side(peer)
    # Those of the standard library are many senders.
    numbers = range(cases * 2 if peer == "stdlib" else cases)
    classes = Counter(judge(seed, peer, number, other, known) for number in numbers)
    for name in ("both accept", "both refuse"):
        if classes[name] < cases // 20:
            raise Disagreement(f"{peer}: {classes[name]} of {cases} cases are `{name}`: the cases say too little")
    unmet = [explanation.when for explanation in known if peer in explanation.peers and not classes[explanation.when]]
    if unmet and cases >= ENOUGH:
        raise Disagreement(
            f"{peer}: no case of SEED={seed} CASES={cases} meets {', '.join(unmet)}: remove or narrow it"
        )
    return classes


def show(tables: dict[str, Counter[str]], known: list[Explanation]) -> None:
    """A table of classes, with a column for each peer."""
    names = ["both accept", "both refuse", *dict.fromkeys(explanation.when for explanation in known)]
    print("| class | who accepts |", " | ".join(tables), "|")
    print("| --- | --- |", " | ".join("---:" for _ in tables), "|")
    accepts = {explanation.when: explanation.accepts for explanation in known}
    for name in names:
        counts = [str(table[name]) if table[name] else "" for table in tables.values()]
        print(f"| {name} | {accepts.get(name, '')} |", " | ".join(counts), "|")


def main() -> int:
    asked = os.environ.get("CASES")
    seed = os.environ.get("SEED") or (str(random.SystemRandom().randrange(2**32)) if asked else "0")
    cases = int(asked or 15_000)
    peers = (os.environ.get("PEERS") or ",".join(SCHEMES)).split(",")
    known = read()
    one = os.environ.get("CASE")
    if one:
        peer, _, number = one.partition("/")
        request = request_of(seed, peer, int(number))
        print(f"{request.shown(len(request.body))}\nwe       {ours(request)}\n{peer:8} {ask(side(peer), request)}")
        return 0
    print(f"SEED={seed} CASES={cases}", flush=True)
    tables: dict[str, Counter[str]] = {}
    failed = False
    for peer in peers:
        start = time.perf_counter()
        try:
            tables[peer] = run(seed, peer, cases, known)
            print(f"{peer}: {tables[peer].total()} cases in {time.perf_counter() - start:.1f} s", flush=True)
        except Disagreement as disagreement:
            failed = True
            print(disagreement, file=sys.stderr)
    show(tables, known)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
