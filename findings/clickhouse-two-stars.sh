#!/usr/bin/env bash
# ClickHouse takes ** only as a part of a path: dir/**.parquet is dir/*.parquet. With given columns, no file is 0 rows.
# A good engineer expects that ** finds files at any depth, or an error because no file matches.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q chdb==4.4.0 chdb-core==26.9.0 pyarrow==26.0.1
venv/bin/python - <<'EOF'
import os
import chdb, pyarrow as pa, pyarrow.parquet as pq

print("chdb", chdb.__version__, "ClickHouse", str(chdb.query("SELECT version()")).strip())
os.makedirs("showings/date_stamp=20191206/country=deu")
pq.write_table(pa.table({"movie_id": [1, 2]}), "showings/date_stamp=20191206/country=deu/a.parquet")
counts = {}
for files in ("showings/*/*/*.parquet", "showings/**/*.parquet", "showings/**.parquet"):
    counts[files] = int(str(chdb.query(f"SELECT count() FROM file('{files}', Parquet, 'movie_id Int64')")))
print(counts)
assert counts == {"showings/*/*/*.parquet": 2, "showings/**/*.parquet": 2, "showings/**.parquet": 0}
EOF
