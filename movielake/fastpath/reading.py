"""The fast path through a member: from blocks to JSON Lines and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import IO

from movielake.fastpath.blocks import BLOCK, Blocks
from movielake.fastpath.flat import Flattener, add_problems
from movielake.lake.outputs import Batch
from movielake.rows.problems import ProblemCounter
from movielake.schema.tables import Table


class FastMember:
    r"""A member, read by the fast path.

    It returns the same as the reference (`movielake.feed.records`, then
    `movielake.rows.screenings`), or gives up.

    Parameters
    ----------
    stream : binary file
        The member, positioned at its beginning.
    table : Table or None
        The member's table. None if the root element decides.
    labels : mapping
        Keys and values that are added to each record: country, date_stamp and source_xml.
    with_json : bool
        Whether to make JSON Lines.
    size : int, optional
        Number of bytes in a block.

    Attributes
    ----------
    table : Table
        The member's table.
    root : dict
        Attributes of the root element, as ``"@name"``.
    problems : ProblemCounter
        Problems with values; complete after iterating.
    left : Counter
        Number of records that were left to the reference, by reason; complete after iterating.
    contradiction : str
        How the declared encoding contradicts the bytes. Empty if it does not.

    Examples
    --------
    >>> import io
    >>> from movielake.schema.tables import table
    >>> xml = b"<times><showtime><movie_id>7</movie_id></showtime></times>"
    >>> member = FastMember(io.BytesIO(xml), table("showings"), {"source_xml": "x"}, True)
    >>> [(batch.records, batch.lines.to_pybytes()) for batch in member]
    [(1, b'{"movie_id":"7","source_xml":"x"}\n')]
    """

    def __init__(
        self,
        stream: IO[bytes],
        table: Table | None,
        labels: Mapping[str, str],
        with_json: bool,
        size: int = BLOCK,
    ) -> None:
        self._blocks = Blocks(stream, table, size)
        self.table = self._blocks.table
        self._flattener = Flattener(self.table, self._blocks.root, labels, with_json)
        self.contradiction = self._blocks.contradiction
        self._records = 0
        self.problems = ProblemCounter()
        self.left: Counter[str] = Counter()
        self.root = self._flattener.read_root()

    def __iter__(self) -> Iterator[Batch]:
        """Yield the records, one block at a time.

        Raises
        ------
        NotRecognised
            If the member is left to the reference. The batches so far are then void.
        """
        for block in self._blocks:
            flat = self._flattener.flatten(block, self._records)
            self.left.update(flat.reasons)
            add_problems(
                self.problems, self.table, flat.found, flat.counted, flat.irregular, flat.others
            )
            self._records += len(flat.begins)
            yield Batch(len(flat.begins), flat.lines, flat.rows)
