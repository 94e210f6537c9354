"""The file lake.json: whether it states the format, layout and columns that movielake writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from movielake.lake.opening import COMPACT, LEAVES, describe_difference
from movielake.names.layout import LAKE_FILE, Folder
from movielake.schema.tables import FORMAT
from movielake.staging.spans import SPANS
from movielake.validation.findings import Finding
from movielake.validation.rules import found, reason


def check_lake_file(lake: Folder) -> Iterator[Finding]:
    """Compare ``lake.json`` with the format that this version reads and writes.

    Parameters
    ----------
    lake : Folder
        The lake.

    Yields
    ------
    Finding
    """
    try:
        text = bytes(lake.fs.cat_file(lake.join(LAKE_FILE)))
        content = json.loads(text)
        version, tables = content["format"], content["tables"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"cannot be read ({reason(error)}); restore it from a backup"
        yield found("lake-file", LAKE_FILE, message)
        return
    if version != FORMAT:
        message = f"expected format {FORMAT}, found {version!r}; the validation stops here"
        yield found("lake-format", LAKE_FILE, f"{message}, use the movielake that wrote the lake")
        return
    if not _has_known_layout(content):
        message = "expected the layout leaves, or the layout compact with a span, found another"
        yield found("lake-file", LAKE_FILE, f"{message}; restore it from a backup")
    if not is_as_written(text, content):
        message = "expected the bytes that movielake writes, found others; restore it from a backup"
        yield found("lake-file", LAKE_FILE, message)
    if difference := describe_difference(tables):
        yield found("lake-schema", LAKE_FILE, f"{difference}; convert the feed to a new lake")


def _has_known_layout(content: Any) -> bool:
    if content.get("layout") == COMPACT:
        return content.get("span") in SPANS
    return content.get("layout") == LEAVES and "span" not in content


def is_as_written(text: bytes, content: Any) -> bool:
    """Return whether JSON has exactly the format that movielake writes, to the last space."""
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode() == text


def stated_layout(lake: Folder) -> Any:
    """Return the layout in ``lake.json``, or None if the file cannot be read."""
    try:
        return json.loads(lake.fs.cat_file(lake.join(LAKE_FILE)))["layout"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
