#!/usr/bin/env bash
# RapidFuzz's default scorer gives It and The Italian Job 90 of 100, as much as It and It (2017). extract puts the wrong film first.
# A good engineer expects a low score, because only two letters are the same, and the highest for the title with the year.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q rapidfuzz==3.14.6
venv/bin/python - <<'EOF'
import rapidfuzz
from rapidfuzz import process, utils

print("rapidfuzz", rapidfuzz.__version__)
titles = ["The Italian Job", "Exit", "It (2017)"]
found = process.extract("It", titles, processor=utils.default_process)
print(found)
assert [(title, score) for title, score, _ in found] == [(title, 90.0) for title in titles]
assert process.extractOne("It", titles, processor=utils.default_process)[0] == "The Italian Job"
EOF
