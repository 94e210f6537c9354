#!/usr/bin/env bash
# dask refuses a dataset that stores one of two keys, but only if the partitioning is given. Without it, dask reads both right.
# A good engineer gives the partitioning so that keys are texts, and expects that it cannot hurt.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q 'dask[dataframe]==2026.8.0' pyarrow==26.0.1 pandas==3.1.1
venv/bin/python - <<'EOF'
import os
import dask, dask.dataframe as dd, pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq

print("dask", dask.__version__, "pyarrow", pa.__version__)
os.makedirs("showings/country=deu")
pq.write_table(pa.table({"movie_id": [1], "date_stamp": ["20191206"]}), "showings/country=deu/a.parquet")
keys = pa.schema([("date_stamp", pa.string()), ("country", pa.string())])
hive = ds.partitioning(keys, flavor="hive")
print(ds.dataset("showings", partitioning=hive).to_table().to_pylist())
print(dd.read_parquet("showings").compute().to_dict("records"))
try:
    dd.read_parquet("showings", dataset={"partitioning": hive}).compute()
except ValueError as error:
    print("with the partitioning:", str(error).replace("\n", " ")[-300:])
    assert "unless they are ALL written" in str(error)
else:
    raise SystemExit("dask reads it now")
EOF
