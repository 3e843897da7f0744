"""The bundle as an MLflow model: a thin wrapper, importable only where MLflow is.

``mlflow.pyfunc.log_model(python_model="serve/pyfunc.py", artifacts={"bundle": ...})`` logs it as
code, so that loading the model unpickles nothing.
"""

from typing import Any

import mlflow
import pandas

from serve.scorer import Scorer


class LeadcastModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Scores leads with the bundle that is the model's artifact ``bundle``."""

    def load_context(self, context: mlflow.pyfunc.PythonModelContext) -> None:
        """Verify and read the bundle.

        Parameters
        ----------
        context : mlflow.pyfunc.PythonModelContext
            With the artifact ``bundle``.

        Raises
        ------
        LeadcastError
            If it is damaged, or of another version.
        """
        self.scorer = Scorer.load(context.artifacts["bundle"])

    def predict(
        self,
        context: mlflow.pyfunc.PythonModelContext,  # noqa: ARG002 - MLflow's signature
        model_input: pandas.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow's signature
    ) -> pandas.DataFrame:
        """Score leads.

        Parameters
        ----------
        context : mlflow.pyfunc.PythonModelContext
            Not used.
        model_input : pandas.DataFrame
            A row for each lead (and moment): see `serve.scorer.Scorer.score_pandas`.
        params : dict, optional
            Not used.

        Returns
        -------
        pandas.DataFrame
            ``lead_id``, ``as_of``, ``probability`` and all else that the scorer gives.

        Raises
        ------
        LeadcastError
            If the leads cannot be scored; every fault at once.
        """
        return self.scorer.score_pandas(model_input)


mlflow.models.set_model(LeadcastModel())
