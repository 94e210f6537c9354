#!/usr/bin/env bash
# fastparquet returns None for every list in a single file whose texts are stored without a dictionary. Two such files in a folder are read right.
# A good engineer expects that neither the encoding of a column nor the number of files matters. There is no error or warning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q fastparquet==2026.9.0 pyarrow==26.0.1 pandas==3.1.1
venv/bin/python - <<'EOF'
import os

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

for year in (2019, 2020):
    os.makedirs(f"films/year={year}")
    pq.write_table(table, f"films/year={year}/plain.parquet", use_dictionary=False)
films = fastparquet.ParquetFile("films").to_pandas()
print("two plain files", films["genre"].tolist())
assert films["genre"].tolist() == [*genres, *genres]
EOF
