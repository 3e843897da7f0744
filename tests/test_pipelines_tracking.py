"""MLflow's store: a killed run is ended, a lost one is logged anew, a damaged file is told."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import chdir, closing
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.tables import Tables
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import NOTHING_NEW
from leadcast.pipelines.track import track
from leadcast.pipelines.tracking.dataset_input import counts_of
from leadcast.pipelines.tracking.run_content import SHORT
from leadcast.pipelines.tracking.tracking_store import (
    PROCESS,
    is_dead,
    stands,
    store_file,
    this_process,
)
from tests.small_project import ROOT, change_params, hurried, run_stages
from tests.test_pipelines_stages import write_tiny

RUN = RunFolder("tiny")
KILLED_WHILE_IT_LOGS = """
import os, signal
from leadcast.pipelines import track
track._log_bundle = lambda run: os.kill(os.getpid(), signal.SIGKILL)
track.track("tiny")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracked")
    write_tiny(folder, winners=(3, 8))
    with hurried():
        run_stages(folder, RUN.source)
    # MLflow keeps a store for each address: a relative one may be that of another test's folder.
    change_params(folder, tracking={"uri": f"sqlite:///{folder / 'mlflow.db'}"})
    return folder


def tracked(folder: Path) -> str:
    """Run the stage in this process, whose MLflow warns of itself."""
    with chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return track(RUN.source)


@pytest.fixture(autouse=True)
def _as_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")


def statuses(project: Path) -> dict[str, str]:
    with closing(sqlite3.connect(project / "mlflow.db")) as store:
        return dict(store.execute("SELECT run_uuid, status FROM runs").fetchall())


def logged_run(project: Path) -> str:
    return str(read_json(project / RUN.tracking)["run_id"])


def run_python(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


TRACK = "from pipelines import track; print(track.track('tiny'))"


@pytest.mark.slow
def test_a_killed_run_is_ended_a_live_one_goes_on_and_a_lost_one_is_logged_anew(
    project: Path,
) -> None:
    killed = run_python(KILLED_WHILE_IT_LOGS, project)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = list(statuses(project))
    assert statuses(project) == {left[0]: "RUNNING"}
    # Another one like it, but for its process, which lives.
    living = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    alive = f"{this_process().split()[0]} {living.pid} {time.time():.0f}"
    with closing(sqlite3.connect(project / "mlflow.db")) as store:
        columns = [row[1] for row in store.execute("PRAGMA table_info(runs)")][1:]
        names = ", ".join(columns)
        store.execute(f"INSERT INTO runs SELECT 'alive', {names} FROM runs")
        store.execute("INSERT INTO tags SELECT key, value, 'alive' FROM tags")
        mine = "UPDATE tags SET value = ? WHERE key = ? AND run_uuid = 'alive'"
        assert store.execute(mine, (alive, PROCESS)).rowcount == 1
        store.commit()
    assert "ended as KILLED: 1 that" in tracked(project)
    first = logged_run(project)
    assert statuses(project) == {left[0]: "KILLED", "alive": "RUNNING", first: "FINISHED"}
    living.communicate()

    assert tracked(project).startswith(f"{NOTHING_NEW}: this result is run {first}")
    (project / "mlflow.db").unlink()
    # This process still has the file open.
    told = run_python(TRACK, project)
    lost = f"run {first} is no longer in sqlite:///{project / 'mlflow.db'}"
    assert lost in told.stdout, told.stderr
    assert statuses(project) == {logged_run(project): "FINISHED"}
    assert logged_run(project) != first


def asked(project: Path, question: str) -> dict[str, str]:
    with closing(sqlite3.connect(project / "mlflow.db")) as store:
        return dict(store.execute(question).fetchall())


@pytest.mark.slow
def test_a_run_is_told_as_those_who_know_mlflow_expect(project: Path) -> None:
    tracked(project)
    run_id, own = logged_run(project), f"run_uuid = '{logged_run(project)}'"
    kinds = asked(project, "SELECT key, value FROM experiment_tags")
    assert kinds["mlflow.experimentKind"] == "custom_model_development"
    tags = asked(project, f"SELECT key, value FROM tags WHERE {own}")
    chosen = read_json(project / RUN.backtest)["chosen"]
    assert re.fullmatch(rf"tiny · {SHORT[chosen]} · 20\d\d-\d\d-\d\d", tags["mlflow.runName"])
    assert tags["mlflow.note.content"].startswith("Use it")

    used = asked(project, f"SELECT key, value FROM params WHERE {own}")
    assert used["learner"] == chosen
    assert used["seed"] == "7"
    assert {"snapshots.horizon_days", "split.test_fraction", "model.origins"} <= set(used)
    assert "None" not in used.values()

    ((name, digest, profile),) = rows_of(
        project, "SELECT name, digest, dataset_profile FROM datasets"
    )
    fingerprint = read_json(project / RUN.fingerprint)["sha256"]
    assert name == "tiny"
    assert fingerprint.startswith(digest)
    assert len(digest) == 36
    counts = json.loads(profile)
    leads = pl.read_parquet(project / RUN.tables / "leads.parquet")
    assert counts["leads"] == leads.height
    inputs = rows_of(project, f"SELECT source_id FROM inputs WHERE destination_id = '{run_id}'")
    assert inputs
    (version,) = rows_of(
        project, f"SELECT description FROM model_versions WHERE run_id = '{run_id}'"
    )
    assert version[0].startswith("Learner: ")


def rows_of(project: Path, question: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(project / "mlflow.db")) as store:
        return store.execute(question).fetchall()


def test_no_name_of_a_lead_is_in_the_dataset_that_mlflow_holds(project: Path) -> None:
    with chdir(project):
        counts = counts_of(Tables.read(RUN.tables))
    assert set(counts) <= {
        "leads",
        "events",
        "customers",
        "first_lead",
        "last_lead",
        "observed_until",
    }
    assert all(
        isinstance(value, int) or re.fullmatch(r"[\d-]{10}", value) for value in counts.values()
    )


def test_a_store_that_is_no_store_is_told_without_a_traceback(project: Path) -> None:
    store = project / "mlflow.db"
    kept = store.read_bytes() if store.exists() else None
    store.write_bytes(b"SQLite format 3\0 but not really")
    done = run_python("import sys; sys.argv[1:] = ['tiny']\n" + STAGE, project)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {store}: MLflow's store is damaged")
    assert "Traceback" not in done.stderr
    store.unlink()
    if kept is not None:
        store.write_bytes(kept)


STAGE = "import runpy; runpy.run_module('leadcast.pipelines.track', run_name='__main__')"


def make_store(path: Path) -> None:
    """A store of the form that MLflow gives it, as far as it is looked at, of many pages."""
    with closing(sqlite3.connect(path)) as store:
        store.execute("CREATE TABLE runs (run_uuid TEXT, lifecycle_stage TEXT, status TEXT)")
        rows = [(f"run {number}", "active", "FINISHED") for number in range(2_000)]
        rows += [("deleted", "deleted", "FINISHED"), ("killed", "active", "KILLED")]
        store.executemany("INSERT INTO runs VALUES (?, ?, ?)", rows)
        store.commit()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8_192:40_000] = b"\xff" * (40_000 - 8_192)
    path.write_bytes(content)


def something_else(path: Path) -> None:
    path.write_text("garbage\n" * 1_000)


@pytest.mark.parametrize("harm", [cut_short, overwritten, something_else])
def test_a_damaged_store_is_told_with_its_name_and_what_to_do(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = tmp_path / "store.db"
    make_store(path)
    assert stands(f"sqlite:///{path}", "run 7")
    harm(path)
    for run_id in ("run 7", None):
        with pytest.raises(LeadcastError, match="is damaged") as caught:
            stands(f"sqlite:///{path}", run_id)
        assert str(caught.value).startswith(f"{path}: ")
        assert f"mv {path} {path}.old" in str(caught.value)


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    with pytest.raises(LeadcastError, match=r"store\.db: .* cannot be read"):
        stands(f"sqlite:///{tmp_path}/store.db", "run 7")


@pytest.mark.parametrize("run_id", ["of another store", "deleted", "killed", None])
def test_a_run_that_is_not_whole_in_the_store_does_not_stand(
    tmp_path: Path, run_id: str | None
) -> None:
    uri = f"sqlite:///{tmp_path}/store.db"
    assert not stands(uri, run_id)
    (tmp_path / "store.db").touch()
    assert not stands(uri, run_id)
    (tmp_path / "store.db").unlink()
    make_store(tmp_path / "store.db")
    assert not stands(uri, run_id)


def test_a_server_is_trusted_to_keep_what_it_was_given() -> None:
    assert store_file("http://127.0.0.1:9/") is None
    assert stands("http://127.0.0.1:9/", "run 7")
    assert not stands("http://127.0.0.1:9/", None)
    assert store_file("sqlite:///mlflow.db") == Path("mlflow.db")


def test_only_a_process_that_has_ended_for_certain_is_dead() -> None:
    host, pid, began, ticks = this_process().split(" ")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        program = f"{host} {child.pid} {time.time():.0f}"
        assert not is_dead(this_process())
        assert not is_dead(program)
        child.kill()
    assert is_dead(program)
    assert is_dead(f"{host} {pid} {float(began) - 3_600}"), "another one has the number by now"
    # A clock that is set moves the beginning of every process; the ticks since the start stay.
    assert not is_dead(f"{host} {pid} {float(began) - 3_600} {ticks}")
    assert is_dead(f"{host} {pid} {began} {ticks}1")
    assert host == socket.gethostname()
    assert not is_dead(f"another-{host} {child.pid} {began}"), "that host cannot be asked"
    assert not is_dead("")


def test_a_tracking_server_that_does_not_answer_stops_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = (project / "params.yaml").read_text(encoding="utf-8")
    before = (project / RUN.tracking).read_bytes() if (project / RUN.tracking).exists() else None
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    try:
        change_params(project, tracking={"uri": f"http://127.0.0.1:{port}"})
        assert tracked(project).startswith("this result is whole and not logged yet; the next run")
        assert read_json(project / RUN.tracking)["run_id"] is None
    finally:
        (project / "params.yaml").write_text(params, encoding="utf-8")
        (project / RUN.tracking).unlink()
        if before is not None:
            (project / RUN.tracking).write_bytes(before)
