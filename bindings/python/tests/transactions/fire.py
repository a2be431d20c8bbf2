"""Receivers under fire, by one driver: they are killed in the middle of their work, and a sender goes on.

A sender has some deliveries on the way at any time, and sends each again until it is answered. Two receivers handle
them, on one database, with one effect for each event in the transaction that claims it. They are killed with SIGKILL
all the time: by the sender, at random, or by themselves at one of the points of `POINTS`. Who judges is the table of
effects, from which nothing is ever removed: in the end every event has one effect.

`python -m transactions.fire HOME POSTGRES SQLITE KILLS SEED [MUTANT]` prints what came out as JSON. The mutants do
wrong, to show that it would be seen: `early` commits the effects before the claim, `late` after it.
"""

from __future__ import annotations

import json
import os
import random
import selectors
import signal
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from counterfoil import NotClaimed, StoreError

from . import homes
from .admin import DONE, Admin, PostgresAdmin, SqliteAdmin, delivery
from .frameworks import set_django_up
from .home import Home, Place

POINTS = ("begun", "claimed", "applied", "held", "committed", "answered")
SLOTS = 2
ON_THE_WAY = 40
LATE_COPIES = 5
#: Seconds in which a receiver's life ends, however far it got.
LIFE = 0.02
NUMBER = struct.Struct("<i")
READY = -1
UNCONNECTED = 3


@dataclass
class Outcome:
    """What a campaign came to. All but the kills have to be what the deliveries say."""

    seed: int
    kills: int = 0
    killed_at: Counter[str] = field(default_factory=Counter[str])
    deliveries: int = 0
    answered: int = 0
    #: Events by the number of their effects: `{1: deliveries}`.
    effects: Counter[int] = field(default_factory=Counter[int])
    undone: int = 0
    #: Lives that ended before they began: a server that is being shot at may have no place at once.
    unconnected: int = 0
    seconds: float = 0.0


class Receiver:
    """A process that handles deliveries, as the sender sees it."""

    def __init__(
        self, home: Home, numbers: list[int], plan: tuple[str, int] | None, life: float | None, mutant: str
    ) -> None:
        self.answers, answers = os.pipe()
        self.death: float | None = None
        self.connected = True
        self._life = life
        self._rest = b""
        self.process = os.fork()
        if self.process == 0:
            os.close(self.answers)
            _live(home, numbers, plan, answers, mutant)
        os.close(answers)

    def read(self) -> list[int] | None:
        """The answers that have come in; `None` once it has ended."""
        got = os.read(self.answers, 4096)
        if not got:
            return None
        if self.death is None and self._life is not None:
            # Counted from its first word, so that it has got to work.
            self.death = time.monotonic() + self._life
        whole = len(self._rest + got) // NUMBER.size * NUMBER.size
        data, self._rest = (self._rest + got)[:whole], (self._rest + got)[whole:]
        return [number for (number,) in NUMBER.iter_unpack(data)]

    def kill(self) -> None:
        os.kill(self.process, signal.SIGKILL)
        self.death = None
        self._life = None

    def bury(self) -> bool:
        """Whether it was killed."""
        os.close(self.answers)
        _, status = os.waitpid(self.process, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, f"a receiver died of signal {os.WTERMSIG(status)}"
            return True
        assert os.WEXITSTATUS(status) in (0, UNCONNECTED), "a receiver has failed: see what it wrote"
        self.connected = os.WEXITSTATUS(status) == 0
        return False


def _live(home: Home, numbers: list[int], plan: tuple[str, int] | None, answers: int, mutant: str) -> NoReturn:
    passed: Counter[str] = Counter()

    def at(point: str) -> None:
        passed[point] += 1
        if plan == (point, passed[point]):
            os.kill(os.getpid(), signal.SIGKILL)

    async def handle(connection: Any, number: int) -> bool:
        event = delivery(number)
        if mutant == "early":
            async with home.block(connection):
                await home.apply(connection, event)
        try:
            async with home.block(connection):
                at("begun")
                async with home.claim(connection, event):
                    at("claimed")
                    if not mutant:
                        await home.apply(connection, event)
                    at("applied")
                at("held")
        except NotClaimed as error:
            return error.answer.status == 200
        except StoreError as error:
            assert error.transient, error
            return False
        at("committed")
        if mutant == "late":
            async with home.block(connection):
                await home.apply(connection, event)
        return True

    status = UNCONNECTED

    async def life() -> None:
        nonlocal status
        async with home.connect() as connection:
            status = 1
            os.write(answers, NUMBER.pack(READY))
            for number in numbers:
                if await handle(connection, number):
                    os.write(answers, NUMBER.pack(number))
                    at("answered")

    try:
        home.run(life())
        status = 0
    except BaseException as error:
        print(f"{type(home).__name__}: {error!r}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


class Sender:
    def __init__(self, home: Home, kills: int, seed: int, mutant: str) -> None:
        self.home, self.kills, self.mutant = home, kills, mutant
        self.random = random.Random(seed)
        self.outcome = Outcome(seed)
        self.pending: set[int] = set()
        self.answered: set[int] = set()
        self.selector = selectors.DefaultSelector()

    def run(self) -> None:
        lives = 0
        while lives or self.outcome.kills < self.kills or self.pending:
            while lives < SLOTS and (self.outcome.kills < self.kills or self.pending):
                self._start()
                lives += 1
            lives -= self._wait()

    def _start(self) -> None:
        killing = self.outcome.kills < self.kills
        while killing and len(self.pending) < ON_THE_WAY:
            self.pending.add(self.outcome.deliveries)
            self.outcome.deliveries += 1
        late = self.random.sample(sorted(self.answered), min(LATE_COPIES, len(self.answered)))
        numbers = [*self.pending, *late]
        self.random.shuffle(numbers)
        plan, life = None, None
        if killing and self.random.random() < 0.5:
            plan = (self.random.choice(POINTS), self.random.randint(1, 4))
        elif killing:
            life = self.random.uniform(0, LIFE)
        receiver = Receiver(self.home, numbers, plan, life, self.mutant)
        self.selector.register(receiver.answers, selectors.EVENT_READ, (receiver, plan))

    def _wait(self) -> int:
        """Until something happens. Gives the number of receivers that have ended."""
        receivers = [key.data[0] for key in self.selector.get_map().values()]
        deaths = [receiver.death for receiver in receivers if receiver.death is not None]
        ended = 0
        for key, _ in self.selector.select(max(0.0, min(deaths) - time.monotonic()) if deaths else 30):
            receiver, plan = key.data
            numbers = receiver.read()
            if numbers is None:
                self.selector.unregister(receiver.answers)
                ended += 1
                if receiver.bury():
                    self.outcome.kills += 1
                    self.outcome.killed_at[plan[0] if plan else "at random"] += 1
                self.outcome.unconnected += not receiver.connected
                continue
            self.answered.update(numbers)
            self.answered.discard(READY)
            self.pending -= self.answered
        for receiver in receivers:
            if receiver.death is not None and receiver.death <= time.monotonic():
                receiver.kill()
        return ended


def judge(outcome: Outcome, answered: set[int], admin: Admin) -> None:
    outcome.answered = len(answered)
    for number in range(outcome.deliveries):
        event = delivery(number)
        outcome.effects[admin.effects(event)] += 1
        row = admin.event(event)
        outcome.undone += row is None or row.state != DONE
    admin.close()


def main() -> None:
    name, postgres, sqlite, kills, seed, mutant = [*sys.argv[1:], ""][:6]
    set_django_up()
    home: Home = getattr(homes, name)(Place(postgres, Path(sqlite), patience=10))
    began = time.monotonic()

    async def first() -> None:
        """Imports whatever the driver needs, once for all receivers."""
        async with home.connect() as connection, home.work(connection, delivery(-1)):
            pass

    home.run(first())
    sender = Sender(home, int(kills), int(seed), mutant)
    sender.run()
    judge(
        sender.outcome,
        sender.answered,
        PostgresAdmin(postgres) if home.engine == "postgres" else SqliteAdmin(Path(sqlite)),
    )
    sender.outcome.seconds = round(time.monotonic() - began, 1)
    print(json.dumps(vars(sender.outcome)))


if __name__ == "__main__":
    main()
