"""What every test module shares: one reproducible profile of hypothesis, and the count of the vectors that ran."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run: a test that fails, fails for everybody. No deadline, since machines differ.
settings.register_profile(
    "counterfoil",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=400,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("counterfoil")

_ran: dict[str, int] = {}


@pytest.fixture
def count_vectors() -> Callable[[str, int], None]:
    """Takes down how many vectors of a file have run, for the summary."""

    def count(file: str, number: int) -> None:
        _ran[file] = number

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _ran:
        terminalreporter.write_line(f"{sum(_ran.values())} vectors of {len(_ran)} files ran through the binding")
