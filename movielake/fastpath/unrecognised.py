"""Reasons why the fast path leaves a record or a member to the reference."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class NotRecognised(Exception):
    """Raised if a whole member is left to the reference; its text is the reason."""


class Reason(IntEnum):
    """Why one record is left to the reference.

    0 means "no reason". If a record has several reasons, the highest one counts.
    """

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
"""Text of each `Reason` in the manifest."""

TOO_MUCH: Final = "rows of too much text"
"""Reason if the rows of a block would need more memory than is allowed."""

TOO_MANY: Final = "many records that are not regular"
"""Reason if a block has too many irregular records to read each alone."""
