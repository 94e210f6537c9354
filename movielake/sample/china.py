"""The flat form of the showings of China: one record per film, theater and day."""

from __future__ import annotations

from collections.abc import Iterator

from movielake.sample.closures import is_open
from movielake.sample.edition import Edition, Tally
from movielake.sample.films import Run, week_date
from movielake.sample.markup import escape, leaf
from movielake.sample.places import words
from movielake.sample.quirks import FLAT
from movielake.sample.showings import WEEK, programme, times_of
from movielake.sample.streams import Stream
from movielake.sample.theaters import Theater, make_theater

FLAT_COUNTRY = "chn"


def flat_chunks(edition: Edition, tally: Tally) -> Iterator[str]:
    """Write the flat ``showtime`` records of an edition, with their quirks.

    Parameters
    ----------
    edition
        Country and week.
    tally
        The counter of records and screenings.

    Yields
    ------
    str
        The markup of one record.

    Examples
    --------
    >>> from movielake.sample.edition import make_edition
    >>> from movielake.sample.films import Catalogue
    >>> from movielake.sample.places import countries
    >>> edition = make_edition(Catalogue(0, 1.0), countries()["chn"], 0)
    >>> "<show_date>2019/12/6 0:00:00</show_date>" in next(flat_chunks(edition, Tally()))
    True
    """
    schedule = edition.schedule(FLAT, "flat")
    heads = {run.film.movie_id: _film(edition, run) for run in edition.runs}
    dates = [flat_date(stamp, edition.week % 3 == 1) for stamp in edition.dates(WEEK)]
    for index in range(edition.theaters):
        if not is_open(edition.country, index, edition.day):
            continue
        theater = make_theater(edition.seed, edition.country, index)
        stream = edition.stream("programme", index)
        house = _house(edition, theater)
        for run, shows in programme(theater, edition.runs):
            times, head = times_of(stream, run, shows), heads[run.film.movie_id]
            for date in dates:
                name = schedule.next()
                text, count = flat_times(times, name, stream)
                released = _release(run, name)
                tally.records += 1
                tally.screenings += count
                shown = _other_form(date) if name == "full_date_form" else date
                yield (
                    f"<showtime>\n{head}<theater_id>{theater.theater_id}</theater_id>\n{house}"
                    f"{released}<show_date>{shown}</show_date>\n"
                    f"<showtimes>{text}</showtimes>\n</showtime>\n"
                )


def flat_date(stamp: str, iso: bool) -> str:
    """Write a date in the flat form.

    Parameters
    ----------
    stamp
        The date, YYYYMMDD.
    iso
        Whether to write the ISO form.

    Returns
    -------
    str

    Examples
    --------
    >>> flat_date("20191206", iso=False), flat_date("20191206", iso=True)
    ('2019/12/6 0:00:00', '2019-12-06')
    """
    year, month, day = stamp[:4], stamp[4:6], stamp[6:]
    return f"{year}-{month}-{day}" if iso else f"{year}/{int(month)}/{int(day)} 0:00:00"


def flat_times(times: list[str], quirk: str | None, stream: Stream) -> tuple[str, int]:
    """Write the times of a flat record, and count them.

    Parameters
    ----------
    times
        Regular times.
    quirk
        Name of the record's quirk, or None.
    stream
        Source of the random choices.

    Returns
    -------
    str
        The text of ``showtimes``.
    int
        The number of valid times in the text.

    Examples
    --------
    >>> flat_times(["13:20", "15:40"], "final_comma", Stream("example"))
    ('13:20,15:40,', 2)
    """
    if quirk == "no_times":
        return stream.pick(words()["chinese"]["no_times"]), 0
    if quirk == "empty_showtimes":
        return "", 0
    text = ",".join(times)
    if quirk == "final_comma":
        text += ","
    if quirk == "bargain_time":
        text = f"({times[0]}){text[5:]}"
    return text, len(times)


def _other_form(date: str) -> str:
    return date.removesuffix(" 0:00:00") if "/" in date else f"{date} 00:00:00"


def _film(edition: Edition, run: Run) -> str:
    titles = words()["titles"]["local"]["zho"]
    stream = Stream(edition.seed, "chinese title", run.film.base_id)
    chinese = stream.pick(titles["heads"]) + stream.pick(titles["tails"])
    if run.film.version in ("3D", "IMAX"):
        chinese += f" {run.film.version}"
    return (
        leaf("movie_name", run.title)
        + leaf("movie_cnname", chinese)
        + leaf("movie_id", run.film.movie_id)
    )


def _house(edition: Edition, theater: Theater) -> str:
    chinese = words()["chinese"]
    stream = Stream(edition.seed, "chinese theater", theater.index)
    city = chinese["cities"][theater.place.city]
    return "".join(
        f"<{name}>{escape(value)}</{name}>\n"
        for name, value in (
            ("theater_name", theater.name),
            ("theater_cnname", f"{city}{stream.pick(chinese['chains'])}"),
            ("theater_province", theater.place.region),
            ("theater_city", city),
            ("theater_area", stream.pick(chinese["areas"])),
        )
    )


def _release(run: Run, quirk: str | None) -> str:
    if quirk == "empty_release":
        return leaf("release_date", None)
    day = week_date(run.premiere)
    return leaf("release_date", day.isoformat())
