"""The report's numbers compared with DuckDB and plain Python, its safety, and its file."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import CliRunner

from movielake import (
    ScreeningCounts,
    circulation,
    compact,
    concentration,
    convert,
    shares,
    write_report,
)
from movielake.cli import main
from movielake.places import outlines
from movielake.places.timezones import tz_version
from movielake.reading import rowgroups
from movielake.report import coverage, findings, page, places
from tests.conftest import Ask
from tests.current import current_sql
from tests.feeds import commit, houses, movies, showing, times, week, write_feed

Findings = dict[str, Any]


def read_page(html: str) -> Findings:
    """Read the findings from a page, as its scripts do."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    found: Findings = json.loads(text)
    return found


@pytest.fixture(scope="module", params=[True, "theater", False])
def report(
    request: pytest.FixtureRequest, sample_lake: Path, tmp_path_factory: pytest.TempPathFactory
) -> Findings:
    file = tmp_path_factory.mktemp("report") / "report.html"
    write_report(str(sample_lake), str(file), current=request.param)
    return read_page(file.read_text("utf-8"))


def sql(report: Findings, what: str, more: str = "group by all") -> str:
    """Query the showings that a report counts."""
    every = f"select {what} from showings "
    return (current_sql(what, report["current"]) if report["current"] else every) + more


def gather(folder: Path, zips: dict[str, Any]) -> Findings:
    """Convert a feed and return the findings of a report on its lake."""
    convert(write_feed(folder / "feed", zips), str(folder / "lake"), workers=1)
    return findings.gather_findings(str(folder / "lake"))


def cells(report: Findings, name: str) -> dict[tuple[str, str], int]:
    """Return a rectangle of the report as a dict: country and stamp to number."""
    return {
        (country["code"], stamp): number
        for country, row in zip(report["countries"], report[name], strict=True)
        for stamp, number in zip(report["stamps"], row, strict=True)
        if number is not None
    }


def by_country(report: Findings, numbers: list[int]) -> dict[str, int]:
    codes = [country["code"] for country in report["countries"]]
    return {code: n for code, n in zip(codes, numbers, strict=True) if n}


def by_code(report: Findings, counts: list[int]) -> dict[str, int]:
    """Return a flat list of country indices and counts as a dict."""
    codes = [country["code"] for country in report["countries"]]
    return {codes[at]: n for at, n in zip(counts[::2], counts[1::2], strict=True)}


# --- layouts


@pytest.mark.parametrize("span", ["all", "month"])
@pytest.mark.parametrize("current", [True, False])
def test_both_layouts_have_the_same_findings(
    sample_lake: Path, tmp_path: Path, span: str, current: bool
) -> None:
    copy = compact(str(sample_lake), str(tmp_path / "lake"), span=span)
    both = [findings.gather_findings(str(lake), current=current) for lake in (sample_lake, copy)]
    for found in both:
        del found["written"]
        for table in found["tables"]:
            for size in ("files", "json_bytes", "parquet_bytes"):
                assert table.pop(size) > 0
    assert both[0] == both[1]


@pytest.mark.parametrize("rows_together", [1, 900_000])
def test_the_newest_title_is_the_same_in_both_layouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_together: int
) -> None:
    """Countries disagree on a title, and the last country with the newest stamp has it."""
    zips = {
        "20191206/movies_swe.zip": {"I.XML": movies("Old"), "S.XML": times(showing(1))},
        "20191213/movies_deu.zip": {"I.XML": movies("Neu"), "S.XML": times(showing(1))},
        "20191213/movies_fra.zip": {"I.XML": movies("Neuf"), "S.XML": times(showing(1))},
    }
    leaves = gather(tmp_path, zips)
    monkeypatch.setattr("movielake.reading.holdings.ROW_GROUP", rows_together)
    copy = findings.gather_findings(compact(str(tmp_path / "lake"), str(tmp_path / "compact")))
    assert [f["films"][0]["title"] for f in (leaves, copy)] == ["Neuf"] * 2


def test_a_row_group_is_read_once_for_each_part_of_the_page(
    sample_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = compact(str(sample_lake), str(tmp_path / "lake"), countries="deu,swe", span="all")
    opened: Counter[tuple[str, tuple[str, ...]]] = Counter()
    read = rowgroups.read_members

    def count(url: str, files: Any, columns: Any, *more: Any) -> Any:
        opened[files[0].path, tuple(columns)] += 1
        return read(url, files, columns, *more)

    monkeypatch.setattr("movielake.reading.files.read_members", count)
    findings.gather_findings(copy, current=False)
    again = {columns for (_, columns), times_ in opened.items() if times_ > 1}
    assert opened
    assert again == set()


# --- numbers


def test_screenings_and_active_theaters_are_the_same_as_in_duckdb(
    report: Findings, duck: Ask
) -> None:
    theaters = "count(distinct theater_id) filter (where show_time is not null)"
    asked = duck(sql(report, f"country, date_stamp, count(show_time), {theaters}"))
    assert cells(report, "screenings") == {(c, s): n for c, s, n, _ in asked}
    assert cells(report, "theaters") == {(c, s): n for c, s, _, n in asked}


def base_films(duck: Ask) -> Callable[[int], int]:
    """Return a function that finds the base film of a version, from the newest parent_id."""
    parents = dict(
        duck(
            "select movie_id, min(parent_id) filter (where parent_id > 0) from movies natural join"
            " (select movie_id, max(date_stamp) as date_stamp from movies"
            "  where parent_id is not null group by all)"
            " where parent_id is not null group by all"
        )
    )

    def base(film: int) -> int:
        while parents.get(film):
            film = parents[film]
        return film

    return base


def stays(report: Findings, film: Findings) -> dict[str, list[Any]]:
    """Return a film's screenings, theaters, first and last day by country."""
    codes = [country["code"] for country in report["countries"]]
    numbers = iter(film["stays"])
    begin = date.fromisoformat(report["origin"])
    return {
        codes[place]: [screenings, theaters, *(begin + timedelta(days) for days in (first, last))]
        for place, screenings, theaters, first, last in zip(*[numbers] * 5, strict=True)
    }


def test_stays_of_films_are_the_same_as_in_duckdb(report: Findings, duck: Ask) -> None:
    base = base_films(duck)
    days: dict[tuple[int, str], list[date]] = defaultdict(list)
    houses: dict[tuple[int, str], set[int]] = defaultdict(set)
    for film, country, day, theater in duck(
        sql(report, "movie_id, country, show_date, theater_id", "where show_time is not null")
    ):
        if film is not None and day is not None:
            days[base(film), country].append(day)
            houses[base(film), country] |= {theater} - {None}
    found = {
        (film["id"], country): stay
        for film in report["films"]
        for country, stay in stays(report, film).items()
    }
    assert found == {
        key: [len(all_), len(houses[key]), min(all_), max(all_)] for key, all_ in days.items()
    }  # the sample has fewer films than the limit of the page
    totals = [sum(film["stays"][1::5]) for film in report["films"]]
    assert totals == sorted(totals, reverse=True)


def test_weeks_of_films_begin_on_mondays_and_add_up(report: Findings) -> None:
    begin = date.fromisoformat(report["origin"])
    assert begin.weekday() == 0
    codes = [country["code"] for country in report["countries"]]
    for film in report["films"]:
        found = stays(report, film)
        for place, (skipped, *counts) in film["weeks"].items():
            screenings, _, first, last = found.pop(codes[int(place)])
            assert sum(counts) == screenings
            assert (first - begin).days // 7 == film["first"] + skipped
            assert (last - begin).days // 7 == film["first"] + skipped + len(counts) - 1
        assert not found


def test_hours_of_the_week_are_the_same_as_in_duckdb(report: Findings, duck: Ask) -> None:
    when = "country, (isodow(show_date) - 1) * 24 + hour(show_time) as hour, count(*)"
    asked = duck(sql(report, when, "where show_time + show_date is not null group by all"))
    found = {
        (country["code"], hour): count
        for country, hours in zip(report["countries"], report["hours"], strict=True)
        for hour, count in enumerate(hours)
        if count
    }
    assert found == {(country, hour): count for country, hour, count in asked}


def test_travel_concentration_and_shares_are_those_of_the_library(
    report: Findings, sample_lake: Path
) -> None:
    counts = ScreeningCounts(str(sample_lake), current=report["current"] or False)
    codes = [country["code"] for country in report["countries"]]
    numbers = iter(report["travel"])
    routes = [(codes[a], codes[b], n, lag) for a, b, n, lag in zip(*[numbers] * 4, strict=True)]
    names = ("from_country", "to_country", "premiered", "median_lag")
    rows = [tuple(row[name] for name in names) for row in circulation(counts).to_pylist()]
    assert routes == [row for row in rows if row[2]]
    for row in concentration(counts, top=20).to_pylist():
        found = report["concentration"][codes.index(row["country"])]
        assert found["top"][report["tops"].index(20)] == row["top_share"]
        assert [found[n] for n in ("films", "gini", "herfindahl")] == [
            row[n] for n in ("films", "gini", "herfindahl")
        ]
    for by, values in report["shares"].items():
        found = {
            (code, value): n
            for value, *pairs in values
            for code, n in by_code(report, pairs).items()
        }
        rows = shares(counts, by).to_pylist()
        assert found == {(r["country"], r["value"]): r["screenings"] for r in rows}


def test_runs_that_the_data_cut_off_are_only_counted(tmp_path: Path) -> None:
    """Film 1 is there from the beginning, film 2 until the end, and films 3 and 4 within."""
    shows = {
        "20191206": [(1, "20191206"), (1, "20191210")],
        "20191213": [(3, "20191214"), (4, "20191214"), (4, "20191217")],
        "20191220": [(3, "20191224"), (4, "20191220")],
        "20191227": [(2, "20191227")],
        "20200103": [(2, "20200103")],
    }
    zips = {
        f"{stamp}/movies_deu.zip": {"S.XML": times(*(showing(f, date=d) for f, d in films))}
        for stamp, films in shows.items()
    }
    (found,) = gather(tmp_path, zips)["runs"]
    assert found == {"weeks": [1, 1], "median": 1.5, "mean": 1.5, "cut": 2}


def test_titles_come_from_the_newest_snapshot(report: Findings, duck: Ask) -> None:
    asked = duck(
        "select movie_id, list(distinct title) from movies natural join"
        " (select movie_id, max(date_stamp) as date_stamp from movies"
        "  where title is not null group by all)"
        " where title is not null group by all"
    )
    newest = dict(asked)
    titled = [film for film in report["films"] if film["id"] in newest]
    assert len(titled) > 20
    for film in titled:
        assert film["title"] in {title[:120] for title in newest[film["id"]]}


def test_showings_give_the_titles_that_movies_do_not_have(tmp_path: Path) -> None:
    found = gather(tmp_path, {"20191206/movies_chn.zip": {"S.XML": times(showing(7))}})
    (film,) = found["films"]
    assert (film["id"], film["title"], film["genres"]) == (7, "Film 7", None)
    assert found["orphans"] == {"movie": None, "theater": None}
    assert found["places"][0]["id"] == []


@pytest.mark.parametrize("name", ["movie", "theater"])
def test_orphans_are_the_same_as_in_duckdb(report: Findings, duck: Ask, name: str) -> None:
    asked = duck(
        sql(report, "country, count(show_time)", f"s where not exists (from {name}s o where")
        + f" o.{name}_id = s.{name}_id and o.country = s.country and o.date_stamp = s.date_stamp)"
        " group by all having count(show_time) > 0"
    )
    assert by_country(report, report["orphans"][name]) == dict(asked)


def test_superseded_screenings_are_the_same_as_in_duckdb(report: Findings, duck: Ask) -> None:
    superseded = report["superseded"]
    total = duck("select country, count(show_time) from showings group by all")
    assert by_country(report, superseded["counted"]) == dict(total)
    current = current_sql("country, count(show_time)", report["current"] or "movie")
    assert by_country(report, superseded["current"]) == dict(duck(f"{current} group by all"))
    assert sum(superseded["current"]) < sum(superseded["counted"])


def test_a_report_counts_current_screenings_by_default(tmp_path: Path) -> None:
    shows = {"S.XML": times(showing(1, date="20191213"))}
    zips = {f"{stamp}/movies_deu.zip": shows for stamp in ("20191206", "20191213")}
    found = gather(tmp_path, zips)
    assert (found["current"], found["screenings"]) == ("movie", [[0, 1]])
    assert found["index"] == "20191213"
    every = findings.gather_findings(str(tmp_path / "lake"), current=False)
    assert (every["current"], every["screenings"]) == (None, [[1, 1]])
    assert every["superseded"] == found["superseded"] == {"counted": [2], "current": [1]}


def test_positions_of_theaters_are_the_newest_in_duckdb(report: Findings, duck: Ask) -> None:
    newest: dict[tuple[str, int], set[tuple[Any, ...]]] = defaultdict(set)
    for country, theater, name, lat, lon in duck(
        "select country, theater_id, theater_name, theater_lat, theater_lon from theaters"
        " natural join (select country, theater_id, max(date_stamp) as date_stamp"
        "  from theaters group by all)"
    ):
        newest[country, theater].add((name or "", lat, lon))
    found = 0
    for country, place in zip(report["countries"], report["places"], strict=True):
        columns = (place[key] for key in ("id", "name", "lat", "lon"))
        for theater, name, lat, lon in zip(*columns, strict=True):
            described = newest[country["code"], theater]
            near = [d for d in described if d[0] == name and d[1] is not None and d[2] is not None]
            assert any(abs(d[1] - lat / 1000) + abs(d[2] - lon / 1000) < 0.0011 for d in near)
            found += 1
        found += place["unplaced"]
    assert found == len(newest)


def test_the_last_row_in_the_newest_snapshot_gives_the_position(tmp_path: Path) -> None:
    def theater(name: str, lat: float) -> str:
        text = f"<theater_name>{name}</theater_name><theater_lat>{lat}</theater_lat>"
        return f"<theater><theater_id>1</theater_id>{text}<theater_lon>1</theater_lon></theater>"

    weeks = {"20191206": theater("Old", 1), "20191213": theater("First", 2) + theater("Last", 3)}
    zips = {
        f"{stamp}/movies_deu.zip": {"T.XML": f"<houses>{text}</houses>", "S.XML": times(showing())}
        for stamp, text in weeks.items()
    }
    (place,) = gather(tmp_path, zips)["places"]
    assert (place["id"], place["name"], place["lat"]) == ([1], ["Last"], [3000])


def test_problems_are_the_sums_over_all_commits(report: Findings, sample_lake: Path) -> None:
    expected: Counter[tuple[str, str, str, str]] = Counter()
    for path in sample_lake.glob("manifest/*/*.json"):
        for member in commit(sample_lake, path.parent.name, path.stem)["members"]:
            for problem in member["problems"]:
                key = (member["table"], problem["column"], problem["kind"], path.stem)
                expected[key] += problem["count"]
    found = {
        (problem["table"], problem["column"], problem["kind"], country): count
        for problem in report["problems"]
        for country, count in by_code(report, problem["counts"]).items()
    }
    assert found == expected


def test_gaps_and_damage_are_shown(tmp_path: Path) -> None:
    torn = {**week(), "191206S.XML": times(showing()) + "<"}
    zips = {
        "20191206/movies_deu.zip": torn,
        "20191213/movies_deu.zip": week("20191213"),
        "20191213/movies_swe.zip": {**week("20191213"), "191213S.XML": "<times></times>"},
    }
    found = gather(tmp_path, zips)
    assert found["screenings"] == [[1, 2], [None, 0]]
    assert found["theaters"] == [[1, 1], [None, 0]]
    assert found["damaged"] == [[0, 0]]
    (incident,) = found["incidents"]["rows"]
    assert incident[:4] == [0, "20191206", "191206S.XML", "damaged"]
    assert incident[5:] == [1, 2]  # one kept record, and two files in quarantine: bytes and note
    assert found["index"] == "20191206"  # no stamp has both countries, so the first counts


# --- aggregates


def test_an_aggregate_has_no_title_name_or_position(sample_lake: Path, tmp_path: Path) -> None:
    whole = findings.gather_findings(str(sample_lake))
    write_report(str(sample_lake), str(tmp_path / "report.html"), aggregate=True)
    html = (tmp_path / "report.html").read_text("utf-8")
    texts = {film["title"] for film in whole["films"]}
    texts |= {text for place in whole["places"] for key in ("name", "city") for text in place[key]}
    texts |= {problem["example"] for problem in whole["problems"]}
    texts |= {row[2] for row in whole["incidents"]["rows"]}
    found = read_page(html)
    texts -= {value for values in found["shares"].values() for value, *_ in values}  # languages
    data = json.dumps(found, ensure_ascii=False)
    assert [text for text in texts if text and len(text) > 4 and text in data] == []
    assert found["aggregate"] is True
    assert found["films"] == []
    assert [place["lat"] for place in found["places"]] == [[]] * len(whole["places"])
    kept = ("screenings", "theaters", "hours", "runs", "travel", "concentration", "orphans")
    assert {name: found[name] for name in kept} == {name: whole[name] for name in kept}
    described = [place["described"] for place in whole["places"]]
    assert [place["described"] for place in found["places"]] == described


# --- choices


def test_the_index_is_the_first_stamp_with_every_country() -> None:
    axes = coverage.Axes(("deu", "swe"), ("20191206", "20191213", "20191220"))
    assert coverage.choose_index([[1, 1, 1], [None, 1, 1]], axes) == "20191213"
    assert coverage.choose_index([[1, 1, 1], [0, 0, 1]], axes) == "20191220"
    assert coverage.choose_index([[1, 1, 1], [0, 0, 0]], axes) == "20191206"
    assert coverage.choose_index([[1, 1, 1], [0, 0, 1]], axes, "20191206") == "20191206"


def test_an_unknown_index_stamp_is_an_error(sample_lake: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"found '2019'; it holds 3, 20191206 to 20191220"):
        write_report(str(sample_lake), str(tmp_path / "report.html"), index_stamp="2019")
    assert list(tmp_path.iterdir()) == []


def test_a_selection_limits_the_report(sample_lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    written = write_report(
        str(sample_lake), str(file), countries="deu,swe", date_stamps="201912[12]*"
    )
    assert (written.countries, written.date_stamps) == (2, 2)
    found = read_page(file.read_text("utf-8"))
    assert [country["code"] for country in found["countries"]] == ["deu", "swe"]
    assert found["stamps"] == ["20191213", "20191220"]
    assert written.bytes == file.stat().st_size


def test_without_the_extra_geo_a_note_replaces_the_check_of_places(
    sample_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tzfpy", None)
    outlines._outlines.cache_clear()
    found = findings.gather_findings(str(sample_lake), countries="swe")
    assert [place["outside"] for place in found["places"]] == [None]
    (note,) = found["notes"]
    assert "are not checked" in note
    assert "pip install 'movielake[report]'" in note
    assert found["zones"] is None


def test_the_report_names_the_version_of_the_tz_database(report: Findings) -> None:
    assert report["zones"] == tz_version()


def test_a_note_names_the_countries_whose_places_cannot_be_checked(tmp_path: Path) -> None:
    paris = "<theater_lat>48.86</theater_lat><theater_lon>2.35</theater_lon>"
    theater = f"<houses><theater><theater_id>1</theater_id>{paris}</theater></houses>"
    members = {"T.XML": theater, "S.XML": times(showing())}
    zips = {f"20191206/movies_{code}.zip": members for code in ("fra", "ger", "xkx", "zzz", "qqq")}
    found = gather(tmp_path, zips)
    outside = [place["outside"] for place in found["places"]]
    codes = [country["code"] for country in found["countries"]]
    assert dict(zip(codes, outside, strict=True)) == {
        "fra": [], "ger": [0], "qqq": None, "xkx": [0], "zzz": None,
    }  # fmt: skip
    assert [country["name"] for country in found["countries"]][:2] == ["France", "Germany"]
    (note,) = found["notes"]
    assert note == "unknown countries: qqq, zzz; the places of their theaters are not checked"


def test_theaters_outside_their_country_and_without_position_are_marked(tmp_path: Path) -> None:
    def theater(number: int, lat: object, lon: object) -> str:
        place = f"<theater_lat>{lat}</theater_lat><theater_lon>{lon}</theater_lon>"
        return f"<theater><theater_id>{number}</theater_id>{place}</theater>"

    everywhere = (
        theater(1, 52.5, 13.4) + theater(2, 40.4, -3.7) + theater(3, 91, 0) + theater(4, "", "")
    )
    members = {"T.XML": f"<houses>{everywhere}</houses>", "S.XML": times(showing())}
    (place,) = gather(tmp_path, {"20191206/movies_deu.zip": members})["places"]
    assert dict(zip(place["id"], place["lat"], strict=True)) == {1: 52500, 2: 40400}
    assert [place["id"][at] for at in place["outside"]] == [2]
    assert place["unplaced"] == 2


# --- safety and size


def test_no_text_can_end_the_script_element_of_the_data() -> None:
    odd = "</script><!--<script>\u2028\u2029&lt;\ud800@@data@@"
    text = page.embed_json({"title": odd})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text)["title"] == odd.replace("\ud800", "?")


def test_a_page_has_only_its_own_scripts(tmp_path: Path) -> None:
    evil = "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
    feed = {"I.XML": movies(evil), "T.XML": houses(evil), "S.XML": times(showing())}
    write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": feed})
    convert(str(tmp_path / "feed"), str(tmp_path / "lake"), workers=1)
    write_report(str(tmp_path / "lake"), str(tmp_path / "report.html"))
    html = (tmp_path / "report.html").read_text("utf-8")
    assert html.count("</script>") == 4
    assert read_page(html)["films"][0]["title"] == "</script><script>alert(1)</script>"
    assert "default-src 'none'" in html
    outside = re.sub(r"<script.*?</script>", "", html, flags=re.S)
    assert not re.search(r"<(link|img|iframe)\b|url\(|@import", outside)
    assert not re.search(r"<script[^>]+src", html)


def lots_of_places(count: int) -> list[dict[str, Any]]:
    numbers = list(range(count))
    texts = [f"Cinema {n}" for n in numbers]
    lists = {"id": numbers, "name": texts, "city": texts, "lat": numbers, "lon": numbers}
    lists["screenings"] = numbers
    more = {"unplaced": 0, "described": count, "outside": [0, count - 1], "strays": 2}
    return [{**lists, **more}]


def test_thinning_keeps_theaters_outside_their_country() -> None:
    (thin,) = places.thin_places(lots_of_places(1000), 0.1)
    assert len(thin["id"]) == 101  # every tenth, and the first
    assert [thin["id"][at] for at in thin["outside"]] == [0, 999]
    assert thin["name"][-1] == "Cinema 999"
    (nearly,) = places.thin_places(lots_of_places(1000), 0)
    assert nearly["id"] == [0, 999]


def test_a_page_that_is_too_large_shows_fewer_theaters_and_a_note(
    sample_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("movielake.report.findings.find_places", lambda *_: lots_of_places(40_000))
    monkeypatch.setattr("movielake.report.LIMIT", 3_000_000)
    one = {"countries": "deu", "date_stamps": "20191206"}
    written = write_report(str(sample_lake), str(tmp_path / "report.html"), **one)
    assert 2_400_000 < written.bytes <= 3_000_000
    (note,) = written.notes
    assert re.match(r"the map shows [23]\d,\d{3} of 40,000 theaters", note)
    assert read_page((tmp_path / "report.html").read_text("utf-8"))["notes"] == [note]
    monkeypatch.setattr("movielake.report.LIMIT", 1_000_000)
    with pytest.raises(ValueError, match="select fewer countries or date stamps"):
        write_report(str(sample_lake), str(tmp_path / "report.html"), **one)


# --- the file


def test_lake_and_report_can_be_urls(tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": week()})
    convert(feed, "memory://report-lake", workers=1)
    written = write_report("memory://report-lake", "memory://reports/a/report.html")
    assert written.file == "memory://reports/a/report.html"
    memory = fsspec.filesystem("memory")
    assert memory.find("/reports") == ["/reports/a/report.html"]
    assert read_page(memory.cat("/reports/a/report.html").decode())["screenings"] == [[2]]


OLDER = "<!doctype html>\n<title>movielake report: lake</title>"


def test_the_command_replaces_an_older_report(
    sample_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("report.html").write_text(OLDER)
    result = CliRunner().invoke(main, ["report", str(sample_lake), "--countries", "deu"])
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"report\.html: 1 countries, 3 date stamps, \d\.\d MB; .*\n", result.output)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert read_page(Path("report.html").read_text("utf-8"))["index"] == "20191206"


def test_a_report_that_cannot_be_written_leaves_the_older_report(
    sample_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report.html"
    file.write_text(OLDER)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("movielake.lake.single.rename", full)
    with pytest.raises(OSError, match="no space"):
        write_report(str(sample_lake), str(file), countries="deu")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert file.read_text() == OLDER


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "expected a lake"),
        (["{lake}", "--countries", "duo"], "did you mean deu?"),
        (["{lake}", "--index-stamp", "20191207"], "expected a date stamp of the lake"),
        (["{lake}", "-o", "."], "expected a file for the report, found the folder ."),
    ],
)
def test_wrong_usage_is_an_error_in_one_line(
    sample_lake: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    options = [option.format(lake=sample_lake) for option in options]
    result = CliRunner().invoke(main, ["report", *options])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# --- assets


def test_the_plot_library_has_the_documented_digest() -> None:
    assets = files("movielake.report").joinpath("assets")
    digest = hashlib.sha256(assets.joinpath("echarts.min.js").read_bytes()).hexdigest()
    assert digest in assets.joinpath("SOURCES.md").read_text("utf-8")


def test_outlines_of_countries_are_in_the_right_place() -> None:
    assets = files("movielake.report").joinpath("assets")
    world = json.loads(assets.joinpath("world.json").read_text("utf-8"))
    shapes = {f["properties"]["name"]: f["geometry"] for f in world["features"]}
    assert "Antarctica" not in shapes
    iceland = decoded(shapes["Iceland"], world["UTF8Scale"])
    longitudes, latitudes = zip(*iceland, strict=True)
    ends = [end(values) for values in (longitudes, latitudes) for end in (min, max)]
    assert ends == pytest.approx([-24.53, -13.50, 63.39, 66.57], abs=0.15)
    for name, shape in shapes.items():
        lines = [decoded({**shape, "coordinates": [[ring]], "encodeOffsets": [[at]]}, 64)
                 for part, ats in zip(shape["coordinates"], shape["encodeOffsets"], strict=True)
                 for ring, at in zip(part, ats, strict=True)]  # fmt: skip
        jumps = [abs(b[0] - a[0]) for line in lines for a, b in pairwise(line)]
        assert max(jumps) < 15, f"{name} is drawn across the whole map"


def decoded(shape: dict[str, Any], scale: int) -> list[tuple[float, float]]:
    """Return the points of the condensed GeoJSON that ECharts reads."""
    points = []
    for part, ats in zip(shape["coordinates"], shape["encodeOffsets"], strict=True):
        for ring, (x, y) in zip(part, ats, strict=True):
            codes = [ord(character) - 64 for character in ring]
            steps = [code >> 1 ^ -(code & 1) for code in codes]
            for dx, dy in zip(steps[::2], steps[1::2], strict=True):
                x, y = x + dx, y + dy
                points.append((x / scale, y / scale))
    return points
