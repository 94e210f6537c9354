"""An older notebook, written for readers of JSON bags, runs unchanged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ask
from tests.feeds import all_records, json_lines

NOTEBOOK = """
from movielake import MoviesReader, TheatersReader, ShowingsReader
import json, os

data_dir = os.environ["DATA"]
answers = {}

# In [1]
movies = MoviesReader(f"{data_dir}/json/*/deu")
movies.client

# In [2]
answers["movies"] = movies.count
answers["first"] = movies.take(1)[0]["title"]

# In [3]
answers["unique"] = len(movies.bag.distinct("movie_id").compute())

# In [4]
def by_director(movie):
    director = movie.get("director", [])
    names = [director] if isinstance(director, str) else director
    return any(name and name.startswith("J") for name in names)

answers["by director"] = movies.bag.filter(by_director).count().compute()

# In [5]
theaters = TheatersReader(f"{data_dir}/json/20191206/*")
def is_north(x):
    return x.get("theater_lat") is not None and float(x["theater_lat"]) > 50
answers["north"] = theaters.bag.filter(is_north).count().compute()
answers["theaters"] = theaters.count

# In [6]
showings = ShowingsReader(f"{data_dir}/json/*/*")
answers["showings"] = showings.count
answers["by country"] = dict(showings.bag.map(lambda s: s["country"]).frequencies().compute())
top = showings.bag.map(lambda s: s["movie_id"]).frequencies().topk(3, key=lambda pair: pair[1])
answers["top"] = sorted(n for _, n in top.compute())

# In [7]
answers["rows"] = len(showings.dataframe)
answers["workers"] = showings.number_of_workers
print(json.dumps(answers))

# In [8]
movies.shutdown()
theaters.shutdown()
showings.shutdown()
"""


def run(folder: Path, scratch: Path) -> dict[str, Any]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
    environ |= {"DATA": str(folder), "SLURM_TMPDIR": str(scratch), "SLURM_CPUS_PER_TASK": "2"}
    script = scratch.with_name("notebook.py")
    script.write_text(NOTEBOOK)
    scratch.mkdir()
    command = [sys.executable, "-W", "error", str(script)]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert list(scratch.iterdir()) == []
    return dict(json.loads(ran.stdout))


@pytest.fixture
def others(sample_lake: Path, tmp_path: Path) -> Path:
    """The sample as plain JSON of another program. Lists of one element are plain values."""
    root = tmp_path / "others"
    for path in sorted(sample_lake.glob("json/*/*/*")):
        letter = path.name.split(".")[0][-1]
        stem = path.name.split(".")[0][:-1] + {"I": "IMOVIES", "T": "T", "S": "S"}[letter]
        place = root / path.relative_to(sample_lake).parent / f"{stem}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        records = (plainer(r) for r in json_lines(path))
        place.write_text("".join(json.dumps(record) + "\n" for record in records))
    return root


def plainer(record: dict[str, Any]) -> dict[str, Any]:
    labels = ("country", "date_stamp", "source_xml")
    return {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in record.items()
        if name not in labels
    }


@pytest.mark.parametrize("ours", [True, False])
def test_an_older_notebook_runs_unchanged(
    ours: bool, sample_lake: Path, others: Path, tmp_path: Path, duck: Ask
) -> None:
    answers = run(sample_lake if ours else others, tmp_path / "scratch")
    films = [r for r in all_records(sample_lake, "I") if r["country"] == "deu"]
    theaters = [r for r in all_records(sample_lake, "T") if r["date_stamp"] == "20191206"]
    shows = all_records(sample_lake, "S")
    ids = Counter(record["movie_id"] for record in shows)
    assert answers == {
        "movies": len(films),
        "first": films[0]["title"],
        "unique": len({film["movie_id"] for film in films}),
        "by director": sum(
            any(name and name.startswith("J") for name in film.get("director", []))
            for film in films
        ),
        "north": sum(float(t["theater_lat"]) > 50 for t in theaters if t.get("theater_lat")),
        "theaters": len(theaters),
        "showings": len(shows),
        "by country": dict(Counter(record["country"] for record in shows)),
        "top": sorted(n for _, n in ids.most_common(3)),
        "rows": duck("select count(*) from showings")[0][0],
        "workers": 2,
    }
