"""From tables in memory to a judged model, by the stages themselves."""

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from leadcast.features.base.files import write_json
from leadcast.pipelines.amounts import learn_amounts
from leadcast.pipelines.base.params import Params, checked_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import Stage, in_lines
from leadcast.pipelines.calibrate import calibrate
from leadcast.pipelines.curve import curve
from leadcast.pipelines.deploy import deploy
from leadcast.pipelines.evaluate import evaluate_test
from leadcast.pipelines.export import export
from leadcast.pipelines.features import compute_features
from leadcast.pipelines.frames.fitted_model import FittedModel
from leadcast.pipelines.frames.held import OwnFolder, held_project
from leadcast.pipelines.frames.lead_data import LeadData
from leadcast.pipelines.gate import pass_gate
from leadcast.pipelines.snapshots import take_snapshots
from leadcast.pipelines.train import train

STEPS: Mapping[str, Stage] = {
    "snapshots": take_snapshots,
    "features": compute_features,
    "gate": pass_gate,
    "train": train,
    "calibrate": calibrate,
    "evaluate": evaluate_test,
    "deploy": deploy,
    "curve": curve,
    "amounts": learn_amounts,
    "export": export,
}
"""The stages from canonical tables to bundles, in order."""


def fit(
    data: LeadData,
    *,
    horizon_days: float | None = None,
    landmarks_days: Sequence[float] | Literal["auto"] | None = None,
    params: Params | Mapping[str, Any] | None = None,
    progress: bool | Callable[[str], None] = True,
) -> FittedModel:
    """Learn from leads, test on the latest of them, and make the model to use.

    These are the stages of ``leadcast run``, one after the other: snapshots with mature labels,
    features, the leakage gate, candidates with their backtest, calibration, the test, and the
    recipe fitted once more on all that is known. The same tables, parameters and seed give the
    same probabilities, to the bit, as they do there.

    Parameters
    ----------
    data : LeadData
    horizon_days : float, optional
        What is predicted: whether a lead becomes a customer within so many days. 90, unless
        `params` or the data's definition say otherwise.
    landmarks_days : sequence of float or "auto", optional
        Ages at which leads are looked at, ascending; ``"auto"``: as the ages of the open leads
        ask for.
    params : Params or mapping, optional
        What ``params.yaml`` holds, as the same frozen model or as plain data:
        ``{"seed": 3, "model": {"candidates": ["logistic"]}}``.
    progress : bool or callable
        Whether to print a line for each step as it ends, or what to call with it.

    Returns
    -------
    FittedModel
        It keeps what it needs in a temporary folder, which is removed with it.

    Raises
    ------
    LeadcastError
        If a parameter is unknown or wrong, nothing can be learned (no label is mature, nobody
        won), or a column tells the outcome; says what to do.

    Examples
    --------
    >>> model = fit(data, horizon_days=60)  # doctest: +SKIP
    >>> model.metrics.head()  # doctest: +SKIP
    """
    asked = params_of(params, horizon_days, landmarks_days)
    tell = progress if callable(progress) else print if progress else _silent
    folder = OwnFolder()
    runs = folder.path
    with held_project(data.definition, asked, runs):
        run = RunFolder(data.definition.name)
        # Links where the file system has them, so that events are there once.
        shutil.copytree(data.folder, run.tables, copy_function=os.link)
        write_json(run.fingerprint, data.fingerprint)
        for name, step in STEPS.items():
            told = step(run.source)
            # Nobody needs to know where; `FittedModel.save` writes where one wants it.
            tell(in_lines(name, re.sub(rf" in {re.escape(str(runs))}[^,\s]*", "", told)))
    return FittedModel(data, asked, folder)


def params_of(
    params: Params | Mapping[str, Any] | None,
    horizon_days: float | None = None,
    landmarks_days: Sequence[float] | Literal["auto"] | None = None,
) -> Params:
    """Make the parameters of a run of what was said; see `fit`.

    Returns
    -------
    Params

    Raises
    ------
    FaultsError
        With every fault of the parameters.
    """
    said = (
        params.model_dump(exclude_unset=True) if isinstance(params, Params) else {**(params or {})}
    )
    own = {"horizon_days": horizon_days, "landmarks_days": landmarks_days}
    named = {name: value for name, value in own.items() if value is not None}
    if named:
        said["snapshots"] = {**said.get("snapshots", {}), **named}
    return checked_params(said, "fit")


def _silent(_: str) -> None:
    pass
