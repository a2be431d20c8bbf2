"""The list of what is done to requests, and the schemes that each is for."""

from __future__ import annotations

from collections.abc import Callable

from draft import Draft, Mutation, Stage
from schemes import Scheme

ALL: list[Mutation] = []

Change = Callable[[Draft], str | None]


def anywhere(_: Scheme) -> bool:
    return True


def is_hex(scheme: Scheme) -> bool:
    return not scheme.base64


def is_base64(scheme: Scheme) -> bool:
    return scheme.base64


def is_list(scheme: Scheme) -> bool:
    return scheme.separator is not None


def has_entry_time(scheme: Scheme) -> bool:
    return scheme.time is not None and scheme.time.place == "entry"


def has_head_time(scheme: Scheme) -> bool:
    return scheme.in_head is not None


def has_id(scheme: Scheme) -> bool:
    return scheme.id_header is not None


def has_event_header(scheme: Scheme) -> bool:
    return scheme.event_header is not None


def is_whsec(scheme: Scheme) -> bool:
    return scheme.whsec


def mutation(
    stage: Stage, applies: Callable[[Scheme], bool] = anywhere, *, weight: int = 1
) -> Callable[[Change], Change]:
    def add(change: Change) -> Change:
        ALL.extend([Mutation(stage, change.__name__.replace("_", " "), change, applies)] * weight)
        return change

    return add


def is_svix(scheme: Scheme) -> bool:
    return scheme.name == "svix"
