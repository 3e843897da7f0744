"""Leadcast: a calibrated probability, for each lead, that it becomes a paying customer.

What most programs need can be imported from here; importing `leadcast` itself loads none of it.

>>> from leadcast import Scorer
>>> scorer = Scorer.load("data/runs/demo/bundle")  # doctest: +SKIP
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
    from leadcast.features.snapshots import SnapshotSettings, make_snapshots
    from leadcast.models.bundle.bundle import load_bundle
    from leadcast.models.comparison import compare_scores
    from leadcast.models.estimator.classifier import LeadcastClassifier
    from leadcast.models.rules import evaluate as evaluate_rules
    from leadcast.models.rules import load_rules
    from leadcast.serve.scorer import Scorer

__all__ = [
    "LeadcastClassifier",
    "LeadcastError",
    "Scorer",
    "SnapshotSettings",
    "SourceDefinition",
    "__version__",
    "compare_scores",
    "compute",
    "evaluate_rules",
    "find_definition",
    "fit_plan",
    "load_bundle",
    "load_rules",
    "make_snapshots",
]

__version__ = "0.1.0"

_HOMES = {
    "LeadcastClassifier": "models.estimator.classifier",
    "LeadcastError": "features.base.errors",
    "Scorer": "serve.scorer",
    "SnapshotSettings": "features.snapshots",
    "SourceDefinition": "features.definitions.definition",
    "compare_scores": "models.comparison",
    "compute": "features.engine.engine",
    "evaluate_rules": "models.rules:evaluate",
    "find_definition": "features.definitions.load",
    "fit_plan": "features.engine.fitting",
    "load_bundle": "models.bundle.bundle",
    "load_rules": "models.rules",
    "make_snapshots": "features.snapshots",
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
