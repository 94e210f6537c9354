#!/usr/bin/env bash
# igraph's Graph.DataFrame makes a vertex for every number up to the largest id: 556,465 for two films in two theaters.
# A good engineer expects a vertex for each id, as from Graph.TupleList and from the same ids as texts. Density and components are wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q igraph==1.0.0 pandas==3.1.1
venv/bin/python - <<'EOF'
import igraph
import pandas as pd

print("igraph", igraph.__version__)
showings = pd.DataFrame({"movie_id": [556464, 1], "theater_id": [7, 8]})
graph = igraph.Graph.DataFrame(showings, directed=False)
print("vertices:", graph.vcount(), "components:", len(graph.components()))
assert (graph.vcount(), len(graph.components())) == (556465, 556463)
pairs = igraph.Graph.TupleList(showings.itertuples(index=False))
texts = igraph.Graph.DataFrame(showings.astype(str), directed=False, use_vids=False)
print("TupleList:", pairs.vcount(), "texts:", texts.vcount())
assert pairs.vcount() == texts.vcount() == 4
EOF
