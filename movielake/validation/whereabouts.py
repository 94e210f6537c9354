"""Positions of problems: line and column of the first element with each problem in a member's XML.

Flattening counts problems but has no line numbers. So this module reads members with problems a
second time. It uses expat, because expat's line numbers have no limit. The line numbers of libxml2
are not reliable after line 65,535. Both count the same lines, even in a recoded stream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO, Final, NamedTuple
from xml.parsers import expat

from movielake.feed.archives import UNREADABLE
from movielake.feed.decoding import RecodingError
from movielake.feed.encodings import EncodingError
from movielake.feed.recoding import Recoded
from movielake.feed.records import OWN_KEYS
from movielake.rows.problems import (
    ENCODING,
    ENTITY,
    EXAMPLE_LENGTH,
    OF_XML,
    REPEATED,
    UNKNOWN,
    Problem,
)
from movielake.rows.showtimes import SEPARATOR
from movielake.schema.tables import Table

BLOCK: Final = 1 << 22
"""Bytes read at a time. After each block, old versions of expat start again on a long tag."""


class Place(NamedTuple):
    """Line and column of an element's start tag, both counted from 1."""

    line: int
    column: int


def find_places(
    stream: IO[bytes], table: Table, problems: Iterable[Problem]
) -> dict[Problem, Place]:
    r"""Find the position of the first element with each problem.

    Parameters
    ----------
    stream : binary file
        The member, positioned at its beginning. It is read up to the last position.
    table : Table
        Schema of the member.
    problems : iterable of Problem
        The problems that flattening found in the member.

    Returns
    -------
    dict of Problem to Place
        Position of the element's start tag. Problems without a known position are missing, for
        example those of the whole member.

    Examples
    --------
    >>> import io
    >>> from movielake.rows.problems import UNTYPED, Problem
    >>> from movielake.schema.tables import table
    >>> xml = b"<movies><movie>\n<running_time>two hours</running_time></movie></movies>"
    >>> problem = Problem("running_time", UNTYPED, 1, "two hours")
    >>> find_places(io.BytesIO(xml), table("movies"), [problem])[problem]
    Place(line=2, column=1)
    """
    search = _Search(table, problems)
    try:
        recoded = Recoded(stream)
        parser = search.parser()
        while search.is_open and (block := recoded.read(BLOCK)):
            parser.Parse(block)
    except (expat.ExpatError, *UNREADABLE, EncodingError, RecodingError):
        pass  # records end at such damage, so all problems are before it
    return search.found


@dataclass(frozen=True)
class _Sought:
    """An element, attribute or text to find at a path."""

    problem: Problem
    attribute: str = ""
    fits: Callable[[str], bool] | None = None
    nth: int = 1


@dataclass
class _Open:
    """An element whose start tag has been read, but not its end tag."""

    path: str
    place: Place
    is_kept: bool
    children: dict[str, int] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    nested: list[str] = field(default_factory=list)


class _Search:
    """Handler of the parser. It follows the paths of the problems and skips all other elements."""

    def __init__(self, table: Table, problems: Iterable[Problem]) -> None:
        self.found: dict[Problem, Place] = {}
        self._record = table.record
        self._sought: dict[str, list[_Sought]] = {}
        self._left = {problem for problem in problems if problem.kind != ENCODING}
        self._entities = [problem for problem in self._left if problem.kind == ENTITY]
        for problem in self._left:
            for path, sought in () if problem.kind in OF_XML else _places(problem, table):
                self._sought.setdefault(path, []).append(sought)
        ends = {path: [n for n, sign in enumerate(path) if sign == "/"] for path in self._sought}
        self._ways = {path[:end] for path in ends for end in ends[path]} | {"", *self._sought}
        self._open: list[_Open] = []
        self._passed = 0  # depth inside a skipped element

    @property
    def is_open(self) -> bool:
        """Whether a problem has no position yet."""
        return bool(self._left)

    def parser(self) -> expat.XMLParserType:
        """Make the parser."""
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True

        def start(name: str, attributes: dict[str, str]) -> None:
            place = Place(parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)
            self._start(name, attributes, place)

        def skip(name: str, _: bool) -> None:
            self._text(f"&{name};")
            for problem in self._entities:  # expat reports no reference inside an attribute
                place = Place(parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)
                self._find(problem, place)

        parser.StartElementHandler = start
        parser.SkippedEntityHandler = skip
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        return parser

    def _start(self, name: str, attributes: dict[str, str], place: Place) -> None:
        path = None if self._passed else self._path(name)
        if path is None:
            self._passed += 1
            return
        nth = 1
        if self._open:
            siblings = self._open[-1].children
            nth = siblings[name] = siblings.get(name, 0) + 1
        is_kept = path in self._sought or (bool(self._open) and self._open[-1].is_kept)
        self._open.append(_Open(path, place, is_kept))
        if len(self._open) > 1:
            for sought in self._sought.get(path, ()):
                if _is_at(sought, attributes, nth):
                    self._find(sought.problem, place)

    def _path(self, name: str) -> str | None:
        """Return the path of an element below its record, or None if the element is skipped."""
        depth = len(self._open)
        if depth < 2:
            return "" if depth == 0 or name == self._record else None
        above = self._open[-1].path
        path = f"{above}/{name}" if above else name
        return path if path in self._ways else None

    def _text(self, text: str) -> None:
        if len(self._open) > 1 and self._open[-1].is_kept:
            (self._open[-1].nested if self._passed else self._open[-1].texts).append(text)

    def _end(self, _: str) -> None:
        if self._passed:
            self._passed -= 1
            return
        element = self._open.pop()
        text = "".join(element.texts).strip()
        for sought in self._sought.get(element.path, ()) if self._open else ():
            if (
                sought.fits
                and not sought.attribute
                and ((text and sought.fits(text)) or _is_scattered(sought.problem, element))
            ):
                self._find(sought.problem, element.place)
        if self._open and self._open[-1].is_kept:
            self._open[-1].nested += element.texts + element.nested

    def _find(self, problem: Problem, place: Place) -> None:
        if problem in self._left:
            self._left.remove(problem)
            self.found[problem] = place


def _is_at(sought: _Sought, attributes: dict[str, str], nth: int) -> bool:
    """Return whether a start tag alone shows the problem."""
    if sought.attribute:
        value = attributes.get(sought.attribute)
        return value is not None and (sought.fits is None or sought.fits(value.strip()))
    return sought.fits is None and nth >= sought.nth


def _is_scattered(problem: Problem, element: _Open) -> bool:
    """Return whether a problem's example is the text of an element and of elements inside it."""
    if not element.nested or problem.kind in (REPEATED, UNKNOWN):
        return False
    missing = Counter("".join(problem.example.split()))
    present = Counter("".join("".join(element.texts + element.nested).split()))
    is_part = problem.column == "show_time" or len(problem.example) == EXAMPLE_LENGTH
    return missing <= present if is_part else missing == present


def _places(problem: Problem, table: Table) -> list[tuple[str, _Sought]]:
    """Return where a problem can be: element paths, and what to find there."""
    if problem.kind not in (REPEATED, UNKNOWN):
        (column,) = (c for c in table.with_fields if c.name == problem.column)
        fits = _is_example(problem, column.type == "showtimes")
        return [_place(path, problem, fits) for path in column.paths]
    path = problem.column
    if path[:1] == "#" and path[1:] in OWN_KEYS:
        path = path[1:]  # movielake uses these keys itself, so the feed's elements get a "#"
    if path.rpartition("/")[2] == "#text":
        return [(path[: -len("/#text")], _Sought(problem, fits=bool))]
    return [_place(path, problem, None)]


def _place(path: str, problem: Problem, fits: Callable[[str], bool] | None) -> tuple[str, _Sought]:
    above, _, name = path.rpartition("/")
    if name.startswith("@"):
        return above, _Sought(problem, attribute=name[1:], fits=fits)
    return path, _Sought(problem, fits=fits, nth=2 if problem.kind == REPEATED else 1)


def _is_example(problem: Problem, is_list: bool) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        pieces = [text, *(SEPARATOR.split(text) if is_list else ())]
        return any(piece.strip()[:EXAMPLE_LENGTH] == problem.example for piece in pieces)

    return fits
