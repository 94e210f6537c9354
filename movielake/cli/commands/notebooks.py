"""``movielake notebooks``: write the example notebooks."""

from __future__ import annotations

import sys

import click

from movielake.cli.completion import PATH
from movielake.cli.options import examples
from movielake.cli.output import summarise, warn


@click.command("notebooks", short_help="Write example notebooks with plots, for Jupyter.")
@click.argument("folder", metavar="DIR", type=PATH)
@click.option(
    "--lake",
    type=PATH,
    default="lake",
    show_default=True,
    help="Lake that the notebooks open, a path or URL.",
)
@click.option("--force", is_flag=True, help="Replace notebooks that you changed or ran.")
@examples("movielake notebooks notebooks", "movielake notebooks notebooks --lake archive/lake")
def notebooks_command(folder: str, lake: str, force: bool) -> None:
    """Write example notebooks as .ipynb files to DIR.

    Each notebook answers one question about a lake, with plots. A notebook that you changed or ran
    is kept, and the exit code is 1.
    """
    from importlib.util import find_spec

    from movielake.cli.notebooks import write_notebooks

    result = write_notebooks(folder, lake, force=force)
    for path in result.kept:
        warn(f"kept {path}, which has other content; use --force to replace it")
    install = "" if find_spec("matplotlib") else "pip install 'movielake[notebook]', then "
    summarise(f"{folder}: {len(result.written)} notebooks; to open them: {install}jupyter lab")
    if result.kept:
        sys.exit(1)
