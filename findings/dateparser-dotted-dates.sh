#!/usr/bin/env bash
# dateparser reads 06.12.2019 as 12 June, but 13.12.2019 as 13 December. It cannot read 20191206, and returns None.
# A good engineer expects 6 December, because dates with points have the day first nearly everywhere. languages=['de'] gives it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q dateparser==1.5.0
venv/bin/python - <<'EOF'
import datetime
import dateparser

print("dateparser", dateparser.__version__)
found = {text: dateparser.parse(text) for text in ("06.12.2019", "13.12.2019", "20191206")}
for text, date in found.items():
    print(repr(text), "->", date)
assert found["06.12.2019"] == datetime.datetime(2019, 6, 12)
assert found["13.12.2019"] == datetime.datetime(2019, 12, 13)
assert found["20191206"] is None
german = dateparser.parse("06.12.2019", languages=["de"])
print("with languages=['de'] ->", german)
assert german == datetime.datetime(2019, 12, 6)
EOF
