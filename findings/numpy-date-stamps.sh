#!/usr/bin/env bash
# NumPy reads the stamp 20191206 as the year 20,191,206. As nanoseconds, that is a day in 1878.
# A good engineer expects 6 December 2019, or an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q numpy==2.4.6
venv/bin/python - <<'EOF'
import numpy as np

print("numpy", np.__version__)
stamp = np.datetime64("20191206")
print("'20191206' ->", repr(stamp), stamp.dtype, "->", stamp.astype("M8[ns]"))
assert stamp.dtype == np.dtype("M8[Y]")
assert str(stamp.astype("M8[ns]")).startswith("1878-04-01")
week = np.array(["20191213", "20191206"], "M8") - np.array(["20191206", "20191129"], "M8")
print("from stamp to stamp:", week)
assert week.tolist() == [7, 77]  # years
EOF
