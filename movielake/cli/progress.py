"""Progress of long work: a bar on a terminal, one line in a notebook, some lines in a log.

All output goes to stderr.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from rich.progress import Progress

    from movielake.conversion.planning import Plan
    from movielake.conversion.results import Outcome
    from movielake.validation.findings import Checked

_QUIET_SECONDS: Final = 5.0
"""Seconds between two lines of a log."""

_NOTEBOOK_SECONDS: Final = 0.2
"""Seconds between two updates of a notebook's line."""


class ProgressBar:
    """Context manager that shows the progress of converting, staging, packing or validating.

    Parameters
    ----------
    verb : str
        Name of the work, e.g. ``convert``.
    quiet : bool, optional
        Show nothing.

    Examples
    --------
    >>> import tempfile
    >>> from movielake import ProgressBar, convert, stage
    >>> from movielake.sample import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_sample(f"{folder}/feed", weeks=1, countries=["nzl"], scale=0.02)
    ...     with ProgressBar("convert") as bar:
    ...         _ = convert(f"{folder}/feed", f"{folder}/lake", on_plan=bar.plan,
    ...                     on_progress=bar.outcome, workers=1)
    ...     with ProgressBar("stage") as bar:
    ...         _ = stage(f"{folder}/lake", f"{folder}/ssd", on_progress=bar.file)
    """

    def __init__(self, verb: str, *, quiet: bool = False) -> None:
        self._verb = verb
        self._quiet = quiet
        self._bar: Progress | None = None
        self._in_notebook = False
        self._total = self._done = self._files = self._width = 0
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        from rich.console import Console

        console = Console(stderr=True)
        self._in_notebook = console.is_jupyter and not self._quiet
        self._began = self._said = time.monotonic()
        if console.is_terminal and not self._in_notebook and not self._quiet:
            self._bar = self._start(console)
        return self

    def _start(self, console: object) -> Progress:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        bar = Progress(*columns, console=console)  # type: ignore[arg-type]
        bar.add_task(self._verb, total=None, rate="")
        bar.start()
        return bar

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._in_notebook:
            self._rewrite("\n")

    def plan(self, plan: Plan) -> None:
        """Read the total number of bytes from a plan. Pass this method as ``on_plan``.

        Parameters
        ----------
        plan : Plan
            Plan of a conversion.

        Examples
        --------
        >>> from movielake import ProgressBar, convert
        >>> with ProgressBar("convert") as bar:
        ...     result = convert("feed", "memory://planned", countries="nzl", on_plan=bar.plan)
        """
        self._total = plan.bytes
        self._began = self._said = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], total=self._total or None)

    def outcome(self, outcome: Outcome) -> None:
        """Count a feed zip. Pass this method as ``on_progress`` to a conversion.

        Parameters
        ----------
        outcome : Outcome
            Result of one feed zip.

        Examples
        --------
        >>> from movielake import ProgressBar, convert
        >>> with ProgressBar("convert") as bar:
        ...     result = convert("feed", "memory://seen", countries="nzl", on_progress=bar.outcome)
        """
        self.file("/".join(outcome.zip_.key), outcome.zip_.size)

    def checked(self, checked: Checked) -> None:
        """Count checked files. Pass this method as ``on_checked`` to a validation.

        Parameters
        ----------
        checked : Checked
            Number of checked files and their bytes.

        Examples
        --------
        >>> from movielake import ProgressBar, validate
        >>> with ProgressBar("validate") as bar:
        ...     result = validate("lake", countries="nzl", on_checked=bar.checked)
        """
        self.file("", checked.bytes, checked.files)

    def file(self, name: str, size: int, files: int = 1) -> None:
        """Count a finished file. Pass this method as ``on_progress`` to staging and packing.

        Parameters
        ----------
        name : str
            Name to show.
        size : int
            Size in bytes.
        files : int, optional
            Number of files to count.

        Examples
        --------
        >>> from movielake import ProgressBar
        >>> with ProgressBar("copy") as bar:
        ...     bar.file("191206S.parquet", 1_000_000)
        """
        self._done += size
        self._files += files
        if self._bar is not None:
            task = self._bar.task_ids[0]
            self._bar.update(
                task, advance=size, rate=self._rate(), description=f"{self._verb} {name}"
            )
            return
        if self._quiet:
            return
        seconds = _NOTEBOOK_SECONDS if self._in_notebook else _QUIET_SECONDS
        if time.monotonic() - self._said > seconds:
            self._said = time.monotonic()
            if self._in_notebook:
                self._rewrite()
            else:
                sys.stderr.write(f"{self._line()}\n")

    def _rewrite(self, ending: str = "") -> None:
        """Overwrite the line, and blank the rest of a longer line."""
        line = self._line()
        sys.stderr.write(f"\r{line:{self._width}}{ending}")
        sys.stderr.flush()
        self._width = len(line)

    def _line(self) -> str:
        share = f"{100 * self._done // self._total} %, " if self._total else ""
        return f"{self._verb}: {share}{self._files} files, {self._rate()}"

    def _rate(self) -> str:
        seconds = max(time.monotonic() - self._began, 1e-9)
        rate = self._done / seconds
        return f"{rate / 1e6:.1f} MB/s" if rate >= 1e6 else f"{rate / 1e3:.0f} kB/s"
