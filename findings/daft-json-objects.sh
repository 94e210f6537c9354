#!/usr/bin/env bash
# Daft makes an object null where the schema has a text, although the value is there.
# A good engineer expects the object as its JSON, as in DuckDB, Polars, Spark and ClickHouse, or an error, as in Arrow.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q daft==0.7.26 'pyarrow<26'
venv/bin/python - <<'EOF'
import daft

print("daft", daft.__version__)
with open("theaters.jsonl", "w") as file:
    file.write('{"theater_chain": "Lux"}\n{"theater_chain": {"@id": "109", "#text": "Lux"}}\n')
found = daft.read_json("theaters.jsonl", schema={"theater_chain": daft.DataType.string()}).to_pydict()
print(found)
assert found == {"theater_chain": ["Lux", None]}
EOF
