"""The ``theater`` records: address, prices and equipment, with their quirks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from movielake.sample.closures import is_open
from movielake.sample.edition import Edition, Tally
from movielake.sample.markup import element, escape, leaf, leaves, optional_leaf
from movielake.sample.places import Country, words
from movielake.sample.quirks import THEATER_POSITIONS, THEATER_WEEKS, THEATERS, Schedule, by_name
from movielake.sample.streams import Stream
from movielake.sample.theaters import Theater, make_theater

Leaves: TypeAlias = dict[str, str]
Quirk: TypeAlias = Callable[[Leaves, Stream], None]
# The values of these elements are markup. All other values are text.
_MARKUP = ("theater_chain", "theater_types", "tail")


def theater_chunks(edition: Edition, tally: Tally) -> Iterator[str]:
    """Write the ``theater`` records of an edition, with their quirks.

    Parameters
    ----------
    edition
        Country and week.
    tally
        The counter of records.

    Yields
    ------
    str
        The markup of one record.

    Examples
    --------
    >>> from movielake.sample.edition import make_edition
    >>> from movielake.sample.films import Catalogue
    >>> from movielake.sample.places import countries
    >>> edition = make_edition(Catalogue(0, 1.0), countries()["can"], 0)
    >>> next(theater_chunks(edition, Tally()))[:9]
    '<theater>'
    """
    seed, country = edition.seed, edition.country
    lasting = Schedule(
        THEATERS,
        Stream(seed, "theater quirks", country.code),
        country.number,
        THEATER_POSITIONS,
    )
    weekly = edition.schedule(THEATER_WEEKS, "theaters", THEATER_POSITIONS)
    stream = edition.stream("theater quirks")
    for index in range(edition.theaters):
        theater = make_theater(seed, country, index)
        record = describe_theater(seed, country, theater)
        if not is_open(country, index, edition.day):
            record["theater_closed_reason"] = stream.pick(words()["theaters"]["closed"])
        always, once = lasting.next(), weekly.next()
        if always:
            QUIRKS[always](record, Stream(seed, "lasting", country.code, index))
        if once and once in WEEKLY_QUIRKS:
            WEEKLY_QUIRKS[once](record, stream)
        tally.records += 1
        yield _markup(record, edition.habit)
        if once == "sent_twice":
            record["theater_phone"] = ""
            record["theater_name"] = record["theater_name"].upper()
            tally.records += 1
            yield _markup(record, edition.habit)


def describe_theater(seed: int, country: Country, theater: Theater) -> Leaves:
    """Return all data of a theater by element, in the feed's order. It is the same in every week.

    Parameters
    ----------
    seed
        Seed of the sample.
    country
        The country.
    theater
        The theater.

    Returns
    -------
    dict of str to str
    """
    stream = Stream(seed, "details", country.code, theater.index)
    lists = words()["theaters"]
    place = theater.place
    return {
        "theater_id": str(theater.theater_id),
        "theater_name": theater.name,
        "theater_address": f"{stream.integer(1, 480)} {stream.pick(lists['streets'])}",
        "theater_city": place.city,
        "theater_state": place.region,
        "theater_zip": stream.digits("#####"),
        "theater_phone": stream.digits(country.phone),
        "theater_attributes": ", ".join(stream.some(lists["amenities"], stream.integer(0, 4))),
        "theater_ticketing": "Y" if stream.chance(0.8) else "N",
        "theater_closed_reason": "",
        "theater_area": place.city,
        "theater_location": "",
        "theater_market": place.region if stream.chance(0.5) else "",
        "theater_screens": str(theater.screens),
        "theater_seating": str(theater.screens * stream.integer(90, 240)),
        **_prices(stream, country),
        "theater_price_comment": "3D surcharge applies" if stream.chance(0.2) else "",
        "theater_extra": "",
        "theater_desc": "",
        "theater_sound": stream.pick(lists["sounds"]),
        "theater_country": country.code.upper(),
        "theater_county": "",
        "theater_url": f"https://cinema{theater.theater_id}.example/",
        "theater_chain": _chain(theater),
        "theater_types": element("theater_types", leaf("type", _type(theater))),
        "theater_lat": f"{theater.lat:.6f}",
        "theater_lon": f"{theater.lon:.6f}",
        "tail": "",
    }


def _chain(theater: Theater) -> str:
    if not theater.chain:
        return ""
    return f'<theater_chain id="{theater.chain_id}">{escape(theater.chain)}</theater_chain>\n'


def _type(theater: Theater) -> str:
    if not theater.chain:
        return "Arthouse"
    return "Multiplex" if theater.screens >= 7 else "Miniplex"


def _prices(stream: Stream, country: Country) -> Leaves:
    base = country.price * (0.8 + 0.4 * stream.random())
    bargain, great = stream.chance(0.4), stream.chance(0.1)
    shares = {
        "theater_adult": 1.0,
        "theater_child": 0.7,
        "theater_senior": 0.8,
        "theater_adult_bargain": 0.75 * bargain,
        "theater_child_bargain": 0.6 * bargain,
        "theater_senior_bargain": 0.65 * bargain,
        "theater_special_bargain": 0.5 * great,
        "theater_adult_super": 0.55 * great,
        "theater_child_super": 0.45 * great,
        "theater_senior_super": 0.45 * great,
    }
    return {name: _price(country, base * share) for name, share in shares.items()}


def _price(country: Country, value: float) -> str:
    if not value:
        return ""
    # Prices in the thousands have no decimals.
    step, places = (0.25, 2) if country.price < 1000 else (50.0, 0)
    return f"{country.sign}{round(value / step) * step:.{places}f}"


def _markup(record: Leaves, habit: int) -> str:
    lines = (
        value if name in _MARKUP else optional_leaf(name, value, habit)
        for name, value in record.items()
    )
    return element("theater", "".join(lines))


def _empty_coordinates(record: Leaves, stream: Stream) -> None:
    record["theater_lat"] = record["theater_lon"] = ""


def _swapped_coordinates(record: Leaves, stream: Stream) -> None:
    record["theater_lat"], record["theater_lon"] = record["theater_lon"], record["theater_lat"]


def _empty_screens(record: Leaves, stream: Stream) -> None:
    record["theater_screens"] = ""


def _ticketing_url(record: Leaves, stream: Stream) -> None:
    record["theater_ticketing"] = (
        f"{record['theater_url']}tickets?from=feed&id={record['theater_id']}"
    )


def _several_types(record: Leaves, stream: Stream) -> None:
    types = stream.some(words()["theaters"]["types"], 3)
    record["theater_types"] = element("theater_types", leaves("type", types))


def _no_chain_id(record: Leaves, stream: Stream) -> None:
    record["theater_chain"] = leaf("theater_chain", "Independent")


def _decimal_comma(record: Leaves, stream: Stream) -> None:
    record["theater_adult"] = record["theater_adult"].replace(".", ",")


def _seating_text(record: Leaves, stream: Stream) -> None:
    record["theater_seating"] = f"ca. {record['theater_seating']}"


def _unknown_element(record: Leaves, stream: Stream) -> None:
    record["tail"] = leaf("theater_wheelchair", stream.pick(("Y", "N")))


def _other_phone(record: Leaves, stream: Stream) -> None:
    record["theater_phone"] = stream.digits("(###)###-####")


def _other_name(record: Leaves, stream: Stream) -> None:
    record["theater_name"] += " (new)"


QUIRKS: dict[str, Quirk] = by_name(
    _empty_coordinates,
    _swapped_coordinates,
    _empty_screens,
    _ticketing_url,
    _several_types,
    _no_chain_id,
    _decimal_comma,
    _seating_text,
)

WEEKLY_QUIRKS: dict[str, Quirk] = by_name(_unknown_element, _other_phone, _other_name)
