"""What the fast path leaves to the reference, and why."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class NotRecognised(Exception):
    """Raised where a member as a whole is left to the reference; its text is the reason."""


class Reason(IntEnum):
    """Why one record is left to the reference; 0 stands for no reason, the highest one counts."""

    ORDER = 1
    REPEATED = 2
    TIMES = 3
    TEXT = 4
    TAG = 5
    LENGTH = 6


REASONS: Final[Mapping[int, str]] = {
    Reason.LENGTH: "a record that is very long",
    Reason.TAG: "a tag that is not in the schema, or written otherwise",
    Reason.TEXT: "a text where none is expected, or written otherwise",
    Reason.ORDER: "elements or text in another order or place",
    Reason.REPEATED: "an element that is there twice",
    Reason.TIMES: "times beside the dates",
}
"""What a `Reason` is called in the manifest."""

TOO_MUCH: Final = "rows of too much text"
"""Why a member is left where a block would become more rows than memory may hold."""

TOO_MANY: Final = "many records that are not regular"
"""Why a member is left where it has too many records for a `Reason`."""
