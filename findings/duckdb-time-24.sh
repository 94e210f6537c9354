#!/usr/bin/env bash
# DuckDB has a time of day 24:00:00. Handed on, it becomes 00:00 in Arrow and null in Polars, without an error.
# A good engineer expects that DuckDB refuses 24:00, as most engines do, or that the value arrives. Cinemas write 24:00.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0 pandas==3.1.1
venv/bin/python - <<'EOF'
import datetime
import duckdb, polars, pyarrow

print("duckdb", duckdb.__version__, "pyarrow", pyarrow.__version__, "polars", polars.__version__)
late = duckdb.sql("SELECT TIME '24:00:00' AS t")
print("DuckDB:", late.fetchall(), "later than 23:59:", duckdb.sql("SELECT TIME '24:00:00' > TIME '23:59:00'").fetchall())
arrow, frame, polar = late.to_arrow_table()["t"].to_pylist(), late.df()["t"].tolist(), late.pl()["t"].to_list()
print("Arrow:", arrow, "pandas:", frame, "Polars:", polar)
assert str(late.fetchall()[0][0]) == "24:00:00"
assert arrow == [datetime.time(0, 0)]
assert str(frame[0]) == "24:00:00"
assert polar == [None]
EOF
