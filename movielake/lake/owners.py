"""Owners: the names of those who hold locks and write unfinished files, and whether they live."""

from __future__ import annotations

import os
import re
import socket
import threading
import uuid
from typing import Final

_OWNER: Final = re.compile(r"(.+)-([0-9]+)-[0-9]+-[0-9a-f]{12}")


def name_owner() -> str:
    """Return a unique name for an owner: host, ids of process and thread, and random digits."""
    return f"{_this_thread()}{uuid.uuid4().hex[:12]}"


def _this_thread() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{threading.get_native_id()}-"


def is_alive(owner: str) -> bool | None:
    """Return whether the process of an owner lives. Return None if this host cannot decide.

    The owner is a name that `name_owner` returned.

    Examples
    --------
    >>> from movielake.lake.owners import is_alive, name_owner
    >>> is_alive(name_owner()), is_alive("elsewhere-1-1-0123456789ab")
    (True, None)
    """
    match = _OWNER.fullmatch(owner)
    if match is None or match[1] != socket.gethostname():
        return None
    try:
        os.kill(int(match[2]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def has_ended(owner: str) -> bool | None:
    """Return whether an owner has stopped its work. Return None if this host cannot decide.

    An owner has stopped if its process has ended. It has also stopped if it is this thread,
    because this thread is now busy with this question.
    """
    if owner.startswith(_this_thread()):
        return True
    alive = is_alive(owner)
    return None if alive is None else not alive
