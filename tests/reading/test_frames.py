"""The DataFrame: types, length, results, and the columns and files that are read."""

from __future__ import annotations

import operator
import pickle
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import dask
import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dask.callbacks import Callback
from dask.dataframe.dask_expr import new_collection
from dask.dataframe.dask_expr._reductions import Len
from distributed import Client
from hypothesis import given
from hypothesis import strategies as st

from movielake import (
    CurrentShowings,
    MoviesReader,
    ShowingsReader,
    TheatersReader,
    current_showings,
    join_showings,
)
from movielake.cluster.workers import local_cluster
from movielake.reading.frames import LakeRows
from tests.conftest import Ask
from tests.feeds import all_rows
from tests.strategies import examples

READERS = (MoviesReader, TheatersReader, ShowingsReader)
KEYS = ["date_stamp", "country"]


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    with dask.config.set(scheduler="sync"):
        yield


@pytest.fixture(params=[2_000, 1_000_000])
def frame(
    request: pytest.FixtureRequest, sample_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> dd.DataFrame:
    """All showings, in one partition or in nine partitions with several files each."""
    monkeypatch.setattr("movielake.reading.holdings.ROW_GROUP", request.param)
    frame = ShowingsReader(str(sample_lake)).dataframe
    assert frame.npartitions == (1 if request.param == 1_000_000 else 9)
    return frame


@pytest.fixture(scope="module")
def rows(sample_lake: Path) -> pd.DataFrame:
    """The rows of the showings, made with pandas and pyarrow alone."""
    return as_pandas(all_rows(sample_lake), sample_lake)


def as_pandas(rows: list[dict[str, Any]], lake: Path) -> pd.DataFrame:
    paths = sorted(Path(lake, "parquet", "showings").rglob("*.parquet"))
    table = pa.Table.from_pylist(rows, schema=pq.read_schema(paths[0]))
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    places = [row["source_xml"].split("/") for row in rows]
    return frame.assign(
        date_stamp=[stamp for stamp, *_ in places], country=[country for _, country, *_ in places]
    )


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert the partition keys to plain strings and drop the index."""
    keys = {key: frame[key].astype("string[pyarrow]") for key in KEYS if key in frame}
    return frame.assign(**keys).astype(dict.fromkeys(keys, "object")).reset_index(drop=True)


def assert_same(found: dd.DataFrame, expected: pd.DataFrame) -> None:
    left, right = plain(found.compute()), plain(expected)
    assert left.columns.tolist() == right.columns.tolist()
    assert left.astype(object).map(str).equals(right.astype(object).map(str))


def reads(frame: Any) -> list[LakeRows]:
    """List the expressions with which an optimized DataFrame reads."""
    return list(frame.optimize(fuse=False).expr.find_operations(LakeRows))


def files_read(frame: Any) -> set[str]:
    return {file.path for part in reads(frame) for group in part.groups for file in group.files}


def partitions_read(frame: Any) -> set[tuple[str, str]]:
    places = (path.split("/")[-3:-1] for path in files_read(frame))
    return {(stamp.split("=")[1], country.split("=")[1]) for stamp, country in places}


def columns_read(frame: Any) -> set[str]:
    return {column for part in reads(frame) for column in part.columns}


def spoil(lake: Path, keep: set[str] | Callable[[Path], bool]) -> None:
    """Make all files or columns unreadable that are not kept. File sizes stay the same."""
    for path in lake.glob("parquet/*/*/*/*.parquet"):
        content = bytearray(path.read_bytes())
        if callable(keep):
            if not keep(path):
                path.write_bytes(bytes(len(content)))
            continue
        metadata = pq.read_metadata(path)
        chunks = [
            metadata.row_group(group).column(number)
            for group in range(metadata.num_row_groups)
            for number in range(metadata.num_columns)
        ]
        for chunk in chunks:
            if chunk.path_in_schema.split(".")[0] not in keep:
                start = chunk.dictionary_page_offset or chunk.data_page_offset
                content[start : start + chunk.total_compressed_size] = bytes(
                    chunk.total_compressed_size
                )
        path.write_bytes(content)


@pytest.fixture
def copy(sample_lake: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_lake, tmp_path / "copy"))


# Types


@pytest.mark.parametrize("reader", READERS)
def test_types_are_arrow_types_and_keys_are_categoricals(
    reader: type[ShowingsReader], sample_lake: Path
) -> None:
    frame = reader(str(sample_lake)).dataframe
    computed = frame.compute()
    assert computed.dtypes.equals(frame.dtypes)
    for name, dtype in computed.dtypes.items():
        if name in KEYS:
            assert dtype.ordered is (name == "date_stamp")
            assert pd.api.types.is_string_dtype(dtype.categories.dtype)
        else:
            stored = pq.read_schema(next(iter(reader(str(sample_lake)).files))).field(name).type
            assert dtype == pd.ArrowDtype(stored)


def test_the_keys_have_all_categories_of_the_lake(sample_lake: Path) -> None:
    frame = MoviesReader(str(sample_lake), countries="deu", date_stamps="20191213").dataframe
    computed = frame.compute()
    for some in (frame, frame._meta, computed):
        assert list(some["date_stamp"].cat.categories) == ["20191206", "20191213", "20191220"]
        assert "chn" in list(some["country"].cat.categories)  # though it has no films
    assert set(computed["country"]) == {"deu"}


def test_integers_stay_integers_with_nulls(sample_lake: Path) -> None:
    times = MoviesReader(str(sample_lake)).dataframe["running_time"].compute()
    assert times.isna().any()
    assert times.dtype == pd.ArrowDtype(pa.int32())
    assert isinstance(times.max(), int)


def test_lists_stay_lists(sample_lake: Path) -> None:
    columns = ["genre", "cast", "director", "intl"]
    frame = MoviesReader(str(sample_lake)).dataframe[columns].compute()
    stored = [{name: row[name] for name in columns} for row in all_rows(sample_lake, "movies")]
    assert pa.Table.from_pandas(frame, preserve_index=False).to_pylist() == stored
    assert max(len(row["director"] or ()) for row in stored) > 1
    assert any((row["intl"] or [{}])[0].get("intl_name") for row in stored)


def test_dasks_string_conversion_has_no_effect(sample_lake: Path) -> None:
    for convert_string in (True, False):
        with dask.config.set({"dataframe.convert-string": convert_string}):
            frame = MoviesReader(str(sample_lake)).dataframe[["title", "genre"]]
            assert columns_read(frame) == {"title", "genre"}
            assert [str(dtype) for dtype in frame.compute().dtypes] == [
                "string[pyarrow]",
                "list<element: string>[pyarrow]",
            ]


@pytest.mark.parametrize("reader", READERS)
def test_all_rows_come_in_order(reader: type[ShowingsReader], sample_lake: Path) -> None:
    frame = reader(str(sample_lake)).dataframe.drop(columns=KEYS).compute()
    expected = all_rows(sample_lake, reader._table_name)
    assert pa.Table.from_pandas(frame, preserve_index=False).to_pylist() == expected


# Planning, length


def test_planning_does_not_compute_or_start_a_cluster(sample_lake: Path) -> None:
    code = f"""
import sys
from dask.callbacks import Callback
from movielake import *
def fail(*_): raise AssertionError("computed")
with Callback(start=fail):
    showings = ShowingsReader({str(sample_lake)!r})
    views = [showings.dataframe, showings.bag, join_showings(showings), current_showings(showings)]
    frame = views[0]
    views.append(frame[frame.country == "deu"].groupby("movie_id").size())
    print(*map(repr, views))
assert "distributed" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True)


def test_the_length_needs_no_readable_file(copy: Path, duck: Ask) -> None:
    spoil(copy, lambda _: False)
    frame = ShowingsReader(str(copy)).dataframe
    assert [(len(frame),)] == duck("select count(*) from showings")
    assert len(frame[["movie_id", "show_date"]]) == len(frame.movie_id) == len(frame)
    assert frame.shape[0].compute() == len(frame)
    assert len(join_showings(ShowingsReader(str(copy)))) == len(frame)
    with pytest.raises(ValueError, match=r"cannot read .*S\.parquet: .*--force"):
        frame.compute()


def test_the_length_of_a_filter_reads_only_the_columns_of_the_filter(
    frame: dd.DataFrame, duck: Ask
) -> None:
    for filtered in (frame[frame.country == "deu"], frame.movie_id[frame.country == "deu"]):
        length = new_collection(Len(filtered.expr))
        assert columns_read(length) <= {"country", "date_stamp", "movie_id"}
        assert {country for _, country in partitions_read(length)} == {"deu"}
        assert [(len(filtered),)] == duck("select count(*) from showings where country = 'deu'")
    both = frame[(frame.country == "deu") & frame.bargain]
    assert columns_read(new_collection(Len(both.expr))) == {"bargain", "country", "date_stamp"}
    where = "where country = 'deu' and bargain"
    assert [(len(both),)] == duck(f"select count(*) from showings {where}")
    assert both.index.compute().equals(both.compute().index)


def test_lengths_of_partitions_filters_and_arrays_are_right(
    frame: dd.DataFrame, rows: pd.DataFrame
) -> None:
    assert sum(len(part) for part in frame.partitions) == len(frame) == len(rows)
    assert len(frame[frame.country == "deu"]) == (rows.country == "deu").sum()
    assert len(frame[frame.bargain]) == rows.bargain.sum()
    lengths = frame.map_partitions(len).compute()
    assert sum(frame.to_dask_array(lengths=True).chunks[0]) == lengths.sum()


# Which columns are read


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        (lambda df: df["movie_id"], {"movie_id"}),
        (lambda df: df[["movie_id", "country"]], {"movie_id", "country"}),
        (lambda df: df[KEYS], set(KEYS)),
        (lambda df: df.groupby("country").movie_id.nunique(), {"country", "movie_id"}),
        (lambda df: df[df.theater_id > 30000].movie_id.sum(), {"theater_id", "movie_id"}),
        (lambda df: df[df.country == "deu"][["show_date"]], {"country", "show_date"}),
        (lambda df: df[df.country == "deu"].show_date, {"country", "show_date"}),
        (lambda df: df.show_date[df.country == "deu"], {"country", "show_date"}),
        (lambda df: df.drop_duplicates(subset=["movie_id"])[["movie_id"]], {"movie_id"}),
        (lambda df: df.assign(x=df.movie_id + 1)[["x"]], {"movie_id"}),
        (lambda df: df[["movie_id"]].merge(df[["movie_id", "record"]]), {"movie_id", "record"}),
        (lambda df: df.show_time.count(), {"show_time"}),
    ],
)  # fmt: skip
def test_only_the_chosen_columns_are_read(
    frame: dd.DataFrame, query: Callable[[dd.DataFrame], Any], columns: set[str]
) -> None:
    assert columns_read(query(frame)) == columns


def test_a_query_works_if_other_columns_are_unreadable(copy: Path, duck: Ask) -> None:
    spoil(copy, {"movie_id", "show_time"})
    frame = ShowingsReader(str(copy)).dataframe
    counts = frame[frame.country == "deu"].groupby("movie_id").show_time.count().compute()
    assert list(counts.sort_index().items()) == duck(
        "select movie_id, count(show_time) from showings where country = 'deu' and "
        "movie_id is not null group by movie_id order by movie_id"
    )
    with pytest.raises(ValueError, match=r"cannot read .*S\.parquet: "):
        frame[["theater_id"]].compute()


# Which files are read

FILTERS = {
    "==": (lambda df: df.country == "deu", "country = 'deu'"),
    "== reversed": (lambda df: "deu" == df["country"], "country = 'deu'"),  # noqa: SIM300
    "isin": (lambda df: df.country.isin(["deu", "swe"]), "country in ('deu', 'swe')"),
    "isin one": (lambda df: df.country.isin(["chn"]), "country = 'chn'"),
    "not isin": (lambda df: ~df.country.isin(["deu", "swe"]), "country not in ('deu', 'swe')"),
    "&": (
        lambda df: (df.country == "deu") & (df.date_stamp == "20191213"),
        "country = 'deu' and date_stamp = '20191213'",
    ),
    "|": (
        lambda df: (df.country == "deu") | (df.date_stamp == "20191213"),
        "country = 'deu' or date_stamp = '20191213'",
    ),
    "!=": (lambda df: df.date_stamp != "20191213", "date_stamp <> '20191213'"),
    "<": (lambda df: df.date_stamp.astype(str) < "20191213", "date_stamp < '20191213'"),
    "between": (
        lambda df: df.date_stamp.astype(str).between("20191207", "20191213"),
        "date_stamp between '20191207' and '20191213'",
    ),
    "startswith": (lambda df: df.country.str.startswith("c"), "country like 'c%'"),
    "either way": (
        lambda df: ((df.country == "deu") & (df.date_stamp == "20191213")) | (df.country == "swe"),
        "country = 'deu' and date_stamp = '20191213' or country = 'swe'",
    ),
    "nothing": (lambda df: df.country == "usa", "false"),
    "contradiction": (lambda df: (df.country == "deu") & (df.country == "swe"), "false"),
}
ANSWER = "count(*), count(distinct movie_id), sum(theater_id), min(show_date), count(show_time)"


def answer(frame: pd.DataFrame) -> tuple[Any, ...]:
    total = int(frame.theater_id.sum()) if len(frame) else None
    first = frame.show_date.min() if len(frame) else None
    return len(frame), frame.movie_id.nunique(), total, first, int(frame.show_time.count())


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_on_the_keys_skips_files(frame: dd.DataFrame, duck: Ask, name: str) -> None:
    mask, sql = FILTERS[name]
    filtered = frame[mask(frame)]
    places = duck(f"select distinct date_stamp, country from showings where {sql}")
    assert partitions_read(filtered) == set(places)
    assert [answer(filtered.compute())] == duck(f"select {ANSWER} from showings where {sql}")
    assert filtered.compute().dtypes.equals(frame.dtypes)


def test_a_filter_on_keys_and_other_columns_skips_files(frame: dd.DataFrame, duck: Ask) -> None:
    mask = (frame.country == "deu") & (frame.theater_id > 30000) & (frame.date_stamp != "20191206")
    filtered = frame[mask & frame.show_time.notnull()]
    assert partitions_read(filtered) == {("20191213", "deu"), ("20191220", "deu")}
    sql = (
        f"select {ANSWER} from showings where country = 'deu' and theater_id > 30000 and "
        "date_stamp <> '20191206' and show_time is not null"
    )
    assert [answer(filtered.compute())] == duck(sql)


def test_a_filter_on_a_key_or_another_column_reads_all_files(
    frame: dd.DataFrame, duck: Ask
) -> None:
    filtered = frame[(frame.country == "deu") | (frame.movie_id == 103200)]
    assert len(partitions_read(filtered)) == 24
    sql = f"select {ANSWER} from showings where country = 'deu' or movie_id = 103200"
    assert [answer(filtered.compute())] == duck(sql)


def test_a_filter_and_a_choice_of_columns_combine_in_any_order(
    frame: dd.DataFrame, rows: pd.DataFrame
) -> None:
    chosen = ["movie_id", "show_time"]
    mask = frame["country"] == "deu"
    expected = rows[rows.country == "deu"][chosen]
    for filtered in (frame[mask][chosen], frame[chosen][mask], frame.loc[mask, chosen]):
        assert partitions_read(filtered) == {(stamp, "deu") for stamp in set(rows.date_stamp)}
        assert columns_read(filtered) == {*chosen, "country"}
        assert_same(filtered, expected)


def test_a_filter_works_if_the_skipped_files_are_unreadable(copy: Path, rows: pd.DataFrame) -> None:
    spoil(copy, lambda path: "country=deu" in str(path))
    frame = ShowingsReader(str(copy)).dataframe
    assert_same(frame[frame.country == "deu"], rows[rows.country == "deu"])


def test_a_filter_of_a_filter_is_right(frame: dd.DataFrame, rows: pd.DataFrame) -> None:
    deu = frame[frame.country == "deu"]
    expected = rows[(rows.country == "deu") & (rows.theater_id > 30000)]
    assert_same(deu[deu.theater_id > 30000], expected)
    assert len(partitions_read(deu[deu.date_stamp == "20191213"])) == 1


def test_a_filter_can_use_a_mask_of_the_whole_frame(
    frame: dd.DataFrame, rows: pd.DataFrame
) -> None:
    deu = frame[frame.country == "deu"]
    expected = rows[(rows.country == "deu") & (rows.theater_id > 30000)]
    filtered = deu[frame.theater_id > 30000]
    assert_same(filtered, expected)
    assert {country for _, country in partitions_read(filtered)} == {"deu"}


def test_a_filtered_frame_can_use_a_column_of_the_whole_frame(
    frame: dd.DataFrame, rows: pd.DataFrame
) -> None:
    deu = frame[frame.country == "deu"].assign(same=frame.movie_id, other=frame.theater_id + 1)
    expected = rows[rows.country == "deu"]
    expected = expected.assign(same=expected.movie_id, other=expected.theater_id + 1)
    if frame.npartitions == 1:  # pandas assigns all rows of a column to an empty frame
        assert_same(deu, expected)
    twice = (frame[frame.country == "deu"].theater_id + frame.theater_id).dropna().compute()
    assert twice.tolist() == (2 * expected.theater_id).tolist()


def test_expressions_over_several_rows_see_all_rows(
    frame: dd.DataFrame, rows: pd.DataFrame
) -> None:
    both = (frame, rows)
    means = [f.theater_id[f.theater_id.notnull()].astype(float).mean() for f in both]
    found, expected = (
        f[(f.country == "deu") & (f.theater_id.astype(float) > mean)]
        for f, mean in zip(both, means, strict=True)
    )
    assert_same(found, expected)
    found, expected = (
        f[(f.country == "deu") == ((f.country == "deu").mean() > 0.02)] for f in both
    )
    assert_same(found, expected)
    found, expected = (f[(f.country == "deu").cumsum() == 5] for f in both)
    assert_same(found, expected)
    found, expected = (f[(f.country == "deu") & ((f.country == "deu").cumsum() > 9)] for f in both)
    assert_same(found, expected)


def test_two_filters_of_one_frame_can_be_combined(frame: dd.DataFrame, rows: pd.DataFrame) -> None:
    both = [frame[frame.country == country] for country in ("deu", "swe")]
    expected = pd.concat([rows[rows.country == country] for country in ("deu", "swe")])
    assert_same(dd.concat(both), expected)
    assert {country for _, country in partitions_read(dd.concat(both))} == {"deu", "swe"}
    films = [f[["movie_id"]].drop_duplicates() for f in both]
    common = films[0].merge(films[1], on="movie_id").compute()
    in_both = {*rows[rows.country == "deu"].movie_id} & {*rows[rows.country == "swe"].movie_id}
    assert sorted(common.movie_id) == sorted(in_both)


def test_a_filter_on_one_table_skips_no_file_of_another(sample_lake: Path) -> None:
    films = MoviesReader(str(sample_lake)).dataframe
    theaters = TheatersReader(str(sample_lake)).dataframe
    merged = films[["country"]].merge(theaters[theaters.country == "deu"][["country"]])
    expected = Counter(films.country.compute())["deu"] * (theaters.country.compute() == "deu").sum()
    assert len(merged) == expected


def test_filters_on_joins_and_current_showings_skip_files(sample_lake: Path, duck: Ask) -> None:
    reader = ShowingsReader(str(sample_lake))
    joined = join_showings(reader)
    filtered = joined[joined.country == "deu"][["title"]]
    assert {country for _, country in partitions_read(filtered)} == {"deu"}
    assert len(filtered) == duck("select count(*) from showings where country = 'deu'")[0][0]
    current = current_showings(reader)
    whole = current.compute()
    early = current[current.date_stamp == "20191206"]
    assert partitions_read(early) == {("20191206", c) for c in set(whole.country)}
    assert len(early) == (whole.date_stamp == "20191206").sum() < len(whole)


_TERMS = st.sampled_from(
    [
        lambda df: df.country == "deu",
        lambda df: df["country"].isin(["deu", "chn"]),
        lambda df: df.date_stamp != "20191213",
        lambda df: df.date_stamp.isin(["20191206"]),
        lambda df: df.theater_id > 30000,
        lambda df: df.show_time.notnull(),
        lambda df: df.bargain.fillna(True),
    ]
)
_PREDICATES = st.recursive(
    _TERMS,
    lambda terms: st.one_of(
        terms.map(lambda term: lambda df: ~term(df)),
        st.tuples(st.sampled_from([operator.and_, operator.or_, operator.xor]), terms, terms).map(
            lambda three: lambda df: three[0](three[1](df), three[2](df))
        ),
    ),
    max_leaves=5,
)


_CHOICES = st.sampled_from([["movie_id"], KEYS, ["show_date", "country"]])
_FORMS = st.sampled_from(
    [
        lambda df, mask, columns: df[mask(df)][columns],
        lambda df, mask, columns: df[columns][mask(df)],
        lambda df, mask, columns: df.loc[mask(df), columns],
        lambda df, mask, columns: df[columns].loc[mask(df)],
        lambda df, mask, columns: df[columns[0]][mask(df)].to_frame(),
        lambda df, mask, columns: df[mask(df)].assign(one=1)[[*columns, "one"]],
    ]
)


@examples(max_examples=60)
@given(predicate=_PREDICATES, columns=_CHOICES, form=_FORMS, size=st.sampled_from([300, 10_000]))
def test_any_filter_gives_the_same_rows_as_pandas(
    sample_lake: Path, predicate: Any, columns: list[str], form: Any, size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("movielake.reading.holdings.ROW_GROUP", size)
        frame = ShowingsReader(str(sample_lake), countries="deu,chn,nzl").dataframe
    filtered = form(frame, predicate, columns)
    expected = form(frame.compute(), predicate, columns)
    pd.testing.assert_frame_equal(filtered.compute(), expected)  # the index must be equal too
    assert len(filtered) == len(expected)


# Ways to compute


def test_every_scheduler_gives_the_same_result(frame: dd.DataFrame, rows: pd.DataFrame) -> None:
    def ask(**how: Any) -> dict[tuple[str, str], int]:
        groups = frame[frame.theater_id > 30000].groupby(["country", "date_stamp"], observed=True)
        return groups.movie_id.nunique().compute(**how).to_dict()

    some = rows[rows.theater_id > 30000]
    expected = some.groupby(["country", "date_stamp"]).movie_id.nunique().to_dict()
    assert ask(scheduler="sync") == expected
    assert ask(scheduler="threads") == expected


def test_a_cluster_gives_the_same_result(
    frame: dd.DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    with local_cluster(1, scratch=tmp_path) as cluster, Client(cluster) as client:
        filtered = frame[frame.country.isin(["deu", "swe"])]
        found = client.compute(filtered.groupby("movie_id").theater_id.nunique()).result()
        kept = client.persist(frame[["movie_id", "country"]])
        assert kept[kept.country == "deu"].movie_id.sum().compute(scheduler=client) == (
            rows[rows.country == "deu"].movie_id.sum()
        )
    some = rows[rows.country.isin(["deu", "swe"])]
    assert found.to_dict() == some.groupby("movie_id").theater_id.nunique().to_dict()


def test_a_dataframe_can_be_pickled(frame: dd.DataFrame) -> None:
    filtered = frame[frame.country == "deu"].movie_id
    for dump in (pickle.dumps, cloudpickle.dumps):
        again = pickle.loads(dump(filtered))
        assert again._name == filtered._name
        assert again.compute().equals(filtered.compute())


def test_the_same_query_has_the_same_name(sample_lake: Path) -> None:
    def names(**selection: Any) -> list[str]:
        reader = ShowingsReader(str(sample_lake), **selection)
        frame = reader.dataframe
        views = (
            frame,
            frame[frame.country == "deu"],
            join_showings(reader),
            current_showings(reader),
        )
        return [view.optimize()._name for view in views]

    assert names() == names() == names(countries="*")
    assert len({*names(), *names(countries="deu,swe"), *names(date_stamps="20191206")}) == 12


def test_changed_content_gets_another_name(copy: Path, sample_feed: Path) -> None:
    before = join_showings(ShowingsReader(str(copy), countries="chn"))._name
    assert join_showings(ShowingsReader(str(copy), countries="chn"))._name == before
    (path,) = copy.glob("manifest/20191206/chn.json")
    path.write_text(path.read_text().replace('"sha256": "', '"sha256": "0'))
    (copy / "manifest.parquet").unlink()
    assert join_showings(ShowingsReader(str(copy), countries="chn"))._name != before


def test_partitions_have_the_right_rows(frame: dd.DataFrame, rows: pd.DataFrame) -> None:
    assert_same(frame.partitions[0], rows.head(len(frame.partitions[0])))
    assert_same(dd.concat([frame.partitions[i] for i in range(frame.npartitions)]), rows)
    last = frame.partitions[-1]
    end = rows.tail(len(last))
    assert_same(last[last.country == "swe"], end[end.country == "swe"])
    assert plain(frame.head(3)).movie_id.tolist() == rows.movie_id.head(3).tolist()
    assert len(frame.tail(3)) == 3
    assert frame.get_partition(0).country.compute().iloc[0] == "aus"


def test_groups_by_categoricals_are_right(frame: dd.DataFrame, rows: pd.DataFrame) -> None:
    sizes = frame.groupby(["country", "date_stamp"], observed=True).size().compute()
    assert sizes.to_dict() == rows.groupby(["country", "date_stamp"]).size().to_dict()
    every = frame[frame.country == "deu"].groupby("country", observed=False).size().compute()
    assert every.to_dict() == dict.fromkeys(set(rows.country), 0) | {
        "deu": (rows.country == "deu").sum()
    }
    counts = frame.country.value_counts().compute()
    assert counts.to_dict() == rows.country.value_counts().to_dict()


def test_the_descriptions_are_short(frame: dd.DataFrame) -> None:
    assert len(frame.expr.tree_repr()) < 1000
    assert "movielake-showings" in repr(frame) or "LakeRows" in repr(frame)


def test_only_compute_starts_a_computation(frame: dd.DataFrame) -> None:
    started: list[Any] = []
    with Callback(start=started.append):
        filtered = frame[frame.theater_id > 3][["movie_id"]]
        assert started == []
        filtered.compute()
    assert len(started) == 1


def test_the_length_of_current_showings_is_their_number_of_rows(sample_lake: Path) -> None:
    view = CurrentShowings(ShowingsReader(str(sample_lake)))
    assert len(view.dataframe) == len(view.dataframe.compute())
