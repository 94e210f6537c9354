"""The page: findings, styles, scripts and outlines of countries in one HTML file.

Text of the feed can be hostile. It enters the page only as JSON, in a script element of a type that
no browser runs. The page's own scripts show it only as text. A content security policy in the page
allows only these scripts, by their digests, and forbids all connections.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from typing import Any, Final

_SCRIPTS: Final = (
    *("state", "address", "looks", "saving", "tables", "plots", "lines", "grids", "bars"),
    *("clusters", "map", "sections", "films", "questions", "page"),
)
"""The page's own scripts. Each uses only scripts before it."""

_ESCAPES: Final = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def render_page(findings: dict[str, Any]) -> bytes:
    """Render findings as a page in one file.

    Parameters
    ----------
    findings : dict
        Values that JSON can represent.

    Returns
    -------
    bytes
        HTML in UTF-8.
    """
    own = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    scripts = [_asset("echarts.min.js"), f'(() => {{\n"use strict";\n{own}}})();\n']
    pieces = {
        "policy": _policy(scripts),
        "title": html.escape(f"movielake report: {findings['lake']}"),
        "style": _asset("page.css"),
        "data": embed_json(findings),
        "world": embed_json(json.loads(_asset("world.json"))),
        "library": scripts[0],
        "script": scripts[1],
    }
    # The split comes before the insertions, so text of the feed cannot act as a placeholder.
    parts = _asset("page.html").split("@@")
    filled = [pieces[part] if n % 2 else part for n, part in enumerate(parts)]
    return "".join(filled).encode()


def embed_json(value: Any) -> str:
    r"""Write a value as JSON that is safe in a script element, with any text in it.

    Parameters
    ----------
    value : object
        A value that JSON can represent. Lone surrogates become question marks.

    Examples
    --------
    >>> print(embed_json("</script>"))
    "\u003c/script\u003e"
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode(errors="replace").decode().translate(_ESCAPES)


def _policy(scripts: list[str]) -> str:
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    known = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {known}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return files("movielake.report").joinpath("assets", name).read_text("utf-8")
