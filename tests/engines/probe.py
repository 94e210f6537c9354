"""Run one engine on a lake and print what it answers. It needs the engine only, not movielake."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import sys
import traceback
from typing import Any


def answers(engine: dict[str, Any], layout: str, names: dict[str, Any]) -> dict[str, Any]:
    """Open the showings in a layout and ask the questions."""
    try:
        exec(engine[layout], names)
        exec(engine["records" if layout.startswith("json") else "rows"], names)
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        return {"error": f"{type(error).__name__}: {error}"[:300]}
    found = {"one": int(names["one"]), "by": {k: int(n) for k, n in names["by"].items()}}
    if not layout.startswith("json"):
        row = {name: plain(value) for name, value in names["row"].items()}
        found["row"] = {name: f"{type(value).__name__} {value!r}" for name, value in row.items()}
    return found


def plain(value: Any) -> Any:
    """Return arrays as lists."""
    return value.tolist() if hasattr(value, "tolist") and hasattr(value, "shape") else value


def main() -> None:
    sys.path.insert(0, ".")
    question = json.load(sys.stdin)
    engine = question["engine"]
    names: dict[str, Any] = {**question["names"]}
    with contextlib.redirect_stdout(sys.stderr):
        exec(engine.get("before", ""), names)
        found = {
            layout: answers(engine, layout, names)
            for layout in ("leaves", "compact", "json", "json_compact")
            if layout in engine
        }
    distribution = engine["packages"][0].split("[")[0]
    found["version"] = importlib.metadata.version(distribution)
    print(json.dumps(found), flush=True)
    os._exit(0)  # some engines leave threads that never end


main()
