"""The example notebooks of the documentation, written as ordinary ``.ipynb`` files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from movielake.lake.single import claim_file, whole_file
from movielake.names.layout import Folder
from movielake.schema.tables import shipped_folder

_HEAD: Final = re.compile(r"\A---\n.*?^---\n", re.S | re.M)
_CELL: Final = re.compile(r"^```\{code-cell\}\n(?::tags: \[(.*?)\]\n+)?(.*?)^```$", re.S | re.M)
_LAKE: Final = 'os.environ.get("MOVIELAKE_LAKE", "lake")'

_METADATA: Final = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True)
class WrittenNotebooks:
    """The result of `write_notebooks`.

    Parameters
    ----------
    written : tuple of str
        Paths of the notebooks that are now as asked for.
    kept : tuple of str
        Paths of existing files with other content. They were not changed.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]


def write_notebooks(folder: str, lake: str = "lake", *, force: bool = False) -> WrittenNotebooks:
    """Write the example notebooks.

    Parameters
    ----------
    folder : str
        Local folder. It is made if it does not exist.
    lake : str, optional
        Path or URL of the lake that the notebooks open. A local path becomes absolute, because a
        notebook runs in its own folder. The lake can be made later.
    force : bool, optional
        Replace existing files with other content, such as notebooks that you changed or ran.

    Returns
    -------
    WrittenNotebooks

    Raises
    ------
    ValueError
        If the folder is not local, or is part of a lake or feed.
    NotADirectoryError
        If the folder is a file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from movielake.cli.notebooks import write_notebooks
    >>> with TemporaryDirectory() as folder:
    ...     result = write_notebooks(f"{folder}/notebooks")
    >>> len(result.written), result.kept
    (8, ())
    """
    target = _local(folder)
    written, kept = [], []
    for name, text in _notebooks(lake):
        path = str(Path(folder, name))
        claim_file(path, "notebook", lambda _: True, force=force)
        content, found = text.encode(), _read(Path(target.join(name)))
        if found is not None and found != content and not force:
            kept.append(path)
            continue
        if found != content:
            with whole_file(target, name) as file:
                file.write(content)
        written.append(path)
    return WrittenNotebooks(tuple(written), tuple(kept))


def _local(folder: str) -> Folder:
    target = Folder(folder)
    if not target.is_local:
        raise ValueError(f"expected a local folder for the notebooks, found {folder}")
    if Path(target.path).is_file():
        raise NotADirectoryError(f"expected a folder for the notebooks, found the file {folder}")
    return target


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _notebooks(lake: str) -> Iterator[tuple[str, str]]:
    """Yield the file name and the content of each notebook."""
    place = Folder(lake)
    found = json.dumps(place.path if place.is_local else lake, ensure_ascii=False)
    opens = f'os.environ.get("MOVIELAKE_LAKE", {found})'
    for source in sorted(shipped_folder("docs/notebooks").glob("*.md")):
        if source.stem != "index":
            text = source.read_text("utf-8").replace(_LAKE, opens)
            yield f"{source.stem}.ipynb", _as_notebook(text)


def _as_notebook(text: str) -> str:
    cells: list[dict[str, Any]] = []
    # The pattern has two groups, so the parts repeat as: text, tags, code.
    parts = _CELL.split(_HEAD.sub("", text, count=1))
    for number, part in enumerate(parts):
        if number % 3 == 0 and part.strip():
            cells.append({"cell_type": "markdown", "metadata": {}, "source": _linked(part.strip())})
        elif number % 3 == 2:
            tags = [tag.strip() for tag in (parts[number - 1] or "").split(",") if tag.strip()]
            kind: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
            metadata = {"tags": tags} if tags else {}
            cells.append({**kind, "metadata": metadata, "source": part.strip()})
    return _as_json([{**cell, "id": f"cell-{number}"} for number, cell in enumerate(cells)])


def _as_json(cells: list[dict[str, Any]]) -> str:
    for cell in cells:
        cell["source"] = cell["source"].splitlines(keepends=True)
    whole = {"cells": cells, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _linked(text: str) -> str:
    """Let links lead to the other notebooks. Other pages are not beside them."""
    text = re.sub(r"\[([^\]]*)\]\(\.\./[^)]*\)", r"\1", text)
    return re.sub(r"\]\(([\w-]+)\.md\)", r"](\1.ipynb)", text)
