"""What the Python examples share, whatever their framework: settings, receivers, and what is booked of which event.

They take each other's place, and that of the examples in Rust, on the same files and databases.
"""

from __future__ import annotations

from . import sql
from .booking import Booking
from .environment import Config, load_config, port
from .serving import GRACE, announce
from .sql import Entry
from .sqlite import SqliteBooks
from .store import postgres_parameters, told

__all__ = [
    "GRACE",
    "Booking",
    "Config",
    "Entry",
    "SqliteBooks",
    "announce",
    "load_config",
    "port",
    "postgres_parameters",
    "sql",
    "told",
]
