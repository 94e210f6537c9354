"""The page of a validation: its result as one HTML file without scripts and without a network.

Text of the feed can be hostile. All of it is escaped, and the policy in the page allows only its
own styles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files
from typing import Any, Final

from movielake.names.countries import name_of_country
from movielake.validation.feeds import FEED_RULES
from movielake.validation.findings import ERROR
from movielake.validation.rules import LAKE_RULES
from movielake.validation.weeks import in_spans

SHOWN: Final = 20
"""Findings of one rule in the page. The rest is counted."""

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)

Result = Mapping[str, Any]
"""The object that ``movielake validate --format json`` prints."""


def render_result(result: Result, earlier: Sequence[Result] = ()) -> str:
    """Render the result of a validation as a page.

    Parameters
    ----------
    result : mapping
        The object that ``--format json`` prints.
    earlier : sequence of mapping, optional
        Earlier ones, the oldest first. The page shows the trend of each number.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> from movielake.validation.page import render_result
    >>> result = dict(path="<lake>", kind="lake", valid=True, errors=0, warnings=0, depth="fast")
    >>> page = render_result({**result, "checked": {}, "notes": [], "rules": {}, "findings": []})
    >>> "&lt;lake&gt;" in page, "<script" in page
    (True, False)
    """
    runs = [*earlier, result]
    parts = [
        _head(result),
        _rules(result, earlier),
        _trend(runs) if earlier else "",
        _weeks(result.get("weeks", ())),
        _findings(result["findings"], result["rules"]),
    ]
    title = _text(f"movielake validation: {result['path']}")
    style = files("movielake.validation").joinpath("page.css").read_text("utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, parts))
        + "\n</main>\n</body>\n</html>"
    )


def _text(value: Any) -> str:
    return escape(str(value).encode(errors="replace").decode())


def _number(value: int) -> str:
    return f"{value:,}"


def _head(result: Result) -> str:
    word = "valid" if result["valid"] else "invalid"
    about = [f"{result['kind']}, {result['depth']}"]
    about += [f"checked {_when(result['time'])}"] if result.get("time") else []
    numbers = {"errors": result["errors"], "warnings": result["warnings"], **result["checked"]}
    tiles = (f"<div><dt>{_text(k)}</dt><dd>{_number(n)}</dd></div>" for k, n in numbers.items())
    notes = (f'<p class="soft">Note: {_text(note)}</p>' for note in result["notes"])
    return (
        f"<h1>{_text(result['path'])}</h1>\n"
        f'<p class="verdict {word}">{word.capitalize()}</p>\n'
        f'<p class="soft">{_text("; ".join(about))}</p>\n'
        f'<dl class="tiles">{"".join(tiles)}</dl>\n' + "\n".join(notes)
    )


def _when(time: str) -> str:
    return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M UTC}"


def _rules(result: Result, earlier: Sequence[Result]) -> str:
    """Show the rules with findings, now or earlier, errors first."""
    runs = [*earlier, result]
    rules = {name: rule for run in runs for name, rule in run["rules"].items()}
    if not rules:
        return "<h2>Rules</h2>\n<p>No rule has a finding.</p>"
    kinds = LAKE_RULES if result["kind"] == "lake" else FEED_RULES
    meanings = {rule.name: rule.meaning for rule in kinds}
    rows = []
    for name, rule in sorted(rules.items(), key=lambda item: (item[1]["severity"] != ERROR, item)):
        counts = [_of_rule(run, name) for run in runs]
        severity = "error" if rule["severity"] == ERROR else "warning"
        cells = [
            f"<td>{_text(name)}</td>",
            f'<td class="{severity}">{_text(rule["severity"])}</td>',
            f'<td class="text">{_text(meanings.get(name, ""))}</td>',
            f'<td class="number">{_number(counts[-1])}</td>',
        ]
        if earlier:
            change = counts[-1] - counts[-2]
            cells.append(f'<td class="number">{f"{change:+,}" if change else "0"}</td>')
            cells.append(f"<td>{_line(counts)}</td>")
        rows.append("".join(cells))
    heads = ["rule", "severity", "expected state", "#findings"]
    heads += ["#change", "all runs"] if earlier else []
    return f"<h2>Rules</h2>\n{_table(heads, rows)}"


def _of_rule(run: Result, name: str) -> int:
    return int(run["rules"].get(name, {"findings": 0})["findings"])


def _trend(runs: Sequence[Result]) -> str:
    """Show the numbers of each run, the newest first."""
    rows = []
    for run in reversed(runs):
        word = "valid" if run["valid"] else "invalid"
        checked = run.get("checked", {})
        numbers = [run["errors"], run["warnings"]]
        numbers += [checked.get(name, 0) for name in ("partitions", "files", "rows")]
        cells = [f"<td>{_when(run['time'])}</td>", f'<td class="{word}">{word}</td>']
        cells += [f'<td class="number">{_number(number)}</td>' for number in numbers]
        cells += [f'<td class="text">{_text(run.get("depth", ""))}</td>']
        rows.append("".join(cells))
    heads = ["run", "verdict", "#errors", "#warnings", "#partitions", "#files", "#rows", "depth"]
    note = ""
    if len({run["path"] for run in runs}) > 1 or len({run.get("depth") for run in runs}) > 1:
        note = '<p class="soft">The runs differ in path or depth, so numbers can differ too.</p>\n'
    return f"<h2>Runs</h2>\n{note}{_table(heads, rows)}"


def _line(counts: Sequence[int]) -> str:
    """Draw the numbers of all runs as a line from 0 to the largest one."""
    top, last = max(counts) or 1, len(counts) - 1
    points = " ".join(f"{n * 100 / last:.1f},{22 - 20 * c / top:.1f}" for n, c in enumerate(counts))
    label = f"from {counts[0]:,} to {counts[-1]:,}, at most {max(counts):,}"
    return (
        f'<svg class="trend" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}"><polyline points="{points}"/></svg>'
    )


def _weeks(weeks: Sequence[Mapping[str, Any]]) -> str:
    """Show for each country which weeks are there, from its first to its last."""
    if not weeks:
        return ""
    rows = []
    for country in weeks:
        missing = country["missing"]
        name = f"{name_of_country(country['country'])} ({country['country']})"
        expected = country["held"] + len(missing)
        rows.append(
            f"<td>{_text(name)}</td><td>{_text(country['first'])}</td>"
            f"<td>{_text(country['last'])}</td>"
            f'<td class="number">{_number(country["held"])} of {_number(expected)}</td>'
            f"<td>{_strip(country)}</td>"
            f'<td class="text">{_text(in_spans(missing)) or "none"}</td>'
        )
    lacking = sum(1 for country in weeks if country["missing"])
    return (
        "<h2>Weeks</h2>\n<p>The feed has a snapshot of each country each week. "
        f"{_number(lacking)} of {_number(len(weeks))} countries miss weeks between their first and "
        "their last one.</p>\n"
        + _table(["country", "first", "last", "#weeks", "first to last", "missing"], rows)
    )


def _strip(country: Mapping[str, Any]) -> str:
    """Draw a bar from the first to the last week, with a gap for each missing one."""
    first, last = (_day(country[name]) for name in ("first", "last"))
    width = max((last - first) // 7 + 1, 1)
    gaps = "".join(
        f'<rect class="gap" x="{(_day(stamp) - first) / 7:.2f}" width="1" height="1"/>'
        for stamp in country["missing"]
    )
    label = f"{len(country['missing']):,} weeks missing"
    return (
        f'<svg class="strip" viewBox="0 0 {width} 1" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}"><rect class="held" width="{width}" height="1"/>{gaps}</svg>'
    )


def _day(stamp: str) -> int:
    return datetime.strptime(stamp, "%Y%m%d").date().toordinal()


def _findings(findings: Iterable[Result], rules: Mapping[str, Result]) -> str:
    """Show the first findings of each rule, in the order of the rules."""
    by_rule: dict[str, list[Result]] = {}
    for finding in findings:
        by_rule.setdefault(finding["rule"], []).append(finding)
    parts = ["<h2>Findings</h2>"] if by_rule else []
    for rule, all_ in by_rule.items():
        rows = [
            f'<td class="text">{_text(_place(each))}</td>'
            f'<td class="text">{_text(each["message"])}</td>'
            f'<td class="number">{_number(each["count"])}</td>'
            for each in all_[:SHOWN]
        ]
        parts.append(f"<h3>{_text(rule)}</h3>\n{_table(['where', 'what', '#count'], rows)}")
        hidden = rules[rule]["findings"] - len(rows)
        if hidden > 0:
            parts.append(f'<p class="soft">and {_number(hidden)} more</p>')
    return "\n".join(parts)


def _place(finding: Mapping[str, Any]) -> str:
    more = (f", {name} {finding[name]}" for name in ("line", "column") if finding[name])
    return "".join([finding["path"], *more])


def _table(heads: Sequence[str], rows: Iterable[str]) -> str:
    """Write a table. A heading with # belongs to numbers."""
    number = ' class="number"'
    cells = "".join(
        f'<th scope="col"{number * head.startswith("#")}>{head.removeprefix("#")}</th>'
        for head in heads
    )
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0"><table>\n<thead><tr>{cells}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )
