"""``movielake job``: list and print the sbatch scripts."""

from __future__ import annotations

from typing import Any

import click

from movielake.cli.completion import PATH, complete_jobs
from movielake.cli.options import examples


@click.command("job", short_help="List the sbatch scripts, or print one with your job's sizes.")
@click.argument("name", required=False, shell_complete=complete_jobs)
@click.option(
    "-o", "--output", metavar="FILE", type=PATH, help="Write the script to FILE, do not print it."
)
@click.option("--cpus", type=int, help="CPUs of each node.")
@click.option("--nodes", type=int, help="Number of nodes. Only multinode can use more than one.")
@click.option("--memory", metavar="SIZE", help="Memory for each CPU, e.g. 4000M.")
@click.option("--time", metavar="LIMIT", help="Time limit, e.g. 2:59:00.")
@click.option("--account", metavar="ACCOUNT", help="Account that pays for the job.")
@examples("movielake job", "movielake job analysis --cpus 6 -o analysis.sbatch")
def job_command(name: str | None, output: str | None, **options: Any) -> None:
    """List the sbatch scripts, or print the script NAME with the sizes of your job."""
    from pathlib import Path

    from movielake.cluster.jobs import list_jobs, write_job

    if name is None:
        for script in list_jobs():
            click.echo(f"{script.name:12} {script.summary}")
        return
    text = write_job(name, **options)
    if output is None:
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")
