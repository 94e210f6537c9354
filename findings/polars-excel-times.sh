#!/usr/bin/env bash
# Polars writes a time of day to Excel, and reads it back as a date and time in 1899.
# A good engineer expects that its own reader gives back what its own writer wrote.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q polars==2.1.0 fastexcel==0.21.0 xlsxwriter==3.3.1
venv/bin/python - <<'EOF'
import datetime
import polars as pl

print("polars", pl.__version__)
times = pl.DataFrame({"show_time": [datetime.time(13, 20), datetime.time(0, 30)]})
times.write_excel("times.xlsx")
found = pl.read_excel("times.xlsx")
print(times.schema, "->", found.schema, found["show_time"].to_list())
assert found["show_time"].to_list() == [
    datetime.datetime(1899, 12, 31, 13, 20), datetime.datetime(1899, 12, 31, 0, 30)
]
EOF
