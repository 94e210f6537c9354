"""Places: where in a member's XML the first value of each problem stands.

Flattening counts problems and knows no lines. This looks for the first of each afterwards, and only
in members that have any, in a second pass with expat, whose line numbers have no limit (libxml2's
end at 65,535, or become a guess). Both count the same lines, also in a stream that was recoded.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO, Final, NamedTuple
from xml.parsers import expat

from movielake.feed.archives import UNREADABLE
from movielake.feed.recoding import recoded
from movielake.feed.records import OWN_KEYS
from movielake.rows.problems import EXAMPLE_LENGTH, REPEATED, UNTYPED, Problem
from movielake.schema.tables import Table

BLOCK: Final = 1 << 22
"""Bytes read at a time: with each, older versions of expat begin anew to read a long tag."""

_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Place(NamedTuple):
    """Line and column of the tag that begins an element, both counted from 1."""

    line: int
    column: int


def find_places(
    stream: IO[bytes], table: Table, problems: Iterable[Problem]
) -> dict[Problem, Place]:
    r"""Find the first place of each problem.

    Parameters
    ----------
    stream : binary file
        The member from its beginning; read up to the last place that is sought.
    table : Table
        Its schema.
    problems : iterable of Problem
        What flattening found in it.

    Returns
    -------
    dict of Problem to Place
        Where the element begins. A problem is missing whose place cannot be told, as where expat
        does not know the encoding.

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
        stream, encoding = recoded(stream)
        block = stream.read(BLOCK)
        parser = search.parser(encoding, marked=block.startswith(_MARKS))
        while search.is_open and block:
            parser.Parse(block)
            block = stream.read(BLOCK)
    except (expat.ExpatError, *UNREADABLE, ValueError, LookupError):
        # What lies behind damage is in no record either; the last two are odd bytes behind it, and
        # encodings that expat does not know.
        pass
    return search.found


@dataclass(frozen=True)
class _Sought:
    """What to look for at a path: an element, one of its attributes, or a text."""

    problem: Problem
    attribute: str = ""
    fits: Callable[[str], bool] | None = None
    nth: int = 1


@dataclass
class _Open:
    """An element that has begun."""

    path: str
    place: Place
    children: dict[str, int] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


class _Search:
    """Follows the parser to the paths where something is sought, and passes over all else."""

    def __init__(self, table: Table, problems: Iterable[Problem]) -> None:
        self.found: dict[Problem, Place] = {}
        self._record = table.record
        self._sought: dict[str, list[_Sought]] = {}
        self._left = set(problems)
        for problem in self._left:
            for path, sought in _places(problem, table):
                self._sought.setdefault(path, []).append(sought)
        ends = {path: [n for n, sign in enumerate(path) if sign == "/"] for path in self._sought}
        self._ways = {path[:end] for path in ends for end in ends[path]} | {"", *self._sought}
        self._open: list[_Open] = []
        self._passed = 0  # depth inside an element that is passed over

    @property
    def is_open(self) -> bool:
        """Whether anything is still sought."""
        return bool(self._left)

    def parser(self, encoding: str | None, marked: bool) -> expat.XMLParserType:
        """Make the parser that is followed; a byte order mark is a column to it, but not to us."""
        parser = expat.ParserCreate(encoding)
        parser.buffer_text = True

        def start(name: str, attributes: dict[str, str]) -> None:
            line = parser.CurrentLineNumber
            first = 0 if marked and line == 1 else 1
            self._start(name, attributes, Place(line, parser.CurrentColumnNumber + first))

        parser.StartElementHandler = start
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
        self._open.append(_Open(path, place))
        if len(self._open) > 1:
            for sought in self._sought.get(path, ()):
                if _is_at(sought, attributes, nth):
                    self._find(sought.problem, place)

    def _path(self, name: str) -> str | None:
        """Give the path of an element below its record; None if it is passed over."""
        depth = len(self._open)
        if depth < 2:
            return "" if depth == 0 or name == self._record else None
        above = self._open[-1].path
        path = f"{above}/{name}" if above else name
        return path if path in self._ways else None

    def _text(self, text: str) -> None:
        if not self._passed and len(self._open) > 1 and self._open[-1].path in self._sought:
            self._open[-1].texts.append(text)

    def _end(self, _: str) -> None:
        if self._passed:
            self._passed -= 1
            return
        element = self._open.pop()
        text = "".join(element.texts).strip()
        for sought in self._sought.get(element.path, ()) if self._open and text else ():
            if sought.fits and not sought.attribute and sought.fits(text):
                self._find(sought.problem, element.place)

    def _find(self, problem: Problem, place: Place) -> None:
        if problem in self._left:
            self._left.remove(problem)
            self.found[problem] = place


def _is_at(sought: _Sought, attributes: dict[str, str], nth: int) -> bool:
    """Tell whether what is sought is seen where an element begins."""
    if sought.attribute:
        value = attributes.get(sought.attribute)
        return value is not None and (sought.fits is None or sought.fits(value.strip()))
    return sought.fits is None and nth >= sought.nth


def _places(problem: Problem, table: Table) -> list[tuple[str, _Sought]]:
    """Tell where a problem may stand: element paths, and what to look for there."""
    if problem.kind == UNTYPED:
        (column,) = (c for c in table.with_fields if c.name == problem.column)
        pieces = "," if column.type == "showtimes" else ""
        return [_place(path, problem, _is_example(problem, pieces)) for path in column.paths]
    path = problem.column
    if path[:1] == "#" and path[1:] in OWN_KEYS:
        path = path[1:]  # a record keeps its own keys for movielake
    if path.rpartition("/")[2] == "#text":
        return [(path[: -len("/#text")], _Sought(problem, fits=bool))]
    return [_place(path, problem, None)]


def _place(path: str, problem: Problem, fits: Callable[[str], bool] | None) -> tuple[str, _Sought]:
    above, _, name = path.rpartition("/")
    if name.startswith("@"):
        return above, _Sought(problem, attribute=name[1:], fits=fits)
    return path, _Sought(problem, fits=fits, nth=2 if problem.kind == REPEATED else 1)


def _is_example(problem: Problem, separator: str) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        pieces = text.split(separator) if separator else [text]
        return any(piece.strip()[:EXAMPLE_LENGTH] == problem.example for piece in pieces)

    return fits
