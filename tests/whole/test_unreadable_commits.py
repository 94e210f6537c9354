"""A commit that cannot be read costs its own partition only, and the message's advice works."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from movielake import ShowingsReader, convert, validate
from movielake.cli import main
from movielake.conversion.publishing import publish_commit
from movielake.lake.commits import MOST, Commit, MemberCommit, commit_to_json
from movielake.lake.entries import manifest_table
from movielake.lake.gaps import UnreadableCommitWarning
from movielake.lake.manifest import read_manifest, rebuild_manifest
from movielake.lake.parsing import UnreadableCommitError, commit_from_json, parse_commit
from movielake.lake.writers import workspace
from movielake.names.layout import Folder
from tests.feeds import files
from tests.lakes import COMMIT, small_lake

ADVICE = (
    "convert its feed zip again (--force --stamps 20191206 --countries deu), or remove this file"
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a feed of three zips, and its lake. Tests copy it."""
    return small_lake(tmp_path_factory.mktemp("whole")).parent


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder, so that a test can change it."""
    shutil.copytree(whole, tmp_path / "place")
    return tmp_path / "place"


def change(of: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """Return a function that changes a commit as parsed JSON."""

    def changed(content: bytes) -> bytes:
        commit = json.loads(content)
        of(commit)
        return json.dumps(commit).encode()

    return changed


def member(**changes: Any) -> Callable[[bytes], bytes]:
    return change(lambda commit: commit["members"][0].update(changes))


FAULTS = {
    "an empty file": (lambda _: b"", "Expecting value"),
    "a cut-off file": (lambda content: content[: len(content) // 2], "line"),
    "zero bytes": (lambda content: bytes(len(content) // 4 * 4), "Expecting value"),
    "bytes that are not UTF-8": (lambda content: content.replace(b"deu", b"\xff"), "utf-8"),
    "other JSON": (lambda _: b"[]", "expected an object with country, date_stamp"),
    "very deep JSON": (lambda _: b"[" * 100_000, "its JSON is too deep"),
    "no members": (change(lambda commit: commit.pop("members")), "expected members, found no"),
    "no fingerprint": (change(lambda c: c.pop("fingerprint")), "expected fingerprint, found no"),
    "an unknown field": (
        change(lambda commit: commit.update(new=1)),
        "expected only known fields, found new",
    ),
    "a member without records": (change(lambda c: c["members"][0].pop("records")), "records"),
    "a number of 2^63": (member(xml_bytes=2**63), f"expected xml_bytes from 0 to {MOST}"),
    "a negative number": (member(rows=-1), "expected rows from 0"),
    "a fraction": (member(records=1.5), "expected records as int, found 1.5"),
    "infinity": (member(records=float("inf")), "expected records as int, found inf"),
    "a number as text": (member(records="3"), "expected records as int, found '3'"),
    "true as a number": (member(records=True), "expected records as int, found True"),
    "a name that is null": (member(member=None), "expected member as str, found None"),
    "half a character": (member(reason="\ud800"), "surrogates"),
    "an attribute that is a number": (member(root={"a": 1}), "expected texts in root"),
    "files that are a text": (
        member(parquet="x"),
        "expected an object with bytes, path, sha256, found 'x'",
    ),
    "problems that are no list": (member(problems={}), "expected a list in problems, found {}"),
    "a file without a size": (member(json={"path": "a", "sha256": "b"}), "bytes"),
    "a file that is too large": (
        member(json={"path": "a", "bytes": 2**64, "sha256": "b"}),
        "expected bytes from 0",
    ),
    "a problem that is not counted": (
        member(problems=[{"column": "a", "kind": "untyped", "count": None, "example": ""}]),
        "expected count as int, found None",
    ),
    "the commit of another partition": (
        change(lambda commit: commit.update(country="swe")),
        "it is the commit of 20191206/swe",
    ),
}


def spoil(lake: Path, fault: str, *, whole_manifest: bool = False) -> str:
    """Spoil the German commit. Return a part of the expected message."""
    spoiled, message = FAULTS[fault]
    (lake / COMMIT).write_bytes(spoiled((lake / COMMIT).read_bytes()))
    if not whole_manifest:
        (lake / "manifest.parquet").unlink()
    return message


@pytest.mark.parametrize("fault", FAULTS)
def test_the_message_names_file_reason_and_remedy(place, fault):
    message = spoil(place / "lake", fault)
    with pytest.raises(UnreadableCommitError) as raised:
        parse_commit((place / "lake" / COMMIT).read_bytes(), "20191206", "deu")
    assert str(raised.value).startswith(f"{COMMIT} cannot be read (")
    assert message in str(raised.value)
    assert str(raised.value).endswith(f"; {ADVICE}")


def command(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize("fault", FAULTS)
def test_other_partitions_are_read_and_the_same_conversion_mends_the_lake(place, fault):
    lake = place / "lake"
    before = files(lake)
    spoil(lake, fault)
    with pytest.warns(UnreadableCommitWarning, match="its partition is left out"):
        showings = ShowingsReader(str(lake))
    keys = showings.dataframe[["date_stamp", "country"]].astype(str).compute()
    assert {*keys.itertuples(index=False, name=None)} == {("20191206", "swe"), ("20191213", "deu")}
    code, said = command("convert", place / "feed", lake, "--workers", 1)
    assert (code, f"mended: {COMMIT} could not be read" in said) == (0, True), said
    assert files(lake) == before


COMMANDS = ["info", "report", "stage", "pack"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_names_the_file_once_and_ends_with_1(place, name):
    spoil(place / "lake", "a number of 2^63")
    more = {
        "report": ["-o", place / "report.html"],
        "stage": ["--to", place / "staged"],
        "pack": [place / "lake.tar"],
    }
    code, said = command(name, place / "lake", *more.get(name, []))
    lines = [line for line in said.splitlines() if line.startswith("movielake: ")]
    assert (code, len(lines)) == (1, 1), said
    assert lines[0].startswith(f"movielake: {place}/lake: {COMMIT} cannot be read (expected xml_b")
    assert ADVICE in lines[0]


def test_staged_and_packed_lakes_hold_the_other_partitions(place):
    spoil(place / "lake", "an empty file")
    command("pack", place / "lake", place / "lake.tar")
    assert command("stage", place / "lake.tar", "--to", place / "unpacked")[0] == 0
    command("stage", place / "lake", "--to", place / "staged")
    for copy in ("unpacked", "staged"):
        assert list(validate(str(place / copy), workers=1)) == []
        assert ShowingsReader(str(place / copy)).count == 4
        assert not (place / copy / COMMIT).exists()


def test_a_spoiled_commit_in_a_staged_lake_is_staged_again(place):
    assert command("stage", place / "lake", "--to", place / "staged")[0] == 0
    before = files(place / "staged")
    spoil(place / "staged", "a cut-off file")
    assert command("stage", place / "lake", "--to", place / "staged")[0] == 0
    assert files(place / "staged") == before


def test_info_lists_the_partition_as_not_complete(place):
    spoil(place / "lake", "a fraction")
    code, said = command("info", place / "lake", "--format", "json")
    known = json.loads(said[said.index("{") :])
    assert code == 1
    assert known["incidents"] == [
        f"20191206/deu: unreadable: {COMMIT} cannot be read (expected records as int, found 1.5); "
        + ADVICE
    ]
    assert known["countries"] == ["deu", "swe"]


def test_validation_reports_only_the_commit(place):
    spoil(place / "lake", "a negative number")
    (finding,) = validate(str(place / "lake"), workers=1)
    assert (finding.rule, finding.path) == ("commit-file", COMMIT)


def test_a_selection_without_the_partition_gives_no_warning(place):
    spoil(place / "lake", "other JSON")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(ShowingsReader(str(place / "lake"), countries="swe").dataframe) == 2


# --- the advice


@pytest.mark.parametrize("fault", ["a number of 2^63", "an empty file"])
@pytest.mark.parametrize("whole_manifest", [False, True])
def test_converting_only_the_named_zip_again_mends_the_lake(place, fault, whole_manifest):
    lake = place / "lake"
    before = files(lake)
    spoil(lake, fault, whole_manifest=whole_manifest)
    options = ADVICE.partition("(")[2].partition(")")[0].split()
    code, said = command("convert", place / "feed", lake, "--workers", 1, *options)
    assert code == 0, said
    assert files(lake) == before


def test_removing_the_file_mends_the_lake(place):
    lake = place / "lake"
    before = files(lake)
    spoil(lake, "no members")
    (lake / COMMIT).unlink()
    assert command("info", lake)[0] == 0
    assert command("convert", place / "feed", lake, "--workers", 1)[0] == 0
    assert files(lake) == before


def test_pruning_removes_the_partition_if_its_feed_zip_is_gone(place):
    spoil(place / "lake", "zero bytes")
    (place / "feed/20191206/movies_deu.zip").unlink()
    code, said = command("convert", place / "feed", place / "lake", "--workers", 1)
    assert code == 1
    assert f"damage: {COMMIT} cannot be read" in said
    assert "in the lake without a feed zip: 1 (--prune removes them)" in said
    code, said = command("convert", place / "feed", place / "lake", "--workers", 1, "--prune")
    assert (code, "removed: 20191206/deu" in said) == (0, True)
    assert list(validate(str(place / "lake"), workers=1)) == []


def test_a_commit_that_stays_unreadable_is_reported_by_each_conversion(place):
    spoil(place / "lake", "zero bytes")
    options = ("--workers", 1, "--countries", "swe")
    for _ in range(2):
        code, said = command("convert", place / "feed", place / "lake", *options)
        assert (code, f"damage: {COMMIT} cannot be read" in said) == (1, True)
        assert not (place / "lake/manifest.parquet").exists()


def test_an_unreadable_commit_beside_the_one_that_was_set_aside_is_replaced(place):
    lake = place / "lake"
    before = files(lake)
    shutil.copy(lake / COMMIT, lake / COMMIT.replace(".json", ".replaced"))
    spoil(lake, "a cut-off file")
    assert convert(str(place / "feed"), str(lake), workers=1).is_clean
    assert files(lake) == before


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(50) + b"PAR1"])
def test_an_unreadable_manifest_is_built_again(place, content):
    before = files(place / "lake")
    (place / "lake/manifest.parquet").write_bytes(content)
    assert read_manifest(Folder(str(place / "lake"))).num_rows == 9
    assert convert(str(place / "feed"), str(place / "lake"), workers=1).is_clean
    assert files(place / "lake") == before


def test_a_manifest_with_other_columns_is_built_again(place):
    lake = Folder(str(place / "lake"))
    before = files(place / "lake")
    table = read_manifest(lake).drop_columns("fallbacks")
    pa.parquet.write_table(table, place / "lake/manifest.parquet")
    rebuild_manifest(lake)
    assert files(place / "lake") == before


# --- writing


@pytest.mark.parametrize("number", [MOST + 1, 2**63, -1, 1.0, None, True])
def test_a_number_that_does_not_fit_is_never_written(number):
    with pytest.raises(ValueError, match="expected xml_bytes"):
        MemberCommit("a", "complete", xml_bytes=number)


def publish(lake: Folder, size: int) -> None:
    with workspace(lake) as space:
        publish_commit(lake, Commit("20191206", "deu", "x", size, "", "", True, ()), space)


def test_a_commit_that_cannot_exist_leaves_the_lake_as_it_was(place):
    lake = Folder(str(place / "lake"))
    before = files(place / "lake")
    with pytest.raises(ValueError, match="expected size"):
        publish(lake, size=2**53)
    assert files(place / "lake") == before


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)


@given(st.data())
def test_any_change_of_a_commit_is_read_or_refused(whole, data):
    """Also a commit that is still readable must fit in the manifest and in JSON."""
    commit = json.loads((whole / "lake" / COMMIT).read_bytes())
    place = data.draw(st.sampled_from([commit, *commit["members"]]))
    key = data.draw(st.sampled_from(sorted(place)))
    place[key] = data.draw(VALUES)
    content = json.dumps(commit).encode()
    try:
        known = commit_from_json(content)
    except ValueError:
        return
    manifest_table([known]).validate(full=True)
    assert commit_from_json(commit_to_json(known)) == known
