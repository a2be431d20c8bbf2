"""Every event has its effect once, though receivers are killed hundreds of times: see `fire`.

| variable | meaning | default |
| --- | --- | --- |
| `TRANSACTIONS_KILLS` | kills for each driver | `150` |
| `TRANSACTIONS_SEED` | the plan of a run that failed, as it printed it | random |
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .frameworks import AsyncSqlAlchemy, Django, DjangoSqlite, SqlAlchemy
from .home import Home, Place
from .plain import Asyncpg, Psycopg, Sqlite

KILLS = int(os.environ.get("TRANSACTIONS_KILLS", "150"))
SEED = int(os.environ.get("TRANSACTIONS_SEED", random.randrange(2**31)))


def campaign(home: type[Home], place: Place, kills: int, mutant: str = "") -> dict[str, Any]:
    words = [home.__name__, place.postgres, str(place.sqlite), str(kills), str(SEED), mutant]
    done = subprocess.run(
        [sys.executable, "-m", "transactions.fire", *words],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120 + kills,
    )
    assert done.returncode == 0, f"TRANSACTIONS_SEED={SEED}\n{done.stderr}"
    outcome: dict[str, Any] = json.loads(done.stdout)
    print(outcome)
    return outcome


@pytest.mark.parametrize("home", [Psycopg, Asyncpg, Sqlite, Django, DjangoSqlite, SqlAlchemy, AsyncSqlAlchemy])
def test_each_event_has_one_effect(home: type[Home], new_place: Place) -> None:
    outcome = campaign(home, new_place, KILLS)
    events = outcome["deliveries"]
    assert outcome["kills"] >= KILLS, outcome
    assert set(outcome["killed_at"]) == {"begun", "claimed", "applied", "held", "committed", "answered", "at random"}, (
        outcome
    )
    assert outcome["unconnected"] <= KILLS / 10, outcome
    assert (outcome["answered"], outcome["effects"], outcome["undone"]) == (events, {"1": events}, 0), outcome


@pytest.mark.parametrize("home", [Psycopg, Sqlite])
@pytest.mark.parametrize(("mutant", "effects"), [("early", {0: False, 2: True}), ("late", {0: True, 2: False})])
def test_what_is_done_wrong_is_seen(home: type[Home], mutant: str, effects: dict[int, bool], new_place: Place) -> None:
    outcome = campaign(home, new_place, 40, mutant)
    doubled = any(int(number) > 1 for number in outcome["effects"])
    assert (doubled, "0" in outcome["effects"]) == (effects[2], effects[0]), outcome
