"""What an error of a driver means for an event."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from counterfoil._transactions.driver import Driver
from counterfoil.errors import ConfigError, RolledBack, StoreError, WebhookError

Code: TypeAlias = str | int | None
Translation: TypeAlias = Callable[[Driver, Exception], WebhookError]

_NO_TRANSACTION: Final = "25P01"
_TRANSACTION_FAILED: Final = "25P02"
_DISK_FULL: Final = ("53100", 13)
_NO_TABLE: Final = ("42P01", "3F000")

#: The time limits on transactions, and a server that ends: beside class 08, the connection went away in the middle.
_BROKE_OFF: Final = frozenset({"25P03", "25P04", "57P01", "57P02", "57P04"})

#: Serialization and deadlock, resources, object in use, cancelled or starting up, I/O: trying again may help.
_PASSING_CLASSES: Final = ("40", "53", "55", "57", "58")
#: A server that has become a standby.
_READ_ONLY: Final = "25006"
#: Busy, locked, out of memory, read-only, I/O, cannot open, protocol.
_PASSING_SQLITE: Final = frozenset({5, 6, 7, 8, 10, 14, 15})


@contextmanager
def translated(driver: Driver, translation: Translation) -> Generator[None]:
    """Raises what the driver's errors mean in their place."""
    try:
        yield
    except WebhookError:
        raise  # One of ours, though it may be a ValueError as well.
    except driver.errors as error:
        raise translation(driver, error) from error


def unclaimed(driver: Driver, error: Exception) -> WebhookError:
    """The claim failed, and nothing of it was committed."""
    code = code_of(error)
    if code == _NO_TRANSACTION:
        return ConfigError(f"there is no open transaction: {driver.advice}")
    if code == _TRANSACTION_FAILED or isinstance(error, driver.over):
        return RolledBack("an earlier statement of this transaction has failed: it can only be rolled back")
    return StoreError(f"the event could not be claimed: {_text(error, code)}", _is_transient(code))


def unsettled(driver: Driver, error: Exception) -> WebhookError:
    """The last statement before the commit failed. A database that answers with an error will commit nothing."""
    code = code_of(error)
    if code == _NO_TRANSACTION:
        return ConfigError(f"there is no open transaction: {driver.advice}")
    if isinstance(error, driver.over) or (code is not None and not _broke_off(code)):
        return RolledBack(f"the transaction cannot be committed any more: {_text(error, code)}")
    return StoreError(f"the event could not be settled: {_text(error, code)}", _is_transient(code))


def code_of(error: BaseException) -> Code:
    """The SQLSTATE or SQLite's code, wherever between driver and framework it is."""
    for link in _chain(error):
        for name in ("sqlstate", "pgcode", "sqlite_errorcode"):
            code = getattr(link, name, None)
            if isinstance(code, str | int):
                return code
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(8):
        if link is None:
            return
        yield link
        wrapped = getattr(link, "orig", None)
        link = wrapped if isinstance(wrapped, BaseException) else link.__cause__


def _text(error: Exception, code: Code) -> str:
    # The innermost one: those around it repeat the statement and its values.
    *_, innermost = _chain(error)
    lines = str(innermost).splitlines()
    text = lines[0] if lines else type(innermost).__name__
    if code in _NO_TABLE or text.startswith("no such table"):
        text += " (the tables are made by the statements of `Tables().postgres_migrations()` or `.sqlite_migrations()`)"
    return text if code is None else f"{text} [{code}]"


def _broke_off(code: str | int) -> bool:
    return isinstance(code, str) and (code.startswith("08") or code in _BROKE_OFF)


def _is_transient(code: Code) -> bool:
    if code is None or code in _DISK_FULL or _broke_off(code):
        return True
    if isinstance(code, int):
        # The kind is in the last byte.
        return code & 0xFF in _PASSING_SQLITE
    return code.startswith(_PASSING_CLASSES) or code == _READ_ONLY
