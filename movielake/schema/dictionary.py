"""The data dictionary: a description of a table's columns, as text or Markdown."""

from __future__ import annotations

from movielake.schema.tables import Column, Table

_HEADER = ("column", "type", "unit", "element", "description", "example")


def text_dictionary(table: Table) -> str:
    """Describe a table in plain text, one block per column.

    Parameters
    ----------
    table : Table
        The table to describe.

    Returns
    -------
    str
        Text that ends with a line end.
    """
    lines = [f"{table.name}: {table.description}", f"  <{table.root}><{table.record}>", ""]
    for column in table.with_fields:
        unit = f" [{column.unit}]" if column.unit else ""
        lines.append(f"{column.name}: {_type(column)}{unit}{_marks(column)}")
        lines.append(f"    {column.description}")
        if column.paths:
            lines.append(f"    from {', '.join(column.paths)}, as in {column.example!r}")
    return "\n".join(lines) + "\n"


def markdown_dictionary(table: Table) -> str:
    """Describe a table as a Markdown section with one table of its columns.

    Parameters
    ----------
    table : Table
        The table to describe.

    Returns
    -------
    str
        Markdown that ends with a line end.
    """
    lines = [f"## {table.name}", "", table.description, ""]
    lines.append(f"Root element `{table.root}`, record element `{table.record}`.")
    lines += ["", _markdown_row(_HEADER), _markdown_row(["---"] * len(_HEADER))]
    for column in table.with_fields:
        paths = ", ".join(f"`{path}`" for path in column.paths) or "derived"
        example = f"`{column.example}`" if column.example else ""
        description = column.description + _marks(column)
        cells = (f"`{column.name}`", f"`{_type(column)}`", column.unit, paths, description, example)
        lines.append(_markdown_row(cells))
    return "\n".join(lines) + "\n"


def _type(column: Column) -> str:
    return "list<struct>" if column.type == "structs" else _short(str(column.arrow))


def _short(arrow: str) -> str:
    return arrow.replace("<item: string>", "<string>").replace("date32[day]", "date32")


def _marks(column: Column) -> str:
    marks = []
    if column.key:
        marks.append("key")
    if column.partition:
        marks.append("partition key")
    if column.references:
        marks.append(f"refers to {column.references}")
    if column.repeatable:
        marks.append("always a list in JSON")
    return f" ({', '.join(marks)})" if marks else ""


def _markdown_row(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
