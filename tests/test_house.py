"""The house's own laws: imports point one way, no folder needs a map, a name means one thing."""

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from leadcast.pipelines.lifecycle.trial import STAGES

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
MOST_MODULES = 15
"""In a folder."""
HEAVY = (
    *("mlflow", "dvc", "lightgbm", "sklearn", "pandas", "matplotlib", "optuna", "skops"),
    *("email_validator", "phonenumbers", "disposable_email_domains"),
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_name(path: Path) -> str:
    dotted = ".".join(("leadcast", *path.relative_to(ROOT).with_suffix("").parts))
    return dotted.removesuffix(".__init__")


NAMES = {module_name(path): path for path in MODULES}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported_packages(tree: ast.Module) -> set[str]:
    """Our packages that a module imports, and those that it imports by no door of ours."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    ours = {name.split(".")[1] for name in names if name.startswith("leadcast.")}
    return ours | ({name.split(".")[0] for name in names} & {*MAY_IMPORT, "tests", "benchmarks"})


def test_imports_point_one_way() -> None:
    found = {
        name_of(path): imported_packages(tree_of(path))
        - MAY_IMPORT[path.relative_to(ROOT).parts[0]]
        for path in MODULES
    }
    assert {name: others for name, others in found.items() if others} == {}


def test_each_package_has_one_name() -> None:
    # It is below `leadcast`: a second one would be a second copy of it.
    bare = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(MAY_IMPORT)})\b.*", re.MULTILINE)
    found = {name_of(path): bare.findall(path.read_text(encoding="utf-8")) for path in MODULES}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert bare.findall("import leadcast\n  from models import a") == ["  from models import a"]


def test_an_import_that_points_back_would_be_seen() -> None:
    assert imported_packages(ast.parse("from leadcast.serve.scorer import Scorer")) == {"serve"}
    assert imported_packages(ast.parse("import serve.scorer")) == {"serve"}


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """Our modules that a module imports when it runs, within its functions too."""
    found: set[str] = set()
    waiting: list[ast.AST] = [tree_of(path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom):
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= below & NAMES.keys() or {str(node.module)} & NAMES.keys()
        for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        waiting += [] if for_types else ast.iter_child_nodes(node)
    return frozenset(found)


def test_no_modules_import_each_other() -> None:
    # A module that runs as a program may import itself, under its own name.
    graph = {name: {*imported_modules(path)} - {name} for name, path in NAMES.items()}
    seen = graph["leadcast.pipelines.daily.score"]
    assert "leadcast.serve.cluster.scoring" in seen, "imports in functions are seen"
    graphlib.TopologicalSorter(graph).prepare()
    graph["leadcast.features.base.errors"] = {"leadcast.pipelines.daily.score"}
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(graph).prepare()


def folder_imports() -> dict[str, set[str]]:
    """Which folders a folder's modules import from."""
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        own = graph.setdefault(name_of(path.parent), set())
        own |= {name_of(NAMES[name].parent) for name in imported_modules(path)}
        own.discard(name_of(path.parent))
    return graph


def test_folders_import_one_way() -> None:
    graph = folder_imports()
    assert "features/values" in graph["features/engine"]
    graphlib.TopologicalSorter(graph).prepare()
    graph["features/values"].add("features/engine")
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(graph).prepare()


def crowded(paths: Iterable[Path]) -> dict[str, int]:
    """Folders with more modules than a reader takes in at once."""
    counts = Counter(name_of(path.parent) for path in paths)
    return {name: n for name, n in counts.items() if n > MOST_MODULES}


def test_the_wheel_takes_every_folder() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {module_name(path.parent / "__init__.py") for path in MODULES}
    assert {*settings["tool"]["setuptools"]["packages"]} == folders | {"leadcast"}


def is_stage(path: Path) -> bool:
    """Whether a module is a stage: of these `dvc.yaml` is the map."""
    return name_of(path.parent) == "pipelines" and path.stem in STAGES


def test_no_folder_needs_a_map() -> None:
    assert crowded(path for path in MODULES if not is_stage(path)) == {}
    too_many = [ROOT / "models" / "trees" / f"m{number}.py" for number in range(16)]
    assert crowded(too_many) == {"models/trees": 16}


def repeated(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names that stand in more than one place, from pairs of a name and its place."""
    places: dict[str, list[str]] = {}
    for name, place in pairs:
        places.setdefault(name, []).append(place)
    return {name: found for name, found in places.items() if len(found) > 1}


def test_no_file_name_stands_twice_in_a_package() -> None:
    named = [path for path in MODULES if path.name != "__init__.py"]
    assert (
        repeated(
            (f"{path.relative_to(ROOT).parts[0]}: {path.name}", name_of(path)) for path in named
        )
        == {}
    )


def public_classes() -> Iterator[tuple[str, str]]:
    for path in MODULES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node.name, name_of(path)


def test_no_public_class_name_means_two_things() -> None:
    assert repeated(public_classes()) == {}


def test_a_repeated_name_would_be_seen() -> None:
    twice = [("Scorer", "serve/a.py"), ("Scorer", "serve/b.py"), ("Other", "serve/b.py")]
    assert repeated(twice) == {"Scorer": ["serve/a.py", "serve/b.py"]}


def too_long(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    length = (function.end_lineno or function.lineno) - function.lineno + 1
    documentation = (ast.get_docstring(function) or "").count("\n") + 1
    return length - documentation > LONGEST_FUNCTION


def test_no_function_is_long() -> None:
    found = {name_of(path): list(filter(too_long, functions(path))) for path in MODULES}
    assert {name: [one.name for one in long] for name, long in found.items() if long} == {}


def test_texts_are_not_made_by_what_panics_on_an_empty_chunk() -> None:
    by_polars = [name_of(path) for path in MODULES if "pl.format(" in path.read_text("utf-8")]
    assert not by_polars, "leadcast.features.values.columns.worded says why, and does the same"


def test_no_message_tells_of_a_minus_nothing() -> None:
    """A change that rounds to nothing is +0.00: the option z, PEP 682."""
    signed = re.compile(r":\+\.\d[f%]")
    found = [name_of(path) for path in MODULES if signed.search(path.read_text("utf-8"))]
    assert not found, "write the format as :+z.2f"


def test_the_length_law_can_fail() -> None:
    long = "def f():\n" + "    x = 1\n" * (LONGEST_FUNCTION + 1)
    function = next(node for node in ast.walk(ast.parse(long)) if isinstance(node, ast.FunctionDef))
    assert too_long(function)


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


@pytest.mark.parametrize(
    "module", ["leadcast", "leadcast.pipelines.commands.cli", "leadcast.serve.scorer"]
)
def test_what_is_slow_to_import_is_not_imported(module: str) -> None:
    program = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
