"""The public face: what it names is there, typed as it is, and importing it loads nothing."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import leadcast

TREE = ast.parse(Path(leadcast.__file__).read_text(encoding="utf-8"))


def typed_imports() -> dict[str, tuple[str, str]]:
    """What mypy reads: each public name, with its module and its name there."""
    (block,) = (node for node in TREE.body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


NAMES = sorted({*leadcast.__all__} - {"__version__"})


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_what_mypy_takes_it_for(name: str) -> None:
    module, own_name = typed_imports()[name]
    assert getattr(leadcast, name) is getattr(import_module(module), own_name)


def test_the_lists_agree() -> None:
    assert set(typed_imports()) == set(NAMES)
    assert {*leadcast.__all__} <= set(dir(leadcast))


def test_another_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'scorer_of'"):
        leadcast.__getattr__("scorer_of")


def test_importing_it_loads_no_module_of_ours() -> None:
    program = "import sys, leadcast; print(*(n for n in sys.modules if n.startswith('leadcast.')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "")
