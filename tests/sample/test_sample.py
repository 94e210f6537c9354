"""The synthetic feed: equal for equal seeds, with correct counts and all quirks of the feed."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import fsspec
import pytest

from movielake.sample import (
    SampleSummary,
    movie_quirks,
    showing_quirks,
    theater_records,
    write_sample,
)
from movielake.sample import quirks as tables
from movielake.sample.places import choose_countries, countries
from tests.feeds import TIME

Feed = dict[str, dict[str, bytes]]
PINNED = {
    "191206I.XML": "c984f542",
    "191206T.XML": "7e42fa20",
    "191206S.XML": "c384b07e",
    "readme.txt": "8178ee26",
}


def read_feed(folder: Path) -> Feed:
    feed: Feed = {}
    for path in sorted(folder.glob("*/*.zip")):
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
        feed[f"{path.parent.name}/{path.stem[-3:]}"] = members
    return feed


def file_bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def roots(feed: Feed) -> Iterator[tuple[str, str, ElementTree.Element]]:
    for edition, members in feed.items():
        for name, content in members.items():
            if name.lower().endswith(".xml") and content:
                yield edition, name, ElementTree.fromstring(content)


def count_screenings(showtime: ElementTree.Element) -> int:
    return sum(len(TIME.findall(element.text or "")) for element in showtime.iter("showtimes"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleSummary]:
    folder = tmp_path_factory.mktemp("sample") / "feed"
    return folder, write_sample(str(folder), scale=0.02)


@pytest.fixture(scope="module")
def feed(small: tuple[Path, SampleSummary]) -> Feed:
    return read_feed(small[0])


@pytest.fixture(scope="module")
def parsed(feed: Feed) -> list[tuple[str, str, ElementTree.Element]]:
    return list(roots(feed))


@pytest.fixture(scope="module")
def text(feed: Feed) -> str:
    """All records of the feed as one text without line ends."""
    parts = []
    for edition, members in feed.items():
        codec = {"nzl": "utf-16", "fra": "latin-1", "swe": "cp1252"}.get(edition[-3:], "utf-8")
        parts += [content.decode(codec) for content in members.values()]
    return re.sub(r"[\r\n]+", "", "".join(parts))


def by_root(parsed: list[tuple[str, str, ElementTree.Element]], root: str) -> dict[str, list]:
    found = defaultdict(list)
    for edition, _, element in parsed:
        if element.tag == root:
            found[edition] += list(element)
    return found


def test_equal_seeds_make_equal_bytes(small: tuple[Path, SampleSummary], tmp_path: Path) -> None:
    again = write_sample(str(tmp_path / "again"), scale=0.02)
    assert again == small[1]
    assert file_bytes(tmp_path / "again") == file_bytes(small[0])


def test_the_content_of_a_zip_never_changes(tmp_path: Path) -> None:
    # The bytes of the zip itself also depend on the version of zlib.
    write_sample(str(tmp_path), weeks=1, countries=["can"], scale=0.02)
    with zipfile.ZipFile(tmp_path / "20191206/movies_can.zip") as archive:
        checksums = {info.filename: f"{info.CRC:08x}" for info in archive.infolist()}
    assert checksums == PINNED


def test_a_zip_depends_only_on_its_own_week_and_country(
    small: tuple[Path, SampleSummary], tmp_path: Path
) -> None:
    write_sample(str(tmp_path), weeks=3, countries=["swe", "can"], scale=0.02)
    few, all_of_them = file_bytes(tmp_path), file_bytes(small[0])
    assert len(few) == 6
    assert all(all_of_them[name] == content for name, content in few.items())


def test_different_seeds_make_different_feeds(
    small: tuple[Path, SampleSummary], tmp_path: Path
) -> None:
    write_sample(str(tmp_path), weeks=1, countries=["can"], scale=0.02, seed=1)
    name = "20191206/movies_can.zip"
    assert file_bytes(tmp_path)[name] != file_bytes(small[0])[name]


def test_summary_agrees_with_an_independent_count(
    small: tuple[Path, SampleSummary], feed: Feed, parsed: list
) -> None:
    folder, summary = small
    members = [(name, data) for zipped in feed.values() for name, data in zipped.items()]
    assert summary.zips == len(feed)
    assert summary.members == len(members)
    assert summary.records == sum(len(root) for _, _, root in parsed)
    showtimes = [record for _, _, root in parsed for record in root.iter("showtime")]
    assert summary.screenings == sum(map(count_screenings, showtimes)) > 10_000
    assert summary.xml_bytes == sum(len(d) for n, d in members if n.lower().endswith(".xml"))
    assert summary.zip_bytes == sum(map(len, file_bytes(folder).values()))
    assert summary.stamps == tuple(sorted({edition[:8] for edition in feed}))
    assert summary.countries == ("can", "deu", "gbr", "fra", "chn", "aus", "swe", "nzl")
    assert summary.damaged == ()


def test_summary_counts_every_country(tmp_path: Path) -> None:
    summary = write_sample(str(tmp_path), weeks=2, countries=list(countries()), scale=0.02)
    assert (len(summary.countries), summary.zips) == (48, 96)
    found = list(roots(read_feed(tmp_path)))
    assert summary.records == sum(len(root) for _, _, root in found)
    assert summary.screenings == sum(count_screenings(root) for _, _, root in found)


SHOWTIMES = r"<showtimes>[^<]*"
IN_TEXT = {
    "bargain_time": SHOWTIMES + r"\(\d\d:\d\d\), \d\d:\d\d",
    "bargain_span": SHOWTIMES + r"\(\d\d:\d\d, \d\d:\d\d\)",
    "unpadded_hour": r"<showtimes>[89]:\d\d, \d\d:\d\d",
    "pm_with_space": SHOWTIMES + r"\d:\d\d PM, \d+:\d\d PM",
    "pm_joined": SHOWTIMES + r"\d:\d\dPM",
    "pm_for_all_before": r"<showtimes>\d+:\d\d, (\d+:\d\d, )*\d+:\d\d PM<",
    "am_then_pm": r"<showtimes>11:00 AM, (\d+:\d\d, )*\d+:\d\d PM<",
    "half_day_with_points": SHOWTIMES + r"\d:\d\d p\. ?m\.",
    "half_day_before": SHOWTIMES + r"(오후|PM) \d+:\d\d",
    "hour_alone": r"<showtimes>([^<]*, )?\d+ PM",
    "hour_letter": SHOWTIMES + r"\d\d[hH]\d\d",
    "point_for_colon": SHOWTIMES + r"\d\d\.\d\d",
    "wide_colon": SHOWTIMES + r"\d\d\N{FULLWIDTH COLON}\d\d",
    "utc_offset": SHOWTIMES + r"\d\d:\d\d\+0[12]:00",
    "format_beside": SHOWTIMES + r"\d\d:\d\d (3D|OmU|IMAX)",
    "hour_after_24": SHOWTIMES + r", (24:00|24:30|25:10)<",
    "closing_after_midnight": SHOWTIMES + r"22:45, 0?0:\d\d<",
    "final_stop": r"<showtimes>[^<]*\d\d\.<",
    "final_comma": r"<showtimes>[^<]*\d\d,<",
    "stray_marks": r"<showtimes>\d\d:\d\d\., , ",
    "text_for_times": r"<showtimes>(TBA|Call theater)<",
    "text_among_times": r"<showtimes>\d\d:\d\d[^<]*, TBA<",
    "impossible_time": r"<showtimes>18:75, ",
    "empty_showtimes": r"<showtimes></showtimes>",
    "missing_showtimes": r'<show_date date="\d+"><show_attributes',
    "showtimes_under_showtime": r"</show_date><showtimes>\d\d:\d\d[^<]*</showtimes></showtime>",
    "repeated_showtimes": r"<showtimes>\d\d:\d\d</showtimes><showtimes>\d\d:\d\d",
    "no_show_date": r"</theater_id></showtime>",
    "empty_date": r'<show_date date="">',
    "festival": r"<show_festival>Y",
    "shown_with_text": r"<show_with>[^<\d]{4}",
    "shown_with_id": r"<show_with>\d{6}<",
    "many_comments": r"<show_comments>[^<;]+; [^<;]+; ",
    "unknown_language": r"<show_language>",
    "unknown_format": r"<movie_format>[^<]+</movie_format></showtime>",
    "attributes": r"<show_attributes>Digital, 3D",
    "subtitled": r"<show_attributes>Digital, OmU",
    "empty running time": r"<running_time ?/>|<running_time></running_time>",
    "text running time": r"<running_time>(TBD|\d+ min|ca\. 100)<",
    "long release": r"<release_date>December 06, 2019<",
    "slashed_release": r"<release_date>\d\d/\d\d/\d{4}<",
    "iso_release": r"<release_date>\d{4}-\d\d-\d\d</release_date><(release_notes|official)",
    "empty_release": r"<release_date />",
    "odd_release": r"<release_date>(Summer|February 30)",
    "repeated_release": r'<release_date id="1" notes="Limited">[^<]+</release_date><release_date ',
    "nested_synopsis": r"<synopsis><P>[^<]+</P><P>",
    "empty_list_item": r"<genre></genre>",
    "wrapped list": r"<genres><genre>",
    "direct list": r"</synopsis><genre>",
    "no_director": r"<directors></directors>",
    "several_directors": r"</director><director>",
    "movie with unknown element": r"<movie_format>[^<]+</movie_format></movie>",
    "intl repeated": r'</intl><intl country="',
    "no parent": r"<parent_id>0<",
    "not rated": r"<rating>NO RATING<",
    "escapes": r"&amp;[^<]*</title>",
    "less than": r"&lt; 3",
    "empty coordinates": r"<theater_lat( /|></theater_lat)>",
    "empty_screens": r"<theater_screens( /|></theater_screens)>",
    "ticketing_url": r"<theater_ticketing>https://[^<]+&amp;id=",
    "several_types": r"<theater_types><type>[^<]+</type><type>",
    "chain": r'<theater_chain id="\d+">',
    "no_chain_id": r"<theater_chain>",
    "decimal_comma": r"<theater_adult>\d+,\d\d<",
    "dollar": r"<theater_adult>\$\d+\.\d\d<",
    "seating_text": r"<theater_seating>ca\. ",
    "theater with unknown element": r"<theater_wheelchair>",
    "other_name": r" \(new\)</theater_name>",
    "phone": r"<theater_phone>\(\d{3}\)\d{3}-\d{4}<",
    "flat slashed date": r"<show_date>2019/12/6 0:00:00<",
    "flat iso date": r"<show_date>2019-12-13<",
    "flat dates mixed": r"<show_date>\d{4}(/\d+/\d+|-\d\d-\d\d 00:00:00)<",
    "flat without times": r"<showtimes>(暂无排期|待定|no showtimes)<",
    "flat names": r"<movie_cnname>[^<]+</movie_cnname>",
}


@pytest.mark.parametrize("quirk", IN_TEXT)
def test_the_smallest_feed_has_every_quirk(text: str, quirk: str) -> None:
    assert re.search(IN_TEXT[quirk], text)


def test_few_records_have_quirks(parsed: list) -> None:
    odd = ("TBA", "18:75", "PM")
    texts = [e.text or "" for _, _, root in parsed for e in root.iter("showtimes")]
    share = sum(any(mark in text for mark in odd) for text in texts) / len(texts)
    assert 0 < share < 0.15


def test_every_listed_quirk_has_a_function() -> None:
    assert set(showing_quirks.QUIRKS) == set(tables.SHOWINGS)
    assert set(movie_quirks.QUIRKS) == set(tables.MOVIES) - {"sent_twice", "unlisted"}
    assert set(theater_records.QUIRKS) == set(tables.THEATERS)
    assert set(theater_records.WEEKLY_QUIRKS) == set(tables.THEATER_WEEKS) - {"sent_twice"}


def ids(records: list[ElementTree.Element], name: str) -> Counter[str]:
    return Counter(record.findtext(name, "") for record in records)


def test_the_feed_has_orphans_and_repeated_records(parsed: list) -> None:
    movies, theaters, showings = (by_root(parsed, root) for root in ("movies", "houses", "times"))
    without_movie, without_theater, movies_twice, theaters_twice = 0, 0, 0, 0
    for edition in showings:
        # The flat form has no movies and theaters. Two other zips lack one of them on purpose.
        if movies[edition] and theaters[edition]:
            known = ids(movies[edition], "movie_id"), ids(theaters[edition], "theater_id")
            without_movie += len(ids(showings[edition], "movie_id").keys() - known[0])
            without_theater += len(ids(showings[edition], "theater_id").keys() - known[1])
            movies_twice += sum(count > 1 for count in known[0].values())
            theaters_twice += sum(count > 1 for count in known[1].values())
    assert min(without_movie, without_theater, movies_twice, theaters_twice) > 0


def test_most_parent_ids_are_ids_of_listed_films(parsed: list) -> None:
    movies = [movie for _, _, root in parsed for movie in root.iter("movie")]
    parents = {movie.findtext("parent_id") for movie in movies} - {"0"}
    assert len(parents) > 5
    assert len(parents - set(ids(movies, "movie_id"))) < len(parents) / 5


def test_some_titles_and_running_times_change_between_weeks(parsed: list) -> None:
    titles, lengths = defaultdict(set), defaultdict(set)
    for _, _, root in parsed:
        for movie in root.iter("movie"):
            titles[movie.findtext("movie_id")].add(movie.findtext("title"))
            lengths[movie.findtext("movie_id")].add(movie.findtext("running_time"))
    assert any(len(seen) > 1 for seen in titles.values())
    assert any(
        len({text for text in seen if (text or "").isdigit()}) > 1 for seen in lengths.values()
    )


def test_later_snapshots_repeat_dates_with_other_times(parsed: list) -> None:
    sent: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for edition, records in by_root(parsed, "times").items():
        for record in records:
            for day in record.findall("show_date[@date]"):
                ids_ = record.findtext("movie_id", ""), record.findtext("theater_id", "")
                key = (edition[-3:], *ids_, day.attrib["date"])
                sent[key][edition[:8]] = day.findtext("showtimes", "")
    again = [times for times in sent.values() if len(times) > 1]
    assert len(again) > 50
    assert sum(len(set(times.values())) > 1 for times in again) > len(again) / 2


def test_films_run_for_weeks_and_premiere_later_in_other_countries(parsed: list) -> None:
    weeks, premieres = defaultdict(set), defaultdict(dict)
    for edition, records in sorted(by_root(parsed, "movies").items()):
        for movie in records:
            movie_id, country = movie.findtext("movie_id", ""), edition[-3:]
            weeks[country, movie_id].add(edition[:8])
            premieres[movie_id].setdefault(country, edition[:8])
    assert max(map(len, weeks.values())) >= 6
    assert any(len(set(first.values())) > 2 for first in premieres.values())


def test_most_showings_cover_a_week(parsed: list) -> None:
    lengths = Counter(
        len(record.findall("show_date"))
        for edition, records in by_root(parsed, "times").items()
        if edition[-3:] != "chn"
        for record in records
    )
    assert {0, 1, 7, 10} <= lengths.keys()
    assert lengths[7] == max(lengths.values())


def positions(parsed: list, country: str) -> list[tuple[float, float]]:
    theaters = [
        (theater.findtext("theater_lat"), theater.findtext("theater_lon"))
        for edition, records in by_root(parsed, "houses").items()
        if edition[-3:] == country
        for theater in records
    ]
    return [(float(lat), float(lon)) for lat, lon in theaters if lat and lon]


def test_some_swedish_theaters_lie_outside_sweden(parsed: list) -> None:
    inside = [55 < lat < 69.1 and 10.9 < lon < 24.2 for lat, lon in positions(parsed, "swe")]
    assert 0 < sum(inside) < len(inside)


def test_german_theaters_lie_near_a_city_or_have_swapped_coordinates(tmp_path: Path) -> None:
    write_sample(str(tmp_path), weeks=1, countries=["deu"], scale=5)
    found = positions(list(roots(read_feed(tmp_path))), "deu")
    swapped = [(lat, lon) for lat, lon in found if lat < lon]
    assert 0 < len(swapped) < len(found) / 20
    cities = [(place.lat, place.lon) for place in countries()["deu"].places]
    for lat, lon in set(found) - set(swapped):
        assert min((lat - y) ** 2 + ((lon - x) * 0.63) ** 2 for y, x in cities) < 0.05**2


def test_names_and_folders_of_members(feed: Feed) -> None:
    assert list(feed["20191206/can"]) == ["191206I.XML", "191206T.XML", "191206S.XML", "readme.txt"]
    assert list(feed["20191206/chn"]) == ["191206S.XML"]
    assert list(feed["20191213/gbr"]) == [
        "191213IMOVIES.XML",
        "191213THEATER.XML",
        "191213SCREENS.XML",
    ]
    assert list(feed["20191213/nzl"]) == ["191213i.xml", "191213t.xml", "191213s.xml"]
    assert list(feed["20191220/deu"])[2:] == ["191220S.XML", "191220S_2.XML"]
    assert next(iter(feed["20191220/fra"])) == "20191220/191220I.XML"
    assert list(feed["20191227/aus"])[2] == "191228S.XML"
    assert list(feed["20200103/can"])[2:] == ["east/200103S.XML", "west/200103S.XML"]
    assert feed["20200103/nzl"]["200103T.XML"] == b""
    assert list(ElementTree.fromstring(feed["20200103/swe"]["200103I.XML"])) == []
    assert len(ElementTree.fromstring(feed["20191220/gbr"]["191220I_2.XML"])) == 1
    assert b"<" not in feed["20191206/can"]["readme.txt"]


def test_a_country_is_missing_once_after_the_first_two_weeks(feed: Feed) -> None:
    stamps = {edition[:8] for edition in feed}
    missing = [stamp for stamp in sorted(stamps) if f"{stamp}/nzl" not in feed]
    assert len(missing) == 1
    assert missing[0] > "20191213"


@pytest.mark.parametrize(
    ("country", "start"),
    [
        ("can", b'<?xml version="1.0" encoding="UTF-8"?>\n<movies>\n<movie>\n'),
        ("deu", b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n'),
        ("fra", b'<?xml version="1.0" encoding="ISO-8859-1"?>\n'),
        ("swe", b'<?xml version="1.0" encoding="windows-1252"?><movies><movie>'),
        ("gbr", b'<?xml version="1.0" encoding="UTF-8"?>\r\n<movies>\r\n'),
        ("nzl", b"\xff\xfe" + '<?xml version="1.0" encoding="UTF-16"?>\n'.encode("utf-16-le")),
    ],
)
def test_members_start_with_the_encoding_of_their_country(
    feed: Feed, country: str, start: bytes
) -> None:
    assert feed[f"20191206/{country}"]["191206I.XML"].startswith(start)


def test_letters_with_accents_are_correct_in_every_encoding(feed: Feed) -> None:
    swedish = [feed[edition] for edition in feed if edition.endswith("swe")]
    names = b"".join(data for members in swedish for data in members.values())
    assert "Göteborg".encode("cp1252") in names or "Malmö".encode("cp1252") in names
    french = b"".join(b"".join(feed[e].values()) for e in feed if e.endswith("fra"))
    assert re.search(rb"&#\d+;", french)
    assert "é".encode("latin-1") in french


def test_scale_multiplies_the_number_of_theaters(tmp_path: Path) -> None:
    def theaters(scale: float) -> int:
        folder = tmp_path / str(scale)
        write_sample(str(folder), weeks=1, countries=["deu"], scale=scale)
        records = by_root(list(roots(read_feed(folder))), "houses")["20191206/deu"]
        return len(ids(records, "theater_id"))

    assert (theaters(0.001), theaters(1), theaters(3)) == (3, 58, 174)


def test_screenings_collapse_in_march_2020_and_recover_slowly(tmp_path: Path) -> None:
    write_sample(str(tmp_path), weeks=60, countries=["deu"], scale=0.3)
    found = by_root(list(roots(read_feed(tmp_path))), "times")
    weeks = {edition[:8]: sum(map(count_screenings, rec)) for edition, rec in found.items()}
    assert weeks["20200313"] > 0.7 * weeks["20191206"]
    assert weeks["20200403"] < 0.05 * weeks["20200313"]
    assert weeks["20200403"] < weeks["20200703"] < weeks["20210115"] < weeks["20200313"]


def test_countries_close_at_different_times(tmp_path: Path) -> None:
    write_sample(str(tmp_path), weeks=20, countries=["chn", "jpn"], scale=0.02)
    found = by_root(list(roots(read_feed(tmp_path))), "times")
    shown = {edition for edition, records in found.items() if records}
    assert {"20200124/chn", "20200320/jpn", "20200403/jpn"} <= shown
    assert not {"20200207/chn", "20200417/chn"} & shown


def test_closed_theaters_give_a_reason(tmp_path: Path) -> None:
    write_sample(str(tmp_path), weeks=17, countries=["nzl"], scale=0.02)
    found = by_root(list(roots(read_feed(tmp_path))), "houses")
    closed = {
        edition: [r.findtext("theater_closed_reason") for r in rs] for edition, rs in found.items()
    }
    assert not any(closed["20191206/nzl"])
    assert all(closed["20200327/nzl"])


def test_a_feed_can_be_written_to_a_url(small: tuple[Path, SampleSummary]) -> None:
    finished = []
    url = "memory://test_sample/feed"
    summary = write_sample(
        url, weeks=1, countries=["can"], scale=0.02, progress=lambda p, n: finished.append((p, n))
    )
    fs = fsspec.filesystem("memory")
    content = fs.cat_file("/test_sample/feed/20191206/movies_can.zip")
    fs.rm("/test_sample", recursive=True)
    assert content == (small[0] / "20191206/movies_can.zip").read_bytes()
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    assert finished == [("/test_sample/feed/20191206/movies_can.zip", summary.zip_bytes)]


def test_files_have_the_date_of_their_stamp_and_no_temporary_file_remains(
    small: tuple[Path, SampleSummary],
) -> None:
    assert {path.suffix for path in small[0].rglob("*") if path.is_file()} == {".zip"}
    assert (small[0] / "20191206/movies_can.zip").stat().st_mtime == 1575590400


def test_the_message_for_an_unknown_country_lists_the_valid_codes(tmp_path: Path) -> None:
    message = r"expected a country code, found 'ger'.* valid codes: are, arg, aus"
    with pytest.raises(ValueError, match=message):
        write_sample(str(tmp_path / "feed"), countries=["can", "ger"])
    with pytest.raises(ValueError, match=r"did you mean 'deu'\?"):
        write_sample(str(tmp_path / "feed"), countries=["germany"])
    assert not (tmp_path / "feed").exists()


@pytest.mark.parametrize(
    "wrong", [{"weeks": 0}, {"weeks": 501}, {"scale": 0.0}, {"scale": 1e9}, {"countries": []}]
)
def test_values_out_of_range_are_refused(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"expected (weeks|scale) from|found no code; valid codes"):
        write_sample(str(tmp_path / "feed"), **wrong)
    assert not (tmp_path / "feed").exists()


def test_country_codes_ignore_case_and_repeats() -> None:
    assert [c.code for c in choose_countries(["SWE", "can", "swe"])] == ["swe", "can"]
    assert len(choose_countries(None)) == 8


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(FileExistsError, match=r"not an empty folder; remove it or name another"):
        write_sample(str(tmp_path), weeks=1, countries=["can"], scale=0.02)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_summary_lists_all_damage(small: tuple[Path, SampleSummary], tmp_path: Path) -> None:
    summary = write_sample(str(tmp_path), weeks=2, scale=0.02, damage=True)
    assert summary.damaged == (
        "20191213/movies_can.zip/191213S.XML",
        "20191213/movies_deu.zip/191213S.XML",
        "20191213/movies_fra.zip",
        "20191213/movies_swe.zip/191213S.XML",
    )
    with zipfile.ZipFile(tmp_path / "20191213/movies_can.zip") as archive:
        assert not archive.read("191213S.XML").endswith(b"</times>\n")
    with zipfile.ZipFile(tmp_path / "20191213/movies_deu.zip") as archive:
        content = archive.read("191213S.XML")
    assert content.endswith(b"</times>\n")
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(content)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(tmp_path / "20191213/movies_fra.zip")
    with zipfile.ZipFile(tmp_path / "20191213/movies_swe.zip") as archive:
        assert archive.testzip() == "191213S.XML"
    whole, damaged = file_bytes(small[0]), file_bytes(tmp_path)
    different = {name for name in damaged if damaged[name] != whole[name]}
    assert different == {name[: name.index(".zip") + 4] for name in summary.damaged}
