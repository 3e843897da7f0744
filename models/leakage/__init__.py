"""The leakage gate: whether a model knows what nobody can know when leads are scored."""

from leadcast.models.leakage.context import Check, Finding, LeakageContext
from leadcast.models.leakage.gate import CHECKS, LeakageReport, examine, inspect
from leadcast.models.leakage.telling import (
    against_use,
    could_not_look,
    found_of,
    headline,
    next_worst,
)

__all__ = [
    "CHECKS",
    "Check",
    "Finding",
    "LeakageContext",
    "LeakageReport",
    "against_use",
    "could_not_look",
    "examine",
    "found_of",
    "headline",
    "inspect",
    "next_worst",
]
