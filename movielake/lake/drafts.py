"""Drafts: data derived from all commits, published only if no commit was changed meanwhile."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from movielake.lake.locks import LOCK_FOLDER, name_draft
from movielake.lake.writers import named, rename
from movielake.names.layout import Folder


class Draft:
    """A file of a lake that is being derived from all commits, within a context.

    At the start, an empty file stands for the draft. A process that changes a commit removes it.

    Parameters
    ----------
    lake : Folder
        The lake.
    """

    def __init__(self, lake: Folder) -> None:
        self._lake = lake
        self._sign = lake.join(name_draft())
        # An object becomes visible only when it is complete, so the content is a second object.
        self._content = self._sign if lake.is_local else lake.join(name_draft())

    def __enter__(self) -> Draft:
        self._lake.make(LOCK_FOLDER)
        self._lake.fs.pipe_file(self._sign, b"")
        return self

    def __exit__(self, *_: object) -> None:
        for path in {self._sign, self._content}:
            with suppress(FileNotFoundError):
                self._lake.fs.rm_file(path)

    def publish(self, content: bytes, path: str) -> None:
        """Write the file, unless another process has removed the draft.

        Parameters
        ----------
        content : bytes
            The whole content.
        path : str
            Path relative to the lake.
        """
        with suppress(FileNotFoundError):
            self._write(content)
            if self._lake.is_local or self._lake.fs.exists(self._sign):
                rename(self._lake, self._content, path)

    def _write(self, content: bytes) -> None:
        with named(self._content):
            if self._lake.is_local:
                with Path(self._content).open("r+b") as file:  # fails if the draft was removed
                    file.write(content)
            else:
                self._lake.fs.pipe_file(self._content, content)
