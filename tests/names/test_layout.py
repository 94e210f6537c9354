"""Names, paths and selections of partitions."""

from __future__ import annotations

import datetime
import posixpath
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.names.layout import (
    Folder,
    Selection,
    commit_path,
    distinct,
    is_date_stamp,
    json_folder,
    lake_stem,
    parquet_folder,
    partition_folders,
    quarantine_folder,
    safe_name,
)
from movielake.schema.tables import TABLES, table

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

HOSTILE = [
    "/etc/passwd",
    "../../191206S.XML",
    "..\\..\\191206S.XML",
    "C:\\feed\\191206S.XML",
    "..",
    ".",
    "",
    "/",
    "a\x00b.XML",
    "a\nb\rc\td.XML",
    "\x1b[31mS.XML",
    "~/x.XML",
    "$(id).XML",
    "a b;c&d|e.XML",
    ".hidden.XML",
    "_ignored.XML",
    "-rf.XML",
    "x" * 300 + ".XML",
    "x" * 300,
    "放映.XML",
    "показ.XML",
    "Zürich.XML",
    "\u202eLMX.S",
    "con.XML",
    "a=b.XML",
    "country=can/x.XML",
    "%2e%2e%2fS.XML",
    "*.XML",
]


# --- date stamps


@pytest.mark.parametrize("text", ["20191206", "20200229", "19000101", "99991231"])
def test_eight_digits_that_form_a_date_are_a_stamp(text):
    assert is_date_stamp(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2019120",
        "201912060",
        "20191301",
        "20190229",
        "20191200",
        "00000101",
        "2019-12-06",
        " 20191206",
        "20191206\n",
        "٢٠١٩١٢٠٦",
        "２０１９１２０６",
        "deu",
    ],
)
def test_other_texts_are_not_stamps(text):
    assert not is_date_stamp(text)


@given(st.dates())
def test_every_date_is_a_stamp(day: datetime.date):
    assert is_date_stamp(f"{day.year:04}{day.month:02}{day.day:02}")


@given(st.integers(0, 99_999_999))
def test_eight_digits_are_a_stamp_only_if_they_form_a_date(number):
    text = f"{number:08}"
    try:
        datetime.date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")
    except ValueError:
        assert not is_date_stamp(text)
    else:
        assert is_date_stamp(text)


# --- paths in the lake, as in design.md


def test_paths_of_a_partition():
    assert commit_path("20191206", "can") == "manifest/20191206/can.json"
    assert json_folder("20191206", "can") == "json/20191206/can"
    assert quarantine_folder("20191206", "can") == "quarantine/20191206/can"
    assert (
        parquet_folder("showings", "20191206", "can")
        == "parquet/showings/date_stamp=20191206/country=can"
    )


def test_folders_of_a_partition():
    assert partition_folders("20191206", "can") == [
        "json/20191206/can",
        "quarantine/20191206/can",
        "parquet/movies/date_stamp=20191206/country=can",
        "parquet/theaters/date_stamp=20191206/country=can",
        "parquet/showings/date_stamp=20191206/country=can",
    ]


# --- names of the lake's files


@pytest.mark.parametrize(
    ("member", "name", "stem"),
    [
        ("191206S.XML", "showings", "191206S"),
        ("191206T.XML", "theaters", "191206T"),
        ("191206I.XML", "movies", "191206I"),
        ("191206s.xml", "showings", "191206S"),
        ("191206i.Xml", "movies", "191206I"),
        ("191206IMOVIES.XML", "movies", "191206I"),
        ("191206MOVIES.XML", "movies", "191206I"),
        ("191206THEATER.XML", "theaters", "191206T"),
        ("191206THEATERS.XML", "theaters", "191206T"),
        ("191206HOUSES.XML", "theaters", "191206T"),
        ("191206SCREENS.XML", "showings", "191206S"),
        ("191206screens.xml", "showings", "191206S"),
        ("191206TIMES.XML", "showings", "191206S"),
        ("191206SHOWINGS.XML", "showings", "191206S"),
        ("20191206/can/191206S.XML", "showings", "191206S"),
        ("20191206\\can\\191206S.XML", "showings", "191206S"),
        # The root element decides the letter, not the ending of the name.
        ("191206IMOVIES.XML", "showings", "191206S"),
        ("191206S.XML", "movies", "191206I"),
        ("191206T.XML", "showings", "191206S"),
        # A name without a known ending is kept.
        ("191206.XML", "showings", "191206S"),
        ("backfill-2.XML", "movies", "backfill-2I"),
        ("feed.part.1.XML", "theaters", "feed.part.1T"),
        ("191206S", "showings", "191206S"),
        ("S.XML", "showings", "S"),
        ("showings.XML", "showings", "S"),
        (".XML", "movies", "XMLI"),
    ],
)
def test_the_table_decides_the_last_letter_of_a_name(member, name, stem):
    assert lake_stem(member, table(name)) == stem


def test_spaces_and_umlauts_become_underscores():
    assert lake_stem("Zürich 1S.XML", table("showings")) == "Z_rich_1S"


@pytest.mark.parametrize("member", HOSTILE)
@pytest.mark.parametrize("name", TABLES)
def test_hostile_names_stay_inside_their_folder(member, name):
    stem = lake_stem(member, table(name))
    assert SAFE.fullmatch(stem)
    assert len(stem) <= 101


@given(st.text(max_size=300), st.sampled_from(TABLES))
def test_any_name_stays_inside_its_folder(member, name):
    stem = lake_stem(member, table(name))
    place = posixpath.normpath(f"json/20191206/can/{stem}.jsonl.zst")
    assert SAFE.fullmatch(stem)
    assert posixpath.dirname(place) == "json/20191206/can"
    assert stem.endswith(table(name).letter)


@given(st.lists(st.sampled_from([*"./\\~\x00\n -", "..", "a", "é", "S", ".XML"]), max_size=12))
def test_dots_and_slashes_stay_inside_their_folder(parts):
    assert SAFE.fullmatch(lake_stem("".join(parts), table("showings")))


@given(st.text(max_size=300))
def test_safe_names_are_ascii_and_short(text):
    name = safe_name(text)
    assert len(name) == min(len(text), 100)
    assert re.fullmatch(r"[A-Za-z0-9._-]*", name)


def test_names_do_not_start_with_marks_of_hidden_files():
    """Other readers ignore files whose name starts with a dot or an underscore."""
    stems = [lake_stem(name, table("showings")) for name in ("_x.XML", ".x.XML", "._x.XML")]
    assert stems == ["xS", "xS", "xS"]


# --- unique names


def test_equal_names_are_numbered_before_the_letter():
    taken: set[str] = set()
    assert [distinct("191206S", taken) for _ in range(3)] == ["191206S", "191206-2S", "191206-3S"]


def test_names_that_differ_only_in_case_are_numbered_too():
    taken: set[str] = set()
    assert [distinct("aS", taken), distinct("AS", taken)] == ["aS", "A-2S"]


def test_a_number_in_use_is_skipped():
    taken: set[str] = set()
    names = [distinct(name, taken) for name in ("x-2S", "xS", "xS")]
    assert names == ["x-2S", "xS", "x-3S"]


@given(st.lists(st.text("abAB-2S", min_size=1, max_size=4), max_size=30))
def test_distinct_names_differ_on_every_file_system(wished):
    taken: set[str] = set()
    given_ = [distinct(name, taken) for name in wished]
    assert len({name.casefold() for name in given_}) == len(wished)
    assert [name[-1] for name in given_] == [name[-1] for name in wished]


# --- selections


STAMPS = ["20181228", "20191206", "20191213", "20200103", "20210101"]
COUNTRIES = ["can", "chn", "deu", "swe"]


def stamps(terms) -> list[str]:
    selection = Selection(date_stamps=terms)
    return [stamp for stamp in STAMPS if selection.matches(stamp, "deu")]


def countries(terms) -> list[str]:
    selection = Selection(countries=terms)
    return [country for country in COUNTRIES if selection.matches("20191206", country)]


@pytest.mark.parametrize(
    ("terms", "meant"),
    [
        (None, ["can", "chn", "deu", "swe"]),
        ("deu", ["deu"]),
        ("deu,swe", ["deu", "swe"]),
        (" deu , swe ,", ["deu", "swe"]),
        ("c*", ["can", "chn"]),
        ("c*,swe", ["can", "chn", "swe"]),
        ("[!c]*", ["deu", "swe"]),
        ("?an", ["can"]),
        ("*", ["can", "chn", "deu", "swe"]),
        (["deu"], ["deu"]),
        (("deu", "s*"), ["deu", "swe"]),
        ({"can"}, ["can"]),
        (["deu", "xxx"], ["deu"]),
        ("xxx", []),
        ([], []),
        ("", []),
        ("de", []),
        (slice("chn", "deu"), ["chn", "deu"]),
        (["DEU", "S*"], ["deu", "swe"]),
    ],
)
def test_terms_select_countries(terms, meant):
    assert countries(terms) == meant


@pytest.mark.parametrize(
    ("terms", "meant"),
    [
        (None, STAMPS),
        ("20191206", ["20191206"]),
        ("2019*", ["20191206", "20191213"]),
        ("2019*,2021*", ["20191206", "20191213", "20210101"]),
        ("201912??", ["20191206", "20191213"]),
        (["20191206", "20200103"], ["20191206", "20200103"]),
        (slice(None, None), STAMPS),
        (slice("20191206", "20200103"), ["20191206", "20191213", "20200103"]),
        (slice("20191206", "20191213"), ["20191206", "20191213"]),
        (slice("20191207", "20200102"), ["20191213"]),
        (slice("20191213", None), ["20191213", "20200103", "20210101"]),
        (slice(None, "20191206"), ["20181228", "20191206"]),
        (slice("2019", "2019"), ["20191206", "20191213"]),
        (slice("2019", "2020"), ["20191206", "20191213", "20200103"]),
        (slice("201912", "202001"), ["20191206", "20191213", "20200103"]),
        (slice("2020", "2019"), []),
        (slice(20191206, 20191213), ["20191206", "20191213"]),
    ],
)
def test_terms_select_stamps(terms, meant):
    assert stamps(terms) == meant


def test_both_the_stamp_and_the_country_must_match():
    selection = Selection("2019*", "deu")
    assert selection.matches("20191206", "deu")
    assert not selection.matches("20191206", "swe")
    assert not selection.matches("20200103", "deu")


def test_an_iterator_of_terms_can_be_matched_several_times():
    selection = Selection(countries=(code for code in ("deu", "swe")))
    assert [selection.matches("20191206", c) for c in ("swe", "swe", "deu", "can")] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (Selection(), "date_stamps=all, countries=all"),
        (Selection("2019*", "deu, swe"), "date_stamps=2019*, countries=deu,swe"),
        (Selection(slice("2019", None)), "date_stamps=2019:, countries=all"),
        (Selection(slice(None, "2020"), ["deu"]), "date_stamps=:2020, countries=deu"),
    ],
)
def test_text_of_a_selection(selection, text):
    assert str(selection) == text


@given(
    st.lists(st.dates().map(lambda d: d.strftime("%Y%m%d").zfill(8)), max_size=8),
    st.dates().map(lambda d: d.strftime("%Y%m%d").zfill(8)),
    st.dates().map(lambda d: d.strftime("%Y%m%d").zfill(8)),
    st.integers(1, 8),
)
def test_a_slice_includes_the_stamps_that_begin_with_its_end(codes, start, stop, length):
    selection = Selection(date_stamps=slice(start, stop[:length]))
    meant = [code for code in codes if selection.matches(code, "deu")]
    assert meant == [c for c in codes if c >= start and c <= stop[:length].ljust(8, "9")]


# --- folders on any file system


def test_paths_of_a_local_folder(tmp_path):
    folder = Folder(f"{tmp_path}/")
    assert folder.path == str(tmp_path)
    assert folder.join("json", "20191206") == f"{tmp_path}/json/20191206"
    assert folder.is_local
    assert folder.is_shared


def test_paths_of_a_folder_in_memory():
    folder = Folder("memory://lake/")
    assert folder.join("json") == "/lake/json"
    assert not folder.is_local
    assert not folder.is_shared
    assert repr(folder) == "Folder('memory://lake/')"


def test_paths_of_the_root_of_a_file_system():
    assert Folder("memory://").join("json") == "/json"
    assert Folder("/").join("json") == "/json"


def test_find_returns_sorted_paths_relative_to_the_folder(tmp_path):
    for name in ("b/2", "b/1", "a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"xyz")
    found = Folder(str(tmp_path)).find()
    assert list(found) == ["a", "b/1", "b/2"]
    assert {info["size"] for info in found.values()} == {3}
    assert list(Folder(str(tmp_path)).find("b")) == ["b/1", "b/2"]


def test_find_in_a_missing_folder_returns_an_empty_dict(tmp_path):
    assert Folder(str(tmp_path / "none")).find() == {}
