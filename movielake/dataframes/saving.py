"""Saved rows: Parquet files that pandas, dask, DuckDB and Polars read with the right types.

pandas 3.1 notes the types of a frame in the schema of its Parquet file, but cannot read its own
notes about Arrow's lists and maps. dask 2026.8 writes a file for each value of a categorical in
each partition, with or without rows. Engines take the value ``20191206`` in a folder's name for a
number. So here notes about lists are left out, no file is empty, and a folder's name is only a
label: each file contains all columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.owners import name_owner
from movielake.lake.single import place_owner, split_file, whole_file
from movielake.names.hints import suggest_name
from movielake.names.layout import Folder

if TYPE_CHECKING:
    import pandas as pd

_UNSAFE: Final = re.compile(r"""[/\\%:*?"'<>|=\[\]{}\x00-\x1f\x7f]|^[._~]|[. ]$""")
"""Characters with a meaning for file systems or engines. Engines skip names such as ``_name``."""

_PART: Final = re.compile(r"(?:.*/)?[0-9]{5}-[0-9]{5}\.parquet")
_NULL: Final = "(null)"
_EMPTY: Final = "(empty)"


def write_parquet(
    rows: Any,
    path: str,
    *,
    partition_on: str | Sequence[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Save rows as Parquet that pandas, dask, DuckDB and Polars read with the right types.

    Parameters
    ----------
    rows : view, dask.dataframe.DataFrame or pandas.DataFrame
        A reader, `JoinedShowings`, `CurrentShowings`, or any DataFrame made of them.
    path : str
        Path or URL. If it ends in ``.parquet``, it becomes one file. Any other path becomes a
        folder with a file for each partition of the DataFrame, which the workers write.
    partition_on : str or sequence of str, optional
        Columns that divide the rows. The path becomes a folder with a folder for each value. Each
        file contains these columns too, so engines read them with their types.
    overwrite : bool, optional
        Replace what an earlier call has saved under this path.

    Raises
    ------
    FileExistsError
        If the path exists. With ``overwrite``, if it contains anything but saved rows.
    ValueError
        If ``partition_on`` names a column that does not exist or contains lists, or if the path
        lies in a lake or feed.

    Notes
    -----
    The partition keys become plain texts. An index is kept if it has a name.

    Examples
    --------
    >>> import pandas as pd
    >>> from movielake import MoviesReader, latest, write_parquet
    >>> write_parquet(latest(MoviesReader("lake")), "movies.parquet")
    >>> pd.read_parquet("movies.parquet")["release_date"].dtype
    date32[day][pyarrow]
    """
    import pandas as pd

    frame = getattr(rows, "dataframe", rows)
    meta = frame.head(0) if isinstance(frame, pd.DataFrame) else frame._meta
    keys = _keys(meta, partition_on)
    one_file = str(path).endswith(".parquet") and not keys
    target = Folder(str(path))
    _check_target(target, one_file, overwrite)
    parent, name = split_file(str(path).rstrip("/"))
    parts = target
    if one_file or not target.is_object_store:
        parts = Folder(f"{parent.url.rstrip('/')}/.{name}.{name_owner()}.partial")
    try:
        if parts is target:
            _remove(target)
        _write_parts(frame, parts, _schema(meta), keys)
        if one_file:
            with whole_file(parent, name) as file:
                _join_parts(parts, file)
        elif parts is not target:
            _remove(target)
            parts.fs.mv(parts.path, target.path, recursive=True)
    finally:
        if parts is not target:
            _remove(parts)


class Savable:
    """Base class of views, which can be saved."""

    def to_parquet(
        self, path: str, *, partition_on: str | Sequence[str] | None = None, overwrite: bool = False
    ) -> None:
        """Save the rows as Parquet that other engines read, as `write_parquet` does.

        Parameters
        ----------
        path : str
            Path or URL. If it ends in ``.parquet``, it becomes one file, otherwise a folder.
        partition_on : str or sequence of str, optional
            Columns that divide the rows into folders.
        overwrite : bool, optional
            Replace what an earlier call has saved under this path.

        Raises
        ------
        FileExistsError
            If the path exists.
        ValueError
            If ``partition_on`` names a column that does not exist or contains lists.

        Examples
        --------
        >>> import pandas as pd
        >>> from movielake import ShowingsReader
        >>> showings = ShowingsReader("lake", countries=["deu", "swe"])
        >>> showings.to_parquet("showings", partition_on="country")
        >>> len(pd.read_parquet("showings")) == len(showings.dataframe)
        True
        """
        write_parquet(self, path, partition_on=partition_on, overwrite=overwrite)


def _keys(meta: pd.DataFrame, partition_on: str | Sequence[str] | None) -> list[str]:
    keys = [partition_on] if isinstance(partition_on, str) else list(partition_on or ())
    names = [str(name) for name in meta.columns]
    for key in keys:
        if key not in names:
            raise ValueError(
                f"expected one of the columns {names}, found {key!r}{suggest_name(key, names)}"
            )
        if pa.types.is_nested(_schema(meta).field(key).type):
            raise ValueError(
                f"expected a column of single values in partition_on, found {key!r}, which has "
                "several values in a cell; explode it first"
            )
    return keys


def _check_target(target: Folder, one_file: bool, overwrite: bool) -> None:
    if owner := place_owner(target):
        raise ValueError(
            f"expected a path outside lakes and feeds, found {target.url} in the {owner}; choose "
            "another path"
        )
    if not target.fs.exists(target.path):
        return
    if not overwrite:
        raise FileExistsError(
            f"expected a new path, found {target.url}; choose another one, or set overwrite=True"
        )
    is_file = target.fs.isfile(target.path)
    if one_file != is_file or not all(_PART.fullmatch(name) for name in target.names()):
        raise FileExistsError(
            f"expected saved rows in {target.url}, found other files; choose another path"
        )


def _remove(folder: Folder) -> None:
    if folder.fs.exists(folder.path):
        folder.fs.rm(folder.path, recursive=True)


def _write_parts(frame: Any, parts: Folder, schema: pa.Schema, keys: list[str]) -> None:
    """Write all partitions, each by the worker that computes it."""
    import pandas as pd
    from dask.base import compute
    from dask.delayed import delayed

    url = parts.fs.unstrip_protocol(parts.path)  # a worker has another current folder
    if isinstance(frame, pd.DataFrame):
        written = [_write_part(frame, 0, url, schema, keys)]
    else:
        write = delayed(_write_part)
        pieces = enumerate(frame.to_delayed())
        written = compute(*(write(p, n, url, schema, keys) for n, p in pieces))
    if not any(written):  # one file without rows still has the schema
        with whole_file(parts, "00000-00000.parquet") as file:
            pq.write_table(schema.empty_table(), file)


def _write_part(
    frame: pd.DataFrame, number: int, url: str, schema: pa.Schema, keys: list[str]
) -> int:
    """Write the rows of one partition. Return the number of files."""
    count = 0
    for count, (folders, rows) in enumerate(_divided(frame, keys), start=1):
        table = _as_schema(_as_table(rows), schema)
        folder = Folder("/".join((url, *folders)))
        with whole_file(folder, f"{number:05}-{count - 1:05}.parquet") as file:
            pq.write_table(table, file, compression="zstd")
    return count


def _divided(
    frame: pd.DataFrame, keys: list[str]
) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """Yield the rows for each combination of values that occurs, with the names of its folders."""
    if keys and len(frame):
        for values, rows in frame.groupby(keys, observed=True, dropna=False):
            yield tuple(map(_folder_name, values)), rows
    elif len(frame):
        yield (), frame


def _folder_name(value: Any) -> str:
    import pandas as pd

    if pd.isna(value):
        return _NULL
    text = str(value).encode()[:150].decode(errors="ignore")  # names have at most 255 bytes
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", text) or _EMPTY


def _as_table(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=any(frame.index.names))
    for number, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = field.type.value_type
            table = table.set_column(number, field.name, table[number].cast(plain))
    return table


def _schema(meta: pd.DataFrame) -> pa.Schema:
    """Return the schema of the files, with notes for pandas that pandas can read."""
    schema = _as_table(meta).schema
    notes = json.loads(schema.metadata[b"pandas"])
    for column in notes["columns"]:
        if column["pandas_type"] == "categorical":
            column |= {"pandas_type": "unicode", "numpy_type": "string[pyarrow]", "metadata": None}
        elif not _is_readable(column["numpy_type"]):
            column["numpy_type"] = "object"
    return schema.with_metadata({**schema.metadata, b"pandas": json.dumps(notes).encode()})


def _is_readable(name: str) -> bool:
    """Return whether pandas can read its own name of a type. It cannot for lists and maps."""
    import pandas as pd

    try:
        pd.api.types.pandas_dtype(name)
    except (TypeError, NotImplementedError):
        return False
    return True


def _as_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Give all files the same types. A column of objects has its type only where it has values."""
    fields = [
        found if pa.types.is_null(wanted.type) else wanted
        for found, wanted in zip(table.schema, schema, strict=True)
    ]
    return table.cast(pa.schema(fields, schema.metadata))


def _join_parts(parts: Folder, file: Any) -> None:
    """Write the rows of all parts, in order, into one file."""
    names = parts.names()
    with parts.fs.open(parts.join(names[0])) as first:
        schema = pq.read_schema(first)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for name in names:
            with parts.fs.open(parts.join(name)) as part:
                writer.write_table(pq.read_table(part).cast(schema))
