"""The bundle as an MLflow model: a thin wrapper, importable only where MLflow is.

``mlflow.pyfunc.log_model(python_model=".../pyfunc.py", artifacts={"bundle": ...})`` logs it as
code, so that loading the model unpickles nothing.
"""

import hashlib
from pathlib import Path
from typing import Any

import mlflow
import pandas

import leadcast
from leadcast.features.base.errors import LeadcastError
from leadcast.serve.scorer import Scorer


class LeadcastModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Scores leads with the bundle that is the model's artifact ``bundle``."""

    def load_context(self, context: mlflow.pyfunc.PythonModelContext) -> None:
        """Verify and read the bundle."""
        bundle = Path(context.artifacts["bundle"])
        _refuse_other_code(bundle.parents[1] / "code" / leadcast.__name__)
        self.scorer = Scorer.load(context.artifacts["bundle"])

    def predict(
        self,
        context: mlflow.pyfunc.PythonModelContext,  # noqa: ARG002 - MLflow's signature
        model_input: pandas.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pandas.DataFrame:
        """Score leads; ``params={"extra": "curve"}`` adds the columns of optional parts."""
        asked = str((params or {}).get("extra") or "")
        return self.scorer.score_pandas(model_input, tuple(asked.replace(",", " ").split()))


def _refuse_other_code(carried: Path) -> None:
    """Refuse to answer with other code than the model's own: Python imports a name only once."""
    running = Path(leadcast.__file__).parent
    if not carried.is_dir() or running.samefile(carried):
        return
    if _digest(running, carried) != _digest(carried, carried):
        raise LeadcastError(
            f"{carried.parents[1]}: this process already runs the code of Leadcast in {running}, "
            "and the model was made with other code, so that its scores could differ; load it in "
            "a process of its own, as `mlflow models serve` does"
        )


def _digest(code: Path, listed: Path) -> str:
    """Compute a hash of the modules that a model carries, as they lie in another folder."""
    found = hashlib.sha256()
    for path in sorted(listed.rglob("*.py")):
        own = code / path.relative_to(listed)
        found.update(own.read_bytes() if own.is_file() else b"")
    return found.hexdigest()


mlflow.models.set_model(LeadcastModel())
