"""Engines in JavaScript: the program that asks one, and its run in node.

An engine of engines.toml with ``language = "javascript"`` has npm packages, and code in JavaScript.
``python -m tests.engines`` puts the packages into build/engines.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

_PROGRAM: Final = """\
import {{ readFileSync as _read }} from 'node:fs'
import {{ inspect as _inspect }} from 'node:util'
{before}
const {{ SOURCE, RECORD, COLUMNS }} = {names}
const _shown = value => `${{value?.constructor.name ?? 'null'}} ${{_inspect(value)}}`
const _found = {{}}
{layouts}
_found.version = JSON.parse(_read('node_modules/{package}/package.json')).version
console.log(JSON.stringify(_found))
"""
_LAYOUT: Final = """\
try {{
  let t, one, by, row
  {opening}
  {asking}
  _found.{layout} = {{ one, by }}
  if (row) {{
    _found.{layout}.row = Object.fromEntries(COLUMNS.map(name => [name, _shown(row[name])]))
  }}
}} catch (error) {{
  console.error(error)
  _found.{layout} = {{ error: `${{error}}`.slice(0, 300) }}
}}
"""


def installed(modules: Path) -> bool:
    """Say whether there are node and the packages of an engine."""
    return shutil.which("node") is not None and modules.is_dir()


def command(
    engine: dict[str, Any], names: dict[str, Any], folder: Path, modules: Path
) -> list[str]:
    """Write the program of an engine into a folder made by `prepare`. Return its command."""
    here = folder / "node_modules"
    here.unlink(missing_ok=True)
    here.symlink_to(modules)
    layouts = [
        _LAYOUT.format(
            layout=layout,
            opening=engine[layout],
            asking=engine["records" if layout.startswith("json") else "rows"],
        )
        for layout in ("leaves", "compact", "json", "json_compact")
        if layout in engine
    ]
    text = _PROGRAM.format(
        before=engine["before"],
        names=json.dumps(names),
        layouts="\n".join(layouts),
        package=engine["packages"][0].rpartition("@")[0],
    )
    program = folder / "engine.mjs"
    program.write_text(text, encoding="utf-8")
    return ["node", program.name]
