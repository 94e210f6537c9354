"""Validation: check that a lake matches its manifest, or that a feed can be converted.

Enters: a lake or a feed. Leaves: findings, each with a rule, a severity, a path and advice. This
wing never changes the lake or the feed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from movielake.names.layout import LAKE_FILE, MANIFEST_FOLDER, MANIFEST_TABLE, Folder, Terms
from movielake.validation.feeds import FEED_RULES, check_feed
from movielake.validation.findings import IGNORE, Checked, Finding
from movielake.validation.lake import check_lake
from movielake.validation.places import RULE as PLACES
from movielake.validation.rules import LAKE_RULES, choose_severities
from movielake.validation.weeks import CountryWeeks


def validate(
    path: str,
    *,
    date_stamps: Terms = None,
    countries: Terms = None,
    sample: int | None = None,
    fast: bool = False,
    max_orphans: float | None = None,
    max_member_size: int | str | None = None,
    max_ratio: float | None = None,
    rules: Mapping[str, str] | None = None,
    workers: int | None = None,
    on_checked: Callable[[Checked], None] | None = None,
    on_weeks: Callable[[list[CountryWeeks]], None] | None = None,
) -> Iterator[Finding]:
    """Check a lake, or a feed before it is converted.

    The function changes no file. A lake with exactly the data of its feed has no errors, even if
    the feed is odd. Warnings describe the oddities of the feed. Do not write to the lake during
    the check.

    Parameters
    ----------
    path : str
        Path or URL of a lake or a feed. A folder with ``lake.json``, ``manifest`` or
        ``manifest.parquet`` is a lake. Any other folder is a feed.
    date_stamps, countries : str, iterable of str or slice, optional
        The partitions to check. Default: all. See `movielake.names.layout.Selection`.
    sample : int, optional
        Lakes only: number of partitions whose files are opened. They are spread over the lake and
        are the same in each run. Checks that open no data file still cover all partitions.
    fast : bool, optional
        Lakes only: open only the footers of the Parquet files, in all partitions.
    max_orphans : float, optional
        Lakes only: largest allowed share, 0 to 1, of a partition's showing records without their
        movie or without their theater. A larger share is an error.
    max_member_size : int or str, optional
        Feeds only: largest size in bytes to which one member of a zip can unpack. Default: 64 GB.
    max_ratio : float, optional
        Feeds only: largest number of bytes to which each packed byte can unpack, after the first
        GB. Default: 300.
    rules : mapping of str to str, optional
        Name of a rule to ``error``, ``warning`` or ``ignore``. This replaces the rule's severity.
    workers : int, optional
        Number of processes. Default: one for each CPU, or only this process if the work is small.
        A running dask client is used instead.
    on_checked : callable, optional
        Function that is called after each step of work, with a `Checked`: how much was checked.
    on_weeks : callable, optional
        Lakes only: function that is called once, with a `CountryWeeks` for each country: which
        weeks are missing between its first and its last one.

    Yields
    ------
    Finding
        Findings on the lake as a whole first, then partition by partition in order. The order of
        a compact lake is that of its files: country, then stamp.

    Raises
    ------
    FileNotFoundError
        If ``path`` does not exist.
    ValueError
        If the selection matches no partition, or the options are wrong.

    Examples
    --------
    >>> import tempfile
    >>> from movielake import convert, validate
    >>> from movielake.sample import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_sample(f"{folder}/feed", weeks=1, countries=["nzl"], scale=0.02)
    ...     _ = convert(f"{folder}/feed", f"{folder}/lake", workers=1)
    ...     findings = list(validate(f"{folder}/lake"))
    >>> [finding for finding in findings if finding.severity == "error"]
    []
    """
    _check_options(sample, fast, max_orphans, workers)
    if is_lake(path):
        if max_member_size is not None or max_ratio is not None:
            raise ValueError(f"max_member_size and max_ratio are for feeds, but {path} is a lake")
        severities = choose_severities(rules or {}, LAKE_RULES)
        found = check_lake(
            path,
            date_stamps=date_stamps,
            countries=countries,
            sample=sample,
            fast=fast,
            max_orphans=max_orphans,
            places=severities[PLACES] != IGNORE,
            workers=workers,
            on_checked=on_checked,
            on_weeks=on_weeks,
        )
    else:
        if fast or sample is not None or max_orphans is not None:
            raise ValueError(f"fast, sample and max_orphans are for lakes, but {path} is a feed")
        severities = choose_severities(rules or {}, FEED_RULES)
        found = check_feed(
            path,
            date_stamps=date_stamps,
            countries=countries,
            max_member_size=max_member_size,
            max_ratio=max_ratio,
            workers=workers,
            on_checked=on_checked,
        )
    for finding in found:
        severity = severities[finding.rule]
        if severity != IGNORE:
            yield replace(finding, severity=severity)


def _check_options(
    sample: int | None, fast: bool, max_orphans: float | None, workers: int | None
) -> None:
    if fast and sample is not None:
        raise ValueError("expected fast or a sample, found both; choose one of them")
    for name, number in (("sample", sample), ("workers", workers)):
        if number is not None and number < 1:
            raise ValueError(f"expected a positive number for {name}, found {number}")
    if max_orphans is not None and not 0 <= max_orphans <= 1:
        raise ValueError(f"expected a share from 0 to 1 for max_orphans, found {max_orphans}")


def is_lake(path: str) -> bool:
    """Return whether a path or URL is a lake. Any other folder counts as a feed.

    Parameters
    ----------
    path : str
        Path or URL of a folder.

    Returns
    -------
    bool

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    ValueError
        If the path is a file.
    """
    folder = Folder(path)
    # A lake without its lake.json is a broken lake, not a feed.
    names = (LAKE_FILE, MANIFEST_FOLDER, MANIFEST_TABLE)
    if any(folder.fs.exists(folder.join(name)) for name in names):
        return True
    if folder.fs.isfile(folder.path):
        raise ValueError(
            f"expected the folder of a lake or a feed, found the file {path}; "
            "to check a pack, stage it: movielake stage FILE.tar --to DIR"
        )
    if not folder.fs.exists(folder.path):
        raise FileNotFoundError(f"expected a lake or a feed, found no folder at {path}")
    return False
