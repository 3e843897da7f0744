"""What DVC runs, as a whole: the stages, what is there while they run, and how they end."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path

import dvc.lock
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.models.bundle.bundle import load_bundle
from leadcast.pipelines.base.params import load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.commands import repro
from leadcast.pipelines.lifecycle.run import reproduce
from leadcast.pipelines.tracking.tracking_store import is_dead, this_process
from tests.conftest import POLARS_THREADS
from tests.small_project import (
    HURRIED,
    LEARNER,
    ROOT,
    change_params,
    hurried,
    make_project,
    run_stages,
)

DVC = [sys.executable, "-m", "dvc"]
CODE = ("leadcast", "demo", "features", "models", "serve", "pipelines")
RUN = RunFolder("demo")
QUICK = {"candidates": ["logistic"], "origins": 1, "half_lives": [None], "penalties": [40.0]}
TREES = QUICK | {"candidates": ["blend"], "rounds": [5], "fewest_won_lightgbm": 1}
FEW = {"replicates": 100, "slice_replicates": 120}
READ_BY_OTHERS = (
    *(RUN.bundle, RUN.tables, RUN.test_scores, RUN.metrics, RUN.headline, RUN.curves / "gain.csv"),
    *(RUN.report, RUN.plots, RUN.comparison, RUN.comparison_page, RUN.tracking, RUN.fingerprint),
)
"""What must be there, whole, whatever happens to the stages."""
KILLER = """
import os, signal, sys
if "leadcast.pipelines.commands.stage_process" in sys.orig_argv:
    import leadcast.models.bundle.bundle as bundle

    def write(*told):
        if sys.argv[0].endswith("export.py"):
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*told)

    whole, bundle.write_manifest = bundle.write_manifest, write
"""
"""In a sitecustomize.py: the stage is killed when all of the bundle but its manifest is written."""


def leadcast_run(
    folder: Path, customs: str = HURRIED, *, add: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the main job, whose processes begin with these customs."""
    place = folder / "customs"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(customs, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": f"{place}{os.pathsep}{ROOT}"}
    # With as many as a user's run has; the other tests have one.
    del environment[POLARS_THREADS]
    command = [sys.executable, "-m", "leadcast", "run", *(["--add"] if add else [])]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def start_dvc(folder: Path) -> None:
    """Begin a DVC project there with the settings of this one."""
    shipped = ConfigParser()
    shipped.read(ROOT / ".dvc/config")
    subprocess.run([*DVC, "init", "--no-scm", "-q"], cwd=folder, check=True)
    cache = shipped["cache"]["type"].strip('"')
    subprocess.run([*DVC, "config", "cache.type", cache], cwd=folder, check=True)


PLOTS = """
import sys
from pathlib import Path
from dvc_render import VegaRenderer, render_html

curve = VegaRenderer([{"x": 0, "y": 1}, {"x": 1, "y": 2}], "curve.csv", x="x", y="y")
render_html([curve], Path(sys.argv[2]), Path(sys.argv[1]))
"""


def test_the_page_of_plots_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    shipped = ConfigParser()
    shipped.read(ROOT / ".dvc/config")
    template = ROOT / ".dvc" / shipped["plots"]["html_template"]
    page = tmp_path / "index.html"
    subprocess.run([sys.executable, "-c", PLOTS, str(template), str(page)], check=True)
    text = page.read_text(encoding="utf-8")
    bare = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"(src|href)=", bare)
    assert "vegaEmbed('#" in text
    # With the libraries of this version of DVC, which its page would load from elsewhere.
    from dvc_render.vega import VegaRenderer

    wanted = re.findall(r"npm/([\w-]+)@([\d.]+)", VegaRenderer.SCRIPTS)
    assert len(wanted) == 3
    for name, version in wanted:
        assert f"/* {name} {version}, " in text, (
            "vendor the versions of this DVC in .dvc/plots.html"
        )


@contextmanager
def watched(project: Path) -> Iterator[set[str]]:
    """Look again and again while the block runs: every faulty sight, and each bundle by its id."""
    seen, done = set[str](), threading.Event()
    bundle = project / RUN.bundle

    def look() -> None:
        known = None
        while not done.wait(0.02):
            seen.update(f"absent: {path}" for path in READ_BY_OTHERS if not _is_there(path))
            try:
                # Read once for what it is: reading it all the time would take a core.
                files = {path: path.stat().st_mtime_ns for path in bundle.rglob("*")}
                if files != known:
                    seen.add(load_bundle(bundle).manifest.bundle_id)
                known = files
            except Exception as error:
                seen.add(f"faulty: {error}")

    def _is_there(path: Path) -> bool:
        return os.path.lexists(project / path)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        yield seen
    finally:
        done.set()
        reader.join()


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def assert_same_bytes_without_dvc(project: Path, folder: Path) -> None:
    """The stages one after the other, in this process, write what DVC had them write."""
    again = make_project(folder, 700)
    change_params(again, model=LEARNER | TREES)
    with hurried():
        run_stages(again, last="export")
    for place in (RUN.bundle, RUN.judged, RUN.settings, RUN.learner):
        ours, theirs = contents(again / place), contents(project / place)
        for told in (ours, theirs):
            if "manifest.json" in told:
                manifest = json.loads(told["manifest.json"])
                told["manifest.json"] = json.dumps(manifest | {"created_at": ""}).encode()
        assert ours == theirs
    for file in (RUN.test_scores, RUN.metrics, RUN.matrix, RUN.backtest):
        assert (again / file).read_bytes() == (project / file).read_bytes(), file


@pytest.mark.slow
def test_the_main_job_runs_by_dvc_and_the_last_good_results_stay_whole(tmp_path: Path) -> None:
    project = make_project(tmp_path, 700)
    # DVC knows the source by `leadcast run` alone.
    change_params(project, model=LEARNER | TREES, sources=["another"])
    parameters = (project / "params.yaml").read_bytes()
    for name in (*CODE, "dvc.yaml", ".dvcignore"):
        (project / name).symlink_to(ROOT / name)
    start_dvc(project)
    strangers = [project / RUN.path / name for name in ("mine.txt", "mine/mine.txt")]
    for mine in strangers:
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.write_text("mine, and nobody else's")
    first = leadcast_run(project)
    assert first.returncode == 0, first.stdout + first.stderr
    assert (project / RUN.tracking).exists()
    assert {mine.read_text() for mine in strangers} == {"mine, and nobody else's"}
    assert "[track] run" in first.stdout
    for page in ("report.html", "comparison.json", "model_card.md"):
        assert list(project.glob(f"mlruns/**/artifacts/{page}")), f"{page} is not tracked"
    assert (project / "params.yaml").read_bytes() == parameters
    assert "`leadcast run demo --add` adds it" in first.stdout
    assert_same_bytes_without_dvc(project, tmp_path / "again")
    # What the source's definition and the defaults say anyway.
    change_params(project, snapshots={"horizon_days": 60}, split={"test_fraction": 0.2})
    second = leadcast_run(project)
    assert second.stdout.startswith("Nothing to do")

    before = contents(project / RUN.bundle)
    change_params(project, evaluation=FEW)
    with watched(project) as seen:
        killed = leadcast_run(project, HURRIED + KILLER, add=True)
    assert killed.returncode == 1
    assert load_params(project / "params.yaml").sources == ("another",)
    assert "[evaluate]" in killed.stdout
    assert "[train]" not in killed.stdout
    assert "[export]" not in killed.stdout
    assert len(seen) == 1, seen
    assert contents(project / RUN.bundle) == before

    with watched(project) as seen:
        mended = leadcast_run(project, add=True)
    assert mended.returncode == 0, mended.stderr
    assert load_params(project / "params.yaml").sources == ("demo", "another")
    assert "[export]" in mended.stdout
    # The metrics are part of the bundle: one stood there until the other took its place.
    assert len(seen) == 2, seen
    assert load_bundle(project / RUN.bundle).manifest.bundle_id in seen
    assert contents(project / RUN.bundle) != before


SLOW_STAGE = """
import os, time
from pathlib import Path
from leadcast.pipelines.base.stage import run_stage

def slow(source):
    Path("pid").write_text(str(os.getpid()))
    time.sleep(60)
    Path("written").touch()
    return "done"

run_stage("slow", slow)
"""
SLOW_PIPELINE = """
stages:
  track:
    foreach: [demo]
    do:
      cmd: python COMMAND ${item}
      outs: [written]
"""
SLOWED = """
import sys
if "leadcast.pipelines.commands.stage_process" in sys.orig_argv:
    import leadcast.pipelines.base.stage as base
    run_stage = base.run_stage
    base.run_stage = lambda *_: run_stage("slow", slow)
"""
"""In a sitecustomize.py: a stage of Leadcast's is as slow as that of somebody's own."""


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ("-m leadcast.pipelines.report", signal.SIGINT),
        ("-m leadcast.pipelines.report", signal.SIGKILL),
        ("slow.py", signal.SIGTERM),
    ],
)
def test_a_stage_ends_with_the_command_that_runs_it(
    tmp_path: Path, asked: str, number: int
) -> None:
    *defined, runs = SLOW_STAGE.rpartition("run_stage(")[0], SLOW_STAGE
    (tmp_path / "slow.py").write_text(runs)
    (tmp_path / "sitecustomize.py").write_text("".join([*defined, SLOWED]))
    (tmp_path / "dvc.yaml").write_text(SLOW_PIPELINE.replace("COMMAND", asked))
    start_dvc(tmp_path)
    program = "from leadcast.pipelines.lifecycle.run import reproduce; reproduce('demo')"
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as command:
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
        stage = f"{this_process().split()[0]} {(tmp_path / 'pid').read_text()} {time.time():.0f}"
        assert not is_dead(stage)
        if number == signal.SIGINT:
            # As a terminal sends it: to every process that stands before it.
            os.killpg(command.pid, number)
        else:
            command.send_signal(number)
        _, told = command.communicate()
    wait_until(lambda: is_dead(stage))
    assert not (tmp_path / "written").exists()
    if number == signal.SIGINT:
        assert "slow was interrupted" in told


def test_a_date_that_dvc_cannot_hold_is_told_before_dvc_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("split: {test_from: 2025-06-01}", encoding="utf-8")
    with pytest.raises(LeadcastError, match=r"split\.test_from.*without quotation marks"):
        reproduce("demo")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def test_a_run_waits_for_another_of_its_project_and_tells_it_in_our_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DEFAULT_TIMEOUT", "FAILED_TO_LOCK_MESSAGE"):
        monkeypatch.setattr(dvc.lock, name, getattr(dvc.lock, name))
    monkeypatch.setattr(repro, "PATIENCE_SECONDS", 1.0)
    repro.patient()
    ours, other = (dvc.lock.Lock(str(tmp_path / "lock")) for _ in range(2))
    with ours:
        begin = time.monotonic()
        with pytest.raises(dvc.lock.LockError, match="is going on in this project"):
            other.lock()
        assert time.monotonic() - begin >= 1.0
        ending = threading.Timer(0.3, ours.unlock)
        ending.start()
        other.lock()
        ending.join()
        other.unlock()
        ours.lock()


def wait_until(what: Callable[[], bool]) -> None:
    """Wait for what happens in another process; give up when it never does."""
    for _ in range(600):
        if what():
            return
        time.sleep(0.05)
    pytest.fail("it did not happen")
