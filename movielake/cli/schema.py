"""``movielake schema``: the tables' columns."""

from __future__ import annotations

import click

from movielake.cli.options import examples


@click.command("schema")
@click.argument("table", required=False, type=click.Choice(["movies", "theaters", "showings"]))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    default="text",
    show_default=True,
    help="How to write it.",
)
@examples("movielake schema showings", "movielake schema --format markdown")
def schema_command(table: str | None, form: str) -> None:
    """Print the schema of TABLE, or of all tables: every column and where it comes from."""
    from movielake import dictionary
    from movielake.schema import TABLES
    from movielake.schema import table as read_table

    write = dictionary.text_dictionary if form == "text" else dictionary.markdown_dictionary
    names = [table] if table else TABLES
    click.echo("\n".join(write(read_table(name)) for name in names), nl=False)
