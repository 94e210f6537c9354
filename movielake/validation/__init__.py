"""Validation: does a lake match its manifest, and is a feed fit to be converted.

Enters: a lake, a pack or a feed. Leaves: findings, each with a rule, a severity, a place and an
advice. This wing never changes what it checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from movielake.names.layout import LAKE_FILE, MANIFEST_FOLDER, Folder, Terms
from movielake.validation.feeds import FEED_RULES, check_feed
from movielake.validation.findings import IGNORE, Checked, Finding
from movielake.validation.lake import check_lake
from movielake.validation.places import RULE as PLACES
from movielake.validation.rules import LAKE_RULES, choose_severities


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
) -> Iterator[Finding]:
    """Check a lake, or a feed before it is converted.

    Nothing is changed. A lake that holds exactly what its feed gave has no errors, whatever the
    feed was like; its warnings tell that. Nobody should write to the lake meanwhile.

    Parameters
    ----------
    path : str
        Path or URL of a lake, as its ``lake.json`` or ``manifest`` tells, or else of a feed.
    date_stamps, countries : str, iterable of str or slice, optional
        What to check; everything by default. See `movielake.names.layout.Selection`.
    sample : int, optional
        Open the files of so many partitions only, spread over the lake and the same each time;
        what can be told without opening a file is checked of all.
    fast : bool, optional
        Open no more than the Parquet files' footers, of all partitions.
    max_orphans : float, optional
        Share of a partition's showing records, 0 to 1, that may lack their movie or theater; more
        are an error.
    max_member_size : int or str, optional
        Of a feed: bytes that may come out of one member of a zip, 64 GB by default.
    max_ratio : float, optional
        Of a feed: bytes that may come out of each packed one beyond the first GB, 300 by default.
    rules : mapping of str to str, optional
        Names of rules to ``error``, ``warning`` or ``ignore``, instead of their own severity.
    workers : int, optional
        Processes; as many as there are CPUs by default, none but this one with 1 or if there is
        little to do. A running dask client is used instead.
    on_checked : callable, optional
        Told how much was looked at, whenever some has been.

    Yields
    ------
    Finding
        As they come: the lake as a whole first, then partition by partition in order.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If nothing is selected, or the options are wrong.

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
            raise ValueError(f"max_member_size and max_ratio are for feeds; {path} is a lake")
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
        )
    else:
        if fast or sample is not None or max_orphans is not None:
            raise ValueError(f"fast, sample and max_orphans are for lakes; {path} is a feed")
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
        raise ValueError("expected fast or a sample, found both: choose one of them")
    for name, number in (("sample", sample), ("workers", workers)):
        if number is not None and number < 1:
            raise ValueError(f"expected a positive number for {name}, found {number}")
    if max_orphans is not None and not 0 <= max_orphans <= 1:
        raise ValueError(f"expected a share from 0 to 1 for max_orphans, found {max_orphans}")


def is_lake(path: str) -> bool:
    """Tell whether a path or URL is a lake's rather than a feed's.

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
        If there is nothing.
    ValueError
        If it is a file.
    """
    folder = Folder(path)
    # A lake that has lost its lake.json is a broken lake, not a feed.
    if any(folder.fs.exists(folder.join(name)) for name in (LAKE_FILE, MANIFEST_FOLDER)):
        return True
    if folder.fs.isfile(folder.path):
        raise ValueError(
            f"expected the folder of a lake or of a feed, found a file: {path}; what is in a pack "
            "is checked when it is staged: movielake stage FILE.tar --to DIR"
        )
    if not folder.fs.exists(folder.path):
        raise FileNotFoundError(f"expected a lake or a feed, found nothing at {path}")
    return False
