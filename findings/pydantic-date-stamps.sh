#!/usr/bin/env bash
# Pydantic reads the stamp 20191206 as seconds since 1970: 22 August 1970, with a time and a zone.
# A good engineer expects 6 December 2019, as datetime.fromisoformat reads it, or an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q pydantic==2.14.4
venv/bin/python - <<'EOF'
import datetime
import pydantic

print("pydantic", pydantic.VERSION, "Python reads", datetime.datetime.fromisoformat("20191206"))


class Snapshot(pydantic.BaseModel):
    date_stamp: datetime.datetime


found = Snapshot(date_stamp="20191206").date_stamp
print("'20191206' ->", found)
assert found == datetime.datetime(1970, 8, 22, 16, 40, 6, tzinfo=datetime.timezone.utc)
assert Snapshot(date_stamp="2019-12-06").date_stamp == datetime.datetime(2019, 12, 6)
EOF
