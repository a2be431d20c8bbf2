"""Lets event loops wait for the native module, each through one socket.

The native threads put what has arrived into the loop's mailbox and write a byte. They never call into the interpreter:
such a call would wait for its lock, and for ever where the interpreter is ending.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from counterfoil._core import Mailbox

if TYPE_CHECKING:
    from counterfoil._core import Completion

_mailboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, ref[Mailbox]] = WeakKeyDictionary()
"""Each is its loop's alone, kept by what the loop reads: it goes when the loop is closed, with all that waits in it."""


def mailbox() -> Mailbox:
    """The running loop's mailbox."""
    return _of(asyncio.get_running_loop())


def future(completion: Completion[Any]) -> asyncio.Future[Any]:
    """A future of the running loop for what has not arrived yet."""
    loop = asyncio.get_running_loop()
    awaited = loop.create_future()
    _of(loop).expect(completion, awaited)
    return awaited


def _of(loop: asyncio.AbstractEventLoop) -> Mailbox:
    known = _mailboxes.get(loop)
    made = None if known is None else known()
    if made is None:
        made = Mailbox()
        _mailboxes[loop] = ref(made)
        loop.add_reader(made.fileno(), made.collect)
    return made
