#!/usr/bin/env bash
# DuckDB reads 03/04/2020 in one CSV file as 3 April and in another as 4 March, as other rows of the file decide. Without a hint: 3 April.
# A good engineer expects one rule, an error or a text. pandas and Excel in English read 4 March. A folder of weekly files mixes both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q duckdb==2.0.1
venv/bin/python - <<'EOF'
import duckdb

print("duckdb", duckdb.__version__)
rows = {"alone": ["03/04/2020"], "beside the 25th": ["03/04/2020", "04/25/2020"]}
found = {}
for name, dates in rows.items():
    with open("premieres.csv", "w") as file:
        file.write("premiere,movie_id\n" + "".join(f"{date},1\n" for date in dates))
    found[name] = str(duckdb.sql("FROM 'premieres.csv'").fetchall()[0][0])
print("03/04/2020", found)
assert found == {"alone": "2020-04-03", "beside the 25th": "2020-03-04"}
EOF
