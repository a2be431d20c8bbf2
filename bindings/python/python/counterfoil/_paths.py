"""Which receiver a path is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from counterfoil._core import Receiver
from counterfoil.errors import ConfigError


class Paths:
    """One receiver for every path, or one for each of some paths."""

    __slots__ = ("_everywhere", "_receivers")

    def __init__(self, receiver: Receiver | Mapping[str, Receiver], path: str | None) -> None:
        self._everywhere: Final = receiver if isinstance(receiver, Receiver) and path is None else None
        receivers: Mapping[str, Receiver] = {}
        if isinstance(receiver, Mapping):
            if path is not None:
                raise ConfigError("give one receiver and its `path=`, or several receivers by their paths, not both")
            receivers = receiver
        elif path is not None:
            receivers = {path: receiver}
        for known in receivers:
            if not known.startswith("/"):
                raise ConfigError(f"the path {known!r} of a receiver begins with no slash")
        # Routers take a path for the same with a slash at its end: it must not lead around the receiver.
        self._receivers: Final = {known.rstrip("/"): receiver for known, receiver in receivers.items()}

    def receiver(self, path: str) -> Receiver | None:
        """The receiver for this path, if it is one's."""
        return self._everywhere or self._receivers.get(path.rstrip("/"))
