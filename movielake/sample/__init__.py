"""A synthetic feed with the layout and the quirks of the real feed, which is licensed.

Enters: a seed, a number of weeks and countries. Leaves: feed zips made from word lists.
`movielake.sample.quirks` lists the quirks, their rates and their places. This wing never imports
the converter. It follows only the description of the feed's format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from movielake.sample.edition import make_edition
from movielake.sample.films import Catalogue, week_date
from movielake.sample.packaging import ZipCounts, open_folder
from movielake.sample.places import DEFAULT_COUNTRIES, Country, choose_countries
from movielake.sample.quirks import is_missing

__all__ = ["DEFAULT_COUNTRIES", "SampleSummary", "write_sample"]

MAX_WEEKS = 500
MAX_SCALE = 500.0


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """Counts of a sample, made while it was generated.

    `screenings` counts the valid times: the rows of the showings table with a show_time.
    `records` and `screenings` are counted before damage. `xml_bytes` is the size of the members
    named ``.xml``. `zip_bytes` is the size of the zips. `damaged` lists damaged zips
    (``STAMP/movies_CCC.zip``) and damaged members (``STAMP/movies_CCC.zip/MEMBER``). `stamps` and
    `countries` list only stamps and countries with a zip.
    """

    zips: int
    members: int
    records: int
    screenings: int
    xml_bytes: int
    zip_bytes: int
    stamps: tuple[str, ...]
    countries: tuple[str, ...]
    damaged: tuple[str, ...] = ()


def write_sample(
    feed: str,
    *,
    weeks: int = 8,
    countries: Sequence[str] | None = None,
    scale: float = 1.0,
    seed: int = 0,
    damage: bool = False,
    progress: Callable[[str, int], None] | None = None,
) -> SampleSummary:
    """Write a synthetic feed: one zip per week and country.

    Every byte of a zip depends only on the seed, the scale, the week, the country and the version
    of zlib. A feed with more weeks or countries contains the same zips as a smaller feed.

    Parameters
    ----------
    feed
        Folder for the feed: a local path or an fsspec URL. It must be empty or missing.
    weeks
        Number of weekly stamps from 20191206 on, up to 500. From the 15th week on, theaters close
        country by country (in China from the 9th week). They open again slowly.
    countries
        Three-letter codes. None means can, deu, gbr, fra, chn, aus, swe and nzl.
    scale
        Factor for the number of theaters, up to 500. The number of films grows with the fourth
        root of the factor. At 1, the default weeks and countries make about 40 MB of XML.
    seed
        Seed of the random choices. Each seed makes another feed.
    damage
        Whether to damage a few zips and members in the second week, see `quirks.DAMAGE`.
    progress
        Called with the path and size of each finished zip.

    Returns
    -------
    SampleSummary

    Raises
    ------
    ValueError
        If a country is unknown, or if weeks or scale are out of range.
    FileExistsError
        If the feed folder is not empty.

    Examples
    --------
    >>> summary = write_sample("memory://sample", weeks=2, countries=["can", "chn"], scale=0.02)
    >>> summary.zips, summary.members, summary.stamps
    (4, 9, ('20191206', '20191213'))
    """
    chosen = choose_countries(countries)
    _require("weeks", weeks, 1, MAX_WEEKS)
    _require("scale", scale, 1e-6, MAX_SCALE)
    folder = open_folder(feed)
    folder.require_empty()
    catalogue = Catalogue(seed, float(scale))
    written: dict[tuple[str, str], ZipCounts] = {}
    for stamp, country, week in _editions(seed, weeks, chosen):
        path, counts = folder.write(make_edition(catalogue, country, week), damage)
        written[stamp, country.code] = counts
        if progress:
            progress(path, counts.zip_bytes)
    return _summarise(written)


def _require(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"expected {name} from {low:g} to {high:g}, found {value!r}")


def _editions(
    seed: int, weeks: int, chosen: Iterable[Country]
) -> Iterable[tuple[str, Country, int]]:
    for week in range(weeks):
        for country in chosen:
            if not is_missing(seed, country.code, week):
                yield f"{week_date(week):%Y%m%d}", country, week


def _summarise(written: dict[tuple[str, str], ZipCounts]) -> SampleSummary:
    counts = written.values()
    return SampleSummary(
        zips=len(counts),
        members=sum(c.members for c in counts),
        records=sum(c.records for c in counts),
        screenings=sum(c.screenings for c in counts),
        xml_bytes=sum(c.xml_bytes for c in counts),
        zip_bytes=sum(c.zip_bytes for c in counts),
        stamps=tuple(dict.fromkeys(stamp for stamp, _ in written)),
        countries=tuple(dict.fromkeys(code for _, code in written)),
        damaged=tuple(name for c in counts for name in c.damaged),
    )
