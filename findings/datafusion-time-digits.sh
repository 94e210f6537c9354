#!/usr/bin/env bash
# DataFusion casts the text 1930 to the time 00:00:00.00000193: it takes digits alone as nanoseconds.
# A good engineer expects 19:30, or an error, as for 19.30 and 24:00 and as in DuckDB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q datafusion==55.0.0 pyarrow==26.0.1
venv/bin/python - <<'EOF'
import datafusion

print("datafusion", datafusion.__version__)
context = datafusion.SessionContext()
rows = "SELECT arrow_cast(CAST(t AS TIME), 'Utf8') FROM (VALUES ('19:30'), ('1930')) AS x(t)"
found = [list(row.values())[0] for row in context.sql(rows).to_pylist()]
print("'19:30', '1930' ->", found)
assert found == ["19:30:00", "00:00:00.000001930"]
try:
    context.sql("SELECT CAST('19.30' AS TIME)").to_pylist()
except Exception as error:
    print("'19.30':", str(error)[-70:])
else:
    raise SystemExit("it reads 19.30 now")
EOF
