"""What a bundle's files must have in common, beside what each must be by itself."""

from collections.abc import Iterator

from leadcast.features.base.errors import Fault
from leadcast.features.base.plain import AGAIN
from leadcast.features.engine.plan import FeaturePlan
from leadcast.models.bundle.bundle_files import Manifest
from leadcast.models.bundle.bundle_reference import Rates
from leadcast.models.learners.learner_store import FittedLearner


def faults_between(
    manifest: Manifest, plan: FeaturePlan, learner: FittedLearner, rates: Rates | None
) -> Iterator[Fault]:
    """Find what does not fit together."""
    width, seen = len(plan.columns), len(learner.importance())
    if seen != width:
        yield _fault("learner: importance", f"{seen} columns", f"the plan's {width}")
    if manifest.origin.time_order is not plan.time_order:
        found, expected = plan.time_order.value, manifest.origin.time_order.value
        yield _fault("features.json: time_order", found, f"the manifest's {expected!r}")
    if rates is not None:
        yield from _wrong_rates(plan, rates)


def _wrong_rates(plan: FeaturePlan, rates: Rates) -> Iterator[Fault]:
    if len(rates.features) != len(plan.features):
        found, expected = f"{len(rates.features)}", f"the plan's {len(plan.features)}"
        yield _fault("rates.json: features", found, expected)
        return
    for place, (feature, own) in enumerate(zip(plan.features, rates.features, strict=True)):
        where = f"rates.json: features.{place}"
        if feature.dtype != "number" and own.edges:
            yield _fault(f"{where}.edges", f"{len(own.edges)}", f"none for a {feature.dtype}")
        elif feature.dtype == "number" and len(own.leads) > len(own.edges) + 2:
            expected = f"at most {len(own.edges) + 2} for so many edges"
            yield _fault(f"{where}.leads", f"{len(own.leads)}", expected)


def _fault(where: str, found: str, expected: str) -> Fault:
    return Fault(where, found, expected, AGAIN)
