"""The house's own laws: imports point one way, functions are short, everything public is told."""

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "features": {"features"},
    "demo": {"demo", "features"},
    "models": {"models", "features"},
    "serve": {"serve", "models", "features"},
    "pipelines": {"pipelines", "serve", "models", "features", "demo"},
}
MODULES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
LONGEST_FUNCTION = 60
LONGEST_MODULE = 300
HEAVY = ("mlflow", "dvc", "lightgbm", "sklearn", "pandas", "matplotlib", "optuna")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported_packages(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    ours = imported_packages(path) & (set(MAY_IMPORT) | {"tests", "benchmarks"})
    assert ours <= MAY_IMPORT[package], f"{name_of(path)} imports {ours - MAY_IMPORT[package]}"


def imported_modules(path: Path, names: Mapping[str, Path]) -> set[str]:
    """Our modules that a module imports when it runs, within its functions too."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom):
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= below & names.keys() or {str(node.module)} & names.keys()
        for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        waiting += [] if for_types else ast.iter_child_nodes(node)
    return found


def test_no_modules_import_each_other() -> None:
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULES}
    # A module that runs as a program may import itself, under its own name.
    graph = {name: imported_modules(path, names) - {name} for name, path in names.items()}
    assert "pipelines.score_source" in graph["pipelines.score"], "imports in functions are seen"
    graphlib.TopologicalSorter(graph).prepare()
    graph["features.errors"] = {"pipelines.score"}
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_function_and_no_module_needs_a_map(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE
    for function in functions(path):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        documentation = (ast.get_docstring(function) or "").count("\n") + 1
        assert length - documentation <= LONGEST_FUNCTION, f"{function.name}: {length} lines"


def test_the_tree_names_no_registry_and_no_download_address() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    # Put together here, so that this very file does not hold what it looks for.
    forbidden = re.compile("|".join(["py" + r"pi\.org", "python" + r"hosted", "npm" + r"js\."]))
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not forbidden.search(text), f"{name} names a package registry"


@pytest.mark.parametrize("module", ["pipelines.cli", "serve.scorer"])
def test_what_is_slow_to_import_is_not_imported(module: str) -> None:
    program = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_the_length_law_can_fail() -> None:
    long = "def f():\n" + "    x = 1\n" * (LONGEST_FUNCTION + 1)
    function = next(node for node in ast.walk(ast.parse(long)) if isinstance(node, ast.FunctionDef))
    assert (function.end_lineno or 0) - function.lineno + 1 > LONGEST_FUNCTION
