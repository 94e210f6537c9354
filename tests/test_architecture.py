"""The structure of the package: the order of imports, the printing modules and other rules."""

from __future__ import annotations

import ast
import doctest
import importlib
import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest

import movielake

PACKAGE = Path(movielake.__file__).parent

WINGS = {
    "schema": "tables dictionary jsonschemas engines",
    "sample": "streams markup places closures films quirks theaters edition movie_records "
    "movie_quirks theater_records showings showing_quirks china members packaging",
    "cluster": "machine slurm certificates lean starting processes scratch workers connection "
    "multinode jobs",
    "names": "countries currencies terms folders layout hints",
    "feed": "limits directories inflating unpacking signatures archives zips damage guarding "
    "encodings decoding recoding windows tags boundaries checking salvage entities markup prefixes "
    "records",
    "places": "outlines geography timezones",
    "rows": "problems extras prices values signs halves numerals clocks rising showtimes "
    "starts flattening screenings recounts",
    "lake": "owners locks claims leftovers collector gaps writers single digests partdigests "
    "drafts outputs commits parsing entries ledger opening bounds manifest descriptors "
    "quarantine cards overview",
    "staging": "packs sources spans selecting manifests partitions origins merging compacting "
    "packing targets copies",
    "dataframes": "fitting keys checks queries columns alignment describing saving habits",
    "reading": "blocks groups sizes holdings rowgroups codes files counting frames tallies whole "
    "views bags records finding current readers",
    "fastpath": "unrecognised shape tree blocks segments elements nesting dates times "
    "fragments writing order rows columns layouts flat reading together",
    "joining": "positions lookups snapshots joins references",
    "analyses": "keys versions attributes passes counts releases hours spread weekly travel "
    "dominance sharing",
    "conversion": "planning results bundles members publishing zips runs",
    "asking": "views connection queries comparing cells forms exporting",
    "report": "page coverage activity titles films places questions quality findings aggregate",
    "validation": "findings rules whereabouts feeds manifests lakefile inventory places markup "
    "records rows references accounts parts shared together contents batches weeks lake "
    "trends page",
    "cli": "interrupts failures escaping console verdict progress completion options output "
    "walkthrough notebooks commands",
}
"""The wings in the order in which data passes through them, each with its modules in order.

A module imports only from the wings before its own wing, and from the modules before it in its
wing.
"""

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "__pycache__" not in path.parts
}
FACE = {"__init__", "__main__", "version"}
"""The modules that belong to no wing."""

INNER = [name for name in MODULES if name not in FACE]


def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text("utf-8"))


def imported(name: str) -> set[str]:
    """List the modules of the package that a module imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"expected absolute imports, found a relative import in {name}"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {path for path in inside if path.removeprefix("movielake.") in MODULES} or {
                node.module or ""
            }
    ours = {path.removeprefix("movielake.") for path in found if path.startswith("movielake.")}
    return ours & set(MODULES)


def wing(name: str) -> str:
    return name.partition(".")[0]


def room(name: str) -> str:
    """Return the name of a module within its wing. A package in a wing counts as one module."""
    return name.partition(".")[2].partition(".")[0]


def before(name: str) -> list[str]:
    """List the modules before this one in its wing. The wing's `__init__` comes last."""
    rooms = WINGS[wing(name)].split()
    return rooms[: rooms.index(room(name))] if room(name) else rooms


# --- imports


def test_the_table_lists_every_module():
    rooms = {(wing(name), room(name)) for name in INNER if room(name)}
    assert rooms == {(name, each) for name in WINGS for each in WINGS[name].split()}


@pytest.mark.parametrize("name", INNER)
def test_a_module_imports_only_from_wings_before_its_own(name):
    above = list(WINGS)[: list(WINGS).index(wing(name))]
    assert {wing(other) for other in imported(name)} <= {*above, wing(name), "version"}


@pytest.mark.parametrize("name", INNER)
def test_a_module_imports_only_from_modules_before_it_in_its_wing(name):
    own = {other for other in imported(name) if wing(other) == wing(name)}
    assert {room(other) for other in own if room(other)} <= set(before(name))
    assert wing(name) not in own, f"{name} imports its own wing, not a module of it"


def private_imports(name: str) -> list[str]:
    """List the private names that a module imports from other modules of the package."""
    found, ours = [], set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("movielake"):
            ours |= {alias.asname or alias.name for alias in node.names}
            found += [a.name for a in node.names if a.name[0] == "_" and a.name != "__version__"]
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            modules = {other.rpartition(".")[2] for other in imported(name)} & ours
            if node.value.id in modules and node.attr.startswith("_"):
                found.append(f"{node.value.id}.{node.attr}")
    return found


@pytest.mark.parametrize("name", INNER)
def test_no_module_imports_private_names_of_another(name):
    assert private_imports(name) == []


@pytest.mark.parametrize("name", WINGS)
def test_a_wings_docstring_states_its_input_output_and_limits(name):
    text = ast.get_docstring(tree(name)) or ""
    for word in ("Enters:", "Leaves:", "never"):
        assert word in text, f"expected {word!r} in the docstring of {name}"
    assert len(text.splitlines()) <= 6


def test_imports_have_no_cycles():
    graph = {name: imported(name) for name in INNER}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == {*INNER, "version"}


def test_imports_are_found():
    """If `imported` returned an empty set, the tests of imports would always pass."""
    assert {"schema.tables", "feed.recoding"} <= imported("feed.records")
    assert {"cli.console", "conversion.runs"} <= imported("cli.commands.convert")
    assert "sample.streams" in imported("sample.places")


def test_the_sample_imports_only_from_itself():
    used = {other for name in INNER if wing(name) == "sample" for other in imported(name)}
    assert {wing(name) for name in used} == {"sample"}


HEAVY = ["dask.dataframe", "distributed", "pandas", "pyarrow", "numpy", "lxml", "rich"]


@pytest.mark.parametrize("statement", ["import movielake", "import movielake.cli"])
def test_an_import_loads_no_heavy_libraries(statement):
    code = f"import sys; {statement}; print([m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


@pytest.mark.parametrize("name", movielake.__all__)
def test_public_names_exist_and_are_listed(name):
    assert getattr(movielake, name).__doc__
    assert name in dir(movielake)


def test_an_unknown_name_raises_attribute_error():
    with pytest.raises(AttributeError, match="module 'movielake' has no attribute 'nonsense'"):
        _ = movielake.nonsense


# --- what only some modules do


def places(predicate) -> set[str]:
    """List the modules with a syntax node for which the predicate is true."""
    return {name for name in MODULES if any(predicate(node) for node in ast.walk(tree(name)))}


def test_only_slurm_reads_the_environment():
    words = {"environ", "environb", "getenv", "getenvb", "putenv"}

    def reads(node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr in words
        return isinstance(node, ast.ImportFrom) and bool({a.name for a in node.names} & words)

    assert places(reads) == {"cluster.slurm"}


def test_only_the_command_line_prints():
    def prints(node: ast.AST) -> bool:
        called = isinstance(node, ast.Call)
        return called and isinstance(node.func, ast.Name) and node.func.id == "print"

    def writes(node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and ast.unparse(node) in (
            "sys.stdout",
            "click.echo",
            "click.secho",
        )

    assert {wing(name) for name in places(prints)} <= {"cli"}
    # A job's script runs the parts of its cluster as separate commands, and they write to stdout.
    written = {name for name in places(writes) if wing(name) != "cli"}
    assert written == {"cluster.multinode"}


def test_no_module_asserts_or_catches_every_exception():
    def careless(node: ast.AST) -> bool:
        return isinstance(node, ast.Assert) or (
            isinstance(node, ast.ExceptHandler) and node.type is None
        )

    assert places(careless) == set()


# --- size


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_at_most_320_lines(name):
    assert len(MODULES[name].read_text("utf-8").splitlines()) <= 320


def functions(body: list[ast.stmt], *, public: bool) -> Iterator[ast.FunctionDef]:
    """List functions and methods, but not functions inside functions."""
    for node in body:
        if public and getattr(node, "name", "").startswith("_"):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node.body, public=public)


def length(function: ast.FunctionDef) -> int:
    """Count the lines of a function's body, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_over_90_percent_of_functions_have_at_most_25_lines():
    lengths = [length(f) for name in MODULES for f in functions(tree(name).body, public=False)]
    assert sum(lines <= 25 for lines in lengths) / len(lengths) > 0.9


# --- documentation


def undocumented(name: str) -> list[str]:
    module = tree(name)
    classes = [n for n in module.body if isinstance(n, ast.ClassDef) and n.name[0] != "_"]
    nodes = [module, *classes, *functions(module.body, public=True)]
    return [getattr(node, "name", name) for node in nodes if not ast.get_docstring(node)]


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_has_a_docstring(name):
    assert undocumented(name) == []


@pytest.mark.parametrize("name", INNER)
def test_no_function_has_the_name_of_its_module(name):
    short = name.rpartition(".")[2]
    named = [node.name for node in tree(name).body if isinstance(node, ast.FunctionDef)]
    assert short not in named


def all_examples(module: ModuleType) -> Iterator[doctest.DocTest]:
    """List all examples of a module. Doctest itself does not find those of cached properties."""
    yield from doctest.DocTestFinder(exclude_empty=True).find(module)
    parser = doctest.DocTestParser()
    for of in vars(module).values():
        if isinstance(of, type) and of.__module__ == module.__name__:
            for name, member in vars(of).items():
                if isinstance(member, cached_property):
                    doc, globs = member.__doc__ or "", dict(vars(module))
                    yield parser.get_doctest(doc, globs, name, module.__file__, 0)


@pytest.mark.parametrize(
    "name", [name for name in INNER if ">>> " in MODULES[name].read_text("utf-8")]
)
def test_the_examples_run(name, monkeypatch, tmp_path, sample_feed, sample_lake):
    (tmp_path / "feed").symlink_to(sample_feed)
    (tmp_path / "lake").symlink_to(sample_lake)
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(f"movielake.{name}")
    runner = doctest.DocTestRunner()
    output = io.StringIO()
    for example in all_examples(module):
        with redirect_stdout(output):
            runner.run(example, out=output.write)
    assert runner.tries > 0
    assert runner.failures == 0, output.getvalue()
