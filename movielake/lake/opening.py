"""Opening a lake: create or check ``lake.json``, which states the format and the columns."""

from __future__ import annotations

import json
from typing import Any, Final

from movielake.lake.writers import write_atomically
from movielake.names.layout import LAKE_FILE, Folder
from movielake.schema.tables import FORMAT, TABLES
from movielake.schema.tables import table as read_table

LEAVES: Final = "leaves"
"""Layout as converted: one file for each table, date stamp and country."""

COMPACT: Final = "compact"
"""Layout for reading: one file for each table, country and span of stamps."""


def create_lake(lake: Folder) -> None:
    """Write ``lake.json`` if it does not exist. Otherwise check that the lake can be extended.

    Parameters
    ----------
    lake : Folder
        The folder of the lake, which may be new.

    Raises
    ------
    ValueError
        If the folder is a lake of another format or a compact copy, or has files but is not a lake.
    """
    if not is_lake(lake):
        write_atomically(lake, LAKE_FILE, lake_content(LEAVES))
    elif read_layout(lake) == COMPACT:
        raise ValueError(
            f"expected a lake as converted, found a compact copy in {lake.url}; convert into the "
            "lake that it was made from, then run: movielake compact LAKE TO"
        )


def lake_content(layout: str, span: str | None = None) -> bytes:
    """Return the content of ``lake.json``: the format, the layout, and the columns with types.

    Parameters
    ----------
    layout : str
        `LEAVES` or `COMPACT`.
    span : str, optional
        Unit of the spans of a compact lake.
    """
    content = {"format": FORMAT, "layout": layout, "span": span, "tables": _columns()}
    if span is None:
        del content["span"]
    return (json.dumps(content, indent=1) + "\n").encode()


def read_layout(lake: Folder) -> str:
    """Return the layout that ``lake.json`` states: `LEAVES` or `COMPACT`.

    Parameters
    ----------
    lake : Folder
        A lake that `check_lake` accepts. A folder that is not a lake yet gets leaves.
    """
    return str(_known(lake).get("layout", LEAVES))


def read_span(lake: Folder) -> str | None:
    """Return the unit of the spans of a compact lake, or None for another folder."""
    return _known(lake).get("span")


def _known(lake: Folder) -> dict[str, Any]:
    try:
        content = json.loads(lake.fs.cat_file(lake.join(LAKE_FILE)))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError:
        raise _unreadable(lake) from None
    if not isinstance(content, dict):
        raise _unreadable(lake)
    return content


def _unreadable(lake: Folder) -> ValueError:
    return ValueError(
        f"{lake.url}/{LAKE_FILE} is not readable; restore it or convert the feed again"
    )


def is_lake(lake: Folder) -> bool:
    """Return whether a folder is a lake that can be extended, or a new one.

    Parameters
    ----------
    lake : Folder
        The folder, which may be missing.

    Returns
    -------
    bool
        False for a missing or empty folder.

    Raises
    ------
    ValueError
        If the folder is a lake of another format, or has files but is not a lake.
    """
    file = lake.join(LAKE_FILE)
    # The second check is needed because another job may just have created the same lake.
    if not (lake.fs.exists(file) or _is_empty(lake) or lake.fs.exists(file)):
        raise ValueError(
            f"expected a lake or an empty folder, found files but no {LAKE_FILE} in {lake.url}"
        )
    if not lake.fs.exists(file):
        return False
    check_lake(lake)
    return True


def _columns() -> dict[str, dict[str, str]]:
    """Return the columns of each table with their types, as written in ``lake.json``."""
    return {name: {c.name: str(c.arrow) for c in read_table(name).columns} for name in TABLES}


def _is_empty(lake: Folder) -> bool:
    """Return whether a folder has no files except hidden ones."""
    return all(path.startswith(".") for path in lake.find())


def check_lake(lake: Folder) -> None:
    """Check that a folder is a lake of the format that this version reads, with the same columns.

    Parameters
    ----------
    lake : Folder
        The lake.

    Raises
    ------
    FileNotFoundError
        If the folder is not a lake.
    ValueError
        If the lake has another format, or if its tables have other columns than this format. A
        missing column, or one of another type, would lead to wrong results later.
    """
    file = lake.join(LAKE_FILE)  # first, so that an unknown protocol is not a damaged lake
    try:
        content = json.loads(lake.fs.cat_file(file))
        found = content["format"]
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(_tell_no_lake(lake)) from None
    except (ValueError, KeyError, TypeError):
        raise _unreadable(lake) from None
    if found != FORMAT:
        raise ValueError(
            f"expected a lake of format {FORMAT}, found format {found} in {lake.url}; "
            "use the movielake that wrote it, or convert the feed again, into another folder"
        )
    if (layout := content.get("layout", LEAVES)) not in (LEAVES, COMPACT):
        raise ValueError(
            f"expected the layout {LEAVES} or {COMPACT}, found {layout!r} in "
            f"{lake.url}/{LAKE_FILE}; use the movielake that wrote it"
        )
    if difference := describe_difference(content.get("tables")):
        raise ValueError(
            f"{lake.url}/{LAKE_FILE} states format {found}, but {difference}; "
            "use the movielake that wrote it, or convert the feed again, into another folder"
        )


def _tell_no_lake(lake: Folder) -> str:
    """Return an error message for a folder without a lake. The lake may be packed or further up."""
    if lake.is_local and lake.fs.isfile(lake.path):
        return (
            f"expected the folder of a lake, found a file: {lake.url}; "
            "unpack a pack with: movielake stage FILE.tar --to DIR"
        )
    around = [lake.url.rstrip("/").rsplit("/", up)[0] for up in (1, 2, 3)]
    for url in around if lake.is_local else []:
        if url and Folder(url).fs.isfile(Folder(url).join(LAKE_FILE)):
            return f"expected a lake, found a folder in one: {lake.url}; did you mean {url}?"
    return (
        f"expected a lake, found no {LAKE_FILE} in {lake.url}; "
        "make one with: movielake convert FEED LAKE"
    )


def describe_difference(found: Any) -> str:
    """Return how the tables of a lake differ from the format. The text is empty if they agree."""
    if not isinstance(found, dict) or not all(isinstance(t, dict) for t in found.values()):
        return "it does not list the columns of its tables"
    expected = _columns()
    if found.keys() != expected.keys():
        return f"expected the tables {', '.join(expected)}, found {', '.join(found) or 'none'}"
    for name, columns in expected.items():
        for column in columns | found[name]:
            wanted, there = columns.get(column), found[name].get(column)
            if wanted != there:
                return f"expected {name}.{column} {_of_type(wanted)}, found it {_of_type(there)}"
    return ""


def _of_type(type_: Any) -> str:
    return f"of type {type_}" if type_ else "not there"
