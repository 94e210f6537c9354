"""Views as a whole: all rows as one pandas DataFrame, if they fit in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from movielake.cluster.machine import machine_memory
from movielake.dataframes.saving import Savable
from movielake.reading.files import empty_rows, rows_of_group, to_frame

if TYPE_CHECKING:
    import pandas as pd

_SHARE: Final = 0.4
"""Most memory that the rows can take. Putting them together takes as much again."""

_CLEARLY: Final = 2
"""If the first rows let expect so many times the memory, no more are read."""


class Loadable(Savable):
    """View that can be loaded as a whole."""

    def to_pandas(
        self: Any, columns: Sequence[str] | None = None, *, memory: int | None = None
    ) -> pd.DataFrame:
        """Return all rows as a pandas DataFrame, if they fit in memory.

        Parameters
        ----------
        columns : sequence of str, optional
            Columns to read. Default: all columns.
        memory : int, optional
            Most bytes that the rows can take. Default: 40% of the memory of this machine or job.

        Returns
        -------
        pandas.DataFrame
            The rows in the order of the files, with the types of `dataframe`.

        Raises
        ------
        MemoryError
            If the rows take more. They are read file by file, so it is raised before memory ends.
        ValueError
            If a column does not exist.

        Examples
        --------
        >>> from movielake import MoviesReader
        >>> MoviesReader("lake", countries="deu").to_pandas(["movie_id", "title"]).shape[1]
        2
        """
        names = list(self.columns if columns is None else columns)
        self._require(names)
        held = self._checked()
        groups = self._attach(held.million_rows())
        most = memory or int(machine_memory() * _SHARE)
        parts: list[pa.Table] = []
        size = 0
        for number, group in enumerate(groups, 1):
            parts.append(rows_of_group(self._source, group, names))
            size += parts[-1].nbytes
            expected = size * len(groups) // number
            if size > most or expected > most * _CLEARLY:
                raise MemoryError(_refusal(most, max(size, expected), names))
        return to_frame(pa.concat_tables(parts) if parts else empty_rows(self._source, names))


def _refusal(most: int, expected: int, names: Sequence[str]) -> str:
    return (
        f"expected rows of at most {most / 1e9:.2g} GB for pandas, found about "
        f"{expected / 1e9:.2g} GB in {len(names)} columns; name fewer columns=, select countries= "
        "or date_stamps=, or use count_by or the dataframe"
    )
