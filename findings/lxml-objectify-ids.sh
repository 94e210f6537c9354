#!/usr/bin/env bash
# str() of an element of lxml.objectify is the text of a number: the id 007 is 7, the price 5.50 is 5.5.
# A good engineer knows that .pyval is a number, and expects that str() is the text in the file. Only .text is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q lxml==6.1.3
venv/bin/python - <<'EOF'
from lxml import etree, objectify

print("lxml", etree.__version__)
theater = objectify.fromstring("<theater><id>007</id><price>5.50</price><zip>01234</zip></theater>")
found = {element.tag: (str(element), element.text) for element in theater.iterchildren()}
print(found)
assert found == {"id": ("7", "007"), "price": ("5.5", "5.50"), "zip": ("1234", "01234")}
EOF
