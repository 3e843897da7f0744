"""A trial in a folder of its own: the same stages with other parameters, the project untouched.

For notebooks, where one wants to change a parameter and see. What lasts is run by DVC
(``dvc exp run -S snapshots.horizon_days=30``), which also repeats only what changed.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.base.ownership import PARAMS
from leadcast.pipelines.accounts import learn_accounts
from leadcast.pipelines.amounts import learn_amounts
from leadcast.pipelines.audit import audit
from leadcast.pipelines.base.params import change_params, load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import Stage, in_lines
from leadcast.pipelines.calibrate import calibrate
from leadcast.pipelines.compare import compare_stage
from leadcast.pipelines.curve import curve
from leadcast.pipelines.deploy import deploy
from leadcast.pipelines.evaluate import evaluate_test
from leadcast.pipelines.export import export
from leadcast.pipelines.features import compute_features
from leadcast.pipelines.fetch import fetch
from leadcast.pipelines.gate import pass_gate
from leadcast.pipelines.ingest import run as ingest
from leadcast.pipelines.report import report
from leadcast.pipelines.snapshots import take_snapshots
from leadcast.pipelines.track import track
from leadcast.pipelines.train import train

STAGES: dict[str, Stage] = {
    "fetch": fetch,
    "ingest": ingest,
    "snapshots": take_snapshots,
    "features": compute_features,
    "gate": pass_gate,
    "train": train,
    "calibrate": calibrate,
    "evaluate": evaluate_test,
    "deploy": deploy,
    "curve": curve,
    "amounts": learn_amounts,
    "accounts": learn_accounts,
    "export": export,
    "compare": compare_stage,
    "audit": audit,
    "report": report,
    "track": track,
}
"""Every stage in order, each a module of its name; a test holds `dvc.yaml` to this list."""


def make_trial_folder(project: Path, folder: Path) -> Path:
    """Lay out a folder for trials: the project's parameters, and links to its sources."""
    if not (project / PARAMS).exists():
        raise LeadcastError(f"{project}: has no {PARAMS}; give the project's root")
    (folder / "data").mkdir(parents=True)
    shared = {f"data/{path.name}": path.resolve() for path in (project / "data").iterdir()}
    for name, place in shared.items():
        if name != "data/runs":
            (folder / name).symlink_to(place)
    with (folder / PARAMS).open("xb") as file:
        file.write((project / PARAMS).read_bytes())
    return folder


def run_trial(
    folder: Path,
    source: str,
    changes: Mapping[str, Any],
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Run the stages with some parameters changed, in this process."""
    # MLflow's own messages would drown the stages' lines.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    with chdir(folder):
        change_params(PARAMS, lambda content: _put(content, changes))
        load_params()
        for name, stage in STAGES.items():
            tell(in_lines(name, stage(source)))
        run = RunFolder(source)
        files = {"metrics": run.metrics, "backtest": run.backtest, "tracking": run.tracking}
        return {name: read_json(path) for name, path in files.items()}


def _put(content: Any, changes: Mapping[str, Any]) -> None:  # noqa: ANN401 - any YAML value
    for dotted, value in changes.items():
        *outer, last = dotted.split(".")
        place = content
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = value
