"""Make the outlines of countries for the report's map from Natural Earth.

The npm package world-atlas contains them as TopoJSON. Run ``npm pack world-atlas@2.0.2``, unpack
the file, and run
``python tests/report/make_world.py package/countries-50m.json movielake/report/assets/world.json``.

The result is GeoJSON in the condensed form that ECharts reads. Each ring is a text, and each
character is a step in longitude or latitude. The unit of a step is 1/64 of a degree, or 1.7 km.
Coordinates are rounded to this unit.
"""

from __future__ import annotations

import json
import sys
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

SCALE = 64
"""Steps in a degree."""

WHOLE = 360 * SCALE

LEFT_OUT = {"Antarctica"}
"""Antarctica has no cinemas, but would take half of the map's height."""

Point = tuple[int, int]


def read_arcs(topology: dict[str, Any]) -> list[list[Point]]:
    """Convert arcs, which are steps on a grid, into points in units of 1/64 of a degree."""
    (x_scale, y_scale), (x0, y0) = (topology["transform"][k] for k in ("scale", "translate"))
    arcs = []
    for arc in topology["arcs"]:
        steps = accumulate(arc, lambda at, by: [at[0] + by[0], at[1] + by[1]])
        points = [((x * x_scale + x0) * SCALE, (y * y_scale + y0) * SCALE) for x, y in steps]
        arcs.append([(round(x), round(y)) for x, y in points])
    return arcs


def read_ring(numbers: list[int], arcs: list[list[Point]]) -> list[Point]:
    """Join the arcs of a ring. A negative number means that the arc runs backwards.

    A ring that crosses the 180° meridian, such as Russia's, continues with longitudes beyond 180°.
    """
    points: list[Point] = []
    for number in numbers:
        for x, y in arcs[number] if number >= 0 else arcs[~number][::-1]:
            if points:
                x += WHOLE * round((points[-1][0] - x) / WHOLE)
            if not points or (x, y) != points[-1]:
                points.append((x, y))
    return points


def encode(ring: list[Point]) -> str:
    """Encode the steps of a ring, one character per step."""
    steps = [
        b - a for one, other in pairwise([ring[0], *ring]) for a, b in zip(one, other, strict=True)
    ]
    return "".join(chr((step << 1 ^ step >> 31) + 64) for step in steps)


def polygons(geometry: dict[str, Any], arcs: list[list[Point]]) -> dict[str, Any]:
    """Encode a country's polygons, without polygons that are too small to see."""
    parts = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    rings = [[read_ring(numbers, arcs) for numbers in part] for part in parts]
    rings = [part for part in rings if len(part[0]) > 3] or rings[:1]
    return {
        "type": "MultiPolygon",
        "coordinates": [[encode(ring) for ring in part] for part in rings],
        "encodeOffsets": [[list(ring[0]) for ring in part] for part in rings],
    }


def make_world(topology: dict[str, Any]) -> dict[str, Any]:
    """Make the whole map."""
    arcs = read_arcs(topology)
    features = [
        {
            "type": "Feature",
            "properties": {"name": geometry["properties"]["name"]},
            "geometry": polygons(geometry, arcs),
        }
        for geometry in topology["objects"]["countries"]["geometries"]
        if geometry["properties"]["name"] not in LEFT_OUT
    ]
    head = {"type": "FeatureCollection", "UTF8Encoding": True, "UTF8Scale": SCALE}
    return {**head, "features": features}


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    world = make_world(json.loads(source.read_text("utf-8")))
    text = json.dumps(world, ensure_ascii=False, separators=(",", ":"))
    target.write_text(text + "\n", encoding="utf-8")
