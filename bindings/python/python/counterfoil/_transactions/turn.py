"""Whose a connection is while a claim is open on it."""

from __future__ import annotations

import asyncio
import threading
from typing import Final

from counterfoil.errors import ConfigError

_CLAIMING: Final[dict[int, tuple[object, int]]] = {}
"""By connection: who has claims open on it, and how many."""


class Turn:
    """The right to claim on a connection. Its transaction is one: the claims and effects of two tasks or threads would
    be committed and taken back with each other's."""

    def __init__(self, connection: object) -> None:
        self._connection = connection
        self._is_taken = False

    def take(self) -> None:
        """Takes it, unless another task or thread has it.

        Raises:
            ConfigError: Somebody else has a claim open on this connection.
        """
        me = _me()
        owner, claims = _CLAIMING.get(id(self._connection), (me, 0))
        if owner != me:
            raise ConfigError(
                "another task or thread has a claim open on this connection: give each delivery a connection of its "
                "own, such as from a pool"
            )
        _CLAIMING[id(self._connection)] = (owner, claims + 1)
        self._is_taken = True

    def give_up(self) -> None:
        """Gives it up, where it was taken."""
        if self._is_taken:
            self._is_taken = False
            owner, claims = _CLAIMING.pop(id(self._connection))
            if claims > 1:
                _CLAIMING[id(self._connection)] = (owner, claims - 1)


def _me() -> object:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.get_ident() if task is None else task
