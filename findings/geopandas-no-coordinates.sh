#!/usr/bin/env bash
# A theater without coordinates is a point for GeoPandas: neither missing nor empty. In GeoJSON it is null.
# A good engineer expects isna() or is_empty to find it, as they do after a round trip through a file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q geopandas==1.2.0 shapely==2.2.0 pyogrio==0.13.0
venv/bin/python - <<'EOF'
import geopandas as gpd, shapely

print("geopandas", gpd.__version__, "shapely", shapely.__version__)
theaters = gpd.GeoDataFrame(
    {"theater_id": [1, 2]}, geometry=gpd.points_from_xy([11.9, None], [57.7, None]), crs=4326
)
print("made:", theaters.isna()["geometry"].tolist(), theaters.is_empty.tolist(), theaters.is_valid.tolist())
assert theaters.isna()["geometry"].tolist() == theaters.is_empty.tolist() == [False, False]
theaters.to_file("theaters.geojson")
again = gpd.read_file("theaters.geojson")
print("read back:", again.isna()["geometry"].tolist())
assert again.isna()["geometry"].tolist() == [False, True]
EOF
