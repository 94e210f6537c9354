"""A feed and its lake in one folder, and small feeds for the tests of conversion."""

from __future__ import annotations

from pathlib import Path

from movielake.conversion.results import Conversion
from movielake.conversion.runs import convert
from tests.feeds import files, week, write_feed

DEU = "20191206/movies_deu.zip"
SWE = "20191206/movies_swe.zip"
LATER = "20191213/movies_deu.zip"
HIVE = "date_stamp=20191206/country=deu"


class Place:
    """A feed and a lake in one folder."""

    def __init__(self, root: Path) -> None:
        self.feed_path = root / "feed"
        self.lake_path = root / "lake"
        self.feed = str(self.feed_path)
        self.lake = str(self.lake_path)

    def write(self, contents) -> Place:
        """Write files of the feed."""
        write_feed(self.feed_path, contents)
        return self

    def convert(self, **options) -> Conversion:
        """Convert the feed, with one worker by default."""
        return convert(self.feed, self.lake, **{"workers": 1, **options})

    def files(self) -> dict[str, bytes]:
        """Read all files of the lake."""
        return files(self.lake)

    def names(self, *below: str) -> list[str]:
        """List the lake's files, or only those whose path begins with one of these texts."""
        return [name for name in self.files() if name.startswith(below or "")]


def beside(place: Place, root: Path) -> Place:
    """Return a place with another lake for the same feed."""
    other = Place(root)
    other.feed_path, other.feed = place.feed_path, place.feed
    return other


def done(result: Conversion) -> list[str]:
    """List the feed zips that were converted."""
    return [c.path for c in result.commits]


def many_zips() -> dict[str, dict[str, str]]:
    """Return six complete feed zips and one with damage."""
    feed = {
        f"201912{day:02}/movies_{country}.zip": week(f"201912{day:02}", shows=day)
        for day in (6, 13)
        for country in ("can", "deu", "swe")
    }
    feed["20191213/movies_xxx.zip"] = {
        "191213S.XML": "<times><showtime/>" * 3,
        "README.txt": "hello",
    }
    return feed
