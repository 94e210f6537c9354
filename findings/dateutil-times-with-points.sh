#!/usr/bin/env bash
# dateutil reads 19.30, the usual form of a time in many countries, as the 19th of the month, and 1930 as a year.
# A good engineer expects a time or an error. 19.30 alone is no date either.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q python-dateutil==4.0.0
venv/bin/python - <<'EOF'
import datetime
import dateutil
from dateutil.parser import parse

print("dateutil", dateutil.__version__)
start = datetime.datetime(2019, 12, 6)
for text in ("19:30", "19.30", "1930"):
    print(repr(text), "->", parse(text, default=start))
assert parse("19:30", default=start) == datetime.datetime(2019, 12, 6, 19, 30)
assert parse("19.30", default=start) == datetime.datetime(2019, 12, 19)
assert parse("1930", default=start) == datetime.datetime(1930, 12, 6)
EOF
