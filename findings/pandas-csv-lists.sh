#!/usr/bin/env bash
# pandas writes a list of Arrow to CSV in the form of NumPy: ['a' 'b']. Python reads that as one text, 'ab'.
# A good engineer expects ['a', 'b'], as for a column of Python lists, which ast.literal_eval reads back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q pandas==3.1.1 pyarrow==26.0.1
venv/bin/python - <<'EOF'
import ast, io
import pandas as pd, pyarrow as pa

print("pandas", pd.__version__, "pyarrow", pa.__version__)
genres = [["Drama", "Music"]]
for kind in (pd.ArrowDtype(pa.list_(pa.string())), object):
    text = pd.DataFrame({"genre": pd.Series(genres, dtype=kind)}).to_csv(index=False)
    value = ast.literal_eval(pd.read_csv(io.StringIO(text))["genre"][0])
    print(kind, repr(text), "->", value)
    assert value == (["DramaMusic"] if kind is not object else ["Drama", "Music"])
EOF
