"""Members that are flattened together give the same as each one alone."""

from __future__ import annotations

import io
import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.fastpath.blocks import Blocks
from movielake.fastpath.flat import Flattener
from movielake.fastpath.reading import FastMember
from movielake.fastpath.together import FlatMember, Part, flatten_together
from movielake.fastpath.unrecognised import NotRecognised
from movielake.lake.digests import RowsDigest
from movielake.schema.tables import TABLES, Table, table
from tests.fastpath import members, mutations
from tests.strategies import documents, examples

MOVIES = table("movies")
EACH = pytest.mark.parametrize("of", [table(name) for name in TABLES], ids=TABLES)


def labels(number: int) -> dict[str, str]:
    return {"country": "deu", "date_stamp": f"{number:08}", "source_xml": f'{number} "é".XML'}


def together(of: Table, documents: list[bytes]) -> dict[int, FlatMember | None]:
    """Flatten those members that have records and a plain root, and map them to their numbers."""
    found = {}
    for number, document in enumerate(documents):
        with suppress(NotRecognised):
            blocks = Blocks(io.BytesIO(document), of)
            content = b"".join(map(bytes, blocks))
            if content and blocks.root == f"<{of.root}>".encode():
                found[number] = Part(labels(number), content)
    root = f"<{of.root}>".encode()
    flat = flatten_together(list(found.values()), of, root, True) if found else []
    return dict(zip(found, flat, strict=True))


def check(of: Table, documents: list[bytes]) -> int:
    """Compare each member with the same one read alone. Return how many were read together."""
    flat = together(of, documents)
    for number, member in flat.items():
        alone = FastMember(io.BytesIO(documents[number]), of, labels(number), True)
        if member is None:
            continue
        (batch,) = list(alone)
        assert bytes(member.batch.lines) == bytes(batch.lines)
        assert member.batch.records == batch.records
        member.batch.rows.validate(full=True)
        assert member.batch.rows.equals(batch.rows)
        digest = RowsDigest()
        digest.update(batch.rows)
        assert member.batch.digest == digest.hexdigest()
        assert member.problems.problems() == alone.problems.problems()
        assert (member.left, member.root) == (alone.left, alone.root)
    return sum(member is not None for member in flat.values())


def mutant(seed: int, of: Table) -> bytes:
    rng = random.Random(seed)
    return mutations.mutant(rng) if of.name == "showings" else members.mutant(rng, of)


@EACH
def test_mutants_together_are_read_as_alone(of):
    read = sum(check(of, [mutant(9 * n + i, of) for i in range(9)]) for n in range(40))
    assert read > 60


@EACH
@examples(max_examples=40)
@given(data=st.data())
def test_documents_together_are_read_as_alone(of, data):
    check(of, data.draw(st.lists(documents(of), min_size=2, max_size=5)))


def movies(*titles: str) -> bytes:
    inside = "".join(f"<movie><title>{title}</title></movie>" for title in titles)
    return f"<movies>{inside}</movies>".encode()


def test_a_damaged_member_does_not_hold_up_the_others():
    documents = [movies(f"{n}") for n in range(8)]
    documents[5] = b"<movies><movie><title></movie></movies>"
    flat = together(MOVIES, documents)
    assert [number for number, member in flat.items() if member is None] == [5]
    assert check(MOVIES, [*documents[:5], *documents[6:]]) == 7


@pytest.mark.parametrize("name", ["country", "date_stamp", "source_xml"])
def test_an_element_with_the_name_of_a_label_is_not_mistaken_for_it(name):
    odd = f"<movies><movie><{name}>x</{name}><title>Up</title></movie></movies>".encode()
    assert check(MOVIES, [movies("Up"), odd, movies("Her")]) == 3


def test_problems_are_those_of_the_member():
    odd = "<movie><running_time>long</running_time></movie>"
    twice = "<movie><title>a</title><title>b</title><running_time>very</running_time></movie>"
    documents = [
        movies("Up"),
        f"<movies>{odd}{odd}</movies>".encode(),
        f"<movies>{twice}<movie></movie>{odd}</movies>".encode(),
    ]
    assert check(MOVIES, documents) == 3
    found = [member.problems.problems() for member in together(MOVIES, documents).values()]
    assert [[(p.kind, p.count, p.example) for p in each] for each in found] == [
        [],
        [("untyped", 2, "long")],
        [("untyped", 2, "very"), ("repeated", 1, '["a", "b"]')],
    ]


def test_a_record_that_ends_in_another_member_is_found():
    parts = [Part(labels(n), text) for n, text in enumerate((b"<movie>", b"</movie><movie/>"))]
    assert flatten_together(parts, MOVIES, b"<movies>", True) == [None, None]


def test_members_are_flattened_in_few_calls(monkeypatch):
    calls = []
    flatten = Flattener.flatten
    monkeypatch.setattr(Flattener, "flatten", lambda *given: calls.append(given) or flatten(*given))
    assert len(together(MOVIES, [movies(str(n)) for n in range(30)])) == 30
    assert len(calls) == 1
