#!/usr/bin/env bash
# H3 takes a latitude of 139.7 degrees without an error and gives the cell of a place in the Pacific.
# A good engineer expects an error when latitude and longitude are swapped, as pygeohash and, with NaN, h3 itself raise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q h3==4.5.0
venv/bin/python - <<'EOF'
import h3

print("h3", h3.__version__)
cell = h3.latlng_to_cell(139.7, 35.7, 5)  # a theater in Tokyo, swapped
latitude, longitude = h3.cell_to_latlng(cell)
print("latitude 139.7, longitude 35.7 ->", cell, "at", round(latitude, 1), round(longitude, 1))
assert h3.is_valid_cell(cell)
assert (round(latitude), round(longitude)) == (40, -144)
try:
    h3.latlng_to_cell(float("nan"), 35.7, 5)
except h3.H3BaseException as error:
    print("NaN:", type(error).__name__)
else:
    raise SystemExit("it takes NaN now")
EOF
