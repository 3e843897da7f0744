"""One MLflow run that holds a whole result, with the deployed bundle as its model."""

import hashlib
import importlib.metadata
import json
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import leadcast
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, sha256_of, write_json
from leadcast.features.hygiene.list_versions import NEEDED_BY
from leadcast.features.tables import ACCOUNT_HISTORY
from leadcast.models.bundle.bundle_files import CODE_VERSION, MANIFEST, read_manifest
from leadcast.models.comparison.comparison_store import RESULT
from leadcast.models.learners.learner_store import imported_shapes
from leadcast.pipelines.base.model_registry import (
    RESULT_TAG,
    describe,
    follow_champion,
    register,
    with_mlflow,
)
from leadcast.pipelines.base.params import Params, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import NOTHING_NEW, run_stage
from leadcast.pipelines.tracking.dataset_input import dataset_of
from leadcast.pipelines.tracking.run_content import (
    KIND,
    MODEL_TRAINING,
    NOTE,
    backtest_losses,
    experiment_note,
    run_name,
    run_note,
    told_metrics,
    used_parameters,
    version_note,
)
from leadcast.pipelines.tracking.tracked_plots import draw_more
from leadcast.pipelines.tracking.tracking_store import (
    PROCESS,
    TrackingDownError,
    end_dead_runs,
    stands,
    this_process,
    told_without_traceback,
)
from leadcast.serve.champion.champion_store import has_champion

MODEL = "leadcast.model"
"""The tag that tells a run's model, the last thing that is logged: where it is, all is."""
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
    _describe_experiment(experiment, run.source)
    ended = end_dead_runs(experiment.experiment_id, run.source)
    found = _whole_run(experiment.experiment_id, result)
    run_id, model_uri = found or _logged_run(run, params, result)
    tags = _tags(run) | {"parameters": json.dumps(parameters_of(run.source, params))}
    version = register(run.source, model_uri, tags | {RESULT_TAG: result}, tags["bundle_id"])
    describe(run.source, version, experiment_note(run.source), version_note(run))
    if has_champion(run.source):
        follow_champion(run.source)
    content = {
        "run_id": run_id,
        "model_uri": model_uri,
        "model_version": version,
        "bundle_id": tags["bundle_id"],
    }
    return content, ended


def _describe_experiment(experiment: Any, source: str) -> None:  # noqa: ANN401 - MLflow's own
    """Say what the experiment is for, where that is not said yet; what a user wrote stays."""
    client = with_mlflow().MlflowClient()
    for name, value in {KIND: MODEL_TRAINING, NOTE: experiment_note(source)}.items():
        if name not in experiment.tags:
            client.set_experiment_tag(experiment.experiment_id, name, value)


def _logged_run(run: RunFolder, params: Params, result: str) -> tuple[str, str]:
    mlflow, dataset = with_mlflow(), dataset_of(run)
    tags = _tags(run) | {NOTE: run_note(run), PROCESS: this_process(), RESULT_TAG: result}
    with mlflow.start_run(run_name=run_name(run, datetime.now(UTC).date()), tags=tags) as active:
        mlflow.log_input(dataset, context="training", tags=_parts_tags(run))
        mlflow.log_params(used_parameters(run, params))
        for path in _artefacts(run):
            mlflow.log_artifact(str(path))
        mlflow.log_dict(comparison_without_leads(run), "comparison.json")
        mlflow.log_artifacts(str(run.curves), artifact_path="curves")
        _log_plots(run)
        mlflow.log_artifacts(str(run.judged), artifact_path="judged")
        model_uri = _log_bundle(run)
        _log_metrics(run, dataset, model_uri)
        mlflow.set_tag(MODEL, model_uri)
    return str(active.info.run_id), model_uri


def _log_plots(run: RunFolder) -> None:
    mlflow = with_mlflow()
    mlflow.log_artifacts(str(run.plots), artifact_path="plots")
    with TemporaryDirectory() as place:
        draw_more(run, Path(place))
        mlflow.log_artifacts(place, artifact_path="plots")


def _log_metrics(run: RunFolder, dataset: Any, model_uri: str) -> None:  # noqa: ANN401
    """Log the metrics after the model, so that they stand on its page in MLflow as well."""
    mlflow = with_mlflow()
    model = model_uri.removeprefix("models:/") if model_uri.startswith("models:/m-") else None
    mlflow.log_metrics(told_metrics(run), dataset=dataset, model_id=model)
    for name, loss, origin in backtest_losses(run):
        mlflow.log_metric(name, loss, step=origin, dataset=dataset, model_id=model)
    if model is not None:
        mlflow.MlflowClient().set_logged_model_tags(model, {NOTE: version_note(run)})


def _parts_tags(run: RunFolder) -> dict[str, str]:
    """Tell how many snapshots of the export were learned from and tested."""
    sizes = read_manifest(run.judged).origin.sizes
    return {f"snapshots_{part}": str(size) for part, size in sizes.items()}


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
        "verdict": read_json(run.metrics)["verdict"]["use"],
    }


def git_commit() -> str:
    """Tell at which commit the code is, with ``+`` where files have changed since, or "unknown"."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],
            capture_output=True,
            text=True,
            errors="replace",
        )
    except OSError:
        # There is no git here: a container, or an installation from a wheel.
        return "unknown"
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def dvc_lock() -> str | None:
    """Give the SHA-256 of DVC's lock file; None where DVC has not run."""
    path = Path("dvc.lock")
    return sha256_of(path) if path.is_file() else None


def parameters_of(source: str, params: Params) -> dict[str, Any]:
    """Give the parameters of a run: what was used, where they leave it to the source."""
    said = params.model_dump(mode="json", exclude={"sources", "tracking"})
    return said | {"snapshots": snapshot_settings(source, params).model_dump(mode="json")}


def save_model(bundle: Path, folder: Path) -> None:
    """Write a bundle as a model that `mlflow models serve` can load, without tracking it."""
    import mlflow

    with TemporaryDirectory() as place, _without_looking_around():
        mlflow.pyfunc.save_model(folder, **_model(bundle, carried_code(Path(place))))


def carried_code(folder: Path) -> Path:
    """Copy the code that scoring needs, as a model carries it: without tests, data and caches."""
    here, code = Path(leadcast.__file__).parent, folder / leadcast.__name__
    code.mkdir()
    shutil.copy(here / "__init__.py", code)
    for name in CARRIED:
        shutil.copytree(here / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
    return code


@contextmanager
def _without_looking_around() -> Iterator[None]:
    """Let MLflow write a model without what it finds out meanwhile.

    Its example is scored without warnings: it shows that a lead may lack events. And what the model
    requires is installed, since `_model` tells what is: MLflow looks through all packages for that.
    """
    from mlflow.utils import environment

    logger, look = logging.getLogger("leadcast"), environment.warn_dependency_requirement_mismatches
    before = logger.level
    logger.setLevel(logging.ERROR)
    environment.warn_dependency_requirement_mismatches = lambda _: None
    try:
        yield
    finally:
        logger.setLevel(before)
        environment.warn_dependency_requirement_mismatches = look


def _log_bundle(run: RunFolder) -> str:
    import mlflow

    with TemporaryDirectory() as place, _without_looking_around():
        model = _model(run.bundle, carried_code(Path(place)))
        return str(mlflow.pyfunc.log_model(name="leadcast", **model).model_uri)


def _model(bundle: Path, code: Path) -> dict[str, Any]:
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    from leadcast.serve.scorer import Scorer

    scorer = Scorer.load(bundle)
    example = scorer.example().to_pandas()
    readings = {column.reading for column in scorer.bundle.plan.attributes}
    lists = [name for one in NEEDED_BY if one in readings for name in NEEDED_BY[one]]
    theirs = [name for one in imported_shapes(scorer.bundle.learner) for name in one.versions]
    names = dict.fromkeys((*NEEDED_TO_SCORE, *lists, *theirs))
    needed = [f"{name}=={importlib.metadata.version(name)}" for name in names]
    inferred = infer_signature(example, scorer.score_pandas(example))
    # Without events, or as of now, a lead can be scored as well.
    inputs = [
        ColSpec(column.type, column.name, required=column.name in REQUIRED)
        for column in inferred.inputs.inputs
    ]
    if scorer.bundle.plan.account_lag_days is not None:
        inputs.append(ColSpec("string", ACCOUNT_HISTORY, required=False))
    return {
        "python_model": str(code / "serve" / "pyfunc.py"),
        "artifacts": {"bundle": str(bundle)},
        "code_paths": [str(code)],
        "pip_requirements": needed,
        # Columns of optional parts, as the curve over time, where a caller names them.
        "signature": ModelSignature(
            Schema(inputs), inferred.outputs, ParamSchema([ParamSpec("extra", "string", "")])
        ),
        "input_example": example,
        "metadata": {"leadcast": scorer.bundle.manifest.origin.describe()},
    }


if __name__ == "__main__":
    # MLflow's own progress bars and messages would hide the stage's one line.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    run_stage("track", track)
