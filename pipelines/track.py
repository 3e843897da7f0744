"""One MLflow run that holds a whole result, and the store that it lies in.

The store may be lost or damaged, or hold what a killed process left.
"""

import hashlib
import importlib.metadata
import json
import logging
import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import compress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

import leadcast
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, sha256_of, write_json
from leadcast.features.hygiene.list_versions import NEEDED_BY
from leadcast.models.bundle.bundle_files import CODE_VERSION, MANIFEST
from leadcast.models.comparison.comparison_store import RESULT
from leadcast.pipelines.base.model_registry import (
    RESULT_TAG,
    OutOfReachError,
    follow_champion,
    register,
    with_mlflow,
)
from leadcast.pipelines.base.params import Params, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import NOTHING_NEW, run_stage
from leadcast.pipelines.base.summary import which_is_which
from leadcast.serve.champion.champion_store import has_champion

NOTE = "mlflow.note.content"
"""The tag that MLflow shows as a run's description."""
PROCESS = "leadcast.process"
"""The tag that says which process logs a run: its host, its number and when it began."""
MODEL = "leadcast.model"
"""The tag that tells a run's model, the last thing that is logged: where it is, all is."""
SAME_START_SECONDS = 60.0
"""A clock that is set while a process runs moves its beginning; numbers come back later. Used only
where the system tells no ticks."""


def store_file(uri: str) -> Path | None:
    """Tell which file a tracking URI names."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
    except ArgumentError:
        return None
    named = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if named else None


def stands(uri: str, run_id: str | None) -> bool:
    """Tell whether a run that was logged is still there; MLflow, slow to import, is not needed."""
    file = store_file(uri)
    if file is None:
        return run_id is not None
    return file.exists() and _holds(file, run_id or "")


def _holds(file: Path, run_id: str) -> bool:
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as store:
            told = store.execute("PRAGMA quick_check(1)").fetchone()[0]
            if told != "ok":
                raise _damaged(file, told)
            if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone():
                return False
            found = "SELECT 1 FROM runs WHERE run_uuid = ? AND lifecycle_stage = 'active'"
            ended = f"{found} AND status = 'FINISHED'"
            return store.execute(ended, (run_id,)).fetchone() is not None
    except sqlite3.OperationalError as error:
        raise LeadcastError(
            f"{file}: MLflow's store cannot be read ({error}); see that it is a file which you may "
            "read and write and that no other program holds it, and run again"
        ) from None
    except sqlite3.DatabaseError as error:
        raise _damaged(file, str(error)) from None


class TrackingDownError(LeadcastError):
    """A tracking server, or its database, does not answer or takes nothing."""


@contextmanager
def told_without_traceback(uri: str) -> Iterator[None]:
    """Turn what MLflow's store raises into an error that says what to do."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (CommandError, MlflowException, SQLAlchemyError, OSError, OutOfReachError) as error:
        file, first = store_file(uri), str(error).strip().split("\n")[0]
        what = f"MLflow could not track this result ({first})"
        if file is None:
            raise TrackingDownError(
                f"{uri}: {what}; see that it can be reached and written to, or name another as "
                "tracking.uri in params.yaml, and run again"
            ) from None
        raise LeadcastError(
            f"{file}: {what}; see that it can be written and is of this version of MLflow, or "
            f"{_move_away(file)}"
        ) from None


def this_process() -> str:
    """Name this process so that another one can tell whether it still runs."""
    me = psutil.Process()
    return f"{socket.gethostname()} {me.pid} {me.create_time():.0f} {_ticks_at_start(me.pid)}"


def _ticks_at_start(pid: int) -> str:
    """Tell when a process began, by what no clock moves: the system's start and ticks since then.

    Empty where the system does not tell (proc(5), on Linux).
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name, in parentheses, may hold anything; of what follows it the start is the 20th.
    return f"{boot}:{told.rpartition(')')[2].split()[19]}"


def end_dead_runs(experiment_id: str, source: str) -> int:
    """End the runs that a killed process left running; those of live ones go on."""
    import mlflow

    client = mlflow.MlflowClient()
    running = client.search_runs([experiment_id], "attributes.status = 'RUNNING'")
    ours = [run for run in running if run.data.tags.get("source") == source]
    processes = [run.data.tags.get(PROCESS, "") for run in ours]
    # What this process has begun before, it has given up.
    ended = [process == this_process() or is_dead(process) for process in processes]
    dead = list(compress(ours, ended))
    for run in dead:
        client.set_terminated(run.info.run_id, status="KILLED")
    return len(dead)


def is_dead(process: str) -> bool:
    """Tell whether a process has ended for certain."""
    try:
        host, number, began, *more = process.split(" ")
        pid, start = int(number), float(began)
    except ValueError:
        return False
    if host != socket.gethostname():
        return False
    ticks, now = "".join(more), _ticks_at_start(pid)
    try:
        found = psutil.Process(pid)
        same = abs(found.create_time() - start) <= SAME_START_SECONDS
        if ticks and now:
            same = ticks == now
        return not same or found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _damaged(file: Path, what: str) -> LeadcastError:
    return LeadcastError(f"{file}: MLflow's store is damaged ({what}); {_move_away(file)}")


def _move_away(file: Path) -> str:
    return (
        f"move it away (mv {file} {file}.old) and run again: this result is logged anew into a "
        "new file, and what was logged before stays in the one that you moved"
    )


WAITING = {"run_id": None, "model_uri": None, "model_version": None, "result": None}
"""Of a result that could not be logged yet."""
PYFUNC = Path(leadcast.__file__).parent / "serve" / "pyfunc.py"
CARRIED = ("features", "models", "serve")
"""What a model brings along of Leadcast: all that scoring needs."""
REQUIRED = ("lead_id", "created_at")
NEEDED_TO_SCORE = ("mlflow", "numba", "numpy", "pandas", "polars", "pyarrow", "pydantic")


def track(source: str) -> str:
    """Log a result to MLflow, with the deployed bundle as a model that `mlflow models serve` loads.

    The one that was tested is an artifact of the run, since the run's metrics are its own.

    One run a result, logged when everything else is there: a run is whole or absent, and MLflow,
    slow to import, is imported once. A result that was logged is logged anew only where the store
    has lost it. A server that does not answer, or that is lost meanwhile, stops nothing: the next
    run logs the result, or only what was still to do, so that it stands there once.
    """
    run, params = RunFolder(source), load_params()
    uri, result = params.tracking.uri, _digest(run, params)
    see = f"see: mlflow ui --backend-store-uri {uri}"
    logged = _logged(run, result)
    if stands(uri, logged):
        return f"{NOTHING_NEW}: this result is run {logged}; {see}"
    try:
        with told_without_traceback(uri):
            content, ended = _log(run, params, result)
    except TrackingDownError as error:
        write_json(run.tracking, WAITING)
        return f"this result is whole and not logged yet; the next run logs it. {error}"
    write_json(run.tracking, content | {"result": result})
    words = f"run {content['run_id']}; {see}"
    if logged is not None:
        words = f"run {logged} is no longer in {uri}, so this result is logged anew: {words}"
    if ended:
        words += f"; ended as KILLED: {ended} that a killed process had left running"
    return words


def _logged(run: RunFolder, result: str) -> str | None:
    """Tell as which run this very result was logged, if it was."""
    try:
        earlier = read_json(run.tracking)
    except LeadcastError:
        # Absent, or damaged, which logging mends.
        return None
    is_it = isinstance(earlier, dict) and earlier.get("result") == result
    return str(earlier["run_id"]) if is_it else None


def _log(run: RunFolder, params: Params, result: str) -> tuple[dict[str, Any], int]:
    """Log a result, or what of it is still to do; and how many dead processes' runs were ended."""
    mlflow = with_mlflow()
    experiment = mlflow.set_experiment(run.source)
    ended = end_dead_runs(experiment.experiment_id, run.source)
    found = _whole_run(experiment.experiment_id, result)
    run_id, model_uri = found or _logged_run(run, params, result)
    tags = _tags(run) | {"parameters": json.dumps(parameters_of(run.source, params))}
    version = register(run.source, model_uri, tags | {RESULT_TAG: result}, tags["bundle_id"])
    if has_champion(run.source):
        follow_champion(run.source)
    content = {
        "run_id": run_id,
        "model_uri": model_uri,
        "model_version": version,
        "bundle_id": tags["bundle_id"],
    }
    return content, ended


def _logged_run(run: RunFolder, params: Params, result: str) -> tuple[str, str]:
    mlflow = with_mlflow()
    with mlflow.start_run(
        tags=_tags(run) | {PROCESS: this_process(), RESULT_TAG: result}
    ) as active:
        mlflow.log_params(_flat(parameters_of(run.source, params)))
        mlflow.log_metrics(_flat_metrics(read_json(run.metrics)["test"]))
        for path in _artefacts(run):
            mlflow.log_artifact(str(path))
        mlflow.log_dict(comparison_without_leads(run), "comparison.json")
        mlflow.log_artifacts(str(run.curves), artifact_path="curves")
        mlflow.log_artifacts(str(run.plots), artifact_path="plots")
        mlflow.log_artifacts(str(run.judged), artifact_path="judged")
        model_uri = _log_bundle(run)
        mlflow.set_tag(MODEL, model_uri)
    return str(active.info.run_id), model_uri


def _whole_run(experiment_id: str, result: str) -> tuple[str, str] | None:
    """Find a run that holds a result already, as the server was lost only after it had it."""
    wanted = f"attributes.status = 'FINISHED' and tags.`{RESULT_TAG}` = '{result}'"
    found = with_mlflow().MlflowClient().search_runs([experiment_id], wanted, max_results=1)
    whole = [(run.info.run_id, run.data.tags[MODEL]) for run in found if MODEL in run.data.tags]
    return whole[0] if whole else None


def _digest(run: RunFolder, params: Params) -> str:
    """Tell results apart: by what a run is made of, and where it is logged."""
    bundles = (run.bundle / MANIFEST, run.judged / MANIFEST)
    made_of = (run.fingerprint, run.metrics, *bundles, run.report, run.comparison_page)
    settings = snapshot_settings(run.source, params).model_dump_json()
    told = [params.tracking.uri, settings, *(sha256_of(path) for path in (*made_of, PYFUNC))]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _artefacts(run: RunFolder) -> tuple[Path, ...]:
    numbers = (run.metrics, run.backtest, run.calibration, run.leakage)
    # A result of an earlier version has no card and no rights yet.
    told = (run.card, run.card_page, run.steering, run.rights)
    return (run.report, *(path for path in told if path.is_file()), *numbers)


def comparison_without_leads(run: RunFolder) -> dict[str, Any]:
    """Read the comparison as MLflow may hold it: its page names leads, and this does not."""
    content: dict[str, Any] = read_json(run.comparison / RESULT)
    if "swap" in content:
        content["swap"] = content["swap"] | {"leads": []}
    return content


def _tags(run: RunFolder) -> dict[str, str]:
    return {
        "source": run.source,
        "fingerprint": read_json(run.fingerprint)["sha256"],
        "git_commit": git_commit(),
        "dvc_lock": dvc_lock() or "unknown",
        "code_version": CODE_VERSION,
        "bundle_id": read_json(run.bundle / MANIFEST)["bundle_id"],
        "judged_bundle_id": read_json(run.judged / MANIFEST)["bundle_id"],
        NOTE: "\n\n".join(which_is_which(run)),
        "verdict": read_json(run.metrics)["verdict"]["use"],
    }


def git_commit() -> str:
    """Tell which commit the code is at, with ``+`` where files have changed since."""
    done = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def dvc_lock() -> str | None:
    """Give the SHA-256 of DVC's lock file; None where DVC has not run."""
    path = Path("dvc.lock")
    return sha256_of(path) if path.is_file() else None


def parameters_of(source: str, params: Params) -> dict[str, Any]:
    """Give the parameters of a run: what was used, where they leave it to the source."""
    said = params.model_dump(mode="json", exclude={"sources", "tracking"})
    return said | {"snapshots": snapshot_settings(source, params).model_dump(mode="json")}


def _flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _flat_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, metric in metrics.items():
        values = metric if isinstance(metric, dict) else {"value": metric}
        named = {name if key == "value" else f"{name}_{key}": v for key, v in values.items()}
        flat |= {key: value for key, value in named.items() if value is not None}
    return flat


def save_model(bundle: Path, folder: Path) -> None:
    """Write a bundle as a model that `mlflow models serve` can load, without tracking it."""
    import mlflow

    with TemporaryDirectory() as place:
        mlflow.pyfunc.save_model(folder, **_model(bundle, carried_code(Path(place))))


def carried_code(folder: Path) -> Path:
    """Copy the code that scoring needs, as a model carries it: without tests, data and caches."""
    here, code = Path(leadcast.__file__).parent, folder / leadcast.__name__
    code.mkdir()
    shutil.copy(here / "__init__.py", code)
    for name in CARRIED:
        shutil.copytree(here / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
    return code


def _log_bundle(run: RunFolder) -> str:
    import mlflow

    with TemporaryDirectory() as place:
        model = _model(run.bundle, carried_code(Path(place)))
        return str(mlflow.pyfunc.log_model(name="leadcast", **model).model_uri)


def _model(bundle: Path, code: Path) -> dict[str, Any]:
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, Schema

    from leadcast.serve.scorer import Scorer

    scorer = Scorer.load(bundle)
    example = scorer.example().to_pandas()
    readings = {column.reading for column in scorer.bundle.plan.attributes}
    lists = [name for one in NEEDED_BY if one in readings for name in NEEDED_BY[one]]
    names = dict.fromkeys((*NEEDED_TO_SCORE, *lists))
    needed = [f"{name}=={importlib.metadata.version(name)}" for name in names]
    inferred = infer_signature(example, scorer.score_pandas(example))
    # Without events, or as of now, a lead can be scored as well.
    inputs = [
        ColSpec(column.type, column.name, required=column.name in REQUIRED)
        for column in inferred.inputs.inputs
    ]
    return {
        "python_model": str(code / "serve" / "pyfunc.py"),
        "artifacts": {"bundle": str(bundle)},
        "code_paths": [str(code)],
        "pip_requirements": needed,
        "signature": ModelSignature(Schema(inputs), inferred.outputs),
        "input_example": example,
        "metadata": {"leadcast": scorer.bundle.manifest.origin.describe()},
    }


if __name__ == "__main__":
    # MLflow's own progress bars and messages would hide the stage's one line.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # The model's example shows that a lead may have no events, of which the scorer would warn.
    logging.getLogger("leadcast").setLevel(logging.ERROR)
    run_stage("track", track)
