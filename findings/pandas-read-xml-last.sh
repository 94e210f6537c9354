#!/usr/bin/env bash
# pandas.read_xml keeps only the last of several elements with one name, without a warning, with either parser.
# A good engineer expects a list, the first one, or an error. A film with two genres has one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q pandas==3.1.1 lxml==6.1.3
venv/bin/python - <<'EOF'
import io
import pandas

print("pandas", pandas.__version__)
xml = "<movies><movie><movie_id>1</movie_id><genre>Drama</genre><genre>Music</genre></movie></movies>"
for parser in ("lxml", "etree"):
    found = pandas.read_xml(io.StringIO(xml), parser=parser)
    print(parser, found.to_dict("records"))
    assert found.to_dict("records") == [{"movie_id": 1, "genre": "Music"}]
EOF
