"""The MLflow model in an environment that has what the model declares, and nothing else."""

import json
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest

from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.pipelines.track import CARRIED
from leadcast.serve.scorer import Scorer
from tests.declared_environment import closure, make_environment
from tests.scoring_world import bundle_folder, make_tables
from tests.service_world import question

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
LOAD = """
import json, sys
import mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
found = model.predict(pandas.DataFrame(json.load(sys.stdin)))
import leadcast, leadcast.serve.scorer
ours = [leadcast.__file__, leadcast.serve.scorer.__file__]
print(json.dumps({"scores": found.to_dict("records"), "ours": ours, "path": sys.path}))
"""


@dataclass
class Elsewhere:
    """The saved model, and a place outside the project from which it is used."""

    model: Path
    folder: Path
    declared: list[str]

    def environment(self, name: str, declared: Sequence[str]) -> dict[str, str]:
        found = make_environment(self.folder / name, declared)
        return {"PATH": f"{found}:/usr/bin:/bin", "HOME": str(self.folder)}

    def load(self, environment: dict[str, str], rows: object) -> subprocess.CompletedProcess[str]:
        # What is resolved in the command is this process's PATH, not the new one's.
        python = Path(environment["PATH"].split(":")[0]) / "python"
        return subprocess.run(
            [python, "-I", "-W", "ignore", "-c", LOAD, self.model],
            input=json.dumps(rows),
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=environment,
        )


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    folder = tmp_path_factory.mktemp("elsewhere")
    # MLflow warns of itself while it is imported, and of paths that it makes.
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.chdir(ROOT)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        from leadcast.pipelines.track import save_model

        save_model(bundle_folder(), folder / "model")
    carry_compiled(folder / "model/code/leadcast")
    declared = (folder / "model/requirements.txt").read_text(encoding="utf-8").splitlines()
    return Elsewhere(folder / "model", folder, declared)


def carry_compiled(code: Path) -> None:
    """Give the code what is compiled of the same, as of an installation that has run before."""
    for package in CARRIED:
        for compiled in (ROOT / package).glob("**/__pycache__/*.nb[ic]"):
            place = code / compiled.relative_to(ROOT)
            place.parent.mkdir(exist_ok=True)
            shutil.copy(compiled, place)


@pytest.fixture(scope="module")
def environment(elsewhere: Elsewhere) -> dict[str, str]:
    return elsewhere.environment("declared", elsewhere.declared)


def asked() -> tuple[list[dict[str, Any]], pl.DataFrame]:
    """Leads with their events as MLflow's callers have them, and the scores of the bundle."""
    tables = make_tables(seed=12)
    leads = tables.leads.head(80).with_columns(as_of=pl.col("created_at") + timedelta(days=9))
    rows = question(leads, tables.events.collect())["leads"]
    flat = [
        {name: value for name, value in row.items() if name not in ("attributes", "events")}
        | row["attributes"]
        | {"events": json.dumps(row["events"])}
        for row in rows
    ]
    return flat, Scorer.load(bundle_folder()).score(leads, tables.events, None, [])


def assert_equal(found: list[dict[str, Any]], expected: pl.DataFrame) -> None:
    assert list(found[0]) == expected.columns
    assert [row["lead_id"] for row in found] == expected["lead_id"].to_list()
    assert [row["grade"] for row in found] == expected["grade"].to_list()
    for name in ("probability", "lower", "upper", "percentile"):
        scores = [row[name] for row in found]
        np.testing.assert_allclose(scores, expected[name].to_numpy(), rtol=0, atol=1e-12)


def test_a_loaded_model_gives_the_scores_of_the_bundle(
    elsewhere: Elsewhere, environment: dict[str, str]
) -> None:
    rows, expected = asked()
    done = elsewhere.load(environment, rows)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert_equal(told["scores"], expected)
    # Our packages are those that the model carries.
    assert all(str(elsewhere.model) in path for path in told["ours"] if path)
    assert not [path for path in told["path"] if str(ROOT) in path]
    assert not list(elsewhere.model.rglob("*.pkl"))


def test_a_served_model_gives_the_scores_of_the_bundle(
    elsewhere: Elsewhere, environment: dict[str, str]
) -> None:
    rows, expected = asked()
    with served(elsewhere, environment) as url:
        answer = httpx.post(f"{url}/invocations", json={"dataframe_records": rows}, timeout=300)
    assert answer.status_code == 200, answer.text
    assert_equal(answer.json()["predictions"], expected)


def test_a_requirement_that_is_not_declared_is_missed(elsewhere: Elsewhere) -> None:
    less = [one for one in elsewhere.declared if not one.startswith("polars")]
    assert len(less) == len(elsewhere.declared) - 1
    done = elsewhere.load(elsewhere.environment("less", less), [])
    assert done.returncode == 1
    assert "No module named 'polars'" in done.stderr


def test_the_model_declares_this_python_and_no_more_than_it_needs(elsewhere: Elsewhere) -> None:
    about = plain_yaml((elsewhere.model / "python_env.yaml").read_text(encoding="utf-8"))
    assert about["python"] == ".".join(map(str, sys.version_info[:3]))
    assert about["dependencies"] == ["-r requirements.txt"]
    names = {one.name.lower() for one in closure(elsewhere.declared)}
    assert {"mlflow", "polars"} <= names
    assert not names & {"lightgbm", "optuna", "dvc", "leadcast", "pytest"}


@contextmanager
def served(elsewhere: Elsewhere, environment: dict[str, str]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["mlflow", "models", "serve", "--env-manager", "local", "-h", "127.0.0.1"]
    script = Path(environment["PATH"].split(":")[0]) / command[0]
    log = elsewhere.folder / "log"
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [script, *command[1:], "-p", str(port), "-m", str(elsewhere.model)],
            cwd=elsewhere.folder,
            env=environment,
            stdout=file,
            stderr=file,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/ping", process, log)
        yield url
    finally:
        # The server itself ends with the process that began it.
        process.terminate()
        process.wait(60)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 300
    while time.monotonic() < give_up and process.poll() is None:
        try:
            if httpx.get(url, timeout=60).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"no server: {log.read_text(encoding='utf-8')}")


BOTH = """
import sys
import mlflow
first = mlflow.pyfunc.load_model(sys.argv[1])
again = mlflow.pyfunc.load_model(sys.argv[1])
print("first twice")
mlflow.pyfunc.load_model(sys.argv[2])
print("the other, too")
"""


def test_a_model_with_other_code_is_refused_where_a_process_runs_the_first_ones(
    elsewhere: Elsewhere, environment: dict[str, str]
) -> None:
    other = elsewhere.folder / "other"
    shutil.copytree(elsewhere.model, other)
    scores = other / "code/leadcast/serve/scores.py"
    scores.write_text(scores.read_text(encoding="utf-8") + "\nCHANGED = True\n", encoding="utf-8")
    python = Path(environment["PATH"].split(":")[0]) / "python"
    done = subprocess.run(
        [python, "-I", "-W", "ignore", "-c", BOTH, elsewhere.model, other],
        capture_output=True,
        text=True,
        cwd=elsewhere.folder,
        env=environment,
    )
    assert done.returncode == 1
    assert done.stdout == "first twice\n"
    assert "LeadcastError" in done.stderr
    assert "load it in a process of its own" in done.stderr
    # There it answers.
    rows, expected = asked()
    alone = subprocess.run(
        [python, "-I", "-W", "ignore", "-c", LOAD, other],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        cwd=elsewhere.folder,
        env=environment,
    )
    assert_equal(json.loads(alone.stdout)["scores"], expected)
