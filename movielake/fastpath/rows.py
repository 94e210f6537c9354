"""Rows made from segments: columns are codes in another shape.

No value is converted once per row. Each distinct text of a column is converted once, into an array
of values. Each record or date has the position of its value in that array. The rows take their
values by these positions. The result equals that of `movielake.rows.screenings` for the records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.fastpath.dates import Dates
from movielake.fastpath.order import Order, OtherRows
from movielake.fastpath.segments import Codes, Ints, Segments
from movielake.fastpath.shape import Shape
from movielake.fastpath.times import OddTexts, Times, read_times
from movielake.fastpath.unrecognised import TOO_MUCH, NotRecognised
from movielake.rows.problems import UNTYPED, ProblemCounter
from movielake.rows.rising import DAY
from movielake.rows.screenings import HEAVIEST
from movielake.rows.starts import combine_start
from movielake.rows.values import split_list, typed
from movielake.schema.tables import Column, Table


@dataclass(frozen=True)
class Found:
    """A problem in the regular records of a block, at each place where it occurs.

    Parameters
    ----------
    records : np.ndarray of int64, shape (n,)
        Position in the block of the record of each place, in ascending order.
    counts : np.ndarray of int64, shape (n,)
        How often the problem occurs at each place.
    which : np.ndarray of int64, shape (n,)
        Position in ``texts`` of the first odd text of each place.
    texts : pa.StringArray
        Odd texts, among others.
    """

    records: Ints
    counts: Ints
    which: Ints
    texts: pa.Array

    @property
    def count(self) -> int:
        """How often the problem occurs."""
        return int(self.counts.sum())

    @property
    def record(self) -> int:
        """Position in the block of the first record with the problem."""
        return int(self.records[0])

    @property
    def example(self) -> str:
        """The first odd text."""
        example: str = self.texts[int(self.which[0])].as_py()
        return example

    def within(self, begin: int, end: int) -> Found | None:
        """Return the problem in the records from ``begin`` to before ``end``; None if in none."""
        low, high = np.searchsorted(self.records, [begin, end])
        if low == high:
            return None
        chosen = slice(low, high)
        return Found(self.records[chosen], self.counts[chosen], self.which[chosen], self.texts)


class RowMaker:
    """Makes the rows of one block.

    Parameters
    ----------
    table : Table
        The table of the rows.
    shape : Shape
        Names of the table's elements.
    segments : Segments
        The block's segments.
    dates : Dates
        The block's regular records and dates.

    Attributes
    ----------
    found : dict
        For each column and kind of problem, the problem that was found while making rows.
    """

    def __init__(self, table: Table, shape: Shape, segments: Segments, dates: Dates) -> None:
        self._table = table
        self._shape = shape
        # One more text, a null, at position -1: code -1 means "no segment".
        self._texts = pa.concat_arrays([segments.texts, pa.nulls(1, pa.string())])
        self._says = self._texts.is_valid().to_numpy(zero_copy_only=False)
        self._sizes = pc.fill_null(pc.binary_length(self._texts), 0).to_numpy()
        self._dates = dates
        self.found: dict[tuple[str, str], Found] = {}

    def rows(self, first: int, source: str, others: OtherRows | None) -> pa.Table:
        """Make the rows.

        Parameters
        ----------
        first : int
            Number of the block's first record in its member.
        source : str
            The ``source_xml`` of all rows.
        others : OtherRows or None
            Rows of irregular records, to insert at their positions.

        Returns
        -------
        pa.Table
            The rows, with the schema ``table.arrow``.
        """
        times, codes = self._times()
        date_of_row, time_of_row = _explode(times, codes)
        may_be_heavy, text = len(date_of_row) * int(self._sizes.max()) > HEAVIEST, 0
        record_of_row = self._dates.owners[date_of_row]
        order = Order(self._dates.records[record_of_row], others)
        columns = self._timed(times, time_of_row, order)
        days = columns.pop("days")
        for column in self._table.columns:
            if column.paths and column.name not in columns:
                of_dates, codes = self._codes(column)
                values, positions = self._values(column, codes, of_dates)
                if values is None:
                    columns[column.name] = order.nothing(column, len(date_of_row))
                else:
                    parents = date_of_row if of_dates else record_of_row
                    text += self._repeated(codes, parents) if may_be_heavy else 0
                    if text > HEAVIEST:
                        raise NotRecognised(TOO_MUCH)
                    of_row = positions[parents]
                    columns[column.name] = order.take(column.name, values, of_row)
        columns["starts_at"] = combine_start(columns["show_date"], columns["show_time"], days)
        columns["record"] = pa.array(first + order.records, pa.int32())
        columns["extra"] = order.nothing(self._table["extra"], len(date_of_row))
        columns["source_xml"] = pa.repeat(pa.scalar(source), len(order.records))
        arrow = self._table.arrow
        return pa.table([columns[name] for name in arrow.names], schema=arrow)

    def _repeated(self, codes: Codes, parents: Ints) -> int:
        """Count the bytes of text in all rows of a column; an upper bound if they are few."""
        sizes = self._sizes[codes]
        most = int(sizes.max(initial=0)) * len(parents)
        return most if most < HEAVIEST // 64 else int(sizes[parents].sum())

    def _codes(self, column: Column) -> tuple[bool, Codes]:
        """Return a column's codes, and whether they are per date (True) or per record (False)."""
        container, leaves = self._shape.container, self._shape.leaves
        inside, direct = [], []
        for path in column.paths:
            name = path.removeprefix(f"{container}/")
            if path == container or name.startswith("@"):
                inside.append(self._dates.starts)
            elif name != path:
                inside.append(self._dates.inside(leaves.index(name)))
            else:
                direct.append(self._dates.direct(leaves.index(name)))
        if not inside:
            return False, self._first_said(direct)
        here = [codes[self._dates.owners] for codes in direct if codes.max(initial=-1) >= 0]
        return True, self._first_said(inside + here)

    def _first_said(self, candidates: Sequence[Codes]) -> Codes:
        """Choose at each place the first code that has a text."""
        chosen = candidates[0]
        for codes in candidates[1:]:
            chosen = np.where(self._says[chosen], chosen, codes)
        return chosen

    def _values(
        self, column: Column, codes: Codes, of_dates: bool
    ) -> tuple[pa.Array | None, Codes]:
        """Convert the distinct texts of a column, and return the values and their positions."""
        distinct, positions = self._compact(codes)
        if len(distinct) == 1:
            return None, positions
        texts = self._texts.take(pa.array(distinct))
        if column.type == "list":
            return split_list(texts, column.separator), positions
        counter = ProblemCounter()
        values = typed(texts, column, counter)
        if counter.problems():
            trimmed = pc.utf8_trim_whitespace(texts)
            is_text = pc.fill_null(pc.greater(pc.binary_length(trimmed), 0), False)
            odd = np.flatnonzero(pc.and_(pc.is_null(values), is_text))
            found = OddTexts(odd, np.ones(len(odd), np.int64), trimmed.take(pa.array(odd)))
            self._note(column.name, UNTYPED, found, positions, of_dates)
        return values, positions

    def _compact(self, codes: Codes) -> tuple[Ints, Codes]:
        """Return the distinct codes, and for each place the position of its code among them.

        The last code is one without a text. It represents all codes without a text.
        """
        if codes.max(initial=-1) < 0:
            return np.array([-1]), codes
        codes = codes.astype(np.int64)  # NumPy indexes twice as fast with these
        used = np.zeros(len(self._says), np.bool_)
        used[codes] = True
        distinct = np.flatnonzero(used & self._says)
        position = np.full(len(used), len(distinct), np.int32)
        position[distinct] = np.arange(len(distinct))
        return np.append(distinct, len(used) - 1), position[codes]

    def _note(self, name: str, kind: str, odd: OddTexts, positions: Codes, of_dates: bool) -> None:
        """Count the odd pieces of texts, each as often as its text is used."""
        pieces = np.zeros(odd.numbers.max(initial=-2) + 2, np.int64)
        pieces[odd.numbers] = odd.counts
        of_number = np.zeros(len(pieces), np.int64)
        of_number[odd.numbers] = np.arange(len(odd.numbers))
        uses = np.where(positions < len(pieces), positions, -1)
        at = np.flatnonzero(pieces[uses])
        records = self._dates.records[self._dates.owners[at] if of_dates else at]
        self.found[name, kind] = Found(records, pieces[uses[at]], of_number[uses[at]], odd.first)

    def _times(self) -> tuple[Times, Codes]:
        column = next(c for c in self._table.columns if c.type == "showtimes")
        _, codes = self._codes(column)
        distinct, positions = self._compact(codes)
        times = read_times(self._texts.take(pa.array(distinct[:-1])))
        for kind, odd in times.odd.items():
            self._note(column.name, kind, odd, positions, of_dates=True)
        return times, positions

    def _timed(self, times: Times, of_row: Ints, order: Order) -> dict[str, pa.Array]:
        """Return the columns of the times, and the days that they are after their show_dates."""
        places = np.append(times.milliseconds, np.int32(-1))[of_row]
        bargain = np.append(times.bargain, False)[of_row]
        unknown = places < 0
        days = None
        if places.max(initial=0) >= DAY:
            days, places = np.divmod(places, np.int32(DAY))
        show_time = pa.array(places, mask=unknown).view(pa.time32("ms"))
        return {
            "show_time": order.sort("show_time", show_time.cast(pa.time64("us"))),
            "bargain": order.sort("bargain", pa.array(bargain, mask=unknown)),
            "days": order.days(days, len(places)),
        }


def _explode(times: Times, positions: Codes) -> tuple[Ints, Ints]:
    """Return for each row its date and the position of its time in ``times``; -1 for no time."""
    counts = np.append(times.counts, 1)[positions]
    starts = np.append(np.cumsum(times.counts) - times.counts, -1)[positions]
    date_of_row = np.repeat(np.arange(len(positions)), counts)
    behind_first = np.arange(len(date_of_row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return date_of_row, np.repeat(starts, counts) + behind_first
