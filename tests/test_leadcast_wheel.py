"""The wheel: all under one name, so that no other distribution's `models` can stand in its way."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
PARTS = ("leadcast", "demo", "features", "models", "pipelines", "serve", "requirements")
FILES = ("pyproject.toml", "README.md", "LICENSE")
SOURCE_OF_CODEMIRROR = "codemirror.entry.js"
PROGRAM = """
import sys
from pathlib import Path
site, bundle, leads = sys.argv[1:]
sys.path.insert(0, site)
import models
import polars as pl
import leadcast.models.bundle.bundle as ours
from leadcast.serve.scorer import Scorer
assert models.WHOSE == "another's"
assert Path(ours.__file__).is_relative_to(site), ours.__file__
print(Scorer.load(Path(bundle)).score(pl.read_parquet(leads), None)["probability"].sum())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the project."""
    project = tmp_path_factory.mktemp("project")
    no_caches = shutil.ignore_patterns("__pycache__")
    for name in PARTS:
        shutil.copytree(ROOT / name, project / name, symlinks=True, ignore=no_caches)
    for name in FILES:
        shutil.copy(ROOT / name, project)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-index", "--no-build-isolation", "-w", str(project / "out")]
    done = subprocess.run([*command, *options, str(project)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (project / "out").glob("*.whl")
    return made


def test_everything_is_under_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"leadcast"}
    # What is there in the project is there in the wheel, templates and styles too.
    ours = [
        path
        for package in ("demo", "features", "models", "pipelines", "serve")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != SOURCE_OF_CODEMIRROR
    ]
    missing = {f"leadcast/{path.relative_to(ROOT).as_posix()}" for path in ours} - set(names)
    assert not missing


def test_it_works_beside_a_package_called_models(wheel: Path, tmp_path: Path) -> None:
    from tests.scoring_world import bundle_folder, make_tables

    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    (site / "models").mkdir()
    (site / "models/__init__.py").write_text('WHOSE = "another\'s"\n', encoding="utf-8")
    leads = tmp_path / "leads.parquet"
    make_tables(seed=4).leads.head(20).write_parquet(leads)
    # Without the project's folder on the path, whose editable install would come first.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(site), str(bundle_folder()), str(leads)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout) < 20
