"""Leadcast: a calibrated probability, for each lead, that it becomes a paying customer.

What most programs need can be imported from here; importing `leadcast` itself loads none of it.
`docs/python.md` shows it at work.

>>> import leadcast
>>> data = leadcast.LeadData(leads, events, outcomes, observed_until="2026-01-01")  # doctest: +SKIP
>>> model = leadcast.fit(data, horizon_days=60)  # doctest: +SKIP
>>> leadcast.Scorer.load(model.save("bundle")).score(new_leads, new_events)  # doctest: +SKIP
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# Read by MLflow and by DVC when they start, in whatever process of ours: nothing is sent home.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"
os.environ["DVC_NO_ANALYTICS"] = "1"

if TYPE_CHECKING:
    from leadcast.features.base.errors import LeadcastError
    from leadcast.features.definitions.definition import SourceDefinition
    from leadcast.features.definitions.load import find_definition
    from leadcast.features.engine.engine import compute
    from leadcast.features.engine.fitting import fit_plan
    from leadcast.features.settings import FeatureSettings
    from leadcast.features.snapshots import SnapshotSettings, make_snapshots
    from leadcast.features.tables import Tables
    from leadcast.models.bundle.bundle import load_bundle
    from leadcast.models.comparison import compare_scores
    from leadcast.models.estimator.classifier import LeadcastClassifier
    from leadcast.models.rules import evaluate as evaluate_rules
    from leadcast.models.rules import load_rules
    from leadcast.models.settings import LearnerSettings
    from leadcast.models.splits import SplitSettings, split_snapshots
    from leadcast.pipelines.base.params import Params
    from leadcast.pipelines.frames.demo_frames import load_demo
    from leadcast.pipelines.frames.fitted_model import FittedModel
    from leadcast.pipelines.frames.fitting_frames import fit
    from leadcast.pipelines.frames.lead_data import LeadData
    from leadcast.pipelines.frames.points_given import PointsComparison
    from leadcast.serve.scorer import Scorer

__all__ = [
    "FeatureSettings",
    "FittedModel",
    "LeadData",
    "LeadcastClassifier",
    "LeadcastError",
    "LearnerSettings",
    "Params",
    "PointsComparison",
    "Scorer",
    "SnapshotSettings",
    "SourceDefinition",
    "SplitSettings",
    "Tables",
    "__version__",
    "compare_scores",
    "compute",
    "evaluate_rules",
    "find_definition",
    "fit",
    "fit_plan",
    "load_bundle",
    "load_demo",
    "load_rules",
    "make_snapshots",
    "split_snapshots",
]

__version__ = "0.1.0"

_HOMES = {
    "FeatureSettings": "features.settings",
    "FittedModel": "pipelines.frames.fitted_model",
    "LeadData": "pipelines.frames.lead_data",
    "LeadcastClassifier": "models.estimator.classifier",
    "LeadcastError": "features.base.errors",
    "LearnerSettings": "models.settings",
    "Params": "pipelines.base.params",
    "PointsComparison": "pipelines.frames.points_given",
    "Scorer": "serve.scorer",
    "SnapshotSettings": "features.snapshots",
    "SourceDefinition": "features.definitions.definition",
    "SplitSettings": "models.splits",
    "Tables": "features.tables",
    "compare_scores": "models.comparison",
    "compute": "features.engine.engine",
    "evaluate_rules": "models.rules:evaluate",
    "find_definition": "features.definitions.load",
    "fit": "pipelines.frames.fitting_frames",
    "fit_plan": "features.engine.fitting",
    "load_bundle": "models.bundle.bundle",
    "load_demo": "pipelines.frames.demo_frames",
    "load_rules": "models.rules",
    "make_snapshots": "features.snapshots",
    "split_snapshots": "models.splits",
}
"""Where each name lives below `leadcast`; after the colon what it is called there, if otherwise."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, own_name = _HOMES[name].partition(":")
    found: object = getattr(import_module(f"{__name__}.{module}"), own_name or name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public names, also those that are not imported yet."""
    return sorted({*globals(), *__all__})
