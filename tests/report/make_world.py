"""Make the outlines of countries that the report's map shows, out of Natural Earth's.

The npm package world-atlas has them as TopoJSON: ``npm pack world-atlas@2.0.2``, unpack, then
``python tests/report/make_world.py package/countries-50m.json movielake/report/assets/world.json``.

The result is GeoJSON in the condensed form that ECharts reads: each ring is a text, each character
a step in longitude or latitude, in 1/64 of a degree. That is 1.7 km, and so is every rounding.
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
"""Has no cinemas, but half of a map's height."""

Point = tuple[int, int]


def read_arcs(topology: dict[str, Any]) -> list[list[Point]]:
    """Turn arcs, which are steps on a grid, into points in our own steps."""
    (x_scale, y_scale), (x0, y0) = (topology["transform"][k] for k in ("scale", "translate"))
    arcs = []
    for arc in topology["arcs"]:
        steps = accumulate(arc, lambda at, by: [at[0] + by[0], at[1] + by[1]])
        points = [((x * x_scale + x0) * SCALE, (y * y_scale + y0) * SCALE) for x, y in steps]
        arcs.append([(round(x), round(y)) for x, y in points])
    return arcs


def read_ring(numbers: list[int], arcs: list[list[Point]]) -> list[Point]:
    """Join a ring's arcs; one with a negative number runs backwards.

    A ring that crosses the meridian of 180° goes on beyond it, as Russia's does.
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
    """Write the steps of a ring, each as one character."""
    steps = [
        b - a for one, other in pairwise([ring[0], *ring]) for a, b in zip(one, other, strict=True)
    ]
    return "".join(chr((step << 1 ^ step >> 31) + 64) for step in steps)


def polygons(geometry: dict[str, Any], arcs: list[list[Point]]) -> dict[str, Any]:
    """Write a country's polygons without those too small to be seen."""
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
