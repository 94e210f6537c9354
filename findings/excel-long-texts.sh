#!/usr/bin/env bash
# openpyxl and Polars cut a text of more than 32,767 characters, the most that a cell of Excel holds, without an error or a warning.
# A good engineer expects an error, as for a sheet with too many rows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q openpyxl==3.1.5 polars==2.1.0 xlsxwriter==3.3.1 fastexcel==0.21.0
venv/bin/python - <<'EOF'
import warnings

import openpyxl
import polars as pl

print("openpyxl", openpyxl.__version__, "polars", pl.__version__)
synopsis = "x" * 40_000
with warnings.catch_warnings():
    warnings.simplefilter("error")
    book = openpyxl.Workbook()
    book.active["A1"] = synopsis
    book.save("openpyxl.xlsx")
    pl.DataFrame({"synopsis": [synopsis]}).write_excel("polars.xlsx")
found = {
    "openpyxl": len(openpyxl.load_workbook("openpyxl.xlsx").active["A1"].value),
    "Polars": pl.read_excel("polars.xlsx")["synopsis"].str.len_chars()[0],
}
print(len(synopsis), "->", found)
assert found == {"openpyxl": 32_767, "Polars": 32_767}
EOF
