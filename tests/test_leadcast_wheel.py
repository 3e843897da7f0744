"""The wheel: all under one name, so that no other distribution's `models` can stand in its way."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import leadcast
from leadcast.pipelines.insight.new_project import PLACES
from tests.test_serve_pyfunc import carry_compiled

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
PARTS = (
    *("leadcast", "demo", "features", "models", "pipelines", "serve", "requirements"),
    *("data/sources", "data/rules"),
)
FILES = (
    *("pyproject.toml", "README.md", "LICENSE"),
    *("params.yaml", "dvc.yaml", ".gitignore", ".dvcignore"),
    *(".dvc/config", ".dvc/plots.html", ".dvc/plots.LICENSE.txt"),
)
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


def unpacked(wheel: Path, folder: Path) -> Path:
    """Unpack the wheel, with what is compiled of the same code: its loops are not tested here."""
    site = folder / "site"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    carry_compiled(site / "leadcast")
    return site


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the project."""
    project = tmp_path_factory.mktemp("project")
    no_caches = shutil.ignore_patterns("__pycache__")
    for name in PARTS:
        shutil.copytree(ROOT / name, project / name, symlinks=True, ignore=no_caches)
    for name in FILES:
        (project / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, project / name)
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


def test_the_files_of_a_new_project_are_those_of_this_one(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        shipped = {name: packed.read(f"leadcast/project/{name}") for name in PLACES.values()}
    ours = PLACES | {".dvcignore": "dvcignore"}
    assert shipped == {name: (ROOT / place).read_bytes() for place, name in ours.items()}


FEW = """
simulation: {leads: 200, seed: 5}"""
LITTLE = "  candidates: [prior]\n  origins: 1\n"
RUN = "from leadcast.pipelines.lifecycle.run import reproduce; print(reproduce('demo', 'export'))"


def test_a_project_of_its_own_runs_and_scores_by_the_wheel_alone(
    wheel: Path, tmp_path: Path
) -> None:
    site, project = unpacked(wheel, tmp_path), tmp_path / "my leads"

    def done(folder: Path, *words: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(site)}
        command = [sys.executable, *words]
        told = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout

    done(tmp_path, "-m", "leadcast", "new", "my leads")
    _change(project / "data/sources/demo.yaml", r"\nsimulation: .*", FEW)
    _change(project / "params.yaml", r"  candidates: .*\n(  #.*\n)+  origins: 3\n", LITTLE)
    assert "'export'" in done(project, "-c", RUN)
    tables = "data/runs/demo/tables"
    asked = ["--leads", f"{tables}/leads.parquet", "--events", f"{tables}/events"]
    asked += ["--outcomes", f"{tables}/outcomes.parquet", "--as-of", "2026-01-01T00:00:00Z"]
    score = ("score", "--bundle", "data/runs/demo/bundle", *asked, "--out", "scores.csv")
    told = json.loads(done(project, "-m", "leadcast", *score))
    assert told["n_leads"] + told["n_closed"] == 200
    assert told["n_closed"] > 50
    # Another version of Leadcast is other code.
    written = project / "data/runs/demo/settings/leadcast.json"
    assert json.loads(written.read_text()) == {"version": leadcast.__version__}
    init = site / "leadcast/__init__.py"
    _change(init, '__version__ = ".*"', '__version__ = "99.0"')
    status = done(project, "-c", RUN.replace("'export'", "'ingest'"))
    assert "['ingest']" in status


def _change(path: Path, found: str, written: str) -> None:
    text, n = re.subn(found, written, path.read_text(encoding="utf-8"), count=1)
    assert n == 1
    path.write_text(text, encoding="utf-8")


def test_it_works_beside_a_package_called_models(wheel: Path, tmp_path: Path) -> None:
    from tests.scoring_world import bundle_folder, make_tables

    site = unpacked(wheel, tmp_path)
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
