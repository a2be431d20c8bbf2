"""How a service starts and stops."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

GRACE: Final = timedelta(seconds=20)
"""How long deliveries that are under way may take to finish once the service is told to stop."""


def announce(port: int) -> None:
    """Says on stdout that connections are taken."""
    print(f"listening on http://127.0.0.1:{port}", flush=True)
