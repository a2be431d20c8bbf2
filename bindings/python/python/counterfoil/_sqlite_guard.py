"""Keeps two copies of SQLite away from one file.

The native module holds a copy of SQLite of its own, beside the one of Python's `sqlite3`. POSIX locks belong to the
process: whichever copy closes a descriptor of a file drops the locks that the other one holds there, and both may
then write at once. So a file is opened by one of the two only, and the other is refused:

1. a `SqliteStore` of a file that this process has open already, by whatever way;
2. `claim_in` and `complete_in` on a connection that has attached the file of a `SqliteStore`;
3. `sqlite3.connect` to the file of a `SqliteStore`, by any of its names: relative, `file:` URI, symbolic or hard link;
4. a `SqliteStore` in a forked child, of a file that the parent had open: the copied memory says that locks are held
   which only the parent holds.

What cannot be seen: another native library that opens the file later (apsw, DuckDB, a second wheel), `ATTACH` by a
connection that is not given to `claim_in`, and plain reading (`open`, `shutil.copy`), which drops the locks as well.
Other processes do no harm. Windows has no such locks, and needs no guard.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast
from urllib.parse import unquote_to_bytes

from counterfoil.errors import ConfigError

__all__ = ["Opening", "opening", "refuse", "watches"]

Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Inode: TypeAlias = tuple[int, int]

_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
_HARMLESS: Final = frozenset({"", ":memory:"})

_CLOSING: Final = 1.0
"""Seconds that a store whose last user has gone has to close its file."""


class Opening:
    """A store's right to its file, for as long as this object lives."""

    __slots__ = ("__weakref__",)


@dataclass(slots=True)
class _File:
    """A file that stores of this process have open, or may open at any time."""

    path: str
    users: int = 0
    inodes: set[Inode] = field(default_factory=set[Inode])
    inherited: bool = False

    def look(self) -> set[Inode]:
        """What lies at the path. It may be made after the store, and replaced while it is open."""
        there = _inodes([self.path])
        self.inodes |= there
        return there

    def is_one_of(self, names: list[str], inodes: set[Inode]) -> bool:
        if self.path in names or not inodes.isdisjoint(self.look()):
            return True
        # The number of a file that is gone, and not open any more, may be another's.
        known = inodes & self.inodes
        return bool(known) and not known.isdisjoint(_descriptors())

    def is_left(self) -> bool:
        """Whether the last store has gone, and has closed the file, which it does on a thread of its own."""
        if self.users > 0:
            return False
        self.look()
        return self.inodes.isdisjoint(_descriptors())


_files: dict[str, _File] = {}
_lock = threading.RLock()
_watching = False


def opening(path: Path) -> Opening:
    """Says that a store may open `path` at any time from now on, until what is returned is garbage.

    Raises:
        ConfigError: The file is open in this process already, outside a store.
    """
    right = Opening()
    if os.name == "nt":
        return right
    names = list(_names(path))
    with _lock:
        for name in names:
            _check_unopened(name)
        for name in names:
            file = _files.setdefault(name, _File(name))
            file.users += 1
            file.look()
        _watch()
    weakref.finalize(right, _leave, names).atexit = False
    return right


def refuse(path: Path) -> None:
    """Refuses a file that is to be used by another copy of SQLite than the stores'.

    Raises:
        ConfigError: A store has it.
    """
    names = list(_names(path))
    inodes = _inodes(names)
    for file in list(_files.values()):
        if not file.is_one_of(names, inodes):
            continue
        if file.users > 0:
            # Its stores may be garbage that nobody has collected.
            gc.collect()
        with _lock:
            if file.is_left():
                _files.pop(file.path, None)
                continue
        raise ConfigError(
            f"{file.path!r} belongs to a SqliteStore of this process, whose copy of SQLite is not Python's: each would "
            "drop the other's locks and damage the file. Give the store a file of its own, or read it from another "
            "process. It is free again once this process has let go of the SqliteStore and of every Receiver that has "
            "it."
        )


def watches() -> bool:
    """Whether there is a file to be refused."""
    return bool(_files)


def _check_unopened(name: str) -> None:
    file = _files.get(name)
    if file is not None and not file.inherited:
        if file.users > 0:
            return
        if _is_left_soon(file):
            del _files[name]
        # What is open all the same may be anybody's.
        file = None
    if name not in _open_files([name]):
        if file is not None:
            file.inherited = False
        return
    if file is not None:
        raise ConfigError(
            f"{name!r} was open when this process was forked, and SQLite cannot go on with it in the child: use the "
            "store for the first time after the fork"
        )
    raise ConfigError(
        f"this process has {name!r} open already, perhaps by Python's sqlite3: two copies of SQLite would drop each "
        "other's locks and damage the file. Give the SqliteStore a file of its own."
    )


def _is_left_soon(file: _File) -> bool:
    deadline = time.monotonic() + _CLOSING
    while not file.is_left():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _leave(names: list[str]) -> None:
    with _lock:
        for name in names:
            if file := _files.get(name):
                file.users -= 1


def _open_files(names: Iterable[str]) -> set[str]:
    """Those of the files that this process has descriptors of, themselves or what SQLite keeps beside them."""
    descriptors = set(_descriptors())
    return {name for name in names if not _inodes(name + end for end in _COMPANIONS).isdisjoint(descriptors)}


def _descriptors() -> Iterator[Inode]:
    folder = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
    for number in os.listdir(folder):
        try:
            status = os.fstat(int(number))
        except OSError:
            continue  # The one that the listing itself was read from.
        yield status.st_dev, status.st_ino


def _inodes(names: Iterable[str]) -> set[Inode]:
    inodes: set[Inode] = set()
    for name in names:
        try:
            status = os.stat(name)
        except OSError:
            continue
        inodes.add((status.st_dev, status.st_ino))
    return inodes


def _names(path: Path) -> Iterator[str]:
    """The absolute names that SQLite may take this path for: as it stands, and as a URI."""
    text = os.fsdecode(path).partition("\0")[0]
    names = [text]
    if text.startswith("file:"):
        name = text.removeprefix("file:").partition("#")[0].partition("?")[0]
        if name.startswith("//"):
            name = "/" + name[2:].partition("/")[2]
        names.append(os.fsdecode(unquote_to_bytes(name)).partition("\0")[0])
    for name in names:
        if name not in _HARMLESS:
            yield os.path.realpath(name)


def _watch() -> None:
    """From the first store on: a hook cannot be taken away again."""
    global _watching
    if not _watching:
        _watching = True
        sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "sqlite3.connect" and _files:
        database = arguments[0]
        if isinstance(database, str | bytes | os.PathLike):
            refuse(cast("Path", database))


def _forked() -> None:
    """In the child: the parent's descriptors are here too, with locks that are not."""
    global _lock
    _lock = threading.RLock()
    if _files:
        still_open = _open_files(_files)
        for file in _files.values():
            file.inherited = file.path in still_open


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
