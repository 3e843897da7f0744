"""The notebooks: kept without outputs, and run from the first cell to the last.

`notebooks/learned_against_rules.ipynb` is run by `tests/test_pipelines_compare.py`, on its run.
"""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.small_project import HURRIED, LEARNER, ROOT, change_params, make_project

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_stripped(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def execute(path: Path, folder: Path, **instead: str) -> nbformat.NotebookNode:
    """Run a notebook in a folder, with some of its text replaced."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        for old, new in instead.items():
            cell.source = cell.source.replace(old, new)
    about = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, resources=about).execute()
    return notebook


def told(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """List what a cell shows, but for what it prints and logs."""
    return [output for output in cell.get("outputs", ()) if "data" in output]


def pictures(notebook: nbformat.NotebookNode) -> int:
    """Count the pictures that a notebook shows."""
    return sum("image/png" in output["data"] for cell in notebook.cells for output in told(cell))


@pytest.mark.slow
def test_a_first_model_is_made_drawn_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = execute(ROOT / "notebooks/first_model.ipynb", tmp_path, **{"2_000": "500"})
    assert pictures(done) == 3
    assert list(tmp_path.iterdir()) == []
    assert any("probability" in one["data"]["text/html"] for one in told(done.cells[-1]))


@pytest.mark.slow
def test_retraining_chooses_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path, 600)
    few = {"rounds": [20], "penalties": [40.0], "half_lives": [None], "capacities": ["cautious"]}
    change_params(project, model=LEARNER | few)
    monkeypatch.setenv("LEADCAST_PROJECT", str(project))
    # The notebook draws its picture itself; the runs' pages are not looked at.
    (tmp_path / "customs").mkdir()
    (tmp_path / "customs/sitecustomize.py").write_text(HURRIED, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'customs'}{os.pathsep}{ROOT}")
    notebook = execute(ROOT / "notebooks/retrain.ipynb", ROOT / "notebooks")
    assert pictures(notebook) == 1
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())
    )
    for words in ("[track] run", "as shipped: ", "changed: ", "Chosen: ", "because"):
        assert words in printed
