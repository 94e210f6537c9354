#!/usr/bin/env bash
# fastparquet returns None for every list whose texts are stored without a dictionary, without an error. pandas with Arrow reads them.
# A good engineer expects that the encoding of a column does not matter to a reader that supports it. Plain texts outside lists are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q fastparquet==2026.9.0 pyarrow==26.0.1 pandas==3.1.1
venv/bin/python - <<'EOF'
import fastparquet
import pyarrow as pa
import pyarrow.parquet as pq

print("fastparquet", fastparquet.__version__)
genres = [["Drama", "Comedy"], ["Horror"]]
table = pa.table({"title": ["Parasite", "Us"], "genre": pa.array(genres, pa.list_(pa.string()))})
for name, coded in (("coded", True), ("plain", False)):
    pq.write_table(table, f"{name}.parquet", use_dictionary=coded)
    assert pq.read_table(f"{name}.parquet")["genre"].to_pylist() == genres
    films = fastparquet.ParquetFile(f"{name}.parquet").to_pandas()
    print(name, films["genre"].tolist())
    assert films["title"].tolist() == ["Parasite", "Us"]
    assert films["genre"].tolist() == (genres if coded else [None, None])
EOF
