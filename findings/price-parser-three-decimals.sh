#!/usr/bin/env bash
# price-parser reads a price with three decimals as a thousand times more, although the currency beside it has three.
# A good engineer expects that 0.750 KWD is not 750, because no thousands begin with a zero.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q price-parser==0.5.1
venv/bin/python - <<'EOF'
import importlib.metadata
from price_parser import Price

print("price-parser", importlib.metadata.version("price-parser"))
for text, amount in (("0.750 KWD", 750.0), ("2 for $15", 2.0)):
    found = Price.fromstring(text)
    print(repr(text), "->", found.amount_float, found.currency)
    assert found.amount_float == amount
EOF
